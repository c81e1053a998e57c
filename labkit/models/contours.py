"""Masks to polygons."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit.core.geometry import polygon_area

__all__ = ["mask_to_polygons"]


def mask_to_polygons(
    mask: NDArray[Any], offset: tuple[int, int] = (0, 0), min_share: float = 0.01
) -> tuple[tuple[float, ...], ...] | None:
    """Outer rings of a mask, largest first, or None where nothing is left.

    Parameters
    ----------
    mask : ndarray, (height, width)
        0 or not 0.
    offset : (x, y)
        Where the mask's corner lies in its frame, pixels.
    min_share : float
        Parts smaller than this share of the largest one, or than 4 square pixels, are dropped, but
        never the largest.

    Notes
    -----
    Contours run through pixel centres (``cv2.findContours``); half a pixel is added so that
    vertices are in the coordinates of boxes, where pixel 0 reaches from 0 to 1.
    """
    import cv2

    found = cv2.findContours(
        np.ascontiguousarray(mask, dtype=np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    # (contours, hierarchy) in OpenCV 4 and 5; points (n, 1, 2) in 4, (n, 2) in 5
    rings = [np.asarray(c, dtype=np.float64).reshape(-1, 2) for c in found[-2]]
    sized = [(polygon_area(r), r) for r in rings if len(r) >= 3]
    sized = sorted((s for s in sized if s[0] > 0), key=lambda s: -s[0])
    if not sized:
        return None
    least = max(4.0, min_share * sized[0][0])
    kept = [r for k, (area, r) in enumerate(sized) if k == 0 or area >= least]
    shift = np.asarray(offset, dtype=np.float64) + 0.5
    return tuple(tuple((ring + shift).ravel().tolist()) for ring in kept)
