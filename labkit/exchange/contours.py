"""Masks to polygons, and several rings to the one that YOLO's format has room for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from labkit.core.geometry import decode_mask
from labkit.core.types import Rle

__all__ = ["Traced", "join_rings", "trace_mask"]

TOLERANCE = 0.5
"""Pixels by which a traced outline may be simplified (Douglas-Peucker)."""

Ring = NDArray[np.float64]


class Traced(NamedTuple):
    """Outer rings of a mask, each ``(n, 2)`` in pixels, and the number of holes left out."""

    rings: list[Ring]
    holes: int


def trace_mask(rle: Rle, tolerance: float = TOLERANCE) -> Traced:
    """The outlines of a mask: contours at 0.5 between pixel centres, simplified.

    A polygon cannot hold a hole; holes are filled and counted.
    """
    import shapely
    from contourpy import FillType, contour_generator

    mask = decode_mask(rle)
    ys, xs = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(ys):
        return Traced([], 0)
    y0, x0 = int(ys[0]), int(xs[0])
    crop = mask[y0 : ys[-1] + 1, x0 : xs[-1] + 1]
    padded = np.pad(crop, 1).astype(np.float64)
    tracer = contour_generator(z=padded, fill_type=FillType.OuterOffset)
    rings, holes = [], 0
    for points, offsets in zip(*tracer.filled(0.5, np.inf), strict=True):
        holes += len(offsets) - 2
        outline = shapely.Polygon(points[: offsets[1]])
        outline = outline.simplify(tolerance, preserve_topology=True)
        ring = np.asarray(outline.exterior.coords)[:-1]
        # pixel k covers k..k+1: its centre is at k + 0.5; the padding moved all by one
        rings.append(ring + np.array([x0 - 0.5, y0 - 0.5]))
    rings.sort(key=lambda r: -shapely.Polygon(r).area)
    return Traced(rings, holes)


def _bridge(into: Ring, ring: Ring) -> Ring:
    """Insert ``ring`` into ``into`` over a bridge of no width between their nearest points."""
    from scipy.spatial import KDTree

    gaps, nearest = KDTree(ring).query(into)
    i = int(np.argmin(gaps))
    j = int(nearest[i])
    return np.concatenate([into[: i + 1], ring[j:], ring[: j + 1], into[i:]])


def join_rings(rings: Sequence[Ring]) -> Ring:
    """One ring that covers the same area, as Ultralytics joins COCO's multi-part polygons.

    Parts hang together by bridges of no width: a path there and back adds no area.
    """
    joined = np.asarray(rings[0], dtype=np.float64).reshape(-1, 2)
    for ring in rings[1:]:
        joined = _bridge(joined, np.asarray(ring, dtype=np.float64).reshape(-1, 2))
    return joined
