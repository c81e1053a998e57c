"""Points followed by pyramidal Lucas-Kanade optical flow, and the motion that they agree on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit.core.geometry import decode_mask
from labkit.core.types import Shape
from labkit.models.detectors.base import Image
from labkit.models.trackers.moving import Matrix, move_points

__all__ = ["FB_LIMIT", "Followed", "Motion", "agreed_motion", "follow", "grey", "inside", "seed"]

FB_LIMIT = 1.0
"""A point that does not come back to within this many pixels of where it was is lost."""

SEEDS = 80
"""Points for each object and frame, at most."""

_WINDOW = (21, 21)
_LEVELS = 3


def grey(image: Image) -> NDArray[np.uint8]:
    """RGB ``(h, w, 3)`` to grey ``(h, w)``."""
    import cv2

    return np.asarray(cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY))


@dataclass(frozen=True, slots=True)
class Followed:
    """Where points went.

    Attributes
    ----------
    points : ndarray, (n, 2)
        On the later frame; NaN where they were lost.
    error : ndarray, (n,)
        Forward-backward error: pixels between a point and where it comes to when it is followed
        back (Kalal et al., Forward-Backward Error, ICPR 2010); infinite where it was lost.
    """

    points: NDArray[np.float64]
    error: NDArray[np.float64]

    @property
    def good(self) -> NDArray[np.bool_]:
        """Which points came back."""
        return np.asarray(self.error <= FB_LIMIT)


def follow(a: NDArray[np.uint8], b: NDArray[np.uint8], points: Any) -> Followed:
    """Follow points from one grey image to another and back; points that are NaN are lost.

    Points are pixels with (0, 0) at the corner of the first pixel, as everywhere in labkit.
    """
    import cv2

    start = np.asarray(points, np.float64).reshape(-1, 2)
    out, error = np.full_like(start, np.nan), np.full(len(start), np.inf)
    known = np.isfinite(start).all(axis=1)
    if not known.any():
        return Followed(out, error)
    p = (start[known] - 0.5).astype(np.float32).reshape(-1, 1, 2)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 0.01)
    options: dict[str, Any] = {"winSize": _WINDOW, "maxLevel": _LEVELS, "criteria": criteria}
    flow: Any = cv2.calcOpticalFlowPyrLK  # its types do not know that the start may be None
    q, there, _ = flow(a, b, p, None, **options)
    r, back, _ = flow(b, a, q, None, **options)
    off = np.linalg.norm((p - r).reshape(-1, 2).astype(np.float64), axis=1)
    q = q.reshape(-1, 2).astype(np.float64) + 0.5
    ok = (there.ravel() == 1) & (back.ravel() == 1) & np.isfinite(q).all(axis=1) & np.isfinite(off)
    ok &= ((q >= 0) & (q <= (b.shape[1], b.shape[0]))).all(axis=1)
    where = np.flatnonzero(known)[ok]
    out[where], error[where] = q[ok], off[ok]
    return Followed(out, error)


def region(shape: Shape, width: int, height: int) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Where an object's points may lie: a cut-out of the frame, 255 inside, and its corner.

    A mask or polygon as it is; of a box the ellipse inside, for its corners are background.
    """
    import cv2

    x1, y1 = (max(0, int(np.floor(v))) for v in shape.box[:2])
    x2, y2 = min(width, int(np.ceil(shape.box[2]))), min(height, int(np.ceil(shape.box[3])))
    out = np.zeros((max(0, y2 - y1), max(0, x2 - x1)), np.uint8)
    if not out.size:
        return out, (x1, y1)
    if shape.mask is not None and (shape.mask.width, shape.mask.height) == (width, height):
        out[decode_mask(shape.mask)[y1:y2, x1:x2]] = 255
    elif shape.polygons is not None:
        rings = [np.asarray(r).reshape(-1, 2) - (x1, y1) for r in shape.polygons]
        cv2.fillPoly(out, [np.round(r).astype(np.int32) for r in rings], 255)
    else:
        bx1, by1, bx2, by2 = shape.box
        centre = (round((bx1 + bx2) / 2 - x1), round((by1 + by2) / 2 - y1))
        axes = (max(1, round((bx2 - bx1) / 2)), max(1, round((by2 - by1) / 2)))
        cv2.ellipse(out, centre, axes, 0, 0, 360, 255, -1)
    return out, (x1, y1)


def seed(image: NDArray[np.uint8], shape: Shape, most: int = SEEDS) -> NDArray[np.float64]:
    """Points of an object that can be followed: corners first, then a grid; ``(n, 2)``."""
    import cv2

    height, width = image.shape
    where, (x, y) = region(shape, width, height)
    if not where.any():
        return np.empty((0, 2))
    cut = image[y : y + where.shape[0], x : x + where.shape[1]]
    apart = max(2.0, float(np.sqrt(np.count_nonzero(where) / most)) * 0.7)
    corners = cv2.goodFeaturesToTrack(cut, most, 0.01, apart, mask=where)
    chosen = np.empty((0, 2)) if corners is None else corners.reshape(-1, 2) + 0.5
    if len(chosen) < most // 4:
        step = max(1, int(np.sqrt(np.count_nonzero(where) / most)))
        rows, columns = np.nonzero(where[step // 2 :: step, step // 2 :: step])
        grid = np.column_stack([columns, rows]) * step + step // 2 + 0.5
        chosen = np.concatenate([chosen, grid[: most - len(chosen)]])
    return np.asarray(chosen + np.array([x, y]), dtype=np.float64)


def inside(points: NDArray[np.float64], shape: Shape, width: int, height: int) -> NDArray[np.bool_]:
    """Which points lie on an object's mask, polygon or box, give or take two pixels."""
    import cv2

    if shape.mask is None and shape.polygons is None:
        x1, y1, x2, y2 = shape.box
        x, y = points.T
        return np.asarray((x >= x1 - 2) & (x <= x2 + 2) & (y >= y1 - 2) & (y <= y2 + 2))
    where, (left, top) = region(shape, width, height)
    wide = cv2.dilate(np.pad(where, 2), np.ones((5, 5), np.uint8))
    at = np.floor(np.nan_to_num(points, nan=-9.0)).astype(int) - (left - 2, top - 2)
    within = ((at >= 0) & (at < wide.shape[::-1])).all(axis=1)
    out = np.zeros(len(points), bool)
    out[within] = wide[at[within, 1], at[within, 0]] > 0
    return out


@dataclass(frozen=True, slots=True)
class Motion:
    """The motion of an object from one frame to the next.

    Attributes
    ----------
    matrix : ndarray, (2, 3)
        Similarity: move, turn, scale.
    inliers : float
        Share 0..1 of all its points that came back and moved so.
    error : float
        Median forward-backward error of these, pixels.
    """

    matrix: Matrix
    inliers: float
    error: float


def agreed_motion(start: NDArray[np.float64], gone: Followed) -> Motion | None:
    """The similarity that most points agree on (RANSAC), or None where too few do.

    If a translation explains the points as well, nothing is scaled or turned; otherwise noise would
    add up over a thousand frames.
    """
    import cv2

    good = gone.good
    if good.sum() < 3:
        return None
    a, b = start[good], gone.points[good]
    matrix, taken = cv2.estimateAffinePartial2D(
        a, b, method=cv2.RANSAC, ransacReprojThreshold=1.5, maxIters=500
    )
    if matrix is None or not np.isfinite(matrix).all():
        return None
    scale = float(np.sqrt(max(0.0, np.linalg.det(matrix[:, :2]))))
    used = taken.ravel().astype(bool)
    if not 0.75 < scale < 1.33 or used.sum() < 3:
        return None
    matrix = _simplest(a[used], b[used], np.asarray(matrix, np.float64))
    error = float(np.median(gone.error[good][used]))
    return Motion(matrix, float(used.sum() / len(start)), error)


def _simplest(a: NDArray[np.float64], b: NDArray[np.float64], full: Matrix) -> Matrix:
    """A translation if that leaves no more than noise, else the whole similarity."""
    shift = np.median(b - a, axis=0)
    left = np.linalg.norm(a + shift - b, axis=1)
    whole = np.linalg.norm(move_points(a, full) - b, axis=1)
    if np.sqrt(np.mean(left**2)) <= 1.15 * np.sqrt(np.mean(whole**2)) + 0.02:
        return np.column_stack([np.eye(2), shift])
    return full


def split(parts: Sequence[NDArray[np.float64]], all_of_them: Followed) -> list[Followed]:
    """Split what was followed in one call by object."""
    ends = np.cumsum([len(p) for p in parts])[:-1]
    points, errors = np.split(all_of_them.points, ends), np.split(all_of_them.error, ends)
    return [Followed(p, e) for p, e in zip(points, errors, strict=True)]
