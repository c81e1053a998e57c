"""Keypoints on tracked shapes, in pixels from the truth; and two walks made one."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1]))  # moving.py

from moving import as_kind, scenes

from labkit.core.tracks import Keyframe, Tracked
from labkit.core.types import Shape
from labkit.models.trackers import open_tracker
from labkit.models.trackers.blend import blend, share
from labkit.models.trackers.keypoints import MOVED_WITH_OBJECT, WithKeypoints, ride


def bolts(scene, kind: str) -> list[Keyframe]:
    return [
        Keyframe("f", o.track_id, o.label, as_kind(o.shape, kind))
        for o in scene.objects
        if o.shape.keypoints and o.visible > 0.9
    ]


def errors(results, clip, still=None) -> np.ndarray:
    """Rows of pixels from the truth and confidence, for points that are in sight there."""
    out = []
    for scene, tracked in zip(clip[1:], results, strict=True):
        truth = {o.track_id: o.shape.keypoints for o in scene.objects}
        for one in tracked:
            if one.shape is None or one.track_id not in truth:
                continue
            points = one.shape.keypoints if still is None else still[one.track_id]
            for (x, y, v), (tx, ty, seen) in zip(points, truth[one.track_id], strict=True):
                if seen == 1:
                    out.append((np.hypot(x - tx, y - ty), v))
    return np.array(out)


@pytest.mark.parametrize("kind", ["box and keypoints", "mask and keypoints"])
@pytest.mark.parametrize(
    ("seed", "domain", "most"), [(3, "day", 2.5), (4, "day", 2.5), (3, "night", 4.5)]
)
def test_head_and_tip_stay_with_their_bolt(kind, seed, domain, most) -> None:
    clip = scenes(seed, 20, domain)
    first = bolts(clip[0], kind)
    assert first
    session = WithKeypoints(open_tracker("flow").open(512, 384))
    answer = session.prompt(0, clip[0].image, first)
    assert [t.shape.keypoints for t in answer] == [k.shape.keypoints for k in first]
    results = [session.step(s.index, s.image) for s in clip[1:]]
    found = errors(results, clip)
    still = errors(results, clip, {k.track_id: k.shape.keypoints for k in first})
    assert len(found) > 30
    assert np.median(found[:, 0]) < min(most, np.median(still[:, 0]) / 4)
    for one in (t for r in results for t in r if t.shape):
        least = min((v for _, _, v in one.shape.keypoints if v > 0), default=None)
        assert one.signals.get("keypoints") == least


def rolled(dx: int, dy: int):
    """Two images of a texture that moves as a whole, and the object that is in it."""
    import cv2

    noise = np.random.default_rng(1).integers(0, 255, (240, 320, 3), np.uint8)
    image = cv2.GaussianBlur(noise, (0, 0), 2)
    return image, np.roll(image, (dy, dx), (0, 1)), Shape((100, 80, 180, 150))


def test_points_go_where_the_pixels_go() -> None:
    a, b, shape = rolled(7, -4)
    points = [(120, 100, 1.0), (150, 130, 0.7), (160, 90, 0.25)]
    out = ride(a, b, points, shape, Shape((107, 76, 187, 146)))
    moved = np.array([(x, y) for x, y, _ in out]) - np.array([(x, y) for x, y, _ in points])
    assert moved == pytest.approx(np.tile((7, -4), (3, 1)), abs=0.2)
    assert out[0][2] > 0.9
    assert (out[1][2], out[2][2]) == (0.7, 0.25)  # never more sure than before


def test_a_point_that_is_covered_moves_with_its_object_and_is_unsure() -> None:
    a, b, shape = rolled(6, 0)
    b = b.copy()
    b[100:130, 130:160] = np.random.default_rng(2).integers(0, 255, (30, 30, 3), np.uint8)
    covered, free = ride(a, b, [(140, 115, 1.0), (110, 90, 1.0)], shape, Shape((106, 80, 186, 150)))
    assert covered[:2] == pytest.approx((146, 115), abs=0.6)
    assert covered[2] == MOVED_WITH_OBJECT
    assert free[2] > 0.9


def test_where_nothing_can_be_followed_points_move_and_scale_with_the_box() -> None:
    blank = np.full((100, 200, 3), 90, np.uint8)
    points = [(20.0, 30.0, 1.0), (40.0, 50.0, 1.0)]
    out = ride(blank, blank, points, Shape((20, 30, 40, 50)), Shape((60, 30, 100, 70)))
    assert [p[:2] for p in out] == [(60, 30), (100, 70)]
    assert {v for _, _, v in out} == {MOVED_WITH_OBJECT}


def test_points_that_are_not_there_stay_and_those_that_leave_are_none() -> None:
    a, b, _ = rolled(12, 0)
    nan = float("nan")
    points = [(0.0, 0.0, 0.0), (315.0, 100.0, 1.0), (nan, 5.0, 1.0), (290.0, 100.0, 1.0)]
    out = ride(a, b, points, Shape((270, 80, 320, 150)), Shape((282, 80, 320, 150)))
    assert out[0] == (0, 0, 0)
    assert out[1][2] == 0
    assert out[2][1:] == (5, 1)
    assert out[3][2] > 0


def test_objects_without_keypoints_are_left_alone() -> None:
    clip = scenes(3, 20)
    plain = [Keyframe("f", o.track_id, o.label, Shape(o.shape.box)) for o in clip[0].objects]
    session = WithKeypoints(open_tracker("flow").open(512, 384))
    session.prompt(0, clip[0].image, plain)
    out = session.step(1, clip[1].image)
    assert len(out) == len(plain)
    assert all("keypoints" not in t.signals for t in out)


def test_keypoints_are_recalled_ride_past_a_keyframe_without_any_and_are_dropped() -> None:
    clip = scenes(3, 20)
    first = bolts(clip[0], "mask and keypoints")
    whole = WithKeypoints(open_tracker("flow").open(512, 384))
    whole.prompt(0, clip[0].image, first)
    results = [whole.step(s.index, s.image) for s in clip[1:9]]
    resumed = WithKeypoints(open_tracker("flow").open(512, 384))
    resumed.recall(4, clip[4].image, results[3])
    again = [resumed.step(s.index, s.image) for s in clip[5:9]]
    points = [np.array([t.shape.keypoints for t in r[-1] if t.shape]) for r in (results, again)]
    assert points[0] == pytest.approx(points[1], abs=0.5)
    truth = {o.track_id: o.shape for o in clip[9].objects}
    track = first[0].track_id
    bare = Keyframe("f", track, "bolt", as_kind(truth[track], "mask"))
    (one,) = resumed.prompt(9, clip[9].image, [bare])
    off = np.array(one.shape.keypoints)[:, :2] - np.array(truth[track].keypoints)[:, :2]
    assert np.linalg.norm(off, axis=1).max() < 6
    resumed.drop(track)
    assert track not in {t.track_id for t in resumed.step(10, clip[10].image)}


def test_a_skeleton_walks_backward() -> None:
    clip = scenes(4, 20)
    first = bolts(clip[19], "mask and keypoints")
    session = WithKeypoints(open_tracker("flow").open(512, 384, backward=True), backward=True)
    session.prompt(19, clip[19].image, first)
    order = clip[::-1]
    found = errors([session.step(s.index, s.image) for s in order[1:]], order)
    assert np.median(found[:, 0]) < 2.5


# ---- two walks made one


def tracked(box, score=1.0, **shape) -> Tracked:
    return Tracked(5, None if box is None else Shape(box, **shape), score, {"inliers": score})


@given(st.floats(0, 1))
def test_a_blend_is_a_straight_line(weight: float) -> None:
    one = blend(tracked((0, 0, 10, 10), 0.8), tracked((20, 10, 40, 30), 0.4), weight)
    assert one.shape.box == pytest.approx(
        (20 * weight, 10 * weight, 10 + 30 * weight, 10 + 20 * weight)
    )
    assert one.score == pytest.approx(0.8 - 0.4 * weight)
    assert one.signals["agreement"] == 0
    assert one.signals["inliers"] == (0.4 if weight > 0.5 else 0.8)


def test_a_walk_that_lost_the_object_does_not_count() -> None:
    there, lost = tracked((0, 0, 10, 10), 0.8), tracked(None, 0.0)
    assert blend(there, lost, 0.9) == there
    assert blend(lost, there, 0.1) == there
    assert blend(lost, lost, 0.5).shape is None


def test_the_points_of_a_blend() -> None:
    a = tracked((0, 0, 10, 10), keypoints=((0, 0, 1.0), (2, 2, 0.0), (3, 3, 1.0)))
    b = tracked((0, 0, 10, 10), keypoints=((10, 0, 0.5), (8, 8, 1.0), (0, 0, 0.0)))
    points = blend(a, b, 0.5).shape.keypoints
    assert points[0] == pytest.approx((5, 0, 0.75))
    assert points[1:] == ((8, 8, 1.0), (3, 3, 1.0))


def test_share_counts_from_one_keyframe_to_the_other() -> None:
    assert [share(k, 10, 20) for k in (5, 10, 15, 20, 30)] == [0, 0, 0.5, 1, 1]
    assert share(4, 4, 4) == 0


def test_between_two_keyframes_a_blend_is_better_than_either_walk() -> None:
    clip = scenes(2, 20)
    track = {o.track_id for o in clip[0].objects} & {o.track_id for o in clip[19].objects}
    assert track

    def walk(first: int, order, backward: bool) -> dict[tuple[int, int], Tracked]:
        session = open_tracker("flow").open(512, 384, backward=backward)
        keys = [
            Keyframe("f", o.track_id, o.label, Shape(o.shape.box))
            for o in clip[first].objects
            if o.track_id in track
        ]
        session.prompt(first, clip[first].image, keys)
        return {(k, t.track_id): t for k in order for t in session.step(k, clip[k].image)}

    there = walk(0, range(1, 19), backward=False)
    back = walk(19, range(18, 0, -1), backward=True)
    truth = {(s.index, o.track_id): o.shape.box for s in clip for o in s.objects}
    from labkit.core.geometry import paired_iou

    def mean(of) -> float:
        return float(
            np.mean(
                [
                    paired_iou([t.shape.box], [truth[key]])[0] if t.shape else 0
                    for key, t in of.items()
                    if key in truth
                ]
            )
        )

    mixed = {key: blend(there[key], back[key], share(key[0], 0, 19)) for key in there}
    assert mean(mixed) > max(mean(there), mean(back)) - 0.01
    assert mean(mixed) > 0.85
