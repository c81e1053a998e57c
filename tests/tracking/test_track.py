"""Tracks as runs: where they go, what they hold, how they go on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import track_fakes as fakes
from track_fakes import ColourTracker, World, box, key
from waiting import track

from labkit.core.errors import CancelledError, InputError, NotFoundError
from labkit.core.prompts import Prompts
from labkit.core.rows import attributes_from_json
from labkit.core.types import AnnotatedObject, Shape
from labkit.models.detectors.base import OutOfMemoryError
from labkit.store.proposals import RunStore
from labkit.tracking.track import track_job


@pytest.fixture
def make(tmp_path):
    made = []

    def new(n: int = 40, **options):
        made.append(fakes.new(tmp_path / f"p{len(made)}", n, **options))
        return made[-1]

    yield new
    for project in made:
        project.close()


def go(project, objects, tracker=None, world=None, **options) -> RunStore:
    run = track(
        project,
        objects,
        tracker=tracker or ColourTracker(),
        source=world or World(),
        progress=None,
        **options,
    )
    return project.run(run)


def table(project, store) -> pd.DataFrame:
    """Proposals with the position of their frame, and flags out of their attributes."""
    df = store.read()
    place = {f: k for k, f in enumerate(project.frames()["frame_id"])}
    df["k"] = [place[f] for f in df["frame_id"]]
    attributes = [attributes_from_json(t) for t in df["attributes"]]
    df["keyframe"] = [any(a.name == "keyframe" for a in row) for row in attributes]
    df["drift"] = [" ".join(str(a.value) for a in row if a.name == "drift") for row in attributes]
    return df


def where(df, track_id) -> list[int]:
    return df.loc[df["track_id"] == track_id, "k"].tolist()


def test_forward_to_the_end(make):
    project = make(20)
    store = go(project, [key(0, 3), key(1, 5, "nut")])
    df = table(project, store)
    assert where(df, 1) == list(range(3, 20))
    assert where(df, 2) == list(range(5, 20))
    got = df[["x1", "y1", "x2", "y2"]].to_numpy()
    want = [box(t - 1, k) for t, k in zip(df["track_id"], df["k"], strict=True)]
    assert np.array_equal(got, want)
    assert df.loc[df["keyframe"], ["track_id", "k"]].to_numpy().tolist() == [[1, 3], [2, 5]]
    assert set(df["label"][df["track_id"] == 2]) == {"nut"}
    assert store.manifest.kind == "tracker"
    assert store.manifest.status == "finished"


@pytest.mark.parametrize(
    ("to", "direction", "want"),
    [
        (5, "auto", range(10, 16)),
        (-5, "auto", range(10, 4, -1)),
        (5, "backward", range(10, 4, -1)),
        (3, "both", [*range(10, 14), *range(9, 6, -1)]),
        (None, "backward", range(10, -1, -1)),
        (99, "auto", range(10, 20)),
        (-99, "auto", range(10, -1, -1)),
        ("frame 14", "auto", range(10, 15)),
        ("frame 8", "auto", range(10, 7, -1)),
        ("frame 10", "auto", [10]),
    ],
)
def test_where_it_goes(make, to, direction, want):
    project = make(20)
    if isinstance(to, str):
        to = project.frames()["frame_id"][int(to.split()[1])]
    store = go(project, key(0, 10), to=to, direction=direction)
    assert where(table(project, store), 1) == list(want)


def test_between_two_keyframes_and_outside(make):
    project, tracker = make(30), ColourTracker()
    keys = [key(0, 4), key(0, 12), key(0, 15, outside=True), key(0, 20)]
    df = table(project, go(project, keys, tracker, to=3))
    assert where(df, 1) == [*range(4, 15), *range(20, 24)]
    assert df.loc[df["keyframe"], "k"].tolist() == [4, 12, 20]
    # both keyframes of a stretch are known from its start, and an object that has left is dropped
    assert [p for p, _ in tracker.prompts] == [4, 12, 20]
    assert tracker.steps[0] == 4
    assert tracker.drops == [1]


def test_nothing_is_read_where_all_objects_are_outside(make):
    project, world = make(30), World()
    keys = [key(0, 4), key(0, 8, outside=True), key(0, 25)]
    go(project, keys, world=world, to=2)
    assert sorted(set(world.reads)) == [4, 5, 6, 7, 25, 26, 27]


def test_one_forward_one_backward_in_one_run(make):
    project, tracker = make(30), ColourTracker()
    target = project.frames()["frame_id"][12]
    store = go(project, [key(0, 8), key(1, 16)], tracker, to=target)
    df = table(project, store)
    assert where(df, 1) == [8, 9, 10, 11, 12]
    assert where(df, 2) == [16, 15, 14, 13, 12]
    assert [back for *_, back in tracker.opened] == [False, True]
    assert store.read()["object_id"].is_unique


def test_two_sequences(make):
    project = make(10)
    project.append_frames(fakes.frames(8, group="h"))
    store = go(project, [key(0, 6), key(1, 5, group="h")])
    assert where(table(project, store), 1) == [6, 7, 8, 9]
    assert where(table(project, store), 2) == [15, 16, 17]


def test_a_frame_that_cannot_be_read_is_passed_over(make):
    project = make(20, bad=(0, 6, 7))
    store = go(project, [key(0, 0), key(1, 4)])
    df = table(project, store)
    assert where(df, 1) == [k for k in range(1, 20) if k not in (6, 7)]
    assert df.loc[df["k"] == 1, "drift"].tolist() == ["unread"]
    assert [f.uri for f in store.manifest.failures] == ["bad0000.png", "bad0006.png", "bad0007.png"]
    assert "truncated" in store.manifest.failures[0].reason


def test_frames_that_change_their_size(make):
    project, tracker = make(20, double_from=10, bad=(10,)), ColourTracker()
    job = track_job(project, [key(0, 5)], tracker, source=World(), progress=None)
    df = table(project, project.run(job.result()))
    assert where(df, 1) == [*range(5, 10), *range(11, 20)]
    got = df[["x1", "y1", "x2", "y2"]].to_numpy()
    # the first box of the larger frames is the last one scaled, as nothing else is known of it
    assert np.array_equal(got[5], 2 * got[4])
    assert np.array_equal(got[6:], [box(0, k, 2) for k in range(12, 20)])
    assert df.loc[df["drift"] != "", ["k", "drift"]].to_numpy().tolist() == [[11, "size"]]
    assert tracker.opened == [(128, 96, False), (256, 192, False)]
    assert "change their size once" in job.progress.message


def test_an_object_that_is_gone_has_no_proposal_there(make):
    project = make(20)
    df = table(project, go(project, key(0, 2), world=World(gone={0: {9, 10, 11}})))
    assert where(df, 1) == [*range(2, 9), *range(12, 20)]


def test_drift_flags(make):
    project = make(20)
    world = World(grown={0: {9}})
    df = table(project, go(project, key(0, 2), world=world)).set_index("k")
    assert df.index[df["drift"] != ""].tolist() == [9]
    assert df["drift"][9] == "area"


def test_clicks_start_a_track(make):
    project = make(10)
    x, y, *_ = box(2, 4)
    clicks = key(2, 4, prompts=Prompts.click(x + 3, y + 3))
    df = table(project, go(project, clicks))
    assert df[["x1", "y1", "x2", "y2"]].to_numpy().tolist() == [
        list(box(2, k)) for k in range(4, 10)
    ]


def test_many_batches_of_objects_from_a_table(make):
    project = make(10)
    first = go(project, [key(j, 3, "nut") for j in range(3)], to=1)
    rows = project.proposals(first.run_id)
    again = go(project, rows[rows["frame_id"] == rows["frame_id"][0]], to=4)
    df = table(project, again)
    assert sorted(set(df["track_id"])) == [1, 2, 3]  # their tracks go on
    ids = rows["object_id"].tolist()
    third = go(project, {"one": ids[:1], "other": ids[1:2]}, to=2)
    assert sorted(set(third.read()["track_id"])) == [1, 2]


def test_objects_without_a_track_get_new_ones(make):
    project = make(10)
    go(project, key(0, 3))
    frame_id = project.frames()["frame_id"][2]
    objects = [
        AnnotatedObject(f"a{j}", frame_id, "nut", Shape(tuple(map(float, box(j, 2)))))
        for j in range(2)
    ]
    assert sorted(set(go(project, objects).read()["track_id"])) == [2, 3]
    # an id of a keyframe that another track has already is not shared with it
    assert set(go(project, key(0, 5)).read()["track_id"]) == {4}


def test_what_a_person_decided_is_not_proposed_again(make):
    project = make(10)
    frame_id = project.frames()["frame_id"][2]
    shape = Shape(tuple(map(float, box(0, 2))))
    decided = AnnotatedObject("a", frame_id, "nut", shape, "added", revision=5)
    df = table(project, go(project, decided))
    assert where(df, 1) == list(range(3, 10))


def test_the_same_request_is_done_once(make):
    project, tracker = make(20), ColourTracker()
    first = go(project, [key(0, 3)], tracker)
    steps = len(tracker.steps)
    assert go(project, [key(0, 3)], tracker).run_id == first.run_id
    assert len(tracker.steps) == steps
    assert go(project, [key(0, 3)], tracker, resume=False).run_id != first.run_id
    assert go(project, [key(0, 3)], tracker, to=4).run_id != first.run_id


def test_cancelled_and_gone_on(make):
    project, tracker = make(40), ColourTracker()
    keys = [key(0, 0), key(1, 12), key(1, 30)]
    calm = go(make(40), keys, part_size=8)

    def stop(position: int) -> None:
        if position == 21:
            job.cancel()

    tracker.before = stop
    job = track_job(project, keys, tracker, source=World(), progress=None, part_size=8)
    with pytest.raises(CancelledError):
        job.result()
    store = project.run(project.runs()[0].run_id)
    assert store.manifest.status == "cancelled"
    assert store.missing_parts() == [2, 3, 4]
    again = ColourTracker()
    done = go(project, keys, again, part_size=8)
    assert done.run_id == store.run_id
    assert again.steps[0] == 16
    assert again.prompts == [(0, [1]), (12, [2]), (30, [2])]
    assert again.recalls == [(13, [1, 2]), (14, [1, 2]), (15, [1, 2])]
    pd.testing.assert_frame_equal(done.read(), calm.read())


def test_a_discarded_run_is_not_gone_on_with(make):
    project = make(10)
    first = go(project, key(0, 3))
    first.discard()
    assert go(project, key(0, 3)).run_id != first.run_id


def test_out_of_memory_once_then_for_good(make):
    project, tracker = make(20), ColourTracker()
    times = iter([True, False])

    def short(position: int) -> None:
        if position == 9 and next(times, False):
            raise OutOfMemoryError("no")

    tracker.before = short
    df = table(project, go(project, key(0, 3), tracker))
    assert where(df, 1) == list(range(3, 20))
    assert len(tracker.opened) == 2

    def never(position: int) -> None:
        raise OutOfMemoryError("no")

    with pytest.raises(InputError, match="not enough memory to track"):
        go(project, key(0, 4), ColourTracker(never))


def test_a_tracker_that_fails(make):
    def fails(position: int) -> None:
        if position in (5, 6):
            raise ValueError("a bug")

    project = make(20)
    store = go(project, key(0, 3), ColourTracker(fails))
    assert [f.reason for f in store.manifest.failures] == ["a bug", "a bug"]
    assert where(table(project, store), 1) == [3, 4, *range(7, 20)]

    def always(position: int) -> None:
        raise ValueError("a bug")

    with pytest.raises(InputError, match="fails on every frame: a bug"):
        go(project, key(0, 4), ColourTracker(always))


def test_detections_are_replaced_and_other_tracks_are_not(make):
    import fakes as detectors
    from waiting import predict

    project = make(12, labels=["cat", "dog", "bird", "bolt"])
    detector = detectors.FakeDetector()
    predict(project, detector, reader=detectors.GreyReader(), progress=None)
    one = go(project, key(0, 2), to=4)
    other = go(project, key(1, 2), to=4, replace=True)
    df = project.proposals()
    covered = set(other.frame_ids)
    here = df[df["frame_id"].isin(covered)]
    assert set(here["run_id"]) == {one.run_id, other.run_id}
    assert df["run_id"].str.startswith("r0001").any()


NAN = float("nan")


@pytest.mark.parametrize(
    ("objects", "options", "words"),
    [
        ([], {}, "nothing to track"),
        ("nobody", {}, "No object is called 'nobody'"),
        (7, {}, "int cannot be tracked"),
        ([key(0, 5)], {"to": -3, "direction": "forward"}, "before the start"),
        ([key(0, 5)], {"to": 0}, "other than 0"),
        ([key(0, 5)], {"to": 2.5}, "other than 0"),
        ([key(0, 5)], {"to": "nowhere"}, "No frame is called 'nowhere'"),
        ([key(0, 5)], {"direction": "up"}, "No direction is called 'up'"),
        ([key(0, 500)], {}, "No frame is called"),
        ([key(0, 5, label="bus")], {}, "No label is called 'bus'"),
        ([key(0, 5), key(0, 5)], {}, "two keyframes"),
        ([key(0, 5, outside=True)], {}, "outside on every frame"),
        ([key(0, 5, shape=Shape((200, 0, 210, 9)))], {}, "outside of the frame of 128 x 96"),
        (
            [key(0, 5, shape=Shape((0, 0, 9, 9), polygons=((0, 0, 5, 5, NAN, 3),)))],
            {},
            "not finite",
        ),
        ([key(0, 5, prompts=Prompts.click(NAN, 3))], {}, "not finite"),
        ([key(0, 5)], {"conf": 2}, "conf=2"),
        (pd.DataFrame({"frame_id": ["x"]}), {}, "no column 'label'"),
    ],
)
def test_bad_input_is_one_line(make, objects, options, words):
    project = make(20)
    with pytest.raises((InputError, NotFoundError), match=words) as error:
        go(project, objects, **options)
    assert "\n" not in str(error.value)
    assert project.runs() == []


def test_rows_that_cannot_be_tracked(make):
    project = make(10)
    rows = project.proposals(go(project, key(0, 3)).run_id)
    with pytest.raises(InputError, match="four finite numbers"):
        go(project, rows.assign(x1=NAN))
    with pytest.raises(InputError, match="no area"):
        go(project, rows.assign(x2=rows["x1"]))
    with pytest.raises(InputError, match="5000 objects cannot be tracked in one run"):
        go(project, [key(j, 3, shape=Shape((1, 1, 9, 9))) for j in range(5000)])
    with pytest.raises(InputError, match="nothing to track"):
        go(project, rows[:0])


def test_keyframes_in_two_videos(make):
    project = make(10)
    project.append_frames(fakes.frames(8, group="h"))
    with pytest.raises(InputError, match="one track is in one video or folder"):
        go(project, [key(0, 3), key(0, 4, group="h")])


def test_a_tracker_that_does_not_take_it(make):
    tracker = ColourTracker()
    tracker.info = type(tracker.info)("colour", frozenset({"mask"}))
    with pytest.raises(InputError, match="cannot start from box"):
        go(make(10), key(0, 3), tracker)


def test_several_trackers_at_once(make):
    project = make(30)
    jobs = [
        track_job(project, key(j, 2), fakes.slow(0.002), source=World(), progress=None)
        for j in range(4)
    ]
    runs = [job.result() for job in jobs]
    assert len(set(runs)) == 4
    df = project.proposals(runs)
    assert df["track_id"].nunique() == 4  # each its own, whoever came first
    assert (df.groupby("track_id").size() == 28).all()


def test_a_fresh_project_object_sees_the_run_and_its_keyframes(make):
    from labkit.tracking.records import read_records

    project = make(20)
    x, y, *_ = box(1, 4)
    keys = [key(0, 3), key(0, 9, outside=True), key(1, 4, prompts=Prompts.click(x + 2, y + 2))]
    store = go(project, keys)
    records = read_records(RunStore(store.folder).folder)
    assert [r.track_id for r in records] == [1, 2]
    assert [s.keyframe for r in records for s in r.keyframes] == keys
    assert records[0].forward == ((keys[0].frame_id, store.frame_ids[-1]),)


def test_linear_interpolates_between_keyframes_and_is_resumed(make):
    project = make(12)
    keys = [key(0, 1), key(0, 9)]
    run = track(project, keys, tracker="linear", progress=None, source=World(), part_size=4)
    df = project.proposals(run).sort_values("frame_id")
    assert len(df) == 11  # from the first keyframe to the end of the sequence
    store = project.run(run)
    rows = project.proposals(run).set_index(project.proposals(run)["frame_id"].astype(str))
    middle = rows.loc[store.frame_ids[4]]
    assert middle["x1"] == (keys[0].shape.box[0] + keys[1].shape.box[0]) / 2
    assert middle["score"] == 1.0
    assert rows.loc[store.frame_ids[-1]]["score"] == 0.5
