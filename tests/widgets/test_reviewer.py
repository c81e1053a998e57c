"""The widget without a browser: what it shows where there is none, and what it draws."""

import re

import pytest
from ipycanvas import canvas as ipycanvas_canvas
from traitlets import TraitError

import labkit as lk
from labkit.core.errors import InputError
from labkit.report.palette import STATES
from labkit.widgets import glass
from labkit.widgets.fallback import has_front_end
from labkit.widgets.looks import LOOKS
from labkit.widgets.painter import held

REQUEST = {
    "k": 2.0, "tx": 3.0, "ty": 4.0, "width": 300, "height": 200, "ratio": 2.0, "ground": "",
}  # fmt: skip


@pytest.fixture
def reviewer(session):
    reviewer = lk.Reviewer(session)
    yield reviewer
    reviewer.close()


def test_without_a_front_end_there_is_a_picture_and_a_table(reviewer, monkeypatch):
    monkeypatch.setenv("LABKIT_FRONT_END", "0")
    bundle = reviewer._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    assert "0 of 12 frames decided" in bundle["text/plain"]
    assert bundle["text/html"].count("<tr>") == 3
    assert 'src="data:image/jpeg;base64,' in bundle["text/html"]


def test_with_one_the_widget_comes_first(reviewer, monkeypatch):
    monkeypatch.setenv("LABKIT_FRONT_END", "1")
    assert "application/vnd.jupyter.widget-view+json" in reviewer._repr_mimebundle_()


def test_data_are_escaped_in_the_static_page(project, monkeypatch):
    monkeypatch.setenv("LABKIT_FRONT_END", "0")
    queue = project.frames()[["frame_id"]].assign(rule="<b>", reason="<script>1</script>")
    with project.review(queue, "<i>ana</i>") as session:
        html = lk.Reviewer(session)._repr_mimebundle_()["text/html"]
    assert not re.search(r"<(b|i|script)>", html)


def test_papermill_is_no_front_end(monkeypatch):
    monkeypatch.delenv("LABKIT_FRONT_END", raising=False)
    monkeypatch.setenv("JPY_SESSION_NAME", "review.ipynb")
    assert has_front_end()


def test_a_missing_build_gives_a_notice_instead_of_a_blank_cell(monkeypatch):
    monkeypatch.setattr(glass, "is_built", lambda: False)
    pane = glass.Glass({})
    assert "is not built" in pane._esm
    assert pane._css == ""
    pane.close()


def test_something_else_than_a_session_is_said(project):
    with pytest.raises(InputError, match="needs a session"):
        lk.Reviewer(project)


def test_painting_starts_by_naming_the_canvas_and_ends_with_its_mark(
    reviewer, session, monkeypatch
):
    manager = ipycanvas_canvas._CANVAS_MANAGER
    sent = []
    monkeypatch.setattr(manager, "_send_custom", lambda commands, buffers=(): sent.append(commands))
    reviewer.surface.paint(session.view.frame, session.view.objects, REQUEST, {})
    first = reviewer.surface.paint(session.view.frame, session.view.objects, REQUEST, {})
    second = reviewer.surface.paint(session.view.frame, session.view.objects, REQUEST, {})
    batch = sent[-1]
    assert batch[0][0] == ipycanvas_canvas.COMMANDS["switchCanvas"]
    assert batch[-1][:2] == [ipycanvas_canvas.COMMANDS["fillRect"], [0, 0, 1, 1]]
    assert first != second
    assert (reviewer.surface.canvas.width, reviewer.surface.canvas.height) == (600, 400)


def test_an_exception_while_painting_stops_no_later_painting():
    manager = ipycanvas_canvas._CANVAS_MANAGER
    canvas = ipycanvas_canvas.Canvas()
    with pytest.raises(TraitError, match="valid HTML color"), held():
        canvas.fill_style = "no colour"
    assert manager._caching is False
    assert manager._commands_cache == []
    canvas.close()


def test_every_state_has_a_look_of_its_own_in_colour_line_and_mark():
    assert set(LOOKS) == set(STATES)
    assert len({look.color for look in LOOKS.values()}) == len(LOOKS)
    assert len({look.mark for look in LOOKS.values()}) == len(LOOKS)
    assert len({(tuple(look.dash), look.double) for look in LOOKS.values()}) == len(LOOKS)
