"""``linear``: shapes between keyframes, through the session that runs use."""

from __future__ import annotations

import numpy as np
import pytest

from labkit.core.tracks import Keyframe
from labkit.core.types import Shape
from labkit.models.trackers import open_tracker, tracker_names

IMAGE = np.zeros((100, 100, 3), np.uint8)


def key(track: int, x: float, **more) -> Keyframe:
    return Keyframe("f", track, "cup", Shape((x, 10, x + 20, 30), **more))


def boxes(results) -> dict[int, tuple[float, ...]]:
    return {t.track_id: t.shape.box for t in results}


def test_it_is_among_the_trackers():
    assert "linear" in tracker_names()
    assert open_tracker("linear").info.sees_ahead


@pytest.mark.parametrize(("backward", "start", "end"), [(False, 2, 6), (True, 6, 2)])
def test_a_box_goes_straight_from_one_keyframe_to_the_next(backward, start, end):
    session = open_tracker("linear").open(100, 100, backward=backward)
    session.prompt(start, IMAGE, [key(1, 10.0 * start)])
    session.prompt(end, IMAGE, [key(1, 10.0 * end)])
    sign = 1 if end > start else -1
    for position in range(start + sign, end, sign):
        [tracked] = session.step(position, IMAGE)
        assert tracked.shape.box == pytest.approx((10 * position, 10, 10 * position + 20, 30))
        assert tracked.score == 1.0
    assert session.step(end, IMAGE) == []  # its keyframe says it
    [tracked] = session.step(end + sign, IMAGE)
    assert tracked.shape.box == (10.0 * end, 10, 10.0 * end + 20, 30)
    assert tracked.score == 0.5


def test_an_object_begins_at_its_first_keyframe_and_can_be_dropped():
    session = open_tracker("linear").open(100, 100)
    session.prompt(0, IMAGE, [key(1, 0.0)])
    session.prompt(4, IMAGE, [key(2, 40.0)])
    assert set(boxes(session.step(1, IMAGE))) == {1}
    assert set(boxes(session.step(5, IMAGE))) == {1, 2}
    session.drop(1)
    assert set(boxes(session.step(6, IMAGE))) == {2}


def test_keypoints_and_rotated_boxes_change_linearly():
    session = open_tracker("linear").open(100, 100)
    session.prompt(0, IMAGE, [key(1, 0.0, keypoints=((0.0, 10.0, 1.0),))])
    session.prompt(4, IMAGE, [key(1, 40.0, keypoints=((40.0, 10.0, 1.0),))])
    [tracked] = session.step(1, IMAGE)
    assert np.allclose(tracked.shape.keypoints, [(10.0, 10.0, 1.0)])
