"""The threshold adviser: at which threshold review takes the fewest clicks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labkit.core.errors import InputError
from labkit.core.matching import match_boxes
from labkit.ledger.fold import fold, frame_states
from labkit.metrics.book import Book
from labkit.metrics.intervals import check_level

__all__ = ["CURVE_COLUMNS", "ClickCosts", "ThresholdAdvice", "advise_threshold"]

CURVE_COLUMNS: Final = (
    "threshold",
    "clicks",
    "clicks_per_frame",
    "shown",
    "false_alarms",
    "misses",
    "edits",
    "relabels",
    "seen",
)
_BOX: Final = ["x1", "y1", "x2", "y2"]
_THRESHOLDS: Final = tuple(k / 100 for k in range(5, 100))


@dataclass(frozen=True)
class ClickCosts:
    """Clicks and keys that each kind of correction needs; a correct proposal needs none.

    The defaults are those of a mouse: select and delete in one, press and release for an edit,
    select and choose for a label, press and release and choose for a new object; one key accepts
    the frame.

    Parameters
    ----------
    reject, add, edit, relabel, frame : float
        Clicks and keys of one such correction, and of accepting a frame.

    Examples
    --------
    >>> lk.metrics.ClickCosts(add=4).add
    4
    """

    reject: float = 1.0
    add: float = 3.0
    edit: float = 2.0
    relabel: float = 2.0
    frame: float = 1.0

    def __post_init__(self) -> None:
        values = (self.reject, self.add, self.edit, self.relabel, self.frame)
        if not all(np.isfinite(v) and v >= 0 for v in values) or not any(values[:4]):
            raise InputError(f"Click costs {values!r} cannot be used", "", "finite and 0 or more")

    @classmethod
    def measured(cls, decisions: pd.DataFrame | Book, least: int = 20) -> ClickCosts:
        """Mean clicks of each kind in the ledger; the default where there are under ``least``."""
        rows = Book.of(decisions).effective
        kinds = {"reject": "reject", "add": "add", "edit": "edit", "relabel": "relabel"}
        means = {}
        for field, kind in {**kinds, "frame": "accept_frame"}.items():
            clicks = rows.loc[rows["kind"] == kind, "clicks"]
            if len(clicks) >= least:
                means[field] = float(clicks.mean())
        return replace(cls(), **means)


@dataclass(frozen=True)
class ThresholdAdvice:
    """What :func:`advise_threshold` found.

    Attributes
    ----------
    curve : DataFrame
        ``CURVE_COLUMNS``, one row per threshold, ascending; counts are sums over the sample.
        ``seen`` is False where the threshold lies below one at which a sampled frame was
        reviewed.
    recommended : float
        The threshold with the fewest clicks; in the middle of the longest stretch, where several
        tie.
    lo, hi : float
        Interval of ``recommended`` when the sampled frames are resampled.
    frames : list of str
        The sample.
    costs : ClickCosts
    sentence : str
        The recommendation as a sentence, with its caveat.
    """

    curve: pd.DataFrame
    recommended: float
    lo: float
    hi: float
    frames: list[str]
    costs: ClickCosts
    sentence: str


def advise_threshold(
    proposals: pd.DataFrame,
    decisions: pd.DataFrame | Book,
    *,
    frames: int = 20,
    seed: int = 0,
    costs: ClickCosts | None = None,
    min_iou: float = 0.5,
    edit_iou: float = 0.9,
    thresholds: Sequence[float] = _THRESHOLDS,
    at_least: int = 5,
    level: float = 0.9,
) -> ThresholdAdvice:
    """Count the clicks that review would have cost at each threshold, on a sample of frames.

    Up to ``frames`` accepted frames are drawn (those drawn by hand as well). Their final
    annotations, folded from the decisions, are taken for the truth, and the run's proposals are
    paired with them:

    * a shown proposal without a partner costs a ``reject`` (false alarm),
    * a final object without a shown partner costs an ``add`` (miss),
    * a partner that overlaps by less than ``edit_iou`` costs an ``edit``, one of another label a
      ``relabel`` (both where both),
    * every frame costs one ``frame``.

    Pairing follows COCO: proposals choose in descending score, each the free object it overlaps
    most, at ``min_iou`` or more, whatever the labels. A proposal's partner then depends on higher
    scores only, so that the pairs at any threshold are the pairs at the lowest one cut off there:
    pairing is done once, and all thresholds are cumulative sums.

    **What this cannot see.** Objects below the threshold of the review were not shown.
    If no reviewer added them, they are not part of the truth here, and a proposal for one counts as
    a false alarm: below the review threshold the curve is an upper bound (``seen`` is False).

    Parameters
    ----------
    proposals : DataFrame
        Of one run, from its lowest stored score.
    decisions : DataFrame
        The ledger.
    frames, seed : int
        Size of the sample, and the seed of the draw.
    costs : ClickCosts, optional
        Default :class:`ClickCosts`; ``ClickCosts.measured(decisions)`` takes the ledger's.
    min_iou : float
        From this IoU on a proposal and a final object are partners, 0..1.
    edit_iou : float
        Partners with a lower IoU cost an edit, 0..1.
    thresholds : sequence of float
        The thresholds to compare, in 0..1.
    at_least : int
        Fewer accepted frames are an error.
    level : float
        Of the interval ``lo, hi``.

    Raises
    ------
    InputError
        Too few accepted frames, several runs, or thresholds outside 0..1.

    Examples
    --------
    >>> advice = lk.metrics.advise_threshold(reviewed.proposals(), reviewed.decisions())
    >>> 0 <= advice.lo <= advice.recommended <= advice.hi <= 1
    True
    """
    book, costs = Book.of(decisions), costs or ClickCosts()
    check_level(level)
    grid = _grid(thresholds)
    runs = proposals["run_id"].astype(object).unique()
    if len(runs) > 1:
        named = ", ".join(map(str, runs[:5]))
        raise InputError("A threshold is advised for one run", f"these proposals are of {named}")
    sample, reviewed_at = _sample(book, frames, seed, max(1, at_least))
    truth = _truth(book, proposals, sample)
    shown = proposals[proposals["frame_id"].isin(sample)]
    counts = _counts(shown, truth, sample, grid, min_iou, edit_iou)
    clicks = (
        costs.frame
        + costs.reject * counts["false_alarms"]
        + costs.add * counts["misses"]
        + costs.edit * counts["edits"]
        + costs.relabel * counts["relabels"]
    )
    curve = pd.DataFrame({"threshold": grid, "clicks": clicks.sum(0)})
    curve["clicks_per_frame"] = curve["clicks"] / len(sample)
    for name, value in counts.items():
        curve[name] = value.sum(0).astype(np.int64)
    curve["seen"] = grid >= reviewed_at if np.isfinite(reviewed_at) else True
    best = _middle_of_least(clicks.sum(0))
    lo, hi = _interval(clicks, grid, seed, level)
    text = _sentence(curve, best, lo, hi, reviewed_at, len(sample))
    return ThresholdAdvice(
        curve[list(CURVE_COLUMNS)], float(grid[best]), lo, hi, sample, costs, text
    )


def _grid(thresholds: Sequence[float]) -> NDArray[np.float64]:
    grid = np.unique(np.asarray(thresholds, dtype=np.float64))
    if not len(grid) or not np.isfinite(grid).all() or grid[0] < 0 or grid[-1] > 1:
        raise InputError("These thresholds cannot be compared", "", "finite numbers in 0..1")
    return grid


def _sample(book: Book, frames: int, seed: int, at_least: int) -> tuple[list[str], float]:
    """The frames, and the highest threshold at which one of them was reviewed (NaN if unknown)."""
    states = frame_states(book.effective)
    done = states[states["state"] == "accepted"].sort_values("frame_id")
    if len(done) < at_least:
        raise InputError(
            "No threshold can be advised yet",
            f"{len(done)} frames are accepted and {at_least} are needed",
            "review some more",
        )
    rng = np.random.default_rng(seed)
    pick = np.sort(rng.choice(len(done), size=min(max(frames, at_least), len(done)), replace=False))
    chosen = done.iloc[pick]
    reviewed = pd.to_numeric(chosen["threshold"]).max()
    return [str(f) for f in chosen["frame_id"]], float(reviewed)


def _truth(book: Book, proposals: pd.DataFrame, sample: list[str]) -> pd.DataFrame:
    """The objects that stand on the sampled frames."""
    rows = book.effective
    seqs = rows.loc[rows["frame_id"].isin(sample), "seq"]
    decided = book.raw[book.raw["seq"].isin(seqs)]
    objects = fold(proposals[proposals["object_id"].isin(decided["object_id"])], decided)
    return objects[objects["state"].isin(["accepted", "edited", "added"])]


def _counts(
    shown: pd.DataFrame,
    truth: pd.DataFrame,
    sample: list[str],
    grid: NDArray[np.float64],
    min_iou: float,
    edit_iou: float,
) -> dict[str, NDArray[np.float64]]:
    """Counts ``(frames, thresholds)`` of objects shown, wrong, missing and to be changed."""
    frames = pd.Index(sample)
    frame = frames.get_indexer(pd.Index(shown["frame_id"].astype(object)))
    truth_frame = frames.get_indexer(pd.Index(truth["frame_id"].astype(object)))
    score = shown["score"].to_numpy(dtype=np.float32)
    pairs = match_boxes(
        shown[_BOX].to_numpy(np.float64),
        truth[_BOX].to_numpy(np.float64),
        min_iou,
        group_a=frame,
        group_b=truth_frame,
        priority=score,
    )
    label = shown["label"].astype(object).to_numpy()[pairs.i]
    other = label != truth["label"].astype(object).to_numpy()[pairs.j]
    # scores are stored as float32, so thresholds are compared as float32 (0.7 is 0.7)
    level = np.searchsorted(grid.astype(np.float32), score, side="right") - 1

    def from_score_up(rows: NDArray[Any]) -> NDArray[np.float64]:
        out = np.zeros((len(sample), len(grid)))
        rows = rows[level[rows] >= 0]
        np.add.at(out, (frame[rows], level[rows]), 1)
        return np.asarray(out[:, ::-1].cumsum(axis=1)[:, ::-1])

    every = from_score_up(np.arange(len(shown)))
    matched = from_score_up(pairs.i)
    objects = np.bincount(truth_frame, minlength=len(sample)).astype(np.float64)
    return {
        "shown": every,
        "false_alarms": every - matched,
        "misses": objects[:, None] - matched,
        "edits": from_score_up(pairs.i[pairs.iou < edit_iou]),
        "relabels": from_score_up(pairs.i[other]),
    }


def _middle_of_least(clicks: NDArray[np.float64]) -> int:
    """Index in the middle of the longest stretch of least cost."""
    least = np.flatnonzero(np.isclose(clicks, clicks.min()))
    stretches = np.split(least, np.flatnonzero(np.diff(least) > 1) + 1)
    longest = max(stretches, key=len)
    return int(longest[len(longest) // 2])


def _interval(
    clicks: NDArray[np.float64], grid: NDArray[np.float64], seed: int, level: float
) -> tuple[float, float]:
    """Percentiles of the recommendation over 500 resamples of the frames."""
    n = len(clicks)
    weights = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=500)
    best = [grid[_middle_of_least(row)] for row in weights @ clicks]
    lo, hi = np.quantile(best, [(1 - level) / 2, (1 + level) / 2], method="nearest")
    return float(lo), float(hi)


def _sentence(
    curve: pd.DataFrame, best: int, lo: float, hi: float, reviewed_at: float, n: int
) -> str:
    row = curve.iloc[best]
    text = (
        f"Show proposals from {row['threshold']:.2f} up ({lo:.2f} to {hi:.2f}):"
        f" {row['clicks_per_frame']:.1f} clicks per frame on a sample of {n} frames"
    )
    if np.isfinite(reviewed_at):
        at = curve.iloc[int((curve["threshold"] - reviewed_at).abs().argmin())]
        text += f", {at['clicks_per_frame']:.1f} at {reviewed_at:.2f}, where they were reviewed"
    return text + (
        "; objects below the threshold of the review were not seen unless somebody added them, so"
        " that lower thresholds may be better than they look here"
    )
