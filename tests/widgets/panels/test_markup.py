"""Names from data are text, in every panel."""

import html
import shutil

import ipywidgets
from widgets.panels.hand import click

import labkit as lk
from labkit.demo import embedded_weights
from labkit.widgets.markup import columns_text, table

EVIL = "<img src=x onerror=alert(1)>"


def test_hostile_names_are_escaped_everywhere(made, tmp_path, closing):
    (tmp_path / "named").mkdir()
    for k, path in enumerate(sorted((made / "scenes").glob("*.jpg"))[:3]):
        shutil.copy(path, tmp_path / "named" / f"<b onclick=x>{k}.jpg")
    with lk.Project.create(tmp_path / "p", labels=[EVIL]) as p:
        p.add_frames(tmp_path / "named")
        p.predict(embedded_weights(), conf=0.3, label_map={"nut": EVIL}, progress=None)
        bench = closing(lk.Bench(p))
        with p.review() as session:
            session.accept_frame()
        click(bench.panels["Predict"], bench.panels["Predict"].open)
        for panel in bench.panels.values():
            if hasattr(panel, "refresh"):
                panel.refresh()
        shown = [
            w.value
            for p in bench.panels.values()
            for w in _all(p)
            if isinstance(w, ipywidgets.HTML)
        ]
        assert any(html.escape(EVIL) in text for text in shown)
        for text in [*shown, bench.static_html()]:
            assert EVIL not in text
            assert "<b onclick" not in text


def _all(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from _all(child)


def test_tables_escape_and_lists_keep_their_columns():
    assert "<td>&lt;b&gt;</td><td class=lkp-number>1</td>" in table(("a", "n"), [("<b>", 1)], (1,))
    text = columns_text(("abcdef", 5, "x  y"), (4, -3, 0))
    assert text.replace("\u00a0", " ") == "abc\u2026    5  x y"
    assert " " not in text  # lists would fold them
