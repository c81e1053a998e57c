"""Masks to polygons, and several rings to the one that YOLO's format has room for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from labkit.core.geometry import decode_mask
from labkit.core.rings import outlines, thin_rings
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
    parts = outlines(decode_mask(rle))
    thin = thin_rings([part.ring for part in parts], tolerance)
    rings = [np.reshape(ring, (-1, 2)) for ring in thin.rings]
    return Traced(rings, sum(len(part.holes) for part in parts))


def _bridge(into: Ring, ring: Ring) -> Ring:
    """Insert ``ring`` into ``into`` over a bridge of no width between their nearest points."""
    from scipy.spatial import KDTree

    gaps, nearest = KDTree(ring).query(into)
    i = int(np.argmin(gaps))
    j = int(nearest[i])
    return np.concatenate([into[: i + 1], ring[j:], ring[: j + 1], into[i:]])


def join_rings(rings: Sequence[Ring]) -> Ring:
    """One ring that covers the same area, as Ultralytics joins COCO's multi-part polygons.

    Bridges of no width connect the parts: a path there and back adds no area.
    """
    joined = np.asarray(rings[0], dtype=np.float64).reshape(-1, 2)
    for ring in rings[1:]:
        joined = _bridge(joined, np.asarray(ring, dtype=np.float64).reshape(-1, 2))
    return joined
