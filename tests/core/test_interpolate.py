"""What lies between the keyframes of a track."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.core.errors import InputError
from labkit.core.geometry import (
    decode_mask,
    shape_from_mask,
    shape_from_polygons,
    shape_from_rotated,
)
from labkit.core.interpolate import between, interpolate, moved, scaled
from labkit.core.tracks import Keyframe, Track
from labkit.core.types import Shape

number = st.floats(0, 200, allow_nan=False)
side = st.floats(1, 80, allow_nan=False)
boxes = st.builds(lambda x, y, w, h: (x, y, x + w, y + h), number, number, side, side)
FRAMES = [f"f{k}" for k in range(11)]


@given(boxes, boxes, st.floats(0, 1))
def test_boxes_move_on_a_line(a, b, share):
    got = np.array(between(Shape(a), Shape(b), share).box)
    assert np.allclose(got, (1 - share) * np.array(a) + share * np.array(b), atol=1e-9)


@given(boxes, boxes, st.floats(0, 1))
def test_back_and_forth_is_the_same(a, b, share):
    there, back = between(Shape(a), Shape(b), share), between(Shape(b), Shape(a), 1 - share)
    assert np.allclose(there.box, back.box, atol=1e-6)


@given(boxes, boxes)
def test_moved_there_and_back_is_unchanged(a, b):
    x1, y1, x2, y2 = a
    shape = shape_from_polygons([(x1, y1, x2, y1, (x1 + x2) / 2, y2)])
    again = moved(moved(shape, b), a)
    assert np.allclose(again.box, a)
    assert np.allclose(again.polygons[0], shape.polygons[0], atol=1e-6)


@given(st.integers(0, 40), st.integers(0, 30), st.integers(1, 20), st.integers(1, 20))
def test_a_mask_moves_with_its_box(dx, dy, w, h):
    pixels = np.zeros((80, 90), bool)
    pixels[5 : 5 + h, 7 : 7 + w] = True
    pixels[5, 7] = w < 2 or h < 2  # else a corner is cut off, so that a flip would show
    got = moved(shape_from_mask(pixels), (7 + dx, 5 + dy, 7 + w + dx, 5 + h + dy))
    assert np.array_equal(decode_mask(got.mask), np.roll(pixels, (dy, dx), (0, 1)))


def test_a_mask_grows_with_the_frame():
    pixels = np.zeros((40, 60), bool)
    pixels[10:20, 12:30] = True
    got = scaled(shape_from_mask(pixels), (60, 40), (120, 80))
    assert got.box == (24, 20, 60, 40)
    assert np.array_equal(decode_mask(got.mask), pixels.repeat(2, 0).repeat(2, 1))


def test_a_mask_that_leaves_the_frame_leaves_its_box():
    pixels = np.zeros((40, 60), bool)
    pixels[10:20, 12:30] = True
    got = moved(shape_from_mask(pixels), (100, 10, 118, 20))
    assert got.mask is None
    assert got.box == (100, 10, 118, 20)


@pytest.mark.parametrize("angle", [0.0, 0.2, math.pi - 0.1, -1.4])
def test_a_rotated_box_turns_the_shorter_way(angle):
    a = shape_from_rotated(50, 50, 30, 10, angle)
    b = shape_from_rotated(60, 50, 30, 10, angle + 0.3 - math.pi)  # looks turned by 0.3
    middle = between(a, b, 0.5).rotated
    assert middle[:4] == pytest.approx((55, 50, 30, 10))
    assert math.sin(2 * (middle[4] - angle - 0.15)) == pytest.approx(0, abs=1e-9)


def test_keypoints_move_on_a_line_and_outlines_are_the_nearest():
    ring = shape_from_polygons([(0, 0, 10, 0, 10, 10)])
    other = shape_from_polygons([(20, 0, 40, 0, 40, 10, 20, 10)])
    assert len(between(ring, other, 0.4).polygons[0]) == 6
    assert len(between(ring, other, 0.6).polygons[0]) == 8
    assert between(ring, other, 0.4).box == pytest.approx((8, 0, 22, 10))
    a = Shape((0, 0, 10, 10), keypoints=((1, 1, 1.0),))
    b = Shape((10, 0, 20, 10), keypoints=((15, 5, 0.0),))
    assert between(a, b, 0.5).keypoints == ((8, 3, 0.5),)


def test_interpolation_stops_where_the_object_is_outside():
    keyframes = (
        Keyframe("f8", 3, "cup", Shape((80, 0, 90, 10))),
        Keyframe("f0", 3, "cup", Shape((0, 0, 10, 10))),
        Keyframe("f4", 3, "cup", Shape((40, 0, 50, 10))),
        Keyframe("f6", 3, "cup", outside=True),
    )
    got = interpolate(Track(3, "cup", keyframes), FRAMES)
    assert sorted(got) == ["f0", "f1", "f2", "f3", "f4", "f5", "f8"]
    assert [got[f].box[0] for f in ("f0", "f1", "f3", "f5", "f8")] == [0, 10, 30, 40, 80]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: between(Shape((0, 0, 1, 1)), Shape((0, 0, 1, 1)), float("nan")), "from 0 to 1"),
        (
            lambda: interpolate(Track(1, "c", (Keyframe("x", 1, "c", outside=True),)), FRAMES),
            "not in the sequence",
        ),
    ],
)
def test_what_cannot_be_interpolated(make, words):
    with pytest.raises(InputError, match=words):
        make()
