"""The arrays that all scores share, built once from the table of proposals."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labkit.core.errors import InputError
from labkit.core.matching import Pairs, overlapping_pairs

__all__ = ["CLOSE", "MATCH_IOU", "OVERLAP_IOU", "Rivals", "ScoreContext", "build_context"]

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

_BOX = ["x1", "y1", "x2", "y2"]
_NEEDED = ("frame_id", "label", "score", *_BOX)


class Rivals(NamedTuple):
    """Objects on which two labels are close, one entry an object; ``weight`` is its share."""

    frame: Ints
    label: Codes
    score: Floats
    label_2: Codes
    score_2: Floats
    weight: Floats


@dataclass(frozen=True, eq=False)
class ScoreContext:
    """Proposals of one run as arrays, sorted by frame; what a score is computed from.

    Make one with :func:`build_context`. There are ``n`` frames, numbered in the order of the
    frames table, and ``m`` proposals; all arrays are read only by convention.

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
        Whether the model told its second best class at all.
    moment : ndarray of int, (n,)
        Place on one long time line: neighbouring frames of a video differ by 1, frames of
        different groups by more.
    conf : float
        The score from which a reviewer is shown a proposal.
    borderline : (float, float)
        Scores that count as undecided, inclusive.
    seed : int
    other : ScoreContext or None
        A second run on the same frames, with the same ``names``.
    factor : ndarray of float32 (m,) or None
        What the decisions so far say about each proposal's expected error: 1 is as expected.
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
        return self.score >= np.float32(self.conf)

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
        # A model that tells one class a box shows its doubt as two boxes on one object.
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


def _codes(column: pd.Series[Any]) -> tuple[Codes, NDArray[Any]]:
    """Codes (-1 where missing) and the names that they stand for."""
    if not isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype("category")
    return np.asarray(column.cat.codes, dtype=np.int32), column.cat.categories.to_numpy(
        dtype=object
    )


def _recode(codes: Codes, table: list[int]) -> Codes:
    """``table[codes]``, and -1 where the code is -1."""
    return np.asarray([*table, -1], dtype=np.int32)[codes]


class _Names:
    """One numbering for all labels."""

    def __init__(self, names: Collection[str] = ()) -> None:
        self.index: dict[str, int] = {name: k for k, name in enumerate(names)}

    def __call__(self, name: Any) -> int:
        return self.index.setdefault(str(name), len(self.index))


def _seen_map(
    label: Codes, labels: NDArray[Any], model: Codes, models: NDArray[Any]
) -> dict[str, str | None]:
    """Which project label each model label was given in these proposals."""
    both = (label >= 0) & (model >= 0)
    met = np.flatnonzero(np.bincount(model[both].astype(np.int64) * len(labels) + label[both]))
    return {str(models[k // len(labels)]): str(labels[k % len(labels)]) for k in met.tolist()}


def _choices(
    df: pd.DataFrame, label: Codes, to_project: Mapping[str, str | None], names: _Names
) -> tuple[Codes, Floats, NDArray[np.bool_]]:
    """The best class that means another project label: code, score, and whether any was told."""
    runner, value = np.full(len(df), -1, np.int32), np.zeros(len(df), np.float32)
    told = np.zeros(len(df), bool)
    for k in (2, 3):
        if f"label_{k}" not in df or f"score_{k}" not in df:
            continue
        codes, models = _codes(df[f"label_{k}"])
        score = df[f"score_{k}"].to_numpy(dtype=np.float32, na_value=np.nan)
        # a class that the map drops is still another class than the object's
        project = _recode(codes, [names(to_project.get(str(m), m) or m) for m in models])
        there = (codes >= 0) & np.isfinite(score)
        new = there & (runner < 0) & (project != label)
        runner, value = np.where(new, project, runner), np.where(new, score, value)
        told |= there
    return runner, value, told


def _moments(frames: pd.DataFrame, sequences: Collection[str]) -> Ints:
    """Places on the time line: neighbours differ by 1, all others by 2 or more."""
    n = len(frames)
    if "group" not in frames or "index" not in frames:
        return np.arange(n, dtype=np.intp) * 2
    group, groups = _codes(frames["group"])
    index = frames["index"].to_numpy(dtype=np.int64)
    ordered = np.isin(group, [k for k, name in enumerate(groups) if name in sequences])
    index = np.where(ordered, np.arange(n), index)
    order = np.lexsort((np.arange(n), index, group))
    apart = (np.diff(group[order]) != 0) | (np.diff(index[order]) == 0) | (group[order][1:] < 0)
    out = np.empty(n, dtype=np.intp)
    out[order] = np.concatenate([[0], np.cumsum(1 + apart)])[:n]
    return out


def _numbers_of_frames(df: pd.DataFrame, frames: pd.DataFrame) -> tuple[NDArray[Any], Codes]:
    ids = np.asarray(frames["frame_id"], dtype=object)
    index = pd.Index(ids, dtype=object)
    if not index.is_unique:
        raise InputError("These frames cannot be ranked", "the table holds a frame twice")
    codes, known = _codes(df["frame_id"])
    found = index.get_indexer(pd.Index(known, dtype=object))
    return ids, _recode(codes, found.tolist())


def _in_order(df: pd.DataFrame, frame: Codes) -> Ints | None:
    """The order by frame, run and index, or None where the rows are in it already."""
    index = df["index"].to_numpy() if "index" in df else np.arange(len(df))
    run = _codes(df["run_id"])[0] if "run_id" in df else np.zeros(len(df), np.int32)
    step, inside = np.diff(frame), np.diff(index)
    if (run == run[:1]).all() and ((step > 0) | ((step == 0) & (inside >= 0))).all():
        return None
    return np.lexsort((index, run, frame))


def build_context(
    proposals: pd.DataFrame,
    frames: pd.DataFrame,
    *,
    conf: float = 0.5,
    borderline: tuple[float, float] = (0.4, 0.6),
    seed: int = 0,
    label_map: Mapping[str, str | None] | None = None,
    other: pd.DataFrame | None = None,
    sequences: Collection[str] = (),
    names: Collection[str] = (),
) -> ScoreContext:
    """Arrays from a table of proposals, sorted by frame.

    Parameters
    ----------
    proposals : DataFrame
        Columns of :data:`labkit.store.schema.PROPOSALS`; those beyond ``frame_id``, ``label``,
        ``score`` and the box may be missing. Rows of frames that are not in ``frames``, and rows
        without a label or a finite score, are left out.
    frames : DataFrame
        The frames of the run: ``frame_id``, and ``group`` and ``index`` for the flicker score.
    label_map : mapping, optional
        Model label to project label (None: dropped). Without it, what the proposals show of it.
    other : DataFrame, optional
        Proposals of a second run.
    sequences : collection of str
        Groups of single images that follow each other in time, in the order of ``frames``.
    names : collection of str
        Labels to number first.

    Raises
    ------
    InputError
        A column is missing, or a frame is there twice.
    """
    missing = [c for c in _NEEDED if c not in proposals]
    if missing or "frame_id" not in frames:
        raise InputError(
            "These proposals cannot be ranked", f"no column {(missing or ['frame_id'])[0]!r}"
        )
    ids, frame = _numbers_of_frames(proposals, frames)
    score = proposals["score"].to_numpy(dtype=np.float32, na_value=np.nan)
    df, good = proposals, (frame >= 0) & np.isfinite(score) & proposals["label"].notna().to_numpy()
    if not good.all():
        df, frame, score = df[good], frame[good], score[good]
    label, labels = _codes(df["label"])
    numbering = _Names(names)
    project = _recode(label, [numbering(name) for name in labels])
    to_project: dict[str, str | None] = {}
    if "model_label" in df:
        to_project |= _seen_map(label, labels, *_codes(df["model_label"]))
    to_project |= dict(label_map or {})
    runner, runner_score, told = _choices(df, project, to_project, numbering)
    context = ScoreContext(
        frame_ids=ids,
        frame=frame.astype(np.intp),
        score=score,
        boxes=np.ascontiguousarray(df[_BOX].to_numpy(dtype=np.float32, na_value=np.nan)),
        label=project,
        names=(),
        runner_up=runner,
        runner_up_score=runner_score,
        has_choices=told,
        moment=_moments(frames, sequences),
        conf=conf,
        borderline=borderline,
        seed=seed,
    )
    context = _sorted(context, _in_order(df, frame))
    if other is not None:
        second = build_context(
            other, frames, conf=conf, label_map=label_map, names=tuple(numbering.index)
        )
        return replace(context, other=second, names=second.names)
    return replace(context, names=tuple(numbering.index))


def _sorted(c: ScoreContext, order: Ints | None) -> ScoreContext:
    if order is None:
        return c
    return replace(
        c,
        frame=c.frame[order],
        score=c.score[order],
        boxes=c.boxes[order],
        label=c.label[order],
        runner_up=c.runner_up[order],
        runner_up_score=c.runner_up_score[order],
        has_choices=c.has_choices[order],
    )
