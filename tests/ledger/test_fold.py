"""The fold on tables and the fold on objects agree, whatever people do; undo is exact."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from review.conftest import frame_ids, make_project, queue_of, write_run

from labkit.core.rows import object_from_row, shape_from_row
from labkit.core.types import AnnotatedObject, Attribute, Proposal, Shape
from labkit.core.visibility import ALWAYS, NEVER, is_shown
from labkit.ledger.fold import frame_states
from labkit.ledger.frame_fold import fold_frame
from labkit.metrics import object_table
from labkit.project import Project
from labkit.review import ReviewSession

ACTIONS = [
    *("accept", "reject", "edit", "relabel", "add", "name", "track", "cover"),
    *("frame", "hand", "skip", "undo", "redo"),
]
STEPS = st.lists(
    st.tuples(st.sampled_from(ACTIONS), st.integers(0, 9), st.booleans(), st.sampled_from("aab")),
    max_size=25,
)


@pytest.fixture
def project(tmp_path):
    with make_project(tmp_path / "p") as p:
        yield p


@pytest.fixture
def session(project):
    return project.review(queue_of(project, project.seen_run), "ana")


def act(session: ReviewSession, action: str, pick: int) -> None:
    objects = session.view.objects
    o = objects[pick % len(objects)]
    there = session.view.of_track(7)
    {
        "accept": lambda: session.accept(o.object_id),
        "reject": lambda: session.reject(o.object_id),
        "edit": lambda: session.edit(o.object_id, Shape((pick, 1, pick + 20.25, 30))),
        "name": lambda: session.edit(o.object_id, attributes=[Attribute("color", f"{pick}")]),
        "relabel": lambda: session.relabel(o.object_id, ["bolt", "nut"][pick % 2]),
        "add": lambda: session.add("nut", Shape((pick * 9, 200, pick * 9 + 8, 240))),
        # on top of what the second run proposes
        "cover": lambda: session.add(o.label, o.shape),
        "track": lambda: there or session.put_on_track(o.object_id, 7),
        "frame": session.accept_frame,
        "hand": session.reject_frame,
        "skip": session.skip,
        "undo": session.undo,
        "redo": session.redo,
    }[action]()


def several_runs(folder: str) -> tuple[Project, list[str]]:
    """A detector, a second one that says much the same, and a tracker with doubts."""
    project = make_project(Path(folder) / "p", n=2)
    rng = np.random.default_rng(1)
    first = project.proposals(project.seen_run)
    again, tracked = [], []
    for k, row in enumerate(first.to_dict("records")):
        box = np.array([row[c] for c in ("x1", "y1", "x2", "y2")]) + rng.normal(0, 3, 4)
        again.append(Proposal(row["frame_id"], k, row["label"], 0.15 + 0.1 * (k % 7), Shape(box)))
        said = (Attribute("drift", "jump"),), (Attribute("tracked_by", "flow"),), ()
        score = 0.05 + 0.2 * (k % 4)
        shift = -15 if k % 3 != 1 else 1  # what is carried along lies on what is detected
        shape, name = Shape(tuple(np.add(box, (0, shift, 0, shift)))), row["label"]
        tracked.append(Proposal(row["frame_id"], k, name, score, shape, (), said[k % 3], 7 + k % 4))
    second = write_run(project, "second", again, conf=0.3)
    tracks = write_run(project, "flow", tracked, kind="tracker", conf=0.2)
    return project, [project.seen_run, second, tracks]


def facts(o: AnnotatedObject) -> tuple[Any, ...]:
    """All that both folds say of an object; the choices of a model are the session's alone."""
    return (
        *(o.object_id, o.frame_id, o.state, o.label, o.shape, o.attributes, o.track_id),
        *(o.score, o.run_id, o.reviewer, o.revision),
        *(o.model_label, o.edited, o.relabelled, o.covered_by, o.shown_from),
    )


def rows_of(table: pd.DataFrame) -> dict[str, tuple[Any, ...]]:
    out = {}
    for row in table.to_dict("records"):
        o = object_from_row(row)
        assert o.relabelled == row["relabelled"]
        out[o.object_id] = facts(o)
    return out


def picture(project) -> list[tuple]:
    return sorted(rows_of(project.annotations(project.seen_run)).values(), key=str)


def verdict_of(row: dict[str, Any]) -> str | None:
    """The verdict as the metrics define it, from what the fold says."""
    if row["model_label"] is None:
        return None if row["state"] == "rejected" else "added"
    flags = ("rejected", row["state"] == "rejected"), ("relabelled", row["relabelled"])
    return next((name for name, on in (*flags, ("edited", row["edited"])) if on), "accepted")


def check_metrics(project, table: pd.DataFrame) -> None:
    decided = table[table["state"] != "proposed"].to_dict("records")
    expected = {r["object_id"]: v for r in decided if (v := verdict_of(r)) is not None}
    found = object_table(project.decisions())
    assert dict(zip(found["object_id"], found["verdict"].astype(object), strict=True)) == expected
    labels = {r["object_id"]: r["label"] for r in decided if r["state"] != "rejected"}
    for name, label in zip(found["object_id"], found["label"], strict=True):
        assert labels.get(name, label) == label


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(STEPS)
def test_both_folds_agree_over_runs_people_and_thresholds(steps) -> None:
    with tempfile.TemporaryDirectory() as folder:
        project, runs = several_runs(folder)
        queue = queue_of(project, project.seen_run)
        people = {name: project.review(queue, name, run=runs) for name in {s[3] for s in steps}}
        for action, pick, move, who in steps:
            session = people[who]
            session.reload()
            act(session, action, pick)
            if move:
                session.next() or session.previous()
        session = project.review(queue, "c", run=runs)
        table = project.annotations(runs)
        everything, states = rows_of(table), frame_states(project.decisions())
        state = dict(zip(states["frame_id"], states["state"], strict=True))
        on_objects: dict[str, tuple[Any, ...]] = {}
        for frame_id in session.order:
            session.goto(frame_id)
            view = session.view
            objects = fold_frame(view.proposals, view.decisions, view.thresholds)
            on_objects |= {o.object_id: facts(o) for o in objects}
            assert view.objects == tuple(o for o in objects if o.covered_by is None)
            assert state.get(frame_id, "new") == view.state
            here = table[table["frame_id"].astype(str) == frame_id]
            for threshold in {0.0, 0.3, 0.5, 1.0, *here["shown_from"].clip(0, 1)}:
                shown = here[is_shown(here["shown_from"].to_numpy(), threshold)]
                assert set(shown["object_id"]) == {o.object_id for o in session.objects(threshold)}
        assert everything == on_objects
        if len(people) < 2:
            check_metrics(project, table)
        project.close()


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(STEPS.filter(len), st.booleans())
def test_undoing_everything_restores_and_redoing_repeats(steps, restart: bool) -> None:
    with tempfile.TemporaryDirectory() as folder, make_project(Path(folder) / "p", n=2) as project:
        session = project.review(queue_of(project, project.seen_run), "ana")
        untouched = picture(project)
        for action, pick, move, _ in steps:
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
    assert df["shown_from"].tolist() == df["score"].tolist()
    assert df["model_label"].tolist() == df["label"].tolist()
    assert frame_states(project.decisions()).empty


def test_decisions_outlive_their_run(project, session) -> None:
    session.accept_frame()
    import shutil

    shutil.rmtree(project.root / "runs" / project.seen_run)
    kept = project.annotations().query("state == 'accepted'")
    assert len(kept) == 3
    assert kept["x1"].notna().all()
    assert kept["model_label"].tolist() == kept["label"].tolist()


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


def test_annotations_say_what_a_session_hides_as_covered(project) -> None:
    first = project.proposals(project.seen_run)
    again = [
        Proposal(r["frame_id"], k, r["label"], 0.9, Shape((r["x1"], r["y1"], r["x2"], r["y2"])))
        for k, r in enumerate(first.to_dict("records"))
    ]
    second = write_run(project, "second", again)
    runs = [project.seen_run, second]
    session = project.review(queue_of(project, project.seen_run), "ana", run=project.seen_run)
    done = session.accept_frame()
    names = [d.object_id for d in done if d.object_id]
    table = project.annotations(runs).set_index("object_id")
    covered = table[table["covered_by"].notna()]
    assert sorted(covered["covered_by"]) == sorted(names)
    assert set(covered["run_id"]) == {second}
    assert set(covered["frame_id"].astype(str)) == {frame_ids(1)[0]}
    assert set(covered["shown_from"]) == {NEVER}
    assert set(table.loc[names, "shown_from"]) == {ALWAYS}
    session.undo()
    assert project.annotations(runs)["covered_by"].isna().all()


def test_nothing_undecided_is_shown_on_a_frame_that_is_labelled_by_hand(project, session) -> None:
    frame_id = session.frame_id
    session.reject_frame()
    table = project.annotations(project.seen_run)
    here = table["frame_id"].astype(str) == frame_id
    assert set(table.loc[here, "shown_from"]) == {NEVER}
    assert (table.loc[~here, "shown_from"] > 0).all()


def test_what_a_tracker_carried_along_takes_the_place_of_the_detectors_proposal(project) -> None:
    first = project.proposals(project.seen_run)
    row = first.to_dict("records")[0]
    box = tuple(row[c] for c in ("x1", "y1", "x2", "y2"))
    said = (Attribute("tracked_by", "flow"),)
    one = Proposal(row["frame_id"], 0, row["label"], 0.1, Shape(box), (), said, 7)
    track = write_run(project, "flow", [one], kind="tracker", conf=0.0)
    runs = [project.seen_run, track]
    session = project.review(queue_of(project, project.seen_run), "ana", run=runs)
    carried = session.view.of_track(7)
    table = project.annotations(runs).set_index("object_id")
    assert table.loc[row["object_id"], "covered_by"] == carried.object_id
    assert row["object_id"] not in {o.object_id for o in session.objects(0.0)}
    done = [d.object_id for d in session.accept_frame() if d.object_id]
    assert carried.object_id in done
    assert row["object_id"] not in done
    session.undo()
    session.reject(carried.object_id)  # nor does a refused one bring it back
    assert row["object_id"] not in {o.object_id for o in session.objects(0.0)}
