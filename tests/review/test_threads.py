"""One session, many threads: nothing is lost or mixed up; gestures on old states are refused."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from review.conftest import frame_ids, make_project, queue_of

from labkit.core.errors import InputError, StaleDecisionError
from labkit.core.types import Shape


def test_verbs_from_many_threads_are_all_saved_on_the_frame_they_were_meant_for(tmp_path) -> None:
    with make_project(tmp_path / "p", n=3, objects=12) as project:
        session = project.review(queue_of(project, project.seen_run), "ana")
        start, per = threading.Barrier(6), 8
        targets = [o.object_id for o in session.view.objects]

        def add(worker: int) -> None:
            start.wait()
            for k in range(per):
                session.add("bolt", Shape((worker * 20, k * 20, worker * 20 + 9, k * 20 + 9)))

        def look() -> None:
            start.wait()
            for k in range(30):
                session.peek(k % 3)
                session.progress()
                session.statistics()
                session.objects(0.1)

        def judge() -> None:
            start.wait()
            for name in targets:
                session.relabel(name, "nut")
                session.reject(name)

        with ThreadPoolExecutor(6) as pool:
            jobs = [pool.submit(add, w) for w in range(3)]
            jobs += [pool.submit(look), pool.submit(look), pool.submit(judge)]
            for job in jobs:
                job.result()
        shown = session.view.objects
        assert sum(o.state == "added" for o in shown) == 3 * per
        assert sum(o.state == "rejected" for o in shown) == len(targets)
        session.reload()
        assert session.view.objects == shown  # what it believed is what the ledger has


def test_moving_in_one_thread_and_deciding_in_another_never_mixes_frames(tmp_path) -> None:
    with make_project(tmp_path / "p", n=6) as project:
        session = project.review(queue_of(project, project.seen_run), "ana")
        done = threading.Event()

        def walk() -> None:
            while not done.is_set():
                session.next() or session.goto(frame_ids(6)[0])

        mover = threading.Thread(target=walk)
        mover.start()
        try:
            for _ in range(40):
                session.accept_frame()
        finally:
            done.set()
            mover.join()
        rows = project.decisions().query("kind == 'accept'")
        assert (rows["object_id"].str.split("/").str[1] == rows["frame_id"]).all()
        steps = project.decisions().groupby("step")["frame_id"].nunique()
        assert (steps == 1).all()


def test_a_gesture_on_an_older_state_is_refused(session, project) -> None:
    o = session.objects()[0]
    session.edit(o.object_id, Shape((1, 1, 9, 9)), expect_revision=o.revision)
    rows = len(project.decisions())
    for late in (
        lambda: session.edit(o.object_id, Shape((2, 2, 9, 9)), expect_revision=o.revision),
        lambda: session.relabel(o.object_id, "nut", expect_revision=o.revision),
        lambda: session.reject(o.object_id, expect_revision=o.revision),
        lambda: session.accept(o.object_id, expect_revision=o.revision),
    ):
        with pytest.raises(StaleDecisionError, match="made on revision 0"):
            late()
    assert len(project.decisions()) == rows
    now = session.view.object(o.object_id).revision
    assert session.reject(o.object_id, expect_revision=now)


def test_peek_shows_a_frame_without_going_there(session) -> None:
    here = session.frame_id
    assert session.peek(2).frame.frame_id == frame_ids(4)[2]
    assert session.frame_id == here
    assert session.peek(session.position).objects == session.view.objects
    for bad in (-1, 4):
        with pytest.raises(InputError, match="no place"):
            session.peek(bad)


def test_statistics_count_what_stands(project) -> None:
    session = project.review(queue_of(project, project.seen_run), "ana", scripted=True)
    session.reject(session.objects()[0].object_id)
    session.timer.clock.advance(10)
    session.accept_frame()
    session.next()
    session.timer.clock.advance(26)
    session.reject_frame()
    session.skip()
    session.undo()
    now = session.statistics()
    assert (now.frames_done, now.frames_left, now.frames_here) == (2, 2, 2)
    assert now.active_s == pytest.approx(36)
    assert now.frames_per_hour == pytest.approx(200)
    assert now.verdicts == {"accept": 2, "accept_frame": 1, "reject": 1, "reject_frame": 1}
    session.undo()
    assert session.statistics().frames_here == 1
    session.redo()
    assert session.statistics().frames_here == 2
