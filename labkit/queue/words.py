"""Reasons in words: one phrase per frame and score, empty where there is nothing to say.

Each function takes the context and the values of its score and returns an object array ``(n,)``.
Phrases are made only for frames that have a reason, so that a queue of 50,000 frames costs
no more than its text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit.queue.compare import disagreement_counts
from labkit.queue.context import ScoreContext
from labkit.queue.drifting import drift_counts
from labkit.queue.temporal import flicker_counts

__all__ = [
    "Words",
    "ambiguity",
    "borderline",
    "count",
    "crowding",
    "disagreement",
    "drift",
    "entropy",
    "expected_errors",
    "flicker",
    "plain",
    "random",
]

MOST = 3
"""The most tracks that are named on one frame."""

Phrases = NDArray[Any]
Values = NDArray[np.float64]
Words = Callable[[ScoreContext, Values], Phrases]


def count(n: int, one: str, many: str | None = None) -> str:
    """``1 box`` or ``3 boxes``."""
    return f"{n} {one if n == 1 else many or one + 's'}"


def _phrases(ctx: ScoreContext, at: Any, texts: list[str]) -> Phrases:
    out = np.full(ctx.n_frames, "", dtype=object)
    out[at] = texts
    return out


def plain(ctx: ScoreContext, values: Values) -> Phrases:
    """The number itself, for scores that have no words."""
    at = np.flatnonzero(values)
    return _phrases(ctx, at, [f"{v:.3g}" for v in values[at].tolist()])


def borderline(ctx: ScoreContext, values: Values) -> Phrases:
    """``3 boxes at 0.41-0.58``, with a real dash."""
    index = ctx.at_border
    if not len(index):
        return _phrases(ctx, slice(0), [])
    # proposals are sorted by frame, so each frame is one slice
    at, start, n = np.unique(ctx.frame[index], return_index=True, return_counts=True)
    low = np.minimum.reduceat(ctx.score[index], start).tolist()
    high = np.maximum.reduceat(ctx.score[index], start).tolist()
    texts = []
    for k, a, b in zip(n.tolist(), low, high, strict=True):
        span = f"{a:.2f}" if f"{a:.2f}" == f"{b:.2f}" else f"{a:.2f}–{b:.2f}"  # noqa: RUF001
        texts.append(f"{count(k, 'box', 'boxes')} at {span}")
    return _phrases(ctx, at, texts)


def ambiguity(ctx: ScoreContext, values: Values) -> Phrases:
    """``bus 0.48 / truck 0.44``, the closest object of the frame."""
    rivals = ctx.rivals
    order = np.lexsort((np.arange(len(rivals.frame)), -rivals.weight, rivals.frame))
    at, first, n = np.unique(rivals.frame[order], return_index=True, return_counts=True)
    top = order[first]
    texts = []
    columns = (n, rivals.label[top], rivals.score[top], rivals.label_2[top], rivals.score_2[top])
    for k, a, p, b, q in zip(*(c.tolist() for c in columns), strict=True):
        more = f" and {k - 1} more" if k > 1 else ""
        texts.append(f"{ctx.names[a]} {p:.2f} / {ctx.names[b]} {q:.2f}{more}")
    return _phrases(ctx, at, texts)


def crowding(ctx: ScoreContext, values: Values) -> Phrases:
    """``17 boxes, crowded (NMS pressure 2.4)``."""
    shown = ctx.per_frame(np.flatnonzero(ctx.shown))
    at = np.flatnonzero(values > 0)
    texts = []
    for n, value in zip(shown[at].astype(int).tolist(), values[at].tolist(), strict=True):
        load = f", crowded (NMS pressure {value - n:.1f})" if value - n >= 0.05 else ""
        texts.append(f"{count(n, 'box', 'boxes')}{load}")
    return _phrases(ctx, at, texts)


def entropy(ctx: ScoreContext, values: Values) -> Phrases:
    """``5.2 bits of doubt``."""
    at = np.flatnonzero(values > 0)
    return _phrases(ctx, at, [f"{v:.1f} bits of doubt" for v in values[at].tolist()])


def expected_errors(ctx: ScoreContext, values: Values) -> Phrases:
    """``2.3 errors expected``."""
    at = np.flatnonzero(values > 0)
    return _phrases(ctx, at, [f"{v:.1f} errors expected" for v in values[at].tolist()])


def flicker(ctx: ScoreContext, values: Values) -> Phrases:
    """``2 objects in this frame only, 1 object missing between neighbours``."""
    flicker_of = ctx.once(flicker_counts)
    at = np.flatnonzero(flicker_of.blips + flicker_of.gaps)
    texts = []
    for a, b in zip(flicker_of.blips[at].tolist(), flicker_of.gaps[at].tolist(), strict=True):
        parts = [f"{count(a, 'object')} in this frame only"] if a else []
        parts += [f"{count(b, 'object')} missing between neighbours"] if b else []
        texts.append(", ".join(parts))
    return _phrases(ctx, at, texts)


def disagreement(ctx: ScoreContext, values: Values) -> Phrases:
    """``3 boxes in one run only, 1 other label``."""
    counts = ctx.once(disagreement_counts)
    at = np.flatnonzero(counts.unmatched + counts.relabelled)
    texts = []
    for a, b in zip(counts.unmatched[at].tolist(), counts.relabelled[at].tolist(), strict=True):
        parts = [f"{count(a, 'box', 'boxes')} in one run only"] if a else []
        parts += [count(b, "other label")] if b else []
        texts.append(", ".join(parts))
    return _phrases(ctx, at, texts)


def drift(ctx: ScoreContext, values: Values) -> Phrases:
    """``track 3 (bolt): its area halved``."""
    reasons = ctx.once(drift_counts).reasons
    texts = []
    for phrases in reasons.values():
        more = f" and {len(phrases) - MOST} more" if len(phrases) > MOST else ""
        texts.append("; ".join(phrases[:MOST]) + more)
    return _phrases(ctx, list(reasons), texts)


def random(ctx: ScoreContext, values: Values) -> Phrases:
    """``random, for coverage``."""
    return _phrases(ctx, slice(None), ["random, for coverage"] * ctx.n_frames)
