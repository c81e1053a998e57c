"""What a drift flag of the area compares: masks with masks, and boxes with boxes."""

from __future__ import annotations

import numpy as np

from labkit.core.drift import DriftWatch
from labkit.core.geometry import shape_from_mask
from labkit.core.tracks import Tracked
from labkit.core.types import Shape

BOX = (10, 10, 50, 50)


def diagonal_band(width: int) -> Shape:
    """A thin mask whose box is far larger than it is."""
    y, x = np.mgrid[:60, :60]
    band = np.abs(x - y) < width
    return shape_from_mask(band & (x >= 10) & (x < 50) & (y >= 10) & (y < 50))


def reasons(first: Shape, then: Shape) -> set[str]:
    watch = DriftWatch()
    watch.note(Tracked(1, first, 1.0), 0, anew=True)
    return set(watch.look(Tracked(1, then, 0.9), 1))


def test_a_box_after_a_mask_is_compared_with_the_masks_box() -> None:
    assert reasons(diagonal_band(3), Shape(BOX)) == set()
    assert reasons(Shape(BOX), diagonal_band(3)) == set()
    assert reasons(diagonal_band(3), Shape((10, 10, 30, 30))) == {"area"}


def test_masks_are_compared_by_their_own_area() -> None:
    assert reasons(diagonal_band(9), diagonal_band(2)) == {"area"}
    assert reasons(diagonal_band(9), diagonal_band(8)) == set()
