"""Geometry against shapely and pycocotools, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from shapely.geometry import Polygon, box

from labkit.core import geometry as geo
from labkit.core.errors import InputError
from labkit.core.types import Shape

side = st.floats(1, 400, width=32)
place = st.floats(-200, 800, width=32)
boxes = st.tuples(place, place, side, side).map(lambda t: (t[0], t[1], t[0] + t[2], t[1] + t[3]))
masks = hnp.arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 40)))


@given(boxes, boxes)
def test_iou_is_shapelys(a, b) -> None:
    p, q = box(*a), box(*b)
    want = p.intersection(q).area / p.union(q).area
    assert geo.box_iou([a], [b])[0, 0] == pytest.approx(want, abs=1e-6)
    assert geo.paired_iou([a], [b])[0] == pytest.approx(want, abs=1e-6)


def test_iou_of_nothing_is_empty() -> None:
    assert geo.box_iou(np.empty((0, 4)), [(0, 0, 1, 1)]).shape == (0, 1)


@given(boxes)
def test_corners_and_sizes_are_inverse(b) -> None:
    assert geo.xywh_to_xyxy(geo.xyxy_to_xywh(b)) == pytest.approx(np.array(b), abs=1e-4)


@given(boxes, st.floats(-4, 4))
def test_rotating_keeps_the_area(b, angle) -> None:
    x, y, w, h = geo.xyxy_to_xywh(b)
    corners = geo.rotated_corners((x + w / 2, y + h / 2, w, h, angle))
    assert Polygon(corners).area == pytest.approx(w * h, rel=1e-6)
    assert geo.polygon_area(corners) == pytest.approx(w * h, rel=1e-6)


def test_a_quarter_turn_swaps_the_sides() -> None:
    shape = geo.shape_from_rotated(100, 50, 40, 20, np.pi / 2)
    assert shape.box == pytest.approx((90, 30, 110, 70))


@given(masks)
def test_masks_survive_rle(mask) -> None:
    rle = geo.encode_mask(mask)
    assert (rle.height, rle.width) == mask.shape
    assert (geo.decode_mask(rle) == mask).all()


@given(masks.filter(lambda m: m.any()))
def test_the_box_of_a_mask_is_tight(mask) -> None:
    ys, xs = np.nonzero(mask)
    want = (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
    assert geo.shape_from_mask(mask).box == tuple(map(float, want))


def test_polygons_fill_what_they_enclose() -> None:
    rle = geo.polygons_to_mask(
        [(2, 2, 12, 2, 12, 8, 2, 8), (20, 20, 25, 20, 25, 25, 20, 25)], 40, 30
    )
    mask = geo.decode_mask(rle)
    assert mask.shape == (30, 40)
    assert mask[3:7, 3:11].all()
    assert mask[21:24, 21:24].all()
    assert not mask[10:18].any()


@given(boxes, masks.filter(lambda m: m.any()))
def test_shapes_survive_json(b, mask) -> None:
    shape = Shape(
        b, (1, 2, 3, 4, 0.5), ((1, 2, 3, 4, 5, 6),), geo.encode_mask(mask), ((1, 2, 0.5),)
    )
    assert Shape.from_json(shape.to_json()) == shape


@pytest.mark.parametrize(
    "make",
    [
        lambda: Shape((0, 0, 0, 5)),
        lambda: Shape((5, 0, 1, 5)),
        lambda: Shape((0, 0, float("nan"), 5)),
        lambda: Shape((0, 0, 5)),
        lambda: geo.shape_from_polygons([]),
        lambda: geo.shape_from_polygons([(0, 0, 1, 1)]),
        lambda: geo.shape_from_polygons([(0, 0, 1, 1, 2, 2)]),
        lambda: geo.shape_from_polygons([(0, 0, 1, float("inf"), 2, 0)]),
        lambda: geo.shape_from_rotated(0, 0, 0, 5, 0),
        lambda: geo.shape_from_mask(np.zeros((4, 4), bool)),
        lambda: geo.encode_mask(np.zeros((4, 4, 3), bool)),
        lambda: geo.shape_from_keypoints([(1, 1, 0)]),
    ],
)
def test_impossible_shapes_are_one_clear_line(make) -> None:
    with pytest.raises(InputError, match="cannot be used") as caught:
        make()
    assert "\n" not in str(caught.value)


@given(st.integers(1, 9), st.integers(1, 9), st.data())
def test_a_window_is_encoded_as_the_whole_mask_would_be(width, height, data):
    whole = np.zeros((height, width), dtype=bool)
    x1, y1 = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    x2, y2 = data.draw(st.integers(x1 + 1, width)), data.draw(st.integers(y1 + 1, height))
    bits = data.draw(st.integers(0, 2 ** ((x2 - x1) * (y2 - y1)) - 1))
    flat = [bool(bits >> k & 1) for k in range((x2 - x1) * (y2 - y1))]
    whole[y1:y2, x1:x2] = np.reshape(flat, (y2 - y1, x2 - x1))
    assert geo.encode_window(whole[y1:y2, x1:x2], (x1, y1), width, height) == geo.encode_mask(whole)
