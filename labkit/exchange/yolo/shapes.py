"""Shapes to the numbers of a YOLO line, and back.

A line is ``class`` and then, all divided by the image's width or height:

======== ===================================================
detect   ``cx cy w h``
segment  ``x0 y0 x1 y1 ...``, one ring
pose     ``cx cy w h`` and ``x y v`` for each keypoint
obb      ``x0 y0 x1 y1 x2 y2 x3 y3``, the corners
======== ===================================================

Source: Ultralytics' documentation of its dataset formats; it refuses a whole image for one
coordinate above 1, so shapes are cut at the frame's edge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from labkit.core.errors import InputError
from labkit.core.geometry import (
    polygon_area,
    rotated_corners,
    shape_from_keypoints,
    shape_from_polygons,
    shape_from_rotated,
)
from labkit.core.types import Shape
from labkit.exchange.contours import join_rings, trace_mask
from labkit.exchange.keypoints import confidence, to_visible

__all__ = ["Losses", "Task", "decode", "encode", "format_line", "looks_rotated"]

Task = Literal["detect", "segment", "pose", "obb"]

FloatArray = NDArray[np.float64]

_SLACK = 0.01  # Ultralytics' own tolerance for coordinates beyond 0..1
_EDGE = 1e-6  # relative; a box that only rounding pushes over the edge is not 'cut'


_TEXT = {
    "outside": "{n} objects lie outside their frame and are left out",
    "clipped": "{n} objects reach beyond their frame and were cut at its edge",
    "rectangle": "{n} objects have only a box and were written as rectangles",
    "parts": "{n} objects have several parts, joined into one polygon",
    "holes": "{n} masks have holes, which were filled: YOLO polygons hold none",
    "flat": "{n} objects have no outline that could be traced; their boxes were written",
    "unposed": "{n} objects have no keypoints and got unlabelled ones",
    "padded": "{n} objects have fewer keypoints than others; unlabelled ones were added",
    "hull": "{n} outlines were written as their smallest rotated box",
    "only_box": "{n} objects have masks, polygons, keypoints or rotated boxes; "
    "only their boxes were written",
}


@dataclass(slots=True)
class Losses:
    """Counts of what the format could not hold."""

    counts: Counter[str] = field(default_factory=Counter)

    def add(self, what: str) -> None:
        """Count one object."""
        self.counts[what] += 1

    def notes(self) -> list[str]:
        """A line for each kind of loss."""
        return [t.format(n=self.counts[k]) for k, t in _TEXT.items() if self.counts[k]]


def format_line(class_id: int, numbers: Sequence[float | int]) -> str:
    """One line of a label file: 10 decimals hold 1e-6 px on an image of 10,000."""
    fields = [
        str(v) if isinstance(v, int) else f"{v:.10f}".rstrip("0").rstrip(".") for v in numbers
    ]
    return " ".join([str(class_id), *fields])


def _has_outline(shape: Shape) -> bool:
    return shape.polygons is not None or shape.mask is not None


def _rings(shape: Shape, losses: Losses) -> list[FloatArray]:
    """The outer rings of a shape; empty where it has no outline."""
    if not _has_outline(shape):
        return []
    if shape.polygons is not None:
        rings = [np.asarray(r, dtype=np.float64).reshape(-1, 2) for r in shape.polygons]
    else:
        assert shape.mask is not None
        rings, holes = trace_mask(shape.mask)
        if holes:
            losses.add("holes")
    rings = [r for r in rings if polygon_area(r) > 0]
    if not rings:
        losses.add("flat")
    return rings


def _box_corners(box: Sequence[float]) -> FloatArray:
    x1, y1, x2, y2 = box
    return np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]])


def _outline(shape: Shape, losses: Losses) -> FloatArray:
    rings = _rings(shape, losses)
    if len(rings) > 1:
        losses.add("parts")
    if rings:
        return join_rings(rings)
    if shape.rotated is not None:
        return np.asarray(rotated_corners(shape.rotated))
    if not _has_outline(shape):
        losses.add("rectangle")
    return _box_corners(shape.box)


def smallest_rectangle(points: FloatArray) -> FloatArray:
    """Corners ``(4, 2)`` of the smallest rotated box around the points ``(n, 2)``."""
    import shapely

    hull = shapely.MultiPoint(points).minimum_rotated_rectangle
    if hull.geom_type != "Polygon":  # points on a line
        raise InputError("The rotated box has no area")
    return np.asarray(hull.exterior.coords)[:4]


def _corners(shape: Shape, losses: Losses) -> FloatArray:
    if shape.rotated is not None:
        return np.asarray(rotated_corners(shape.rotated))
    rings = _rings(shape, losses)
    if not rings:
        if not _has_outline(shape):
            losses.add("rectangle")
        return _box_corners(shape.box)
    try:
        corners = smallest_rectangle(np.concatenate(rings))
    except InputError:
        losses.add("flat")
        return _box_corners(shape.box)
    losses.add("hull")
    return corners


def _clipped(points: FloatArray, size: FloatArray, losses: Losses) -> FloatArray:
    inside = np.clip(points, 0, size)
    if (np.abs(inside - points) > _EDGE * size).any():
        losses.add("clipped")
    return inside / size


def _pose(
    shape: Shape, size: tuple[float, float], keypoints: int, losses: Losses
) -> list[float | int]:
    points = list(to_visible(shape.keypoints or ()))
    if not points:
        losses.add("unposed")
    elif len(points) < keypoints:
        losses.add("padded")
    points += [(0.0, 0.0, 0)] * (keypoints - len(points))
    out: list[float | int] = []
    for x, y, flag in points:
        # a point beyond the frame is not in the picture: nothing there to label
        seen = flag and 0 <= x <= size[0] and 0 <= y <= size[1]
        out += [x / size[0], y / size[1], flag] if seen else [0.0, 0.0, 0]
    return out


def encode(
    shape: Shape, task: Task, width: int, height: int, losses: Losses, keypoints: int = 0
) -> list[float | int] | None:
    """The numbers of a line after the class id; None for an object outside its frame.

    Parameters
    ----------
    shape : Shape
    task : {'detect', 'segment', 'pose', 'obb'}
    width, height : int
        Of the image, pixels.
    losses : Losses
        Counts what the line cannot hold.
    keypoints : int
        Keypoints of every object (pose).
    """
    # plain floats for the box: numpy costs more than it saves on four numbers
    left, top, right, bottom = shape.box
    x1, x2 = min(max(left, 0.0), width), min(max(right, 0.0), width)
    y1, y2 = min(max(top, 0.0), height), min(max(bottom, 0.0), height)
    if x2 <= x1 or y2 <= y1:
        losses.add("outside")
        return None
    size = (float(width), float(height))
    if task in ("segment", "obb"):
        points = _outline(shape, losses) if task == "segment" else _corners(shape, losses)
        cut: list[float | int] = _clipped(points, np.array(size), losses).ravel().tolist()
        return cut
    if max(x1 - left, right - x2) > _EDGE * width or max(y1 - top, bottom - y2) > _EDGE * height:
        losses.add("clipped")
    numbers: list[float | int] = [(x1 + x2) / 2 / width, (y1 + y2) / 2 / height]
    numbers += [(x2 - x1) / width, (y2 - y1) / height]
    if task == "pose":
        return numbers + _pose(shape, size, keypoints, losses)
    if shape.polygons or shape.mask or shape.keypoints or shape.rotated:
        losses.add("only_box")
    return numbers


def _box(numbers: FloatArray, size: FloatArray) -> tuple[float, float, float, float]:
    centre, extent = numbers[:2] * size, numbers[2:4] * size
    if (extent <= 0).any():
        raise InputError("The box has no area", f"its size is {extent[0]:g} x {extent[1]:g} px")
    (x1, y1), (x2, y2) = centre - extent / 2, centre + extent / 2
    return float(x1), float(y1), float(x2), float(y2)


def _is_rectangle(corners: FloatArray, tolerance: float) -> bool:
    """Whether four corners are a rotated box: the diagonals halve each other and are equal."""
    middles = np.abs(corners[0] + corners[2] - corners[1] - corners[3]).max() / 2
    first = np.linalg.norm(corners[2] - corners[0])
    second = np.linalg.norm(corners[3] - corners[1])
    return bool(middles <= tolerance and abs(first - second) <= tolerance)


def looks_rotated(numbers: Sequence[float]) -> bool:
    """Whether the eight numbers of a line may be a rotated box, for any shape of image.

    Without the image's size angles are unknown, but a box is a parallelogram at every scale.
    """
    c = np.asarray(numbers, dtype=np.float64).reshape(4, 2)
    return bool(np.abs(c[0] + c[2] - c[1] - c[3]).max() < 1e-4)


def _rotated(corners: FloatArray) -> Shape:
    if not _is_rectangle(corners, tolerance=0.5):
        corners = smallest_rectangle(corners)
    along, across = corners[1] - corners[0], corners[2] - corners[1]
    cx, cy = corners.mean(axis=0)
    w, h = np.linalg.norm(along), np.linalg.norm(across)
    return shape_from_rotated(cx, cy, float(w), float(h), float(np.arctan2(along[1], along[0])))


def _columns(task: Task, n: int, kpt: tuple[int, int]) -> tuple[bool, int]:
    """Whether ``n`` numbers make an object of the task, and at which position a score stands."""
    if task == "segment" and n > 5:
        return True, n - n % 2
    want = {"detect": 4, "segment": 4, "obb": 8, "pose": 4 + kpt[0] * kpt[1]}[task]
    return n in (want, want + 1), want


def decode(
    numbers: Sequence[float],
    task: Task,
    width: int,
    height: int,
    kpt_shape: tuple[int, int] = (0, 0),
) -> tuple[Shape, float | None]:
    """The shape of the numbers of a line after the class id, and the score that may end it.

    Raises
    ------
    InputError
        The numbers are too few, too many, not finite, not normalised, or have no area.
    """
    right, n = _columns(task, len(numbers), kpt_shape)
    if not right:
        raise InputError(f"{len(numbers) + 1} columns are not a {task} label")
    values = np.asarray(numbers, dtype=np.float64)
    if not np.isfinite(values).all():
        raise InputError("A number is not finite")
    score = float(values[n]) if len(values) > n else None
    if score is not None and not 0 <= score <= 1:
        raise InputError(f"The score {score:g} is not in 0..1")
    size = np.array([width, height], dtype=np.float64)
    if task in ("segment", "obb") and n > 5:
        points = values[:n].reshape(-1, 2)
        _check_normalised(points)
        points = points * size
        return (
            _rotated(points) if task == "obb" else shape_from_polygons([points.ravel().tolist()])
        ), score
    _check_normalised(values[:4])
    box = _box(values[:4], size)
    if task != "pose":
        return Shape(box=box), score
    rows = values[4:n].reshape(kpt_shape)
    _check_normalised(rows[:, :2])
    flags = rows[:, 2] if kpt_shape[1] == 3 else np.where(rows.any(axis=1), 2.0, 0.0)
    placed = (rows[:, :2] * size).tolist()
    keypoints = [
        (x, y, confidence(float(f))) for (x, y), f in zip(placed, flags.tolist(), strict=True)
    ]
    return shape_from_keypoints(keypoints, box), score


def _check_normalised(values: FloatArray) -> None:
    wrong = values[(values < -_SLACK) | (values > 1 + _SLACK)]
    if wrong.size:
        raise InputError(f"The coordinate {wrong.flat[0]:g} is not normalised to 0..1")
