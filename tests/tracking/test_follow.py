"""Follow mode: what is carried, when it is not, what a correction does, what a kill leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from review.films import PatchSession, PatchTracker, film_queue, ids, make_film, true_box

from labkit.core.errors import InputError, NotFoundError
from labkit.core.types import Shape
from labkit.project import Project
from labkit.review import ReviewSession

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def film(tmp_path: Path):
    with make_film(tmp_path / "p") as p:
        yield p


@pytest.fixture
def session(film: Project):
    with film.review(film_queue(film), "ana") as s:
        yield s


def object_of(session: ReviewSession, label: str):
    (o,) = [o for o in session.objects() if o.label == label]
    return o


def box_of(session: ReviewSession, label: str) -> list[float]:
    return list(object_of(session, label).shape.box)


def follow_runs(film: Project):
    return [m for m in film.runs() if m.params.get("follow")]


def test_an_object_is_carried_from_frame_to_frame_as_a_proposal_of_a_run(session, film) -> None:
    held = session.follow(object_of(session, "bolt").object_id, PatchTracker())
    assert (held.tracker, held.label, held.on) == ("patch", "bolt", True)
    for k in (1, 2, 3):
        session.next()
        o = object_of(session, "bolt")
        assert list(o.shape.box) == list(true_box("bolt", k))
        assert (o.state, o.track_id) == ("proposed", held.track_id)
        assert ("tracked_by", "patch") in [(a.name, a.value) for a in o.attributes]
    (run,) = follow_runs(film)
    assert (run.kind, run.status, run.part_size) == ("tracker", "running", 1)
    assert film.run(run.run_id).frame_ids == ids(film)[1:]
    assert film.run(run.run_id).missing_parts() == [3, 4, 5, 6]
    (now,) = session.followed
    assert (now.frame_id, now.run_id, now.note) == (ids(film)[3], run.run_id, "")
    session.unfollow()
    assert session.followed == []
    assert follow_runs(film)[0].status == "finished"
    assert film.run().run_id == film.seen_run  # the newest that anybody asked for
    session.next()
    assert session.objects() == []


def test_the_first_frame_is_of_the_track_and_was_not_edited(session, film) -> None:
    held = session.follow(object_of(session, "bolt").object_id, PatchTracker())
    o = object_of(session, "bolt")
    assert (o.state, o.track_id) == ("accepted", held.track_id)
    row = film.annotations(film.seen_run).set_index("object_id").loc[o.object_id]
    assert (row["state"], row["track_id"]) == ("accepted", held.track_id)
    session.undo()
    assert session.followed == []
    assert object_of(session, "bolt").track_id is None


def test_what_is_carried_is_the_shape_as_the_reviewer_corrected_it(session) -> None:
    tracker = PatchTracker()
    session.follow(object_of(session, "bolt").object_id, tracker)
    session.next()
    x1, y1, x2, y2 = true_box("bolt", 1)
    session.edit(object_of(session, "bolt").object_id, Shape((x1 + 4, y1 + 4, x2, y2)))
    session.next()
    x1, y1, x2, y2 = true_box("bolt", 2)
    assert box_of(session, "bolt") == [x1 + 4, y1 + 4, x2, y2]
    assert tracker.opened == 1  # the walk went on with the correction as a prompt
    assert [p for p, _ in tracker.prompts] == [0, 1]


def test_going_back_correcting_and_going_on_tracks_anew_and_hides_the_old(session, film) -> None:
    tracker = PatchTracker()
    a = session.follow(object_of(session, "bolt").object_id, tracker).track_id
    b = session.follow(object_of(session, "nut").object_id, tracker).track_id
    for _ in range(4):
        session.next()
    assert tracker.opened == 1
    assert tracker.steps == [(k, [a, b]) for k in (1, 2, 3, 4)]
    session.goto(ids(film)[2])
    x1, y1, x2, y2 = true_box("bolt", 2)
    session.edit(object_of(session, "bolt").object_id, Shape((x1, y1, x2 - 4, y2)))
    tracker.steps.clear()
    session.next()
    session.next()
    assert tracker.steps == [(3, [a]), (4, [a])]  # the other one had changed nowhere
    for k in (3, 4):
        session.goto(ids(film)[k])
        x1, y1, x2, y2 = true_box("bolt", k)
        assert box_of(session, "bolt") == [x1, y1, x2 - 4, y2]
        assert box_of(session, "nut") == list(true_box("nut", k))
    session.next()
    assert box_of(session, "nut") == list(true_box("nut", 5))
    session.close()
    old, new = follow_runs(film)
    assert (list(new.replaces), list(new.tracks)) == ([old.run_id], [a])
    left = film.proposals().query("run_id != @film.seen_run")
    pairs = left[["frame_id", "track_id"]].astype(str)
    assert not pairs.duplicated().any()
    assert len(left) == 5 + 5


def test_going_back_and_on_without_a_change_does_nothing_twice(session, film) -> None:
    tracker = PatchTracker()
    session.follow(object_of(session, "bolt").object_id, tracker)
    for _ in range(3):
        session.next()
    session.goto(ids(film)[0])
    session.next()
    session.accept_frame()  # the same shape, only decided
    session.next()
    assert len(tracker.steps) == 3
    assert len(follow_runs(film)) == 1


def test_an_undone_edit_is_tracked_anew_from_what_stands(session, film) -> None:
    session.follow(object_of(session, "bolt").object_id, PatchTracker())
    session.next()
    x1, y1, x2, y2 = true_box("bolt", 1)
    session.edit(object_of(session, "bolt").object_id, Shape((x1 + 4, y1, x2, y2)))
    session.next()
    assert session.undo() == ids(film)[1]
    session.next()
    assert box_of(session, "bolt") == list(true_box("bolt", 2))


def test_a_rejected_object_is_carried_no_longer(session, film) -> None:
    tracker = PatchTracker()
    session.follow(object_of(session, "bolt").object_id, tracker)
    session.follow(object_of(session, "nut").object_id, tracker)
    session.next()
    session.reject(object_of(session, "bolt").object_id)
    session.next()
    assert [o.label for o in session.objects()] == ["nut"]
    assert [f.label for f in session.followed] == ["nut"]
    ended = [f for f in session.following.last_move if not f.on]
    assert [(f.label, f.note) for f in ended] == [("bolt", "it was rejected")]


def test_going_elsewhere_carries_nothing_and_says_so(film) -> None:
    with film.review(film_queue(film, [0, 3, 1, 2]), "ana") as session:
        session.follow(object_of(session, "bolt").object_id, PatchTracker())
        session.next()
        assert session.objects() == []
        assert "not the next frame" in session.followed[0].note
        session.next()  # from frame 3 to frame 1
        assert session.objects() == []
        session.goto(ids(film)[0])
        session.goto(ids(film)[1])
        assert box_of(session, "bolt") == list(true_box("bolt", 1))
        assert session.followed[0].note == ""
        session.goto(ids(film)[2])
        session.goto(ids(film)[3])
        assert box_of(session, "bolt") == list(true_box("bolt", 3))


def test_it_goes_on_from_a_keyframe_ahead_but_not_from_an_empty_frame(session, film) -> None:
    o = object_of(session, "bolt")
    session.follow(o.object_id, PatchTracker())
    session.goto(ids(film)[3])
    session.next()
    assert "not on the frame" in session.followed[0].note
    session.goto(ids(film)[0])
    session.copy_to(ids(film)[3], [o.object_id])
    session.goto(ids(film)[3])
    session.edit(object_of(session, "bolt").object_id, Shape(true_box("bolt", 3)))
    session.next()
    assert box_of(session, "bolt") == list(true_box("bolt", 4))


def test_an_object_out_of_sight_has_no_proposal_and_is_found_again(film) -> None:
    hide = film.path_of(film.frame(ids(film)[2]))
    picture = np.full_like(np.array(Pillow.open(hide)), 90)
    Pillow.fromarray(picture).save(hide)
    tracker = PatchTracker(reach=12)
    with film.review(film_queue(film), "ana") as session:
        session.follow(object_of(session, "bolt").object_id, tracker)
        session.next()
        session.next()
        assert session.objects() == []
        session.next()
        assert box_of(session, "bolt") == list(true_box("bolt", 3))
        assert tracker.opened == 1


def test_a_frame_that_cannot_be_read_is_listed_and_the_track_goes_on(film) -> None:
    film.path_of(film.frame(ids(film)[2])).write_bytes(b"no picture")
    with film.review(film_queue(film), "ana") as session:
        session.follow(object_of(session, "bolt").object_id, "flow")
        session.next()
        session.next()
        assert "cannot be read" in session.followed[0].note
        assert session.frame_id == ids(film)[2]
        session.next()
        assert session.followed[0].note == ""
    (run,) = follow_runs(film)
    assert [f.frame_id for f in run.failures] == [ids(film)[2]]


def test_a_frame_where_a_person_should_look_is_flagged_and_shown_at_any_threshold(session) -> None:
    class Unsure(PatchSession):
        def step(self, position, image):
            return [replace(t, score=0.1) for t in super().step(position, image)]

    class Doubting(PatchTracker):
        def open(self, width: int, height: int, *, backward: bool = False):
            return Unsure(self)

    session.follow(object_of(session, "bolt").object_id, Doubting())
    session.next()
    o = object_of(session, "bolt")
    assert (o.score, session.threshold) == (pytest.approx(0.1), 0.5)
    assert ("drift", "score") in [(a.name, a.value) for a in o.attributes]


def test_a_frame_of_another_size_ends_the_walk_and_says_so(tmp_path: Path) -> None:
    with make_film(tmp_path / "p", n=2) as film:
        folder = tmp_path / "frames"
        Pillow.fromarray(np.zeros((50, 60, 3), np.uint8)).save(folder / "900.png")
        film.add_frames(folder)
        with film.review(film_queue(film), "ana") as session:
            session.follow(object_of(session, "bolt").object_id, PatchTracker())
            session.next()
            session.next()
            assert session.followed[0].note == "the next frame is of another size, 60 x 50"
            assert session.objects() == []


def test_the_session_answers_while_a_tracker_is_at_work(session, film) -> None:
    entered, let_go = threading.Event(), threading.Event()

    class Slow(PatchSession):
        def step(self, position, image):
            entered.set()
            assert let_go.wait(30)
            return super().step(position, image)

    class Slowly(PatchTracker):
        def open(self, width: int, height: int, *, backward: bool = False):
            return Slow(self)

    session.follow(object_of(session, "bolt").object_id, Slowly())
    mover = threading.Thread(target=session.next)
    mover.start()
    assert entered.wait(30)
    assert session.frame_id == ids(film)[1]  # the picture has moved on
    assert session.objects() == []
    session.add("nut", Shape(true_box("nut", 1)))
    assert session.undo() == ids(film)[1]
    assert session.peek(0).objects
    let_go.set()
    mover.join()
    assert box_of(session, "bolt") == list(true_box("bolt", 1))


def test_trackers_see_through_the_filters_that_are_on(session) -> None:
    seen = []

    class Watching(PatchSession):
        def step(self, position, image):
            seen.append(int(image[40, 100, 0]))
            return super().step(position, image)

    class Watcher(PatchTracker):
        def open(self, width: int, height: int, *, backward: bool = False):
            return Watching(self)

    session.follow(object_of(session, "bolt").object_id, Watcher())
    session.next()
    session.filters.on("gamma", gamma=2.0)
    session.next()
    session.filters.off("gamma")
    session.next()
    assert seen == [90, round(255 * (90 / 255) ** 2), 90]


def test_flow_follows_the_patch(session) -> None:
    session.follow(object_of(session, "bolt").object_id, "flow")
    for k in (1, 2, 3):
        session.next()
        assert box_of(session, "bolt") == pytest.approx(true_box("bolt", k), abs=1.5)


def test_a_tracker_that_fails_lets_the_reviewer_go_on(session, film) -> None:
    class Broken(PatchTracker):
        def open(self, width: int, height: int, *, backward: bool = False):
            raise RuntimeError("no memory left")

    held = session.follow(object_of(session, "bolt").object_id, Broken())
    assert session.next() == ids(film)[1]
    assert session.followed[0].note == "no memory left"
    session.goto(ids(film)[0])
    session.follow(object_of(session, "bolt").object_id, PatchTracker())
    session.next()
    assert object_of(session, "bolt").track_id == held.track_id


def test_what_cannot_be_followed_is_said(session) -> None:
    o = object_of(session, "bolt")
    with pytest.raises(NotFoundError, match="followed object"):
        session.unfollow(o.object_id)
    with pytest.raises(NotFoundError, match="object of frame"):
        session.follow("nothing")
    session.reject(o.object_id)
    with pytest.raises(InputError, match="rejected"):
        session.follow(o.object_id, PatchTracker())


def test_a_reopened_session_shows_what_was_tracked_and_takes_it_up(film) -> None:
    with film.review(film_queue(film), "ana") as first:
        track = first.follow(object_of(first, "bolt").object_id, PatchTracker()).track_id
        first.next()
        first.next()
    with film.review(film_queue(film), "ana") as again:
        again.goto(ids(film)[2])
        o = object_of(again, "bolt")
        assert list(o.shape.box) == list(true_box("bolt", 2))
        assert again.follow(o.object_id, PatchTracker()).track_id == track
        again.next()
        assert box_of(again, "bolt") == list(true_box("bolt", 3))
    with film.review(film_queue(film), "ben", scope="own") as other:
        other.goto(ids(film)[2])
        assert other.objects() == []


def test_a_kill_loses_nothing_of_what_was_shown(film) -> None:
    code = (
        "import sys; from labkit.project import Project\n"
        "from review.films import PatchSession, PatchTracker, film_queue\n"
        "p = Project.open(sys.argv[1]); p.seen_run = p.runs()[0].run_id\n"
        "s = p.review(film_queue(p), 'ana')\n"
        "s.follow(s.objects()[0].object_id, PatchTracker())\n"
        "for _ in range(3): sys.stdout.write(s.next() + '\\n'); sys.stdout.flush()\n"
        "sys.stdin.read()\n"
    )
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(film.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    with process:
        for k in (1, 2, 3):
            assert process.stdout.readline().strip() == ids(film)[k]
        assert follow_runs(film)[0].status == "running"
        with film.review(film_queue(film), "ben"):
            assert follow_runs(film)[0].status == "running"  # it is alive, so nobody closes it
        process.send_signal(signal.SIGKILL)
        process.wait()
    with film.review(film_queue(film), "ana") as session:
        assert follow_runs(film)[0].status == "finished"
        session.goto(ids(film)[3])
        o = object_of(session, "bolt")
        assert list(o.shape.box) == list(true_box("bolt", 3))
        session.follow(o.object_id, PatchTracker())
        session.next()
        assert box_of(session, "bolt") == list(true_box("bolt", 4))
