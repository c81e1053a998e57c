"""Where two runs disagree about the same frames."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labkit.core.errors import InputError
from labkit.core.matching import cross_pairs
from labkit.queue.context import MATCH_IOU, ScoreContext

__all__ = ["Disagreement", "best_pairs", "disagreement_counts"]

Ints = NDArray[np.intp]


class Disagreement(NamedTuple):
    """By frame, ``(n,)``: boxes without a partner in the other run, and pairs of unequal labels."""

    unmatched: Ints
    relabelled: Ints


def best_pairs(i: Ints, j: Ints, weight: ArrayLike) -> Ints:
    """Indices of the pairs that greedy matching takes, the heaviest first, each side once.

    Every round takes all pairs that are the heaviest of both their sides, which is what a loop over
    the pairs in descending weight would take; ties go to the earlier pair.
    """
    pending = np.lexsort((np.arange(len(i)), -np.asarray(weight, dtype=np.float64)))
    taken: list[Ints] = []
    while len(pending):
        a, b = i[pending], j[pending]
        place = np.arange(len(pending))
        # the first of equals in descending order is the heaviest
        best_a, best_b = np.zeros(a.max() + 1, np.intp), np.zeros(b.max() + 1, np.intp)
        best_a[a[::-1]], best_b[b[::-1]] = place[::-1], place[::-1]
        won = (best_a[a] == place) & (best_b[b] == place)
        taken.append(pending[won])
        used_a, used_b = np.zeros(len(best_a), bool), np.zeros(len(best_b), bool)
        used_a[a[won]], used_b[b[won]] = True, True
        pending = pending[~used_a[a] & ~used_b[b]]
    return np.sort(np.concatenate(taken)) if taken else np.empty(0, dtype=np.intp)


def disagreement_counts(ctx: ScoreContext) -> Disagreement:
    """Match what both runs show, equal labels first, then by IoU; count what is left over."""
    if ctx.other is None:
        raise InputError("Disagreement cannot be scored", "it needs a second run", "pass other=")
    a, b = np.flatnonzero(ctx.shown), np.flatnonzero(ctx.other.shown)
    frame_a, frame_b = ctx.frame[a], ctx.other.frame[b]
    pairs = cross_pairs(ctx.boxes[a], frame_a, ctx.other.boxes[b], frame_b, MATCH_IOU)
    same = ctx.label[a][pairs.i] == ctx.other.label[b][pairs.j]
    chosen = best_pairs(pairs.i, pairs.j, pairs.iou + same)
    n = ctx.n_frames
    matched = np.bincount(frame_a[pairs.i[chosen]], minlength=n)
    boxes = np.bincount(frame_a, minlength=n) + np.bincount(frame_b, minlength=n)
    unlike = chosen[~same[chosen]]
    return Disagreement(boxes - 2 * matched, np.bincount(frame_a[pairs.i[unlike]], minlength=n))
