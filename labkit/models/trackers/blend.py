"""Bidirectional interpolation: a forward and a backward pass over one interval, blended."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from labkit.core.geometry import paired_iou
from labkit.core.interpolate import between
from labkit.core.tracks import Tracked
from labkit.core.types import Shape

__all__ = ["blend", "share"]

Keypoints = tuple[tuple[float, float, float], ...]


def share(position: int, first: int, last: int) -> float:
    """How much the backward pass counts at a position between two keyframes: 0 at the first."""
    return float(np.clip((position - first) / (last - first), 0.0, 1.0)) if last != first else 0.0


def blend(forward: Tracked, backward: Tracked, weight: float) -> Tracked:
    """Blend one object of two passes that began at different keyframes.

    Boxes and keypoints are mixed linearly. Of masks and polygons the nearer keyframe's are taken
    and moved to the mixed box. If one pass has lost the object, the other one's shape is taken.

    Parameters
    ----------
    forward, backward : Tracked
        The same track on the same frame.
    weight : float
        Of the backward pass, 0..1; see :func:`share`.

    Returns
    -------
    Tracked
        ``score`` is mixed, too; the signals are those of the nearer pass, and ``agreement``, the
        IoU 0..1 of both boxes: a person should look where the passes disagree.
    """
    near, other = (backward, forward) if weight > 0.5 else (forward, backward)
    a, b = forward.shape, backward.shape
    if a is None or b is None:
        return near if near.shape is not None else other
    shape = between(a, b, weight)
    if a.keypoints is not None and b.keypoints is not None and len(a.keypoints) == len(b.keypoints):
        shape = replace(shape, keypoints=_points(a.keypoints, b.keypoints, shape))
    score = (1 - weight) * forward.score + weight * backward.score
    signals = {**near.signals, "agreement": float(paired_iou([a.box], [b.box])[0])}
    return Tracked(near.track_id, shape, score, signals)


def _points(a: Keypoints, b: Keypoints, mixed: Shape) -> Keypoints:
    """Mixed points; a point that only one pass still has is taken as it is."""
    assert mixed.keypoints is not None
    rows = zip(a, b, mixed.keypoints, strict=True)
    return tuple(m if (p[2] > 0) == (q[2] > 0) else p if p[2] > 0 else q for p, q, m in rows)
