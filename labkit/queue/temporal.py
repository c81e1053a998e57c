"""Objects that come and go between neighbouring frames of a video."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from labkit.core.matching import cross_pairs
from labkit.queue.context import OVERLAP_IOU, ScoreContext

__all__ = ["Flicker", "flicker_counts"]


class Flicker(NamedTuple):
    """By frame, ``(n,)``: objects that only this frame has, and objects that only it lacks."""

    blips: NDArray[np.intp]
    gaps: NDArray[np.intp]


def flicker_counts(ctx: ScoreContext) -> Flicker:
    """Count what a neighbour before *and* a neighbour after contradict.

    Objects at or above the threshold are followed by label and IoU above
    :data:`~labkit.queue.context.OVERLAP_IOU`. An object that neither neighbour shows is a blip; one
    that both neighbours show, at the same place, and this frame does not, is a gap. The first and
    the last frame of a video have one neighbour only and never count: an object may enter or leave.
    """
    n = ctx.n_frames
    none = np.zeros(n, dtype=np.intp)
    frame_at = np.full(ctx.moment.max(initial=0) + 3, -1, dtype=np.intp)
    frame_at[ctx.moment] = np.arange(n)
    inner = (frame_at[ctx.moment - 1] >= 0) & (ctx.moment > 0) & (frame_at[ctx.moment + 1] >= 0)
    if not inner.any():
        return Flicker(none, none)
    shown = np.flatnonzero(ctx.shown)
    boxes, label = ctx.boxes[shown], ctx.label[shown]
    moment = ctx.moment[ctx.frame[shown]]

    def same(a: Any, at_a: Any, b: Any, at_b: Any) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        pairs = cross_pairs(boxes[a], at_a, boxes[b], at_b, OVERLAP_IOU)
        i, j = a[pairs.i], b[pairs.j]
        keep = label[i] == label[j]
        return i[keep], j[keep]

    every = np.arange(len(shown))
    goes_on, went_on = same(every, moment, every, moment - 1)
    seen_after, seen_before = np.zeros(len(shown), bool), np.zeros(len(shown), bool)
    seen_after[goes_on] = True
    seen_before[went_on] = True
    alone = every[~seen_after & ~seen_before & inner[ctx.frame[shown]]]
    blips = np.bincount(ctx.frame[shown[alone]], minlength=n)
    # What vanished one frame before and appeared one frame after, meeting in the frame between.
    lost, new = every[~seen_after], every[~seen_before]
    before, _ = same(lost, moment[lost] + 1, new, moment[new] - 1)
    at = frame_at[moment[np.unique(before)] + 1]
    return Flicker(blips, np.bincount(at[at >= 0], minlength=n))
