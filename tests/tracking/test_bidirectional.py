"""Between two keyframes a tracker that does not see ahead walks from both of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import track_fakes as fakes
from track_fakes import ColourTracker, SinkingTracker, World, box, key
from waiting import track

from labkit.core.errors import CancelledError
from labkit.core.rows import attributes_from_json
from labkit.core.types import Shape
from labkit.models.detectors.base import OutOfMemoryError
from labkit.tracking.track import track_job


@pytest.fixture
def make(tmp_path):
    made = []

    def new(n: int = 30, **options):
        made.append(fakes.new(tmp_path / f"p{len(made)}", n, **options))
        return made[-1]

    yield new
    for project in made:
        project.close()


def go(project, objects, tracker, world=None, **options):
    run = track(
        project, objects, tracker=tracker, source=world or World(), progress=None, **options
    )
    return project.run(run)


def table(project, store) -> pd.DataFrame:
    df = store.read()
    place = {f: k for k, f in enumerate(project.frames()["frame_id"])}
    df["k"] = [place[f] for f in df["frame_id"]]
    attributes = [attributes_from_json(t) for t in df["attributes"]]
    df["drift"] = [" ".join(str(a.value) for a in row if a.name == "drift") for row in attributes]
    return df.set_index("k")


def faded(j: int, first: int, last: int, k: int) -> list[float]:
    """Where a box is between two keyframes that both sink, in the share of their distance."""
    weight = (k - first) / (last - first)
    a, b = np.array(box(j, first), float), np.array(box(j, last), float)
    a[[1, 3]] += k - first
    b[[1, 3]] += last - k
    return np.float32((1 - weight) * a + weight * b).tolist()


def boxes(df) -> dict[int, list[float]]:
    return {k: row.tolist() for k, row in df[["x1", "y1", "x2", "y2"]].iterrows()}


def test_both_walks_are_mixed_by_their_distance(make):
    project, tracker = make(), SinkingTracker()
    got = boxes(table(project, go(project, [key(0, 4), key(0, 12), key(0, 20)], tracker, to=4)))
    for first, last in ((4, 12), (12, 20)):
        for k in range(first + 1, last):
            assert got[k] == pytest.approx(faded(0, first, last, k))
    assert got[12] == list(box(0, 12))
    low = box(0, 20)[1]
    assert [got[k][1] for k in range(20, 25)] == [low, low + 1, low + 2, low + 3, low + 4]
    forward, back = tracker.ways
    assert forward == list(range(4, 25))
    assert back == [*range(11, 4, -1), *range(19, 12, -1)]


def test_a_tracker_that_sees_ahead_walks_once(make):
    project, tracker = make(), ColourTracker()
    go(project, [key(0, 4), key(0, 12)], tracker, to=4)
    assert [back for *_, back in tracker.opened] == [False]


def test_walks_that_disagree_are_flagged(make):
    project = make()
    keys = [key(0, 4), key(0, 12)]
    told = table(project, go(project, keys, SinkingTracker(), to=4))["drift"]
    assert [k for k in range(5, 12) if "agreement" in told[k]] == list(range(5, 12))
    assert not any("agreement" in told[k] for k in (4, *range(12, 17)))
    calm = table(project, go(project, keys, ColourTracker(sees_ahead=False), to=4))
    assert set(calm["drift"]) == {""}
    assert boxes(calm) == {k: list(box(0, k)) for k in range(4, 17)}


def test_where_one_walk_has_lost_it_the_other_one_counts(make):
    class Blinks(ColourTracker):
        def open(self, width, height, *, backward=False):
            session = super().open(width, height, backward=backward)
            if not backward:
                session._find = lambda image, colour: None
            return session

    project = make()
    df = table(project, go(project, [key(0, 4), key(0, 9)], Blinks(sees_ahead=False), to=4))
    assert boxes(df) == {k: list(box(0, k)) for k in range(4, 10)}


def test_backward_walks_are_mixed_with_forward_ones(make):
    from waiting import retrack

    from labkit.project import Project

    fakes.new(project_path := make().root.parent / "back", 30).close()
    tracker = SinkingTracker()
    with Project.open(project_path) as project:
        run = go(project, key(0, 25), tracker, to=-20).run_id
        for k in (20, 12):
            session = project.review(project.queue(run), reviewer="ana")
            session.goto(project.frames()["frame_id"][k])
            (one,) = session.objects(0)
            session.edit(one.object_id, Shape(tuple(map(float, box(0, k)))))
        again = retrack(project, run, tracker=tracker, source=World(), progress=None)
        got = boxes(table(project, project.run(again)))
    for k in range(13, 20):
        assert got[k] == pytest.approx(faded(0, 12, 20, k))


def test_objects_with_keyframes_of_their_own_and_frames_of_another_size(make):
    project = make(30, double_from=10, bad=(14,))
    keys = [key(0, 2), key(0, 8), key(1, 2), key(1, 6), key(1, 13)]
    keys[-1] = key(1, 13, shape=Shape(tuple(map(float, box(1, 13, 2)))))
    df = table(project, go(project, keys, SinkingTracker(), to=3))
    first, second = boxes(df[df["track_id"] == 1]), boxes(df[df["track_id"] == 2])
    for k in range(3, 8):
        assert first[k] == pytest.approx(faded(0, 2, 8, k))
    for k in range(3, 6):
        assert second[k] == pytest.approx(faded(1, 2, 6, k))
    # up to where the size changes there is one walk; from there on both
    low = box(1, 6)[1]
    assert [second[k][1] for k in (7, 8, 9)] == [low + 1, low + 2, low + 3]
    assert second[10] == [2 * v for v in second[9]]
    assert second[13] == list(box(1, 13, 2))
    ways = second[12]
    assert abs(ways[0] - box(1, 13, 2)[0]) < abs(ways[0] - second[10][0])


@pytest.mark.parametrize("stop", [9, 17, 23])
def test_resumed_it_is_as_if_nothing_had_happened(make, stop):
    keys = [key(0, 1), key(0, 25), key(1, 6), key(1, 21)]
    calm = go(make(), keys, SinkingTracker(), part_size=4)
    project, tracker = make(), SinkingTracker()

    def at(position: int) -> None:
        if position == stop and tracker.ways[0][-1:] == [stop]:
            job.cancel()

    tracker.before = at
    job = track_job(project, keys, tracker, source=World(), progress=None, part_size=4)
    with pytest.raises(CancelledError):
        job.result()
    again = SinkingTracker()
    store = go(project, keys, again, part_size=4)
    pd.testing.assert_frame_equal(store.read(), calm.read())
    forward, back = again.ways
    assert forward[0] > stop - 4
    # of the way back no more is done than lies ahead
    assert min(back, default=forward[0]) >= forward[0]
    assert not list(store.folder.glob("walk-*"))


def test_out_of_memory_in_the_middle(make):
    keys = [key(0, 1), key(0, 12)]
    calm = go(make(), keys, SinkingTracker())
    times = iter([True])

    def short(position: int) -> None:
        if position == 6 and tracker.ways[0][-1:] == [6] and next(times, False):
            raise OutOfMemoryError("no")

    tracker = SinkingTracker(short)
    pd.testing.assert_frame_equal(go(make(), keys, tracker).read(), calm.read())
    assert tracker.ways[0].count(6) == 2
