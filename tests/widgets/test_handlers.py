"""Handlers only put work on a queue: Jupyter waits for them, and chooses the thread they run on."""

import shutil
import threading

import ipywidgets
import pytest

import labkit as lk
from labkit.demo import embedded_weights, write_stills
from labkit.frames import FrameReader
from labkit.project import Project
from labkit.review import ReviewSession
from labkit.widgets.controller import Controller
from labkit.widgets.desk import Desk
from labkit.widgets.pictures import Pictures
from tests.widgets.conftest import Written


@pytest.mark.parametrize("hub", [False, True])
def test_a_message_is_taken_while_the_session_is_busy(session, monkeypatch, hub):
    if hub:  # where a gesture names who made it
        monkeypatch.setenv("JUPYTERHUB_USER", "owner")
    out = Written()
    controller = Controller(session, out.send, out, Pictures(FrameReader(session.project.root)))
    busy, go = threading.Event(), threading.Event()

    def work():
        with session.moving, session.lock:
            busy.set()
            go.wait(30)

    other = threading.Thread(target=work)
    other.start()
    busy.wait(30)
    frame = session.frame_id
    act = {
        "type": "act", "id": "1", "client": "me", "action": "accept_frame", "frame_id": frame,
        "revision": 0, "then": "", "tool": "key", "clicks": 1, "args": {},
    }  # fmt: skip
    messages = [
        act,
        {"type": "ready", "client": "me"},
        {"type": "goto", "place": 1, "then": ""},
        {"type": "threshold", "value": 0.4},
        {"type": "life"},
        {"type": "want", "frame_id": frame},
        {"type": "prompt", "stamp": 1, "frame_id": frame, "prompts": {}},
    ]

    def post():
        for message in messages:
            controller.post(message)

    sender = threading.Thread(target=post)
    sender.start()
    sender.join(10)
    taken = not sender.is_alive()
    decided = len(session.project.decisions())
    go.set()
    other.join(30)
    controller.close()
    assert taken
    assert decided == 0  # nothing was done before the session was free
    assert (session.project.decisions()["kind"] == "accept_frame").sum() == 1


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    with Project.create(folder / "project") as p:
        p.add_frames(write_stills(folder / "scenes", 4, seed=7))
        p.predict(embedded_weights(), conf=0.5, progress=None)
    return folder / "project"


def parts(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from parts(child)


def test_buttons_and_fields_of_panels_do_no_work_themselves(made, tmp_path, monkeypatch):
    with Project.open(shutil.copytree(made, tmp_path / "p")) as project:
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
