"""Masks to polygons and back, and any shape to any other, with what is lost on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit.core.errors import InputError
from labkit.core.geometry import (
    decode_mask,
    encode_mask,
    polygon_area,
    polygons_to_mask,
    rotated_corners,
    shape_from_mask,
    shape_from_polygons,
)
from labkit.core.rings import Ring, outlines, thin_rings
from labkit.core.types import Rle, Shape

__all__ = [
    "PolygonReport",
    "mask_polygons",
    "mask_to_polygons",
    "shape_to_box",
    "shape_to_mask",
    "shape_to_polygons",
]

_CLOSE = 0.5
"""Pixels by which outlines may move by default."""


@dataclass(frozen=True, slots=True)
class PolygonReport:
    """Polygons of a mask, and what of the mask they cannot represent.

    Attributes
    ----------
    polygons : tuple of Ring
        Outer rings, largest first; empty for an empty mask.
    parts : int
        Parts of the mask that do not touch.
    dropped : int
        Parts that have no ring.
    holes : int
        Holes of the mask; rings fill them.
    missing, surplus : int
        Pixels of the mask that the polygons leave out, and pixels that they add.
    area : int
        Pixels of the mask.
    iou : float
        Of the filled polygons with the mask, 0..1; 1 where both are empty.
    tolerance : float
        Pixels by which the outlines were allowed to move.
    """

    polygons: tuple[Ring, ...]
    parts: int
    dropped: int
    holes: int
    missing: int
    surplus: int
    area: int
    iou: float
    tolerance: float

    @property
    def points(self) -> int:
        """Points of all rings together."""
        return sum(len(ring) // 2 for ring in self.polygons)

    @property
    def note(self) -> str:
        """One line about holes and parts that are lost; empty where there are none."""
        lost = []
        if self.holes:
            lost.append(f"{_count(self.holes, 'hole is', 'holes are')} filled")
        if self.dropped:
            lost.append(f"{self.dropped} of {_count(self.parts, 'part', 'parts')} left out")
        if not lost:
            return ""
        return f"{', '.join(lost)}; IoU with the mask {self.iou:.3f}"


def mask_polygons(
    mask: NDArray[Any] | Rle, tolerance: float = _CLOSE, budget: int | None = None
) -> PolygonReport:
    """Outer rings of a mask and how well they stand for it.

    Parameters
    ----------
    mask : ndarray (height, width), 0 or not 0, or Rle
    tolerance : float
        Pixels by which outlines may move; 0 keeps every corner of the pixels' outline.
    budget : int, optional
        Most points of all rings together, from 3: see :func:`labkit.core.rings.thin_rings`. The
        smallest parts are dropped where there are more parts than triangles in the budget.

    Raises
    ------
    InputError
        The tolerance or the budget is out of range.
    """
    pixels = decode_mask(mask) if isinstance(mask, Rle) else np.asarray(mask) != 0
    parts = outlines(pixels)
    thin = thin_rings([part.ring for part in parts], tolerance, budget)
    rle = mask if isinstance(mask, Rle) else encode_mask(pixels)
    missing, surplus, area = _differences(rle, thin.rings)
    either = area + surplus
    return PolygonReport(
        polygons=thin.rings,
        parts=len(parts),
        dropped=len(parts) - len(thin.rings),
        holes=sum(len(part.holes) for part in parts),
        missing=missing,
        surplus=surplus,
        area=area,
        iou=(area - missing) / either if either else 1.0,
        tolerance=thin.tolerance,
    )


def mask_to_polygons(
    mask: NDArray[Any], offset: tuple[int, int] = (0, 0), min_share: float = 0.01
) -> tuple[Ring, ...] | None:
    """Outer rings of a mask without its crumbs, largest first, or None where nothing is left.

    Parameters
    ----------
    mask : ndarray, (height, width)
        0 or not 0.
    offset : (x, y)
        Where the mask's corner lies in its frame, pixels.
    min_share : float
        Parts smaller than this share of the largest one, or than 4 square pixels, are dropped, but
        never the largest.
    """
    parts = outlines(mask)
    if not parts:
        return None
    sizes = [polygon_area(part.ring) for part in parts]
    least = max(4.0, min_share * sizes[0])
    kept = [p.ring for k, p in enumerate(parts) if k == 0 or sizes[k] >= least]
    shift = np.asarray(offset, dtype=np.float64)
    return thin_rings([ring + shift for ring in kept], _CLOSE).rings


def shape_to_polygons(
    shape: Shape,
    size: tuple[int, int],
    tolerance: float = _CLOSE,
    budget: int | None = None,
) -> tuple[Shape, PolygonReport]:
    """A shape as polygons, keypoints kept, and what polygons cannot hold of it.

    Parameters
    ----------
    shape : Shape
        Its mask is used if it has one, else its polygons, its rotated box, or its box.
    size : (width, height)
        Of the frame, pixels.
    tolerance, budget
        As for :func:`mask_polygons`.

    Raises
    ------
    InputError
        The mask is empty or of another size, or the polygons have no area.
    """
    if shape.mask is not None:
        report = mask_polygons(_fitting(shape.mask, size), tolerance, budget)
    else:
        report = _thinned(_rings(shape), size, tolerance, budget)
    if not report.polygons:
        raise InputError("This shape cannot become polygons", "it has no area")
    return replace(shape_from_polygons(report.polygons), keypoints=shape.keypoints), report


def shape_to_mask(shape: Shape, size: tuple[int, int]) -> Shape:
    """A shape as mask, keypoints kept; polygons and boxes are filled (COCO's rule).

    Parameters
    ----------
    shape : Shape
    size : (width, height)
        Of the frame, pixels.

    Raises
    ------
    InputError
        No pixel of the frame is covered, or the mask is of another size.
    """
    filled = shape_from_mask(_filled(shape, size))
    return replace(filled, keypoints=shape.keypoints)


def shape_to_box(shape: Shape) -> Shape:
    """A shape as its upright box, keypoints kept."""
    return Shape(box=shape.box, keypoints=shape.keypoints)


def _filled(shape: Shape, size: tuple[int, int]) -> Rle:
    if shape.mask is not None:
        return _fitting(shape.mask, size)
    return polygons_to_mask(_rings(shape), *size)


def _rings(shape: Shape) -> Sequence[Ring]:
    if shape.polygons is not None:
        return shape.polygons
    if shape.rotated is not None:
        return [tuple(rotated_corners(shape.rotated).ravel().tolist())]
    x1, y1, x2, y2 = shape.box
    return [(x1, y1, x2, y1, x2, y2, x1, y2)]


def _fitting(mask: Rle, size: tuple[int, int]) -> Rle:
    if (mask.width, mask.height) != tuple(size):
        raise InputError(
            "This mask cannot be used",
            f"it is {mask.width} x {mask.height}, the frame {size[0]} x {size[1]}",
        )
    return mask


def _thinned(
    rings: Sequence[Ring], size: tuple[int, int], tolerance: float, budget: int | None
) -> PolygonReport:
    thin = thin_rings(rings, tolerance, budget)
    missing, surplus, area = _differences(polygons_to_mask(rings, *size), thin.rings)
    either = area + surplus
    return PolygonReport(
        polygons=thin.rings,
        parts=len(thin.rings) + thin.dropped,
        dropped=thin.dropped,
        holes=0,
        missing=missing,
        surplus=surplus,
        area=area,
        iou=(area - missing) / either if either else 1.0,
        tolerance=thin.tolerance,
    )


def _differences(mask: Rle, rings: Sequence[Ring]) -> tuple[int, int, int]:
    """Pixels that the rings leave out and add, and those of the mask."""
    from pycocotools import mask as coco

    a = {"size": [mask.height, mask.width], "counts": mask.counts.encode("ascii")}
    area = int(coco.area(a))
    if not rings:
        return area, 0, area
    other = polygons_to_mask(rings, mask.width, mask.height)
    b = {"size": a["size"], "counts": other.counts.encode("ascii")}
    both = int(coco.area(coco.merge([a, b], intersect=True)))
    return area - both, int(coco.area(b)) - both, area


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
