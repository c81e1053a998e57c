"""What the pages hold: pictures that cannot be read, and messages that come too late."""

import threading
import time

import pytest

from labkit.frames import FrameReader
from labkit.widgets.controller import Controller
from labkit.widgets.pictures import Pictures
from tests.widgets.conftest import Written


@pytest.fixture
def out():
    return Written()


@pytest.fixture
def controller(session, out):
    controller = Controller(session, out.send, out, Pictures(FrameReader(session.project.root)))
    yield controller
    controller.close()


def until(check):
    end = time.monotonic() + 20
    while not check():
        assert time.monotonic() < end, "this has not come true"
        time.sleep(0.01)


def test_whatever_a_picture_fails_with_its_frame_says_so(controller, out, session, monkeypatch):
    monkeypatch.setattr(
        "labkit.widgets.pictures.decode", lambda _data: (_ for _ in ()).throw(RuntimeError("no"))
    )
    controller.post({"type": "ready", "client": "me"})
    here = session.frame_id
    until(lambda: any(m["frame_id"] == here and m["error"] for m in out.of("frame")))
    errors = {m["frame_id"]: m["error"] for m in out.of("frame")}
    assert errors[here] == "no"
    assert here not in out.images


def test_a_message_after_the_end_starts_nothing(controller, out):
    controller.post({"type": "ready", "client": "me"})
    until(lambda: out.of("at"))
    controller.close()
    before, sent = {t.ident for t in threading.enumerate()}, len(out.messages)
    controller.post({"type": "ready", "client": "me"})
    controller.tell("nobody hears this")
    time.sleep(0.1)
    assert {t.ident for t in threading.enumerate()} <= before
    assert len(out.messages) == sent
