"""T: objects are carried along by a tracker, and no longer; the tags say by which."""

import threading
import time

import pytest
from review.films import PatchTracker, film_queue, make_film
from widgets.conftest import Bench

from labkit.core.errors import ModelUnavailableError
from labkit.core.visibility import ALWAYS
from labkit.models import trackers
from labkit.tracking import follow


@pytest.fixture
def bench(tmp_path):
    with make_film(tmp_path / "p") as film, film.review(film_queue(film), "ana") as session:
        bench = Bench(session)
        session.following._trackers["flow"] = PatchTracker("flow")  # open already
        yield bench
        bench.controller.close()


def chosen(bench, *places):
    objects = bench.frames()[bench.session.frame_id]["objects"]
    return [objects[k]["id"] for k in places]


def step(bench, by=1):
    bench.tell({"type": "goto", "client": "me", "place": bench.session.position + by, "then": ""})


def trackers_here(bench):
    return {
        o["label"]: o.get("followed_by") for o in bench.frames()[bench.session.frame_id]["objects"]
    }


def test_a_key_follows_and_the_tag_says_by_what(bench):
    bench.act("follow", object_ids=chosen(bench, 0))
    assert bench.out.answer["ok"]
    assert bench.out.answer["message"] == "Object followed by flow: go to the next frame"
    assert trackers_here(bench) == {"bolt": "flow", "nut": None}
    step(bench)
    assert trackers_here(bench) == {"bolt": "flow"}  # the nut was on the first frame alone
    bench.tell({
        "type": "view", "view": "v", "stamp": 1, "frame_id": bench.session.frame_id, "k": 1,
        "tx": 0, "ty": 0, "width": 9, "height": 9, "ratio": 1, "ground": "",
    })  # fmt: skip
    assert list(bench.out.painted[-1][2].values()) == ["flow"]  # and on the canvas below


def test_what_a_tracker_doubts_is_shown_in_the_browser_as_in_the_session(bench):
    bench.act("follow", object_ids=chosen(bench, 0))
    step(bench)
    (o,) = bench.frames()[bench.session.frame_id]["objects"]
    assert o["shown_from"] == ALWAYS
    bench.act("accept", object_ids=[o["id"]])
    (o,) = bench.frames()[bench.session.frame_id]["objects"]
    assert (o["state"], o["shown_from"]) == ("accepted", ALWAYS)


def test_the_same_key_ends_it_and_what_was_tracked_stays(bench):
    bench.act("follow", object_ids=chosen(bench, 0, 1))
    step(bench)
    bench.act("follow", object_ids=chosen(bench, 0, 1))
    assert bench.out.answer["message"] == "2 objects no longer followed"
    assert trackers_here(bench) == {"bolt": None, "nut": None}
    step(bench)
    assert trackers_here(bench) == {}


def test_of_some_that_are_followed_and_some_that_are_not_all_are(bench):
    bench.act("follow", object_ids=chosen(bench, 0))
    bench.act("follow", object_ids=chosen(bench, 0, 1))
    assert trackers_here(bench) == {"bolt": "flow", "nut": "flow"}


def test_a_verdict_made_before_the_answer_is_not_stale(bench):
    frame = bench.frames()[bench.session.frame_id]
    bench.act("follow", frame, object_ids=chosen(bench, 0))
    bench.act("accept_frame", frame, then=bench.session.order[1], threshold=0.5)
    assert [a["ok"] for a in bench.out.of("answer")] == [True, True]
    assert trackers_here(bench)["bolt"] == "flow"


def test_undo_takes_it_back(bench):
    bench.act("follow", object_ids=chosen(bench, 0))
    bench.act("undo")
    assert trackers_here(bench) == {"bolt": None, "nut": None}


def test_why_it_was_not_carried_is_said_once(bench):
    bench.act("follow", object_ids=chosen(bench, 0))
    step(bench, 2)
    (notice,) = bench.out.of("notice")
    assert "not the next frame" in notice["text"]
    step(bench, 2)  # for the same reason again
    assert len(bench.out.of("notice")) == 1


def test_a_tracker_is_opened_beside_the_gestures(bench, monkeypatch):
    may = threading.Event()

    def slow(name, **_options):
        assert may.wait(20)
        return PatchTracker(name)

    monkeypatch.setattr(follow, "open_tracker", slow)
    bench.controller.follow_key.tracker = "mil"
    frame = bench.frames()[bench.session.frame_id]
    bench.act("follow", frame, object_ids=chosen(bench, 0))
    assert bench.out.answer["message"] == "Opening mil ..."
    bench.act("accept", object_ids=chosen(bench, 1))  # nothing waits for it
    assert bench.out.answer["ok"]
    may.set()
    until(lambda: any("followed by mil" in n["text"] for n in bench.out.of("notice")))
    bench.act("accept_frame", frame, threshold=0.5)  # made on what was seen before it was open
    assert bench.out.answer["ok"]
    assert trackers_here(bench)["bolt"] == "mil"


def test_a_tracker_that_cannot_be_had_is_a_line(bench, monkeypatch):
    def lost(name, **_options):
        raise ModelUnavailableError(f"No weights of {name!r} can be had", "no network")

    monkeypatch.setattr(follow, "open_tracker", lost)
    bench.controller.follow_key.tracker = "sam2"
    bench.act("follow", object_ids=chosen(bench, 0))
    until(lambda: bench.out.of("notice"))
    text = bench.out.of("notice")[0]["text"]
    assert text.startswith("Nothing is followed: No weights of 'sam2'")
    assert "\n" not in text
    assert trackers_here(bench)["bolt"] is None


def test_the_default_tracker_needs_no_weights():
    assert "flow" in trackers.TRACKERS.names()


def until(check):
    end = time.monotonic() + 20
    while not check():
        assert time.monotonic() < end, "this has not come true"
        time.sleep(0.01)
