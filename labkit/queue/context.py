"""The arrays that all scores share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from labkit.core.matching import Pairs, overlapping_pairs
from labkit.core.tracks import Walked
from labkit.core.visibility import is_shown

__all__ = ["CLOSE", "MATCH_IOU", "OVERLAP_IOU", "Rivals", "ScoreContext"]

OVERLAP_IOU = 0.3
"""Boxes that overlap by more are crowded; an object that moved by less is still the same."""

MATCH_IOU = 0.5
"""Boxes that overlap by more are of one object (Pascal VOC's bound)."""

CLOSE = 0.5
"""Two classes are close where the second scores at least this share of the first."""

Floats = NDArray[np.float32]
Ints = NDArray[np.intp]
Codes = NDArray[np.int32]

T = TypeVar("T")


class Rivals(NamedTuple):
    """Objects on which two labels are close, one entry per object; ``weight`` is its share."""

    frame: Ints
    label: Codes
    score: Floats
    label_2: Codes
    score_2: Floats
    weight: Floats


@dataclass(frozen=True, eq=False)
class ScoreContext:
    """Proposals of one run as arrays, sorted by frame; what a score is computed from.

    Make one with :func:`labkit.queue.build.build_context`. There are ``n`` frames, numbered in the
    order of the frames table, and ``m`` proposals; all arrays are read only by convention.

    Attributes
    ----------
    frame_ids : ndarray of object, (n,)
    frame : ndarray of int, (m,)
        The number of each proposal's frame, ascending.
    score : ndarray of float32, (m,)
        0..1; proposals without a label or a finite score are left out.
    boxes : ndarray of float32, (m, 4)
        ``xyxy``, pixels.
    label : ndarray of int32, (m,)
        Index into ``names``, the project's labels.
    names : tuple of str
    runner_up : ndarray of int32, (m,)
        The model's best class that means another project label, as index into ``names``; -1 where
        there is none.
    runner_up_score : ndarray of float32, (m,)
        Its score, 0 where there is none.
    has_choices : ndarray of bool, (m,)
        Whether the model gave a second best class at all.
    moment : ndarray of int, (n,)
        Position on one time line: neighbouring frames of a video differ by 1, frames of
        different groups by more.
    conf : float
        The score from which a reviewer is shown a proposal.
    borderline : (float, float)
        Scores that count as undecided, inclusive.
    seed : int
    other : ScoreContext or None
        A second run on the same frames, with the same ``names``.
    track : ndarray of int64 (m,) or None
        Track ids, -1 for objects without one; None where there are no tracks.
    flags : ndarray of object (m,) or None
        Attributes as JSON of the proposals that a track run has flagged, None for the others.
    sizes : ndarray of float32 (n, 2) or None
        Width and height of the frames.
    walked : mapping or None
        Track id to where a track run has looked for it.
    factor : ndarray of float32 (m,) or None
        Factor on each proposal's expected error, from the decisions so far; 1 means as expected.
    """

    frame_ids: NDArray[Any]
    frame: Ints
    score: Floats
    boxes: Floats
    label: Codes
    names: tuple[str, ...]
    runner_up: Codes
    runner_up_score: Floats
    has_choices: NDArray[np.bool_]
    moment: Ints
    conf: float = 0.5
    borderline: tuple[float, float] = (0.4, 0.6)
    seed: int = 0
    other: ScoreContext | None = None
    track: NDArray[np.int64] | None = None
    flags: NDArray[Any] | None = None
    sizes: Floats | None = None
    walked: Mapping[int, Walked] | None = None
    factor: Floats | None = None
    _made: dict[Any, Any] = field(init=False, repr=False, default_factory=dict)

    def once(self, function: Callable[[ScoreContext], T]) -> T:
        """``function(self)``, computed the first time only; for what several scores share."""
        if function not in self._made:
            self._made[function] = function(self)
        made: T = self._made[function]
        return made

    @property
    def n_frames(self) -> int:
        """The number of frames, those without a proposal among them."""
        return len(self.frame_ids)

    @cached_property
    def shown(self) -> NDArray[np.bool_]:
        """Proposals at or above the threshold, ``(m,)``."""
        return is_shown(self.score, self.conf)

    @cached_property
    def at_border(self) -> Ints:
        """Indices of the proposals inside ``borderline``."""
        low, high = (np.float32(v) for v in self.borderline)
        return np.flatnonzero((self.score >= low) & (self.score <= high))

    @cached_property
    def error(self) -> Floats:
        """Probability that the threshold treats a proposal wrongly, ``(m,)``, 0..1, as scored."""
        return np.where(self.shown, np.float32(1) - self.score, self.score)

    @cached_property
    def pairs(self) -> Pairs:
        """Pairs of proposals of one frame that overlap by more than ``OVERLAP_IOU``."""
        return overlapping_pairs(self.boxes, self.frame, OVERLAP_IOU)

    @cached_property
    def rivals(self) -> Rivals:
        """Objects on which two labels are close; see the score ``ambiguity``."""
        own = np.flatnonzero(self._close(self.score, self.runner_up_score))
        i, j, iou = self.pairs
        # a model that gives one class per box shows its doubt as two boxes on one object
        keep = (iou > MATCH_IOU) & (self.label[i] != self.label[j])
        keep &= ~(self.has_choices[i] & self.has_choices[j])
        i, j = i[keep], j[keep]
        i, j = np.where(self.score[i] >= self.score[j], (i, j), (j, i))
        keep = self._close(self.score[i], self.score[j])
        i, j = i[keep], j[keep]
        score = np.concatenate([self.score[own], self.score[i]])
        score_2 = np.concatenate([self.runner_up_score[own], self.score[j]])
        return Rivals(
            frame=np.concatenate([self.frame[own], self.frame[i]]),
            label=np.concatenate([self.label[own], self.label[i]]),
            score=score,
            label_2=np.concatenate([self.runner_up[own], self.label[j]]),
            score_2=score_2,
            weight=2 * score * score_2 / (score + score_2),
        )

    def _close(self, first: Floats, second: Floats) -> NDArray[np.bool_]:
        """Whether an object may well be there and the second label comes near the first."""
        plausible = (first >= np.float32(self.conf / 2)) & (second > 0)
        return np.asarray(plausible & (second >= np.float32(CLOSE) * first))

    def per_frame(self, index: Ints | None = None, weights: Any = None) -> NDArray[np.float64]:
        """Sum (without weights: count) of some proposals by frame, ``(n,)``."""
        frame = self.frame if index is None else self.frame[index]
        return np.bincount(frame, weights, self.n_frames).astype(np.float64, copy=False)
