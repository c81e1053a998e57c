"""Why a frame is worth a look: one pure function per score, one number per frame.

A score is higher where a frame should be seen earlier, and 0 where it has nothing to say. Each
states its range and what both ends mean; ``scores['entropy'].description`` tells it at run time.
Add one of your own with ``@register_score(...)``, or through the entry-point group
``labkit.scores``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labkit.core.registry import Registry
from labkit.queue import words
from labkit.queue.compare import disagreement_counts
from labkit.queue.context import ScoreContext
from labkit.queue.drifting import drift_counts
from labkit.queue.temporal import flicker_counts

__all__ = ["Score", "register_score", "score_table", "scores"]

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Score:
    """A named number per frame.

    Attributes
    ----------
    name, title : str
    range : (float, float)
        The least and the greatest value possible.
    description : str
        What is counted, and what both ends mean.
    function : callable
        ``ScoreContext`` → ``(n_frames,)``.
    words : callable
        ``(ScoreContext, values)`` → one phrase per frame, empty where there is nothing to say.
    needs_other : bool
        Whether it compares with a second run.
    """

    name: str
    title: str
    range: tuple[float, float]
    description: str
    function: Callable[[ScoreContext], Any]
    words: words.Words
    needs_other: bool = False

    @property
    def __wrapped__(self) -> Callable[[ScoreContext], Any]:
        return self.function

    def __call__(self, ctx: ScoreContext) -> Values:
        """The score of every frame, ``(n_frames,)``, float64; NaN counts as 0."""
        values = np.asarray(self.function(ctx), dtype=np.float64)
        return np.nan_to_num(values, nan=0.0, posinf=np.inf, neginf=-np.inf)


scores: Registry[Score] = Registry("score", "scores", lambda item: isinstance(item, Score))
"""All scores by name."""


def register_score(
    name: str,
    title: str,
    description: str,
    range: tuple[float, float] = (0.0, np.inf),
    words: words.Words = words.plain,
    needs_other: bool = False,
) -> Callable[[Callable[[ScoreContext], Any]], Score]:
    """Decorator that makes a function of a context a score and registers it."""

    def add(function: Callable[[ScoreContext], Any]) -> Score:
        score = Score(name, title, range, description, function, words, needs_other)
        return scores.register(name)(score)

    return add


@register_score(
    "borderline",
    "Borderline boxes",
    "Number of boxes that score 0.4 to 0.6 (configurable). 0: the model is sure of every box, "
    "one way or the other; high: many boxes that a small change of the threshold shows or hides.",
    words=words.borderline,
)
def borderline(ctx: ScoreContext) -> Values:
    """Count of boxes inside ``ctx.borderline``."""
    return ctx.per_frame(ctx.at_border)


@register_score(
    "crowding",
    "Crowding",
    "Boxes above the threshold plus NMS pressure. 0: an empty frame; high: many objects, close to "
    "each other, where boxes are missed and merged.",
    words=words.crowding,
)
def crowding(ctx: ScoreContext) -> Values:
    """Boxes shown, and the pressure under which suppression decided between them."""
    return ctx.per_frame(np.flatnonzero(ctx.shown)) + nms_pressure(ctx)


@register_score(
    "nms-pressure",
    "NMS pressure",
    "Sum of the IoU of all pairs of boxes of one label that overlap by more than 0.3 and that "
    "non-maximum suppression nevertheless kept. 0: it had nothing to decide; high: it nearly "
    "suppressed many boxes, and probably did suppress others that were real.",
    words=words.plain,
)
def nms_pressure(ctx: ScoreContext) -> Values:
    """Overlap load among boxes of the same label, at any score."""
    i, j, iou = ctx.pairs
    same = ctx.label[i] == ctx.label[j]
    return ctx.per_frame(i[same], iou[same])


@register_score(
    "ambiguity",
    "Ambiguous classes",
    "Sum over objects whose second label scores at least half as much as the first, of the "
    "harmonic mean of both scores; objects below half the threshold are left out. Labels that "
    "become one project label are one. Where the model gave no second class, two boxes of unequal "
    "labels with an IoU above 0.5 are one such object. 0: every label is clear; each object adds "
    "up to 1, the more the closer and the surer both labels are.",
    words=words.ambiguity,
)
def ambiguity(ctx: ScoreContext) -> Values:
    """Two classes close on one object."""
    rivals = ctx.rivals
    return np.bincount(rivals.frame, rivals.weight, ctx.n_frames).astype(np.float64, copy=False)


@register_score(
    "entropy",
    "Entropy",
    "Sum of the binary entropies, in bits, of all stored boxes. 0: every score is 0 or 1; each box "
    "adds up to 1, at a score of 0.5.",
    words=words.entropy,
)
def entropy(ctx: ScoreContext) -> Values:
    """Shannon's ``-p log2 p - (1-p) log2 (1-p)``, added up over boxes."""
    p = np.clip(ctx.score, np.float32(1e-7), np.float32(1 - 1e-7))
    q = 1 - p
    return ctx.per_frame(weights=-(p * np.log2(p) + q * np.log2(q)))


@register_score(
    "expected-errors",
    "Expected errors",
    "Sum of 1-p over boxes above the threshold (false alarms) and of p over boxes below it "
    "(misses), with p the score taken as a probability. 0: nothing to correct; the value is the "
    "number of corrections to expect. After decisions, p is corrected by what they showed.",
    words=words.expected_errors,
)
def expected_errors(ctx: ScoreContext) -> Values:
    """Expected false alarms and misses at the threshold."""
    if ctx.factor is None:
        return ctx.per_frame(weights=ctx.error)
    return ctx.per_frame(weights=np.minimum(ctx.error * ctx.factor, 1))


@register_score(
    "flicker",
    "Flicker",
    "Objects above the threshold that this frame of a video shows and neither neighbour does, plus "
    "those that both neighbours show and this frame does not (same label, IoU above 0.3). 0: "
    "steady, or not a video; high: many objects come and go.",
    words=words.flicker,
)
def flicker(ctx: ScoreContext) -> Values:
    """Blips and gaps, see :mod:`labkit.queue.temporal`."""
    counts = ctx.once(flicker_counts)
    return np.asarray(counts.blips + counts.gaps, dtype=np.float64)


@register_score(
    "disagreement",
    "Disagreement of two runs",
    "Boxes above the threshold without a partner (IoU above 0.5) in the other run, of either run, "
    "plus partners with unequal labels. 0: both runs say the same; high: at least one is wrong "
    "about many objects. A frame that the other run did not see counts as empty there.",
    words=words.disagreement,
    needs_other=True,
)
def disagreement(ctx: ScoreContext) -> Values:
    """Unmatched boxes and unequal labels, see :mod:`labkit.queue.compare`."""
    counts = ctx.once(disagreement_counts)
    return np.asarray(counts.unmatched + counts.relabelled, dtype=np.float64)


@register_score(
    "drift",
    "Drifting tracks",
    "Number of reasons to look at tracked objects: flags that a track run has set (its score, its "
    "area, a jump ...) and tracks that are gone on this frame and were there on the one before. 0: "
    "nothing is amiss, or nothing is tracked; high: several tracks may have been lost.",
    words=words.drift,
)
def drift(ctx: ScoreContext) -> Values:
    """Flags and lost tracks, see :mod:`labkit.queue.drifting`."""
    return ctx.once(drift_counts).counts


@register_score(
    "random",
    "Random",
    "A number in [0, 1) from the seed and the frame's id; no end means anything. It stays the same "
    "when frames are added or ranked again.",
    range=(0.0, 1.0),
    words=words.random,
)
def random(ctx: ScoreContext) -> Values:
    """Hash of seed and ``frame_id``, for coverage and for ties."""
    key = f"{ctx.seed % 2**64:016x}"
    hashed = pd.util.hash_array(ctx.frame_ids, hash_key=key, categorize=False)
    return np.asarray((hashed >> np.uint64(11)).astype(np.float64) / 2**53)


def score_table(ctx: ScoreContext, names: Iterable[str] | None = None) -> pd.DataFrame:
    """Scores of all frames as a table, one column per score, indexed by ``frame_id``.

    Parameters
    ----------
    ctx : ScoreContext
    names : iterable of str, optional
        Which; default: all, without those that need a second run where there is none.

    Raises
    ------
    NotFoundError
        No score has that name.
    """
    if names is None:
        names = [k for k in scores if ctx.other is not None or not scores[k].needs_other]
    index = pd.Index(ctx.frame_ids, name="frame_id")
    return pd.DataFrame({name: scores[name](ctx) for name in names}, index=index)
