"""Each proposal is held against its own run's threshold, and a track run gives none."""

from __future__ import annotations

import pytest
from review.conftest import frame_ids, make_project, queue_of, write_run

from labkit.core.types import Manifest, Proposal, Shape
from labkit.core.visibility import is_shown
from labkit.store.thresholds import proposes_detections, thresholds_of


def run(name: str, kind: str = "detector", conf: float = 0.5, **more) -> Manifest:
    return Manifest(name, name, kind=kind, conf=conf, status="finished", **more)


RUNS = [
    run("yolo", conf=0.25),
    run("labels", "import", conf=0.0),
    run("sam", "interactor", conf=0.25, params={"source": "yolo"}),
    run("joined", "tracker", conf=0.25, params={"source": "yolo"}),
    run("track", "tracker", conf=0.0),
    run("masks of track", "interactor", conf=0.0, params={"source": "track"}),
]


def test_which_runs_propose_detections() -> None:
    by_id = {m.run_id: m for m in RUNS}
    found = [m.run_id for m in RUNS if proposes_detections(m, by_id)]
    assert found == ["yolo", "labels", "sam", "joined"]


def test_runs_that_were_refined_in_a_circle_do_not_hang() -> None:
    circle = [run(a, "interactor", params={"source": b}) for a, b in (("a", "b"), ("b", "a"))]
    assert proposes_detections(circle[0], {m.run_id: m for m in circle})


def test_a_review_begins_at_the_threshold_of_the_newest_detections() -> None:
    found = thresholds_of(RUNS)
    assert found.base == 0.25
    assert found.moved == {"yolo": 0.25, "labels": 0.0, "sam": 0.25, "joined": 0.25}
    assert found.fixed == {"track": 0.0, "masks of track": 0.0}
    assert thresholds_of(RUNS, ["labels"]).base == 0.0
    assert thresholds_of([], None).base == 0.5
    asked = thresholds_of(RUNS, ["yolo", "labels", "track"], 0.4)
    assert (asked.base, asked.moved) == (0.4, {"yolo": 0.4, "labels": 0.4})


@pytest.fixture
def project(tmp_path):
    with make_project(tmp_path / "p") as p:
        yield p


@pytest.fixture
def tracked(project) -> str:
    """A track run after the detector's: all of its proposals at a low score."""
    boxes = [Proposal(i, k, "bolt", 0.06, Shape((300, 300, 340, 340)), track_id=1)
             for k, i in enumerate(frame_ids(2))]  # fmt: skip
    return write_run(project, "flow", boxes, kind="tracker", task="track", conf=0.0)


def test_a_track_run_is_not_the_newest_run_to_review(project, tracked: str) -> None:
    assert project.run().run_id == project.seen_run
    assert project.queue().attrs["runs"] == [project.seen_run]
    session = project.review()
    assert session.threshold == 0.5
    assert {o.run_id for o in session.objects()} == {project.seen_run}
    assert project.run(tracked).run_id == tracked


def test_a_track_run_is_the_newest_where_there_is_no_other(project, tracked: str) -> None:
    for name in (project.truth_run, project.seen_run):
        project.discard(name)
    assert project.run().run_id == tracked


def test_tracks_are_shown_at_any_threshold_and_detections_at_their_own(project, tracked) -> None:
    low = [Proposal(frame_ids(1)[0], k, "nut", s, Shape((400, 10 + 60 * k, 440, 50 + 60 * k)))
           for k, s in enumerate((0.15, 0.35))]  # fmt: skip
    loose = write_run(project, "loose", low, conf=0.2)
    runs = [project.seen_run, loose, tracked]
    session = project.review(queue_of(project, project.seen_run), run=runs)

    def scores(threshold: float | None = None) -> list[float]:
        return sorted(round(o.score, 2) for o in session.objects(threshold))

    assert session.threshold == 0.2  # of the newest run
    assert scores() == [0.06, 0.35, 0.6, 0.8, 0.8]  # not the strict detector's 0.3
    assert scores(0.1) == [0.06, 0.15, 0.3, 0.35, 0.6, 0.8, 0.8]
    assert scores(0.7) == [0.06, 0.8, 0.8]
    one = project.review(queue_of(project, project.seen_run), run=runs, threshold=0.3)
    assert sorted(round(o.score, 2) for o in one.objects()) == [0.06, 0.3, 0.35, 0.6, 0.8, 0.8]
    table = project.annotations(runs)
    table = table[table["frame_id"].astype(str) == frame_ids(1)[0]]
    shown = table[is_shown(table["shown_from"].to_numpy(), session.threshold)]
    assert set(shown["object_id"]) == {o.object_id for o in session.objects()}


def test_a_run_without_a_proposal_still_gives_its_threshold(project) -> None:
    empty = write_run(project, "empty", [])
    assert project.review(queue_of(project, empty)).threshold == 0.5
