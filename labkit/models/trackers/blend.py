"""Between two keyframes: a forward and a backward walk cross-faded into one."""

from __future__ import annotations

import numpy as np

from labkit.core.tracks import Tracked
from labkit.core.types import Shape
from labkit.models.trackers.moving import between_boxes, move

__all__ = ["blend", "share"]


def share(position: int, first: int, last: int) -> float:
    """How much the backward walk counts at a position between two keyframes: 0 at the first."""
    return float(np.clip((position - first) / (last - first), 0.0, 1.0)) if last != first else 0.0


def blend(forward: Tracked, backward: Tracked, weight: float, width: int, height: int) -> Tracked:
    """One object of two walks that end in different keyframes.

    Boxes and keypoints are mixed linearly. Of masks and polygons the nearer keyframe's are taken
    and moved to the mixed box. Where one walk has lost the object, the other one's shape is taken.

    Parameters
    ----------
    forward, backward : Tracked
        The same track on the same frame.
    weight : float
        Of the backward walk, 0..1; see :func:`share`.
    width, height : int
        Of the frame.

    Returns
    -------
    Tracked
        ``score`` is mixed, too; the signals are the nearer walk's, and ``agreement``, the IoU 0..1
        of both boxes: where the walks disagree, a person should look.
    """
    from labkit.core.geometry import paired_iou

    near, far = (backward, forward) if weight >= 0.5 else (forward, backward)
    if near.shape is None or far.shape is None:
        return near if near.shape is not None else far
    a, b = np.asarray(forward.shape.box), np.asarray(backward.shape.box)  # type: ignore[union-attr]
    x1, y1, x2, y2 = (float(v) for v in (1 - weight) * a + weight * b)
    shape = Shape((x1, y1, x2, y2))
    if near.shape.mask is not None or near.shape.polygons is not None:
        matrix = between_boxes(near.shape.box, shape.box)
        shape = move(near.shape, matrix, width, height) or near.shape
    points = _points(forward.shape, backward.shape, near.shape, weight)
    shape = Shape(shape.box, polygons=shape.polygons, mask=shape.mask, keypoints=points)
    agreement = float(paired_iou([a], [b])[0])
    score = (1 - weight) * forward.score + weight * backward.score
    return Tracked(near.track_id, shape, score, {**near.signals, "agreement": agreement})


def _points(
    forward: Shape | None, backward: Shape | None, near: Shape, weight: float
) -> tuple[tuple[float, float, float], ...] | None:
    a = forward.keypoints if forward else None
    b = backward.keypoints if backward else None
    if a is None or b is None or len(a) != len(b):
        return near.keypoints
    out = []
    for p, q, chosen in zip(a, b, near.keypoints or a, strict=True):
        if p[2] > 0 and q[2] > 0:
            mixed = (1 - weight) * np.asarray(p) + weight * np.asarray(q)
            out.append((float(mixed[0]), float(mixed[1]), float(mixed[2])))
        else:
            out.append(q if q[2] > 0 else p if p[2] > 0 else chosen)
    return tuple(out)
