"""Corrections: what depends on them is tracked again, and no more."""

from __future__ import annotations

import pytest
import track_fakes as fakes
from track_fakes import ColourTracker, World, box, key
from waiting import retrack, track

from labkit.core.errors import InputError
from labkit.core.types import Shape
from labkit.project import Project
from labkit.review import Which


@pytest.fixture
def project(tmp_path):
    fakes.new(tmp_path / "p", 40).close()
    with Project.open(tmp_path / "p") as opened:
        yield opened


@pytest.fixture
def tracker():
    return ColourTracker()


def place(project) -> dict[str, int]:
    return {f: k for k, f in enumerate(project.frames()["frame_id"])}


def go(project, tracker, objects, **options) -> str:
    return track(project, objects, tracker=tracker, source=World(), progress=None, **options)


def again(project, tracker, run, **options) -> str:
    tracker.steps.clear()
    return retrack(project, run, tracker=tracker, source=World(), progress=None, **options)


def session_on(project, run, k):
    session = project.review(project.queue(run), reviewer="ana")
    session.goto(project.frames()["frame_id"][k])
    return session


def object_of(session, track_id):
    return next(o for o in session.objects(0) if o.track_id == track_id)


def correct(project, run, k, track_id, j):
    """Say that the track is square ``j`` from frame ``k`` on."""
    session = session_on(project, run, k)
    session.edit(object_of(session, track_id).object_id, Shape(tuple(map(float, box(j, k)))))


def where(project, track_id) -> dict[str, list[int]]:
    """Positions of a track's current proposals, by run."""
    at, df = place(project), project.proposals()
    df = df[df["track_id"] == track_id]
    return {
        str(run): sorted(at[f] for f in part["frame_id"])
        for run, part in df.groupby("run_id", observed=True)
    }


def test_from_the_correction_to_the_end(project, tracker):
    run = go(project, tracker, [key(0, 2), key(1, 2)])
    correct(project, run, 20, 1, j=2)
    new = again(project, tracker, run)
    assert tracker.steps == list(range(20, 40))
    # the corrected object itself is an annotation, and not proposed once more
    assert where(project, 1) == {run: list(range(2, 20)), new: list(range(21, 40))}
    assert where(project, 2) == {run: list(range(2, 40))}
    df, at = project.proposals(new), place(project)
    assert df[["x1", "y1", "x2", "y2"]].to_numpy().tolist() == [
        list(box(2, at[f])) for f in df["frame_id"]
    ]
    objects = project.annotations()
    objects = objects[(objects["track_id"] == 1) & (objects["state"] != "rejected")]
    assert sorted(at[f] for f in objects["frame_id"]) == list(range(2, 40))


@pytest.mark.parametrize("k", [3, 12, 21, 30, 39])
def test_work_is_what_lies_behind_the_correction(project, tracker, k):
    run = go(project, tracker, key(0, 2))
    correct(project, run, k, 1, j=2)
    again(project, tracker, run)
    assert len(tracker.steps) == 40 - k


def test_up_to_the_next_keyframe(project, tracker):
    run = go(project, tracker, [key(0, 2), key(0, 30)])
    correct(project, run, 10, 1, j=2)
    new = again(project, tracker, run)
    assert tracker.steps == list(range(10, 31))
    assert where(project, 1)[run] == [*range(2, 10), *range(31, 40)]
    assert where(project, 1)[new] == list(range(11, 31))


def test_several_corrections_are_keyframes_of_one_walk(project, tracker):
    run = go(project, tracker, key(0, 2))
    correct(project, run, 10, 1, j=2)
    correct(project, run, 25, 1, j=3)
    new = again(project, tracker, run)
    assert tracker.prompts[-2:] == [(10, [1]), (25, [1])]
    df, at = project.proposals(new), place(project)
    tops = {at[f]: y for f, y in zip(df["frame_id"], df["y1"], strict=True)}
    assert {tops[k] for k in range(11, 25)} == {box(2, 0)[1]}
    assert {tops[k] for k in range(26, 40)} == {box(3, 0)[1]}


def test_a_rejected_object_has_left(project, tracker):
    run = go(project, tracker, [key(0, 2), key(1, 2), key(0, 30)])
    session = session_on(project, run, 15)
    session.reject(object_of(session, 1).object_id)
    new = again(project, tracker, run)
    assert where(project, 1) == {run: [*range(2, 15), *range(31, 40)], new: [30]}
    assert tracker.steps == [30]


def test_backward(project, tracker):
    run = go(project, tracker, key(0, 30), to=-25)
    correct(project, run, 20, 1, j=2)
    new = again(project, tracker, run)
    assert tracker.steps == list(range(20, 4, -1))
    assert where(project, 1) == {run: list(range(21, 31)), new: list(range(5, 20))}


def test_corrected_again_later_and_earlier(project, tracker):
    run = go(project, tracker, key(0, 2))
    correct(project, run, 20, 1, j=2)
    first = again(project, tracker, run)
    correct(project, first, 30, 1, j=3)
    second = again(project, tracker, first)
    assert where(project, 1) == {
        run: list(range(2, 20)),
        first: list(range(21, 30)),
        second: list(range(31, 40)),
    }
    # once more earlier, in the old run: all later decisions hold
    correct(project, run, 10, 1, j=3)
    third = again(project, tracker, run)
    assert where(project, 1) == {
        run: list(range(2, 10)),
        third: [k for k in range(11, 40) if k not in (20, 30)],
    }


def test_the_same_again_is_done_once_and_only_chosen_frames_count(project, tracker):
    run = go(project, tracker, [key(0, 2), key(1, 2)])
    correct(project, run, 20, 1, j=2)
    correct(project, run, 30, 2, j=3)
    new = again(project, tracker, run)
    assert again(project, tracker, run) == new
    assert tracker.steps == []
    frame_id = project.frames()["frame_id"][30]
    only = again(project, tracker, run, frames=[frame_id])
    assert tracker.steps == list(range(30, 40))
    assert set(project.proposals(only)["track_id"]) == {2}


def test_a_new_label_goes_on(project, tracker):
    run = go(project, tracker, key(0, 2))
    session = session_on(project, run, 20)
    session.relabel(object_of(session, 1).object_id, "nut")
    new = again(project, tracker, run)
    assert set(project.proposals(new)["label"]) == {"nut"}


def test_discarded_the_old_tracks_are_back(project, tracker):
    run = go(project, tracker, key(0, 2))
    correct(project, run, 20, 1, j=2)
    new = again(project, tracker, run)
    project.discard(new)
    assert where(project, 1) == {run: list(range(2, 40))}


def test_nothing_to_track_again(project, tracker):
    run = go(project, tracker, key(0, 2))
    with pytest.raises(InputError, match="no object of it was edited"):
        again(project, tracker, run)
    session = session_on(project, run, 5)
    session.accept(object_of(session, 1).object_id)
    with pytest.raises(InputError, match="no object of it was edited"):
        again(project, tracker, run)


def test_tracks_table(project, tracker):
    keys = [key(0, 2), key(0, 10, outside=True), key(0, 12), key(1, 5, "nut")]
    run = track(project, keys, tracker=tracker, source=World(grown={1: {9}}), progress=None, to=20)
    df, frames = project.tracks(), project.frames()["frame_id"]
    assert df["track_id"].tolist() == [1, 2]
    assert df["label"].tolist() == ["bolt", "nut"]
    assert df["first"].tolist() == [frames[2], frames[5]]
    assert df["last"].tolist() == [frames[32], frames[25]]
    assert df["frames"].tolist() == [29, 21]
    assert df["keyframes"].tolist() == [2, 1]
    assert df["outside"].tolist() == [2, 0]
    assert df["drift"].tolist() == [0, 1]
    assert df["score"].between(0.89, 0.95).all()
    correct(project, run, 20, 1, j=2)
    new = again(project, tracker, run)
    df = project.tracks()
    assert df["run"].tolist() == [new, run]
    assert df["frames"].tolist() == [29, 21]
    assert df["keyframes"].tolist() == [3, 1]
    assert project.tracks(new)["frames"].tolist() == [13]
    assert not len(project.tracks(new).query("track_id == 2"))


def test_the_queue_shows_flagged_frames_first(project, tracker):
    world = World(grown={1: {9}}, gone={0: {15, 16}})
    run = track(
        project, [key(0, 2), key(1, 2, "nut")], tracker=tracker, source=world, progress=None
    )
    queue, at = project.queue(run, order="drift"), place(project)
    head = queue.head(2)
    assert [at[f] for f in head["frame_id"]] == [9, 15]
    assert head["reason"].tolist()[0].startswith("track 2 (nut): its area doubled")
    assert head["reason"].tolist()[1].startswith("track 1 (bolt) is lost from here on")
    mixed = project.queue(run, order={"drift": 1.0, "random": 0.1})
    assert {at[f] for f in mixed["frame_id"].head(2)} == {9, 15}


def test_a_track_that_is_lost_backward_is_told_of_and_one_that_ends_is_not(project, tracker):
    world = World(gone={0: set(range(13))})
    target = project.frames()["frame_id"][10]
    keys = [key(0, 20), key(1, 2), key(2, 5), key(2, 8, outside=True)]
    run = track(project, keys, tracker=tracker, source=world, progress=None, to=target)
    queue, at = project.queue(run, order="drift"), place(project)
    told = queue[queue["score"] > 0]
    assert [at[f] for f in told["frame_id"]] == [12]
    assert told["reason"].tolist() == ["track 1 (bolt) is lost from here on"]


def test_the_object_that_a_track_began_with(project, tracker):
    first = go(project, tracker, key(3, 4), to=1)  # a run to have something to review
    session = session_on(project, first, 4)
    session.add("nut", Shape(tuple(map(float, box(0, 4)))))
    drawn = next(o for o in session.objects(0) if o.state == "added")
    run = go(project, tracker, drawn.object_id)
    new_id = int(project.tracks(run)["track_id"][0])
    assert where(project, new_id) == {run: list(range(5, 40))}
    with pytest.raises(InputError, match="no object of it was edited"):
        again(project, tracker, run)
    session.edit(drawn.object_id, Shape(tuple(map(float, box(1, 4)))))
    new = again(project, tracker, run)
    assert where(project, new_id) == {new: list(range(5, 40))}
    tops = set(project.proposals(new)["y1"])
    assert tops == {box(1, 0)[1]}


def test_an_object_that_was_lost_joins_its_track_again(project, tracker):
    world = World(gone={0: set(range(10, 40))})
    run = track(project, [key(0, 2), key(1, 2)], tracker=tracker, source=world, progress=None)
    assert where(project, 1) == {run: list(range(2, 10))}
    session = session_on(project, run, 20)
    shape = Shape(tuple(map(float, box(2, 20))))
    session.add("bolt", shape, track_id=1)
    tracker.steps.clear()
    new = retrack(project, run, tracker=tracker, source=world, progress=None)
    assert tracker.steps == list(range(20, 40))
    # what was drawn is an annotation; from there on the track goes on, and no other one does
    assert where(project, 1) == {run: list(range(2, 10)), new: list(range(21, 40))}
    assert where(project, 2) == {run: list(range(2, 40))}
    row = project.tracks().set_index("track_id").loc[1]
    assert row["frames"] == 8 + 20
    assert row["keyframes"] == 2
    objects, at = project.annotations(), place(project)
    mine = objects[objects["track_id"] == 1]
    assert sorted(at[f] for f in mine["frame_id"]) == [*range(2, 10), *range(20, 40)]
    session.undo()
    project.discard(new)
    assert where(project, 1) == {run: list(range(2, 10))}
    with pytest.raises(InputError, match="no object of it was edited"):
        retrack(project, run, tracker=tracker, source=world, progress=None)


def test_many_selected_objects_are_tracked_as_one_action(project, tracker):
    first = go(project, tracker, [key(j, 4) for j in range(3)], to=1)
    session = session_on(project, first, 4)
    session.edit(object_of(session, 2).object_id, Shape(tuple(map(float, box(3, 4)))))
    many = session.many(Which(track_ids=[1, 2]))
    assert [o.track_id for o in many.objects] == [1, 2]
    decisions = len(project.decisions())
    run = go(project, tracker, many)  # the selection itself, or its objects
    assert go(project, tracker, many.objects) == run
    assert where(project, 1)[run] == list(range(4, 40))
    assert where(project, 2)[run] == list(range(5, 40))  # what was decided is not proposed again
    df = project.proposals(run)
    assert set(df.loc[df["track_id"] == 2, "y1"]) == {box(3, 0)[1]}
    assert set(where(project, 3)) == {first}
    # it decided nothing; what takes it back is to discard the run
    assert len(project.decisions()) == decisions
    project.discard(run)
    assert set(where(project, 1)) == {first}
    with pytest.raises(InputError, match="nothing to track"):
        go(project, tracker, session.many(Which(track_ids=[9])))
