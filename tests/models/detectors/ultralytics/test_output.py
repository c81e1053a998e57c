"""From arrays to proposals: clipping, empty masks, contours, choices by overlap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.core.geometry import decode_mask, polygons_to_mask
from labkit.models.contours import mask_to_polygons
from labkit.models.detectors.ultralytics.output import (
    EMPTY_MASK,
    NO_AREA,
    RawFrame,
    build_proposals,
)

LABELS = ["car", "truck", "bus"]


def raw(boxes, scores, classes, **more) -> RawFrame:
    return RawFrame(
        frame_shape=(100, 200),
        boxes=np.array(boxes, dtype=np.float32).reshape(-1, 4),
        scores=np.array(scores, dtype=np.float32),
        classes=np.array(classes, dtype=np.intp),
        **more,
    )


def test_boxes_are_clipped_and_those_without_area_counted() -> None:
    found = build_proposals(
        raw([[-5, -5, 250, 50], [210, 0, 220, 10], [5, 5, 5, 9], [np.nan, 0, 1, 1]],
            [0.9, 0.8, 0.7, 0.6], [0, 1, 2, 0]),
        "f", LABELS,
    )  # fmt: skip
    assert [p.shape.box for p in found.proposals] == [(0, 0, 200, 50)]
    assert found.dropped == {NO_AREA: 3}


def test_nothing_found() -> None:
    assert build_proposals(raw([], [], []), "f", LABELS, overlap_choices=True).proposals == []


def test_best_first_whatever_the_order() -> None:
    found = build_proposals(raw([[0, 0, 9, 9]] * 3, [0.2, 0.9, 0.5], [0, 1, 2]), "f", LABELS)
    assert [(p.index, p.label) for p in found.proposals] == [(0, "truck"), (1, "bus"), (2, "car")]


def test_empty_masks_are_dropped_and_counted() -> None:
    masks = [np.ones((10, 10), np.uint8), np.zeros((10, 10), np.uint8)]
    boxes = [[20, 30, 30, 40], [50, 50, 60, 60]]
    found = build_proposals(raw(boxes, [0.9, 0.8], [0, 0], masks=masks), "f", LABELS, polygons=True)
    (p,) = found.proposals
    assert found.dropped == {EMPTY_MASK: 1}
    assert p.shape.mask is not None
    pixels = decode_mask(p.shape.mask)
    assert pixels.shape == (100, 200)
    assert pixels[30:40, 20:30].all()
    assert pixels.sum() == 100


def test_overlapping_boxes_of_other_classes_are_the_other_choices() -> None:
    boxes = [[0, 0, 10, 10], [0, 0, 10, 9], [50, 50, 60, 60], [1, 0, 10, 10]]
    found = build_proposals(
        raw(boxes, [0.9, 0.6, 0.5, 0.3], [0, 1, 2, 0]), "f", LABELS, overlap_choices=True
    )
    first, second, alone, last = found.proposals
    assert [(c.label, pytest.approx(c.score)) for c in first.choices] == [
        ("car", 0.9), ("truck", 0.6),
    ]  # fmt: skip
    assert [c.label for c in second.choices] == ["truck", "car"]
    assert [c.label for c in alone.choices] == ["bus"]
    assert [c.label for c in last.choices] == ["car"]  # never a choice better than the first


def test_a_rotated_box_is_enclosed_and_clipped() -> None:
    rotated = np.array([[100, 50, 40, 20, np.pi / 2], [190, 90, 60, 60, np.pi / 4]], np.float32)
    found = build_proposals(raw(np.zeros((2, 4)), [0.9, 0.8], [0, 1], rotated=rotated), "f", LABELS)
    assert found.proposals[0].shape.box == pytest.approx((90, 30, 110, 70), abs=1e-4)
    assert found.proposals[1].shape.box[2:] == (200, 100)
    assert found.proposals[1].shape.rotated == pytest.approx(rotated[1].tolist())


def test_keypoints_without_a_score_count_as_sure() -> None:
    points = np.array([[[1, 2], [3, 4]]], np.float32)
    found = build_proposals(raw([[0, 0, 9, 9]], [0.9], [0], keypoints=points), "f", LABELS)
    assert found.proposals[0].shape.keypoints == ((1, 2, 1), (3, 4, 1))


def test_parts_are_kept_and_crumbs_dropped() -> None:
    mask = np.zeros((60, 100), np.uint8)
    mask[5:35, 5:45] = 1
    mask[40:52, 60:80] = 1
    mask[58, 98] = 1
    rings = mask_to_polygons(mask, (10, 20))
    assert rings is not None
    assert len(rings) == 2
    first = np.reshape(rings[0], (-1, 2))
    assert first.min(axis=0).tolist() == pytest.approx([15, 25], abs=0.5)
    assert first.max(axis=0).tolist() == pytest.approx([55, 55], abs=0.5)
    assert mask_to_polygons(np.zeros((5, 5), np.uint8)) is None


@settings(max_examples=40, deadline=None)
@given(st.integers(8, 90), st.integers(8, 60), st.integers(0, 90), st.integers(0, 30))
def test_polygons_cover_their_mask_but_for_some_of_its_rim(w: int, h: int, x: int, y: int) -> None:
    mask = np.zeros((100, 200), bool)
    mask[y : y + h, x : x + w] = True
    rings = mask_to_polygons(mask)
    assert rings is not None
    back = decode_mask(polygons_to_mask(rings, 200, 100))
    assert (back ^ mask).sum() <= (w + h) / 2
