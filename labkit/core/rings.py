"""Rings of polygons: traced from masks, made valid, and thinned to a budget of points.

A ring is ``(n, 2)`` or flat ``x0, y0, x1, y1, ...`` in pixels, without its first point again at
the end. Rings of one object are its parts: none is a hole in another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labkit.core.errors import InputError
from labkit.core.geometry import polygon_area

__all__ = ["Outline", "Ring", "Thinned", "outlines", "thin_rings"]

Ring = tuple[float, ...]
Points = NDArray[np.float64]

_WHAT = "This polygon cannot be used"
_FINE = 0.01
"""Pixels to which the least tolerance is searched for."""


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """One part of a mask: its outer ring ``(n, 2)`` and the rings of the holes in it."""

    ring: Points
    holes: tuple[Points, ...] = ()


@dataclass(frozen=True, slots=True)
class Thinned:
    """Rings with fewer points.

    Attributes
    ----------
    rings : tuple of Ring
        Largest first.
    tolerance : float
        Pixels by which outlines were allowed to move (Douglas-Peucker).
    dropped : int
        Parts left out: without area, or the smallest ones where even triangles were too many.
    """

    rings: tuple[Ring, ...]
    tolerance: float
    dropped: int = 0

    @property
    def points(self) -> int:
        """Points of all rings together."""
        return sum(len(ring) // 2 for ring in self.rings)


def outlines(mask: NDArray[Any]) -> list[Outline]:
    """Trace the parts of a mask ``(height, width)``, largest first; none for an empty one.

    Contours run at 0.5 between pixel centres, in the coordinates of boxes (pixel 0 reaches from 0
    to 1): filled again they give the mask itself. Parts that touch only at corners are separate.
    """
    from contourpy import FillType, contour_generator

    filled = np.asarray(mask) != 0
    ys, xs = np.flatnonzero(filled.any(axis=1)), np.flatnonzero(filled.any(axis=0))
    if not len(ys):
        return []
    y0, x0 = int(ys[0]), int(xs[0])
    padded = np.pad(filled[y0 : ys[-1] + 1, x0 : xs[-1] + 1], 1).astype(np.float64)
    tracer = contour_generator(z=padded, fill_type=FillType.OuterOffset)
    # pixel k covers k..k+1: its centre is at k + 0.5; the padding moved all by one
    shift = np.array([x0 - 0.5, y0 - 0.5])
    parts = []
    for points, offsets in zip(*tracer.filled(0.5, np.inf), strict=True):
        rings = [
            np.asarray(points[a : b - 1], dtype=np.float64) + shift for a, b in pairwise(offsets)
        ]
        parts.append(Outline(rings[0], tuple(rings[1:])))
    return sorted(parts, key=lambda part: -polygon_area(part.ring))


def thin_rings(
    polygons: Iterable[ArrayLike], tolerance: float = 0.0, budget: int | None = None
) -> Thinned:
    """Rings with fewer points, each of them valid (Douglas-Peucker, topology kept).

    A ring that crosses itself becomes several; lines and points without area are left out.

    Parameters
    ----------
    polygons : rings
    tolerance : float
        Pixels by which an outline may move, from 0.
    budget : int, optional
        Most points of all rings together, from 3. Where ``tolerance`` leaves more, the least one
        that meets the budget is searched for, to 0.01 pixels, by bisection.

    Raises
    ------
    InputError
        The tolerance or the budget is out of range.
    """
    if not np.isfinite(tolerance) or tolerance < 0:
        raise InputError(f"The tolerance {tolerance!r} cannot be used", "it is 0 pixels or more")
    if budget is not None and budget < 3:
        raise InputError(
            f"A budget of {budget} points cannot be met", "a polygon has three or more"
        )
    given = list(polygons)
    parts = _valid(given)
    whole = len(parts)
    if budget is not None:
        parts = parts[: budget // 3]
    lost = max(0, len(given) - whole) + whole - len(parts)
    thinned = _simplified(parts, tolerance)
    if budget is not None and _count(thinned) > budget:
        tolerance, thinned = _least(parts, tolerance, budget)
    return Thinned(tuple(_flat(p) for p in thinned), float(tolerance), lost)


def _least(parts: Sequence[Points], low: float, budget: int) -> tuple[float, list[Points]]:
    """The least tolerance that meets the budget; at the upper end nearly all are triangles."""
    corners = np.concatenate(parts)
    high = max(low, float(np.hypot(*np.ptp(corners, axis=0)))) + 1.0
    best = _cut(_simplified(parts, high), budget)
    while high - low > _FINE:
        middle = (low + high) / 2
        tried = _simplified(parts, middle)
        if _count(tried) <= budget:
            high, best = middle, tried
        else:
            low = middle
    return high, best


def _cut(parts: list[Points], budget: int) -> list[Points]:
    """Rings of which GEOS keeps more than three points at any tolerance, with fewer of them.

    The corner that covers least is cut off first, as long as the ring stays valid; every simple
    polygon of more than three corners has two such (Meisters 1975).
    """
    import shapely

    while _count(parts) > budget:
        cuts = [
            (abs(polygon_area(part) - polygon_area(less)), k, less)
            for k, part in enumerate(parts)
            for less in (np.delete(part, j, axis=0) for j in range(len(part)) if len(part) > 3)
            if shapely.Polygon(less).is_valid and polygon_area(less) > 0
        ]
        _, k, less = min(cuts, key=lambda cut: cut[:2])
        parts = [*parts[:k], less, *parts[k + 1 :]]
    return parts


def _simplified(parts: Sequence[Points], tolerance: float) -> list[Points]:
    import shapely

    out = []
    for part in parts:
        line = shapely.Polygon(part).simplify(tolerance, preserve_topology=True)
        out.append(np.asarray(line.exterior.coords, dtype=np.float64)[:-1])
    return out


def _valid(polygons: Iterable[ArrayLike]) -> list[Points]:
    import shapely

    found = []
    for values in polygons:
        points = _points(values)
        if len(points) < 3:
            continue
        polygon = shapely.Polygon(points)
        whole = polygon if polygon.is_valid else shapely.make_valid(polygon)
        found += [
            np.asarray(part.exterior.coords, dtype=np.float64)[:-1]
            for part in _polygons_in(whole)
            if part.area > 0
        ]
    return sorted(found, key=lambda p: -polygon_area(p))


def _polygons_in(geometry: Any) -> list[Any]:
    """The polygons in a result of ``make_valid``."""
    if geometry.geom_type == "Polygon":
        return [geometry]
    return [p for part in getattr(geometry, "geoms", ()) for p in _polygons_in(part)]


def _points(values: ArrayLike) -> Points:
    flat = np.asarray(values, dtype=np.float64).ravel()
    if flat.size % 2 or not np.isfinite(flat).all():
        raise InputError(_WHAT, "its points are not finite pairs of x, y")
    return flat.reshape(-1, 2)


def _count(parts: Sequence[Points]) -> int:
    return sum(len(part) for part in parts)


def _flat(points: Points) -> Ring:
    return tuple(points.ravel().tolist())
