"""Boxes, polygons, masks and keypoints: pure numpy, no model and no image library.

Boxes are ``xyxy`` arrays in pixels unless a name says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labkit.core.errors import InputError
from labkit.core.types import Rle, Shape

__all__ = [
    "box_area",
    "box_iou",
    "clip_boxes",
    "decode_mask",
    "encode_mask",
    "encode_window",
    "mask_iou",
    "paired_iou",
    "polygon_area",
    "polygons_to_mask",
    "rotated_corners",
    "shape_from_keypoints",
    "shape_from_mask",
    "shape_from_polygons",
    "shape_from_rotated",
    "xywh_to_xyxy",
    "xyxy_to_xywh",
]

FloatArray = NDArray[np.floating[Any]]


def box_area(boxes: ArrayLike) -> FloatArray:
    """Area of ``(..., 4)`` boxes in square pixels; 0 for inverted ones."""
    b = np.asarray(boxes, dtype=np.float64)
    size = np.clip(b[..., 2:] - b[..., :2], 0, None)
    return np.asarray(size[..., 0] * size[..., 1])


def paired_iou(a: ArrayLike, b: ArrayLike) -> FloatArray:
    """IoU of ``(n, 4)`` boxes with their partners ``(n, 4)``: ``(n,)``, 0..1."""
    p, q = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    size = np.minimum(p[..., 2:], q[..., 2:]) - np.maximum(p[..., :2], q[..., :2])
    size = np.clip(size, 0, None)
    inter = size[..., 0] * size[..., 1]
    union = box_area(p) + box_area(q) - inter
    return np.asarray(np.divide(inter, union, out=np.zeros_like(inter), where=union > 0))


def box_iou(a: ArrayLike, b: ArrayLike) -> FloatArray:
    """IoU of every box of ``a`` ``(n, 4)`` with every box of ``b`` ``(m, 4)``: ``(n, m)``, 0..1."""
    p = np.asarray(a, dtype=np.float64).reshape(-1, 4)
    q = np.asarray(b, dtype=np.float64).reshape(-1, 4)
    return paired_iou(
        np.broadcast_to(p[:, None], (len(p), len(q), 4)),
        np.broadcast_to(q[None], (len(p), len(q), 4)),
    )


def clip_boxes(boxes: ArrayLike, width: float, height: float) -> FloatArray:
    """``(..., 4)`` boxes cut at the frame's edges."""
    b = np.array(boxes, dtype=np.float64)
    b[..., 0::2] = np.clip(b[..., 0::2], 0, width)
    b[..., 1::2] = np.clip(b[..., 1::2], 0, height)
    return b


def xywh_to_xyxy(boxes: ArrayLike) -> FloatArray:
    """Top-left corner and size (COCO's ``bbox``) to corners."""
    b = np.asarray(boxes, dtype=np.float64)
    return np.concatenate([b[..., :2], b[..., :2] + b[..., 2:4]], axis=-1)


def xyxy_to_xywh(boxes: ArrayLike) -> FloatArray:
    """Corners to top-left corner and size (COCO's ``bbox``)."""
    b = np.asarray(boxes, dtype=np.float64)
    return np.concatenate([b[..., :2], b[..., 2:4] - b[..., :2]], axis=-1)


def rotated_corners(rotated: ArrayLike) -> FloatArray:
    """Corners ``(..., 4, 2)`` of rotated boxes ``(..., 5)`` ``cx, cy, w, h, angle`` (radians)."""
    r = np.asarray(rotated, dtype=np.float64)
    cos, sin = np.cos(r[..., 4]), np.sin(r[..., 4])
    half_w = np.stack([cos, sin], -1) * (r[..., 2] / 2)[..., None]
    half_h = np.stack([-sin, cos], -1) * (r[..., 3] / 2)[..., None]
    centre = r[..., :2]
    corners = [centre - half_w - half_h, centre + half_w - half_h]
    corners += [centre + half_w + half_h, centre - half_w + half_h]
    return np.stack(corners, axis=-2)


def polygon_area(ring: ArrayLike) -> float:
    """Area of one ring ``x0, y0, x1, y1, ...`` in square pixels (shoelace formula)."""
    p = np.asarray(ring, dtype=np.float64).reshape(-1, 2)
    x, y = p[:, 0], p[:, 1]
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def encode_mask(mask: NDArray[Any]) -> Rle:
    """COCO RLE of a boolean or 0/1 mask ``(height, width)``."""
    from pycocotools import mask as coco

    if mask.ndim != 2:
        raise InputError(
            "This mask cannot be used", f"its shape is {mask.shape}, not (height, width)"
        )
    rle = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    return Rle(int(rle["size"][0]), int(rle["size"][1]), rle["counts"].decode("ascii"))


def encode_window(mask: NDArray[np.bool_], corner: tuple[int, int], width: int, height: int) -> Rle:
    """COCO RLE of a mask of frame size that is empty outside of a window.

    Equal to :func:`encode_mask` of the whole mask, at the cost of the window only.

    Parameters
    ----------
    mask : ndarray of bool
        The window's pixels, ``(height, width)`` of the window.
    corner : (x, y)
        Where its first pixel lies in the frame.
    width, height : int
        Of the frame, which holds the whole window.
    """
    from pycocotools import mask as coco

    x, y = corner
    rows, columns = mask.shape
    # runs go down the columns, from one edge of the mask to the next
    padded = np.zeros((columns, rows + 2), dtype=np.int8)
    padded[:, 1:-1] = mask.T
    column, row = np.nonzero(np.diff(padded, axis=1))
    places = (column.astype(np.int64) + x) * height + row + y
    if rows == height:  # a run may go on at the top of the next column
        joined = np.flatnonzero(places[1:] == places[:-1])
        places = np.delete(places, np.concatenate([joined, joined + 1]))
    total = width * height
    counts = np.diff(places, prepend=0, append=total).tolist()
    if len(counts) > 1 and counts[-1] == 0:
        counts.pop()
    rle = coco.frPyObjects({"size": [height, width], "counts": counts}, height, width)
    return Rle(height, width, rle["counts"].decode("ascii"))


def decode_mask(rle: Rle) -> NDArray[np.bool_]:
    """The boolean mask ``(height, width)`` of a COCO RLE."""
    from pycocotools import mask as coco

    data = {"size": [rle.height, rle.width], "counts": rle.counts.encode("ascii")}
    return np.asarray(coco.decode(data), dtype=bool)


def mask_iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """IoU of two boolean masks of one size, 0..1; 1 where both are empty."""
    union = int(np.count_nonzero(a | b))
    return int(np.count_nonzero(a & b)) / union if union else 1.0


def polygons_to_mask(polygons: Iterable[Sequence[float]], width: int, height: int) -> Rle:
    """COCO RLE of the union of rings, on a frame of ``width`` by ``height`` pixels."""
    from pycocotools import mask as coco

    rings = [[float(v) for v in ring] for ring in polygons]
    rle = coco.merge(coco.frPyObjects(rings, height, width))
    return Rle(height, width, rle["counts"].decode("ascii"))


def _bounds(points: NDArray[Any]) -> tuple[float, float, float, float]:
    low, high = points.min(axis=0), points.max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _points(values: ArrayLike, what: str, minimum: int) -> FloatArray:
    flat = np.asarray(values, dtype=np.float64).ravel()
    if flat.size % 2 or flat.size < 2 * minimum or not np.isfinite(flat).all():
        raise InputError(
            f"This {what} cannot be used", f"it needs at least {minimum} finite points as x, y"
        )
    return flat.reshape(-1, 2)


def shape_from_polygons(polygons: Iterable[Sequence[float]]) -> Shape:
    """A shape of one or several rings ``x0, y0, x1, y1, ...``, each of three points or more."""
    rings = [_points(ring, "polygon", 3) for ring in polygons]
    if not rings:
        raise InputError("This polygon cannot be used", "it has no ring")
    if sum(polygon_area(r) for r in rings) <= 0:
        raise InputError("This polygon cannot be used", "it has no area")
    return Shape(
        box=_bounds(np.concatenate(rings)),
        polygons=tuple(tuple(float(v) for v in ring.ravel()) for ring in rings),
    )


def shape_from_rotated(cx: float, cy: float, w: float, h: float, angle: float) -> Shape:
    """A shape of one rotated box, angle in radians."""
    values = (float(cx), float(cy), float(w), float(h), float(angle))
    if not np.isfinite(values).all() or w <= 0 or h <= 0:
        raise InputError("This rotated box cannot be used", f"{values!r} has no finite area")
    return Shape(box=_bounds(rotated_corners(values)), rotated=values)


def shape_from_mask(mask: NDArray[Any] | Rle) -> Shape:
    """A shape of one mask; an empty mask is an error."""
    rle = mask if isinstance(mask, Rle) else encode_mask(mask)
    from pycocotools import mask as coco

    data = {"size": [rle.height, rle.width], "counts": rle.counts.encode("ascii")}
    if not coco.area(data):
        raise InputError("This mask cannot be used", "it is empty")
    x, y, w, h = (float(v) for v in coco.toBbox(data))
    return Shape(box=(x, y, x + w, y + h), mask=rle)


def shape_from_keypoints(
    keypoints: Iterable[Sequence[float]], box: Sequence[float] | None = None
) -> Shape:
    """A shape of keypoints ``(x, y, v)``; without a box, the one around the points with v > 0."""
    points = tuple((float(x), float(y), float(v)) for x, y, v in keypoints)
    if box is None:
        seen = np.array([(x, y) for x, y, v in points if v > 0])
        if not len(seen):
            raise InputError("These keypoints cannot be used", "none of them is visible")
        x1, y1, x2, y2 = _bounds(_points(seen, "keypoint set", 1))
        box = (x1 - 0.5, y1 - 0.5, x2 + 0.5, y2 + 0.5)
    x1, y1, x2, y2 = box
    return Shape(box=(x1, y1, x2, y2), keypoints=points)
