"""Shapes as people have them: a box, the points of an outline or a mask, made into a Shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit.core.errors import InputError
from labkit.core.geometry import clip_boxes, shape_from_mask, shape_from_polygons
from labkit.core.types import Frame, Rle, Shape

__all__ = ["ShapeLike", "as_shape", "fit_shape"]

ShapeLike = Shape | Rle | Sequence[float] | Sequence[Sequence[float]] | NDArray[Any]
"""A shape; a box of 4 numbers; ``(n, 2)`` points of an outline; a boolean ``(h, w)`` mask."""

_REMEDY = "pass a Shape, a box (x1, y1, x2, y2), the (n, 2) points of an outline, or a boolean mask"


def as_shape(shape: ShapeLike) -> Shape:
    """Any of the forms in which people have a shape.

    Parameters
    ----------
    shape : Shape, Rle or array_like
        A :class:`Shape` is returned as it is. Four numbers are a box ``x1, y1, x2, y2``; three or
        more ``(x, y)`` points are the outline of a polygon; a boolean array ``(h, w)`` is a mask of
        the frame's size. All in pixels.

    Raises
    ------
    InputError
        It is none of them, is empty, or has no area.

    Examples
    --------
    >>> as_shape((10, 10, 50, 80)).box
    (10.0, 10.0, 50.0, 80.0)
    >>> as_shape([(10, 10), (50, 10), (50, 80)]).polygons
    ((10.0, 10.0, 50.0, 10.0, 50.0, 80.0),)
    """
    if isinstance(shape, Shape):
        return shape
    if isinstance(shape, Rle):
        return shape_from_mask(shape)
    try:
        values = np.asarray(shape)
    except (TypeError, ValueError) as exc:
        raise _unusable(f"it is not an array: {exc}") from exc
    if values.dtype == bool and values.ndim == 2:
        return shape_from_mask(values)
    if values.dtype.kind not in "iuf":
        raise _unusable(f"it is {type(shape).__name__}, not numbers")
    if values.shape == (4,):
        x1, y1, x2, y2 = values.tolist()
        return Shape((x1, y1, x2, y2))
    if values.ndim == 2 and values.shape[1] == 2 and len(values) >= 3:
        return shape_from_polygons([values.astype(np.float64).ravel().tolist()])
    if values.ndim == 2 and values.dtype.kind in "iu" and values.shape[1] > 2:
        raise _unusable(
            f"it is an array {values.shape} of whole numbers", "pass mask > 0 for a mask"
        )
    raise _unusable(f"it has the shape {values.shape}")


def _unusable(why: str, remedy: str = _REMEDY) -> InputError:
    return InputError("This shape cannot be used", why, remedy)


def fit_shape(shape: Shape, frame: Frame) -> Shape:
    """A shape with its box cut at the frame's edges.

    Raises
    ------
    InputError
        It lies outside the frame, or its mask has another size.
    """
    x1, y1, x2, y2 = (float(v) for v in clip_boxes(shape.box, frame.width, frame.height))
    if x2 <= x1 or y2 <= y1:
        raise InputError(
            "This shape cannot be used",
            f"its box {shape.box} is outside of the frame of {frame.width} x {frame.height}",
        )
    mask = shape.mask
    if mask is not None and (mask.height, mask.width) != (frame.height, frame.width):
        raise InputError(
            "This mask cannot be used",
            f"it is {mask.width} x {mask.height}, the frame {frame.width} x {frame.height}",
        )
    return Shape((x1, y1, x2, y2), shape.rotated, shape.polygons, mask, shape.keypoints)
