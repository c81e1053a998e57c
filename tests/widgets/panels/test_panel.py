"""What all panels share."""

import shutil

import ipywidgets

import labkit as lk
from labkit.project import Project
from labkit.review import ReviewSession
from labkit.widgets.desk import Desk


def parts(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from parts(child)


def test_buttons_and_fields_of_panels_do_no_work_themselves(made, tmp_path, monkeypatch):
    with Project.open(shutil.copytree(made / "project", tmp_path / "p")) as project:
        bench = lk.Bench(project, "ana")
        bench._displayed = True
        monkeypatch.setattr(Desk, "_start", lambda _desk: None)  # nobody works the desks off
        called = []
        for kind in (Project, ReviewSession):
            for name in dir(kind):
                if callable(getattr(kind, name)) and not name.startswith("_"):
                    monkeypatch.setattr(
                        kind, name, lambda *_a, _name=name, **_k: called.append(_name)
                    )
        touched = 0
        for panel in bench.panels.values():
            for widget in parts(panel):
                if isinstance(widget, ipywidgets.Button):
                    widget.click()
                elif isinstance(widget, ipywidgets.Text | ipywidgets.Combobox):
                    widget.value = "elsewhere"
                elif isinstance(widget, ipywidgets.Checkbox):
                    widget.value = not widget.value
                elif isinstance(widget, ipywidgets.IntText):
                    widget.value = 3
                elif isinstance(widget, ipywidgets.Dropdown) and len(widget.options) > 1:
                    widget.index = 1
                else:
                    continue
                touched += 1
        for k in range(len(bench.panels)):
            bench.tabs.selected_index = k
        waiting = [len(panel.desk._waiting) for panel in bench.panels.values()]
        monkeypatch.undo()
        bench.close()
    assert touched > 25
    assert called == []
    assert sum(waiting) > 12
