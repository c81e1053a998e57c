"""Masks to polygons, and shapes to other shapes, with what is lost on the way."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.core.errors import InputError
from labkit.core.geometry import (
    decode_mask,
    encode_mask,
    mask_iou,
    polygons_to_mask,
    shape_from_mask,
)
from labkit.core.types import Shape
from labkit.demo.world import still
from labkit.models.contours import mask_polygons, shape_to_box, shape_to_mask, shape_to_polygons

SIZE = (120, 90)
POINTS = ((30.0, 30.0, 1.0),)


def ellipse(cx, cy, a, b):
    y, x = np.mgrid[: SIZE[1], : SIZE[0]] + 0.5
    return ((x - cx) / a) ** 2 + ((y - cy) / b) ** 2 <= 1


@settings(max_examples=40)
@given(st.integers(20, 100), st.integers(20, 70), st.floats(4, 60), st.floats(4, 40))
def test_a_mask_comes_back_from_its_polygons(cx, cy, a, b):
    mask = ellipse(cx, cy, a, b)
    exact, usual = mask_polygons(mask, tolerance=0), mask_polygons(mask)
    assert exact.iou == 1
    assert (exact.missing, exact.surplus, exact.note) == (0, 0, "")
    assert usual.iou > 0.9
    assert usual.points <= exact.points
    back = decode_mask(polygons_to_mask(usual.polygons, *SIZE))
    assert usual.iou == pytest.approx(mask_iou(back, mask))


@given(st.integers(3, 30), st.floats(10, 50), st.floats(10, 40))
def test_a_budget_of_points_is_kept_and_costs_little(budget, a, b):
    report = mask_polygons(ellipse(60, 45, a, b), budget=budget)
    assert report.points <= budget
    if budget >= 12:
        assert report.iou > 0.85


def test_holes_and_parts_that_a_polygon_cannot_hold_are_said():
    mask = ellipse(40, 45, 30, 30) & ~ellipse(40, 45, 10, 10)
    mask[5:15, 100:112] = True
    mask[70:74, 100:104] = True
    report = mask_polygons(mask)
    assert (report.parts, report.holes, report.dropped) == (3, 1, 0)
    assert report.surplus == pytest.approx(ellipse(40, 45, 10, 10).sum(), rel=0.05)
    assert report.note == f"1 hole is filled; IoU with the mask {report.iou:.3f}"
    tight = mask_polygons(mask, budget=7)
    assert (tight.dropped, len(tight.polygons)) == (1, 2)
    assert "1 of 3 parts left out" in tight.note
    assert tight.missing >= 16


def test_no_mask_has_no_polygons():
    report = mask_polygons(np.zeros((9, 9), bool))
    assert (report.polygons, report.parts, report.iou, report.note) == ((), 0, 1.0, "")


def test_the_parts_of_the_world_survive_the_way_to_polygons_and_back():
    scene = still(3)
    height, width = scene.image.shape[:2]
    for part in scene.objects:
        shape, report = shape_to_polygons(part.shape, (width, height), tolerance=0)
        back = shape_to_mask(shape, (width, height))
        assert back.mask is not None
        truth = decode_mask(part.shape.mask)
        assert mask_iou(decode_mask(back.mask), truth) == pytest.approx(report.iou)
        assert report.iou == 1 or report.holes


def test_every_kind_of_shape_becomes_every_other_and_keeps_its_keypoints():
    box = Shape(box=(10, 20, 50, 60), keypoints=POINTS)
    polygon, report = shape_to_polygons(box, SIZE)
    assert polygon.polygons == ((10, 20, 50, 20, 50, 60, 10, 60),)
    assert (report.iou, polygon.keypoints) == (1, POINTS)
    mask = shape_to_mask(polygon, SIZE)
    assert mask.polygons is None
    assert mask.keypoints == POINTS
    assert decode_mask(mask.mask).sum() == 1600
    assert shape_to_box(mask) == box
    turned = Shape(box=(0, 0, 60, 60), rotated=(30, 30, 40, 20, np.pi / 4))
    assert decode_mask(shape_to_mask(turned, SIZE).mask).sum() == pytest.approx(800, rel=0.05)
    assert len(shape_to_polygons(turned, SIZE)[0].polygons[0]) == 8


def test_what_cannot_be_converted_is_said_in_one_line():
    whole = shape_from_mask(ellipse(60, 45, 20, 20))
    with pytest.raises(InputError, match="it is 120 x 90, the frame 64 x 48"):
        shape_to_mask(whole, (64, 48))
    with pytest.raises(InputError, match="it is empty"):
        shape_to_mask(Shape(box=(200, 200, 220, 220)), SIZE)
    empty = Shape(box=(0, 0, 5, 5), mask=encode_mask(np.zeros(SIZE[::-1], bool)))
    with pytest.raises(InputError, match="it has no area"):
        shape_to_polygons(empty, SIZE)
    line = Shape(box=(0, 0, 5, 5), polygons=((0, 0, 5, 0, 2, 0),))
    with pytest.raises(InputError, match="it has no area"):
        shape_to_polygons(line, SIZE)
