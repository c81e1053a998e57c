"""Which boxes overlap, and which belong together: within frames, for millions of boxes at once."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labkit.core.geometry import paired_iou

__all__ = ["Pairs", "cross_pairs", "match_boxes", "overlapping_pairs"]

IntArray = NDArray[np.intp]


class Pairs(NamedTuple):
    """Index pairs ``i < j`` (or ``i`` of a, ``j`` of b) and the IoU of each, ``(n,)``."""

    i: IntArray
    j: IntArray
    iou: NDArray[np.float32]


def _by_group_and_left(group: NDArray[Any], left: NDArray[np.float32]) -> IntArray:
    """Order by group, then by left edge: one sort of integers that hold both."""
    if not len(group):
        return np.empty(0, dtype=np.intp)
    bits = np.ascontiguousarray(left).view(np.uint32)
    # floats as integers of the same order: the sign bit flipped, negative ones mirrored
    bits = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))
    high = (group.astype(np.int64) - int(group.min())).astype(np.uint64) << np.uint64(32)
    return np.argsort(high | bits.astype(np.uint64))


def overlapping_pairs(boxes: ArrayLike, group: ArrayLike, min_iou: float = 0.0) -> Pairs:
    """All pairs of boxes of one group with an IoU above ``min_iou``.

    A sweep: boxes sorted by group and left edge are compared with the next, the second next, ...
    and drop out as soon as the neighbour starts too far right to overlap enough; so the work is
    proportional to the pairs that overlap in x, not to all pairs.

    Parameters
    ----------
    boxes : array_like, (n, 4)
        ``xyxy``.
    group : array_like of int, (n,)
        Boxes of different groups (frames) are never compared.
    min_iou : float
        Pairs at or below it are left out; at 0, those that do not overlap.
    """
    b = np.asarray(boxes, dtype=np.float32).reshape(-1, 4)
    g = np.asarray(group)
    order = _by_group_and_left(g, b[:, 0])
    g = g[order]
    x1, y1, x2, y2 = (b[order, k] for k in range(4))
    width = np.clip(x2 - x1, 0, None)
    area = width * np.clip(y2 - y1, 0, None)
    # the IoU is at most the shared width over a box's own
    reach = x2 - np.float32(min_iou) * width
    end = np.searchsorted(g, g, side="right")
    active = np.arange(len(b))
    found_i, found_j, found_iou = [], [], []
    step = 0
    while len(active):
        step += 1
        active = active[active + step < end[active]]
        active = active[x1[active + step] < reach[active]]
        other = active + step
        h = np.minimum(y2[active], y2[other]) - np.maximum(y1[active], y1[other])
        touch = np.flatnonzero(h > 0)
        a, o = active[touch], other[touch]
        inter = np.clip(np.minimum(x2[a], x2[o]) - x1[o], 0, None) * h[touch]
        union = area[a] + area[o] - inter
        iou = np.divide(inter, union, out=np.zeros_like(inter), where=union > 0)
        good = iou > min_iou
        found_i.append(order[a[good]])
        found_j.append(order[o[good]])
        found_iou.append(iou[good])
    if not found_i:
        empty = np.empty(0, dtype=np.intp)
        return Pairs(empty, empty, np.empty(0, dtype=np.float32))
    i, j, iou = (np.concatenate(part) for part in (found_i, found_j, found_iou))
    return Pairs(np.minimum(i, j), np.maximum(i, j), iou.astype(np.float32))


def cross_pairs(
    boxes_a: ArrayLike,
    group_a: ArrayLike,
    boxes_b: ArrayLike,
    group_b: ArrayLike,
    min_iou: float = 0.0,
) -> Pairs:
    """All pairs of a box of ``a`` and one of ``b`` in the same group, IoU above ``min_iou``."""
    a = np.asarray(boxes_a, dtype=np.float32).reshape(-1, 4)
    b = np.asarray(boxes_b, dtype=np.float32).reshape(-1, 4)
    both = overlapping_pairs(
        np.concatenate([a, b]), np.concatenate([np.asarray(group_a), np.asarray(group_b)]), min_iou
    )
    cross = (both.i < len(a)) & (both.j >= len(a))
    return Pairs(both.i[cross], both.j[cross] - len(a), both.iou[cross])


def match_boxes(
    boxes_a: ArrayLike,
    boxes_b: ArrayLike,
    min_iou: float = 0.5,
    labels_a: ArrayLike | None = None,
    labels_b: ArrayLike | None = None,
    group_a: ArrayLike | None = None,
    group_b: ArrayLike | None = None,
    priority: ArrayLike | None = None,
) -> Pairs:
    """Pair each box of ``a`` with at most one of ``b``, as in Pascal VOC and COCO evaluation.

    Without ``priority`` pairs are taken from the highest IoU down; with it (the scores of ``a``),
    boxes of ``a`` choose in descending priority, each its best free partner, which is COCO's rule.

    Parameters
    ----------
    boxes_a, boxes_b : array_like, (n, 4), (m, 4)
        ``xyxy``.
    min_iou : float
        The least IoU of a match, inclusive.
    labels_a, labels_b : array_like, optional
        Given both, only boxes of equal labels match.
    group_a, group_b : array_like of int, optional
        Frames; without them all boxes are of one frame.
    priority : array_like, (n,), optional
        Who of ``a`` chooses first.

    Returns
    -------
    Pairs
        Sorted by ``i``.
    """
    a = np.asarray(boxes_a, dtype=np.float64).reshape(-1, 4)
    b = np.asarray(boxes_b, dtype=np.float64).reshape(-1, 4)
    ga = np.zeros(len(a), dtype=int) if group_a is None else np.asarray(group_a)
    gb = np.zeros(len(b), dtype=int) if group_b is None else np.asarray(group_b)
    # float32 in the sweep: a little slack there, the exact bound here
    pairs = cross_pairs(a, ga, b, gb, max(0.0, min_iou - 1e-4))
    i, j = pairs.i, pairs.j
    iou = paired_iou(a[i], b[j])
    keep = iou >= min_iou
    if labels_a is not None and labels_b is not None:
        la: NDArray[Any] = np.asarray(labels_a)
        lb: NDArray[Any] = np.asarray(labels_b)
        keep &= la[i] == lb[j]
    i, j, iou = i[keep], j[keep], iou[keep]
    if priority is None:
        order = np.lexsort((j, i, -iou))
    else:
        first = np.asarray(priority, dtype=np.float64)[i]
        order = np.lexsort((j, -iou, i, -first))
    free_a, free_b = np.ones(len(a), dtype=bool), np.ones(len(b), dtype=bool)
    taken = []
    for k in order:
        if free_a[i[k]] and free_b[j[k]]:
            free_a[i[k]] = free_b[j[k]] = False
            taken.append(k)
    chosen = np.array(sorted(taken, key=lambda k: i[k]), dtype=np.intp)
    return Pairs(i[chosen], j[chosen], iou[chosen].astype(np.float32))
