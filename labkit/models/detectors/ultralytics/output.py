"""From the arrays of a YOLO model to proposals: numpy only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit.core.geometry import box_iou, clip_boxes, encode_mask, rotated_corners
from labkit.core.types import LabelChoice, Proposal, Shape
from labkit.models.contours import mask_to_polygons
from labkit.models.detectors.base import FrameResult

__all__ = ["EMPTY_MASK", "NO_AREA", "RawFrame", "build_proposals"]

NO_AREA = "(no area inside the frame)"
EMPTY_MASK = "(empty mask)"
"""Reasons in :attr:`labkit.models.detectors.base.FrameResult.dropped`."""

_SAME_OBJECT = 0.5


@dataclass(frozen=True, slots=True)
class RawFrame:
    """One frame after NMS, in pixels of the frame, best score first.

    Attributes
    ----------
    frame_shape : (height, width)
    boxes : ndarray, (n, 4)
        ``xyxy``, inside the frame; with ``rotated``, not used.
    scores : ndarray, (n,)
        0..1.
    classes : ndarray of int, (n,)
    top : (classes, scores) or None
        Each ``(n, k)``, ``k`` up to 3: the best classes, that of ``classes`` first.
    rotated : ndarray, (n, 5), or None
        ``cx, cy, w, h, angle``.
    keypoints : ndarray, (n, k, 2 or 3), or None
    masks : list of ndarray or None
        0/1, each from the floor of its box's corner to the ceiling of the other.
    """

    frame_shape: tuple[int, int]
    boxes: NDArray[Any]
    scores: NDArray[Any]
    classes: NDArray[np.intp]
    top: tuple[NDArray[Any], NDArray[Any]] | None = None
    rotated: NDArray[Any] | None = None
    keypoints: NDArray[Any] | None = None
    masks: list[NDArray[np.uint8]] | None = None


def build_proposals(
    raw: RawFrame,
    frame_id: str,
    labels: Sequence[str],
    *,
    polygons: bool = False,
    overlap_choices: bool = False,
) -> FrameResult:
    """Proposals under the model's labels; boxes without area and empty masks are counted.

    Parameters
    ----------
    polygons : bool
        Masks as polygons, too.
    overlap_choices : bool
        Take the second and third choice from overlapping boxes (IoU ≥ 0.5) of other classes.
    """
    height, width = raw.frame_shape
    boxes = raw.boxes
    if raw.rotated is not None:
        corners = rotated_corners(raw.rotated)
        boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    boxes = clip_boxes(boxes.reshape(-1, 4), width, height)
    area = (
        (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1]) & np.isfinite(boxes).all(axis=1)
    )
    if raw.rotated is not None:
        area &= (raw.rotated[:, 2:4] > 0).all(axis=1) & np.isfinite(raw.rotated).all(axis=1)
    choices = _overlap_choices(raw, boxes, labels) if overlap_choices else _choices(raw, labels)
    dropped: dict[str, int] = {}
    out: list[Proposal] = []
    for k in np.argsort(-raw.scores, kind="stable").tolist():
        if not area[k]:
            dropped[NO_AREA] = dropped.get(NO_AREA, 0) + 1
            continue
        if raw.masks is not None and not raw.masks[k].any():
            dropped[EMPTY_MASK] = dropped.get(EMPTY_MASK, 0) + 1
            continue
        out.append(
            Proposal(
                frame_id=frame_id,
                index=len(out),
                label=labels[raw.classes[k]],
                score=float(raw.scores[k]),
                shape=_shape(raw, k, boxes[k].tolist(), polygons),
                choices=choices[k],
            )
        )
    return FrameResult(out, dropped)


def _shape(raw: RawFrame, k: int, box: list[float], polygons: bool) -> Shape:
    mask = rings = rotated = points = None
    if raw.masks is not None:
        crop, (x, y) = raw.masks[k], (math.floor(box[0]), math.floor(box[1]))
        # column-major: what COCO's run lengths are counted in
        whole = np.zeros(raw.frame_shape, dtype=np.uint8, order="F")
        whole[y : y + crop.shape[0], x : x + crop.shape[1]] = crop
        mask = encode_mask(whole)
        rings = mask_to_polygons(crop, (x, y)) if polygons else None
    if raw.rotated is not None:
        cx, cy, w, h, angle = raw.rotated[k].tolist()
        rotated = (cx, cy, w, h, angle)
    if raw.keypoints is not None:
        rows = raw.keypoints[k].tolist()
        points = tuple((row[0], row[1], row[2] if len(row) > 2 else 1.0) for row in rows)
    return Shape(
        box=(box[0], box[1], box[2], box[3]),
        rotated=rotated,
        polygons=rings,
        mask=mask,
        keypoints=points,
    )


def _choices(raw: RawFrame, labels: Sequence[str]) -> list[tuple[LabelChoice, ...]]:
    if raw.top is None:
        pairs = zip(raw.classes.tolist(), raw.scores.tolist(), strict=True)
        return [(LabelChoice(labels[c], s),) for c, s in pairs]
    classes, scores = raw.top
    return [
        tuple(LabelChoice(labels[c], s) for c, s in zip(row, values, strict=True))
        for row, values in zip(classes.tolist(), scores.tolist(), strict=True)
    ]


def _overlap_choices(
    raw: RawFrame, boxes: NDArray[Any], labels: Sequence[str]
) -> list[tuple[LabelChoice, ...]]:
    """End-to-end heads give a box one class: the other classes' boxes on the same spot stand in."""
    iou = box_iou(boxes, boxes) if len(boxes) else np.zeros((0, 0))
    out: list[tuple[LabelChoice, ...]] = []
    for k, (own, score) in enumerate(zip(raw.classes.tolist(), raw.scores.tolist(), strict=True)):
        best: dict[int, float] = {}
        for j in np.flatnonzero(iou[k] >= _SAME_OBJECT).tolist():
            other = int(raw.classes[j])
            # a second choice is never better than the first
            if other != own and raw.scores[j] <= score:
                best[other] = max(best.get(other, 0.0), float(raw.scores[j]))
        ranked = sorted(best.items(), key=lambda item: -item[1])[:2]
        out.append(
            (LabelChoice(labels[own], score), *(LabelChoice(labels[c], s) for c, s in ranked))
        )
    return out
