"""A shape in any of the forms in which people have it, and one clear line where it is none."""

from __future__ import annotations

import numpy as np
import pytest

from labkit.core.errors import InputError
from labkit.core.geometry import decode_mask, encode_mask
from labkit.core.shapes import as_shape, fit_shape
from labkit.core.types import Frame, Shape

FRAME = Frame("f", "f", "f.jpg", 0, 100, 80, None, "f", "g")
OUTLINE = [(10, 10), (50, 10), (50, 40)]


def test_a_shape_is_returned_as_it_is() -> None:
    shape = Shape((1, 2, 3, 4))
    assert as_shape(shape) is shape


@pytest.mark.parametrize(
    "box", [(10, 10, 50, 80), [10.0, 10.0, 50.0, 80.0], np.array([10, 10, 50, 80], np.float32)]
)
def test_four_numbers_are_a_box(box) -> None:
    assert as_shape(box) == Shape((10, 10, 50, 80))


@pytest.mark.parametrize("points", [OUTLINE, np.array(OUTLINE), np.array(OUTLINE, np.float32)])
def test_points_are_the_outline_of_a_polygon(points) -> None:
    shape = as_shape(points)
    assert shape.polygons == ((10.0, 10.0, 50.0, 10.0, 50.0, 40.0),)
    assert shape.box == (10, 10, 50, 40)


def test_a_boolean_array_is_a_mask() -> None:
    mask = np.zeros((80, 100), dtype=bool)
    mask[20:40, 30:60] = True
    shape = as_shape(mask)
    assert shape.box == (30, 20, 60, 40)
    assert (decode_mask(shape.mask) == mask).all()
    assert as_shape(encode_mask(mask)) == shape


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ((1, 2, 3), r"it has the shape \(3,\)"),
        ([(1, 2), (3, 4)], r"it has the shape \(2, 2\)"),
        (np.ones((80, 100), np.uint8), "pass mask > 0 for a mask"),
        ("box", "it is str, not numbers"),
        (None, "it is NoneType, not numbers"),
        ([(1, 2), (3,)], "it is not an array"),
        ((50, 10, 10, 80), "has no area"),
        ((float("nan"), 0, 1, 1), "finite"),
        (np.zeros((80, 100), bool), "mask"),
    ],
)
def test_what_is_no_shape_is_refused_in_one_line(value, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        as_shape(value)
    assert "\n" not in str(caught.value)


def test_a_box_is_cut_at_the_frame_and_a_foreign_mask_refused() -> None:
    assert fit_shape(as_shape((-5, 10, 300, 70)), FRAME).box == (0, 10, 100, 70)
    with pytest.raises(InputError, match="outside of the frame"):
        fit_shape(as_shape((200, 10, 300, 70)), FRAME)
    with pytest.raises(InputError, match="it is 5 x 5, the frame 100 x 80"):
        fit_shape(as_shape(np.ones((5, 5), bool)), FRAME)
