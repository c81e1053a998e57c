"""What the pages hold: frames, pictures, place and status."""

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


def test_a_page_gets_the_window_with_its_own_bytes(bench, session):
    order = session.order
    assert set(bench.frames()) == set(order[:6])
    first = session.project.path_of(session.view.frame)
    assert bench.out.images[order[0]].data == first.read_bytes()
    frame = bench.frames()[order[0]]
    assert frame["image"] == f"image-{order[0]}"
    assert [o["score"] for o in frame["objects"]] == [0.9, 0.6, 0.3]
    status = bench.out.of("status")[-1]
    assert (status["done"], status["total"], status["states"]) == (0, 12, "n" * 12)


def test_the_window_follows_and_what_leaves_it_is_dropped(bench, session):
    order = session.order
    bench.tell({"type": "goto", "client": "me", "place": 7, "then": ""})
    assert set(bench.out.images) == set(order[5:12])
    assert set(bench.out.of("drop")[-1]["frame_ids"]) == set(order[:5])
    assert bench.out.of("at")[-1] == {"type": "at", "frame_id": order[7], "by": "", "done": {}}


def test_a_frame_on_which_another_has_decided_is_sent_again_on_arrival(bench, session):
    ahead = session.order[2]
    sent = bench.frames()[ahead]
    with session.project.review(session.queue, "ben") as other:
        other.goto(ahead)
        other.reject(other.objects()[0].object_id)
    bench.tell({"type": "goto", "client": "me", "place": 2, "then": ahead})
    now = bench.frames()[ahead]
    assert now["revision"] > sent["revision"]
    assert now["objects"][0]["state"] == "rejected"


def test_the_canvas_shows_what_is_shown_and_what_was_rejected(bench, session):
    ids = [o["id"] for o in bench.frames()[session.frame_id]["objects"]]
    bench.act("reject", object_ids=[ids[2]])
    bench.tell({
        "type": "view", "client": "me", "view": "v", "stamp": 3, "frame_id": session.frame_id,
        "k": 1, "tx": 0, "ty": 0, "width": 64, "height": 48, "ratio": 1, "ground": "",
    })  # fmt: skip
    assert bench.out.painted == [(session.frame_id, ids, {})]
    assert [m["type"] for m in bench.out.messages[-2:]] == ["cover", "show"]
    assert bench.out.messages[-1]["stamp"] == 3


def test_a_picture_that_cannot_be_read_is_an_error_of_its_frame_alone(session):
    from tests.widgets.conftest import Bench

    path = session.project.path_of(session.project.frame(session.order[1]))
    path.write_bytes(path.read_bytes()[:100])
    bench = Bench(session)
    frames = bench.frames()
    assert "cannot be read" in frames[session.order[1]]["error"]
    assert not frames[session.order[0]]["error"]
    assert session.order[1] not in bench.out.images
    bench.controller.close()
