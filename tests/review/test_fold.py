"""The fold on tables and the fold on objects agree, whatever people do; undo is exact."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from review.conftest import make_project, queue_of

from labkit.core.rows import shape_from_row
from labkit.core.types import Shape
from labkit.ledger.fold import frame_states

ACTIONS = ["accept", "reject", "edit", "relabel", "add", "frame", "hand", "skip", "undo", "redo"]
STEPS = st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 9), st.booleans()), max_size=25)


def act(session, action: str, pick: int) -> None:
    objects = session.view.objects
    o = objects[pick % len(objects)]
    {
        "accept": lambda: session.accept(o.object_id),
        "reject": lambda: session.reject(o.object_id),
        "edit": lambda: session.edit(o.object_id, Shape((pick, 1, pick + 20.25, 30))),
        "relabel": lambda: session.relabel(o.object_id, ["bolt", "nut"][pick % 2]),
        "add": lambda: session.add("nut", Shape((pick * 9, 200, pick * 9 + 8, 240))),
        "frame": session.accept_frame,
        "hand": session.reject_frame,
        "skip": session.skip,
        "undo": session.undo,
        "redo": session.redo,
    }[action]()


def picture(project) -> list[tuple]:
    df = project.annotations(project.seen_run)
    return sorted(
        (row["object_id"], row["state"], row["label"], shape_from_row(row), row["revision"])
        for row in df.to_dict("records")
    )


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(STEPS)
def test_both_folds_agree(steps) -> None:
    with tempfile.TemporaryDirectory() as folder, make_project(Path(folder) / "p", n=2) as project:
        session = project.review(queue_of(project, project.seen_run), "ana")
        for action, pick, move in steps:
            act(session, action, pick)
            if move:
                session.next() or session.previous()
        on_objects = []
        for frame_id in session.queue["frame_id"]:
            session.goto(frame_id)
            on_objects += [
                (o.object_id, o.state, o.label, o.shape, o.revision) for o in session.view.objects
            ]
        assert picture(project) == sorted(on_objects)
        states = frame_states(project.decisions()).set_index("frame_id")["state"].to_dict()
        for frame_id in session.queue["frame_id"]:
            session.goto(frame_id)
            assert states.get(frame_id, "new") == session.view.state


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(STEPS.filter(len), st.booleans())
def test_undoing_everything_restores_and_redoing_repeats(steps, restart: bool) -> None:
    with tempfile.TemporaryDirectory() as folder, make_project(Path(folder) / "p", n=2) as project:
        session = project.review(queue_of(project, project.seen_run), "ana")
        untouched = picture(project)
        for action, pick, move in steps:
            if action not in ("undo", "redo"):
                act(session, action, pick)
            if move:
                session.next() or session.previous()
        final = picture(project)
        if restart:
            session = project.review(queue_of(project, project.seen_run), "ana")
        while session.undo():
            pass
        assert picture(project) == untouched
        while session.redo():
            pass
        assert picture(project) == final


def test_an_empty_ledger_folds_to_the_proposals(project) -> None:
    df = project.annotations(project.seen_run)
    assert set(df["state"]) == {"proposed"}
    assert len(df) == len(project.proposals(project.seen_run))
    assert frame_states(project.decisions()).empty


def test_decisions_outlive_their_run(project, session) -> None:
    session.accept_frame()
    import shutil

    shutil.rmtree(project.root / "runs" / project.seen_run)
    kept = project.annotations().query("state == 'accepted'")
    assert len(kept) == 3
    assert kept["x1"].notna().all()


def test_times_are_utc_and_in_order(project, session) -> None:
    for _ in range(3):
        session.accept_frame()
        session.next()
    times = project.decisions()["time"]
    assert str(times.dt.tz) == "UTC"
    assert times.is_monotonic_increasing


def test_both_folds_keep_an_edit_that_was_rejected_and_taken_back_in(project) -> None:
    session = project.review(queue_of(project, project.seen_run), "ana")
    name = session.objects()[0].object_id
    session.edit(name, Shape((1, 1, 20.25, 30)))
    session.reject(name)
    session.accept(name)
    row = project.annotations(project.seen_run).set_index("object_id").loc[name].to_dict()
    assert shape_from_row(row) == session.view.object(name).shape == Shape((1, 1, 20.25, 30))
