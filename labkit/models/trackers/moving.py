"""Shapes that move: a similarity transform on boxes, rotated boxes, polygons and masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labkit.core.errors import InputError
from labkit.core.geometry import clip_boxes, decode_mask, shape_from_mask, shape_from_polygons
from labkit.core.types import Shape

__all__ = ["Matrix", "between_boxes", "compose", "in_sight", "move", "move_box", "move_points"]

Matrix = NDArray[np.float64]
"""``(2, 3)``: pixel ``x, y, 1`` of one frame → ``x, y`` of another."""

IN_SIGHT = 0.1
"""An object has left the frame if a smaller share of its area is inside."""


def compose(second: Matrix, first: Matrix) -> Matrix:
    """``first``, then ``second``."""
    full = np.vstack([first, [0.0, 0.0, 1.0]])
    return np.asarray(second @ full, dtype=np.float64)


def between_boxes(a: Sequence[float], b: Sequence[float]) -> Matrix:
    """The move that takes one box to another (each axis has a scale of its own)."""
    p, q = np.asarray(a, np.float64), np.asarray(b, np.float64)
    scale = (q[2:] - q[:2]) / np.maximum(p[2:] - p[:2], 1e-9)
    return np.column_stack([np.diag(scale), q[:2] - scale * p[:2]])


def move_points(points: Any, matrix: Matrix) -> NDArray[np.float64]:
    """Points ``(n, 2)`` under a transform."""
    p = np.asarray(points, np.float64).reshape(-1, 2)
    return np.asarray(p @ matrix[:, :2].T + matrix[:, 2])


def move_box(box: Sequence[float], matrix: Matrix) -> NDArray[np.float64]:
    """An upright box under a transform: its centre moves, its sides scale, it does not turn."""
    b = np.asarray(box, np.float64)
    centre = move_points((b[:2] + b[2:]) / 2, matrix)[0]
    half = (b[2:] - b[:2]) / 2 * np.linalg.norm(matrix[:, :2], axis=0)
    return np.concatenate([centre - half, centre + half])


def in_sight(box: ArrayLike, width: int, height: int) -> bool:
    """Whether a box is finite and lies in the frame by ``IN_SIGHT`` of its area."""
    b = np.asarray(box, np.float64)
    if not np.isfinite(b).all():
        return False
    size, seen = b[2:] - b[:2], clip_boxes(b, width, height)
    seen = seen[2:] - seen[:2]
    return bool((size > 0).all() and (seen > 0).all() and seen.prod() >= IN_SIGHT * size.prod())


def move(shape: Shape, matrix: Matrix, width: int, height: int) -> Shape | None:
    """A shape under a similarity transform, cut at the frame's edges.

    A mask or polygons move as they are, and the box is theirs; where there is neither, the box
    moves without turning. A rotated box moves and turns. Keypoints are left out: they have a motion
    of their own, see :mod:`labkit.models.trackers.keypoints`.

    Parameters
    ----------
    shape : Shape
    matrix : ndarray, (2, 3)
    width, height : int
        Of the frame.

    Returns
    -------
    Shape or None
        None if nothing, or too little of the box, is left in the frame.
    """
    box = move_box(shape.box, matrix)
    if not np.isfinite(matrix).all() or not in_sight(box, width, height):
        return None
    if shape.mask is not None:
        return _move_mask(shape, matrix, width, height)
    if shape.polygons is not None:
        return _move_polygons(shape.polygons, matrix, width, height)
    x1, y1, x2, y2 = clip_boxes(box, width, height)
    if shape.rotated is None:
        return Shape((x1, y1, x2, y2))
    cx, cy, w, h, angle = shape.rotated
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    turn = float(np.arctan2(matrix[1, 0], matrix[0, 0]))
    (cx, cy), turned = move_points((cx, cy), matrix)[0], angle + turn
    return Shape((x1, y1, x2, y2), rotated=(float(cx), float(cy), w * scale, h * scale, turned))


def _move_mask(shape: Shape, matrix: Matrix, width: int, height: int) -> Shape | None:
    import cv2

    assert shape.mask is not None
    mask = decode_mask(shape.mask).astype(np.uint8) * 255
    # pixel (0, 0) covers 0..1 here, and -0.5..0.5 for OpenCV
    shifted = matrix.copy()
    shifted[:, 2] += matrix[:, :2].sum(axis=1) / 2 - 0.5
    moved = cv2.warpAffine(mask, shifted, (width, height), flags=cv2.INTER_LINEAR) >= 128
    return shape_from_mask(moved) if moved.any() else None


def _move_polygons(
    polygons: Sequence[Sequence[float]], matrix: Matrix, width: int, height: int
) -> Shape | None:
    from shapely import Polygon, box, make_valid

    frame = box(0, 0, width, height)
    rings: list[list[float]] = []
    for ring in polygons:
        points = move_points(ring, matrix)
        if (points >= 0).all() and (points <= (width, height)).all():
            rings.append(points.ravel().tolist())
            continue
        cut = make_valid(Polygon(points)).intersection(frame)
        parts = [g for g in getattr(cut, "geoms", [cut]) if g.geom_type == "Polygon" and g.area > 0]
        rings += [np.asarray(g.exterior.coords)[:-1].ravel().tolist() for g in parts]
    try:
        return shape_from_polygons(rings)
    except InputError:  # nothing with an area is left in the frame
        return None
