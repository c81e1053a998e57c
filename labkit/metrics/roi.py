"""What review saves against drawing every object by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from labkit.core.errors import InputError
from labkit.core.registry import unknown
from labkit.metrics.book import Book
from labkit.metrics.intervals import bootstrap_ratio, check_level, share

__all__ = ["CITED", "Roi", "roi"]

CITED: Final = {
    "su2012": (
        25.5,
        "median of drawing one box in Su, Deng and Fei-Fei (2012), 'Crowdsourcing annotations for"
        " visual object detection', AAAI Human Computation Workshop, Table 1 (crowd workers; their"
        " 9.0 s of checking quality and 7.8 s of checking coverage not counted)",
    ),
    "papadopoulos2017": (
        7.0,
        "time per box by extreme clicking in Papadopoulos, Uijlings, Keller and Ferrari (2017),"
        " 'Extreme clicking for efficient object annotation', ICCV",
    ),
}
"""Published seconds per box drawn by hand, and their sources."""


@dataclass(frozen=True)
class Roi:
    """Seconds per object, by review and by hand.

    Attributes
    ----------
    review_s, hand_s : float
        Active seconds per object that stands in the end; NaN where there is no such object.
    speedup, lo, hi : float
        ``hand_s / review_s`` with its bootstrap interval over frames; above 1 review saves time.
    saved_hours : float
        ``objects * (hand_s - review_s) / 3600``; negative where review costs more.
    objects, frames : int
        Under review.
    hand_objects, hand_frames : int
        Drawn by hand here; 0 where the time by hand is cited.
    measured : bool
        Whether ``hand_s`` was measured in this ledger.
    source : str
        Where ``hand_s`` comes from.
    scripted_share : float
        Share of the decisions made by a script; their seconds are not a person's.
    sentence : str
    """

    review_s: float
    hand_s: float
    speedup: float
    lo: float
    hi: float
    saved_hours: float
    objects: int
    frames: int
    hand_objects: int
    hand_frames: int
    measured: bool
    source: str
    scripted_share: float
    sentence: str


def roi(
    decisions: pd.DataFrame | Book,
    baseline: str = "su2012",
    *,
    level: float = 0.95,
    draws: int = 1000,
    seed: int = 0,
) -> Roi:
    """Compare review with hand-labelling, in active seconds per object of the final annotations.

    *Review*: all review seconds of finished frames, those of rejecting false proposals and of
    frames sent to hand-labelling included, over the objects kept or added on the frames
    accepted under review. *By hand*: seconds from sending a frame away, over the objects drawn on
    it (frames sent away, then drawn), where there are any; else the constant that ``baseline``
    names in ``CITED``. Frames sent away were likely the hard ones, so a measured time by hand tends
    to be high; time that annotators spent on finding nothing on empty frames counts for review
    only.

    Parameters
    ----------
    decisions : DataFrame
        The ledger.
    baseline : str
        A name in ``CITED``, used where nothing was drawn by hand.
    level, draws, seed
        Of the bootstrap, which resamples frames of either kind; a cited constant is taken as
        exact.

    Examples
    --------
    >>> lk.metrics.roi(reviewed.decisions()).measured  # nothing was drawn by hand
    False
    """
    check_level(level)
    if baseline not in CITED:
        raise unknown("baseline", baseline, list(CITED))
    if draws < 1:
        raise InputError(f"{draws} bootstrap draws cannot be made")
    book = Book.of(decisions)
    table = book.frames
    done = table[table["state"].isin(["accepted", "hand"])]
    reviewed = ((done["state"] == "accepted") & ~done["hand_labelled"]).to_numpy()
    seconds = done["review_s"].to_numpy()
    objects = np.where(reviewed, done["true_objects"].to_numpy(), 0)
    drawn = done[done["hand_labelled"] & (done["drawn"] > 0) & (done["hand_s"] > 0)]
    review_s = float(share(seconds.sum(), objects.sum()))
    review = bootstrap_ratio(seconds, objects, draws, seed)
    measured = len(drawn) > 0
    if measured:
        hand_s = float(drawn["hand_s"].sum() / drawn["drawn"].sum())
        hand = bootstrap_ratio(drawn["hand_s"], drawn["drawn"], draws, seed + 1)
        count = f"{len(drawn)} hand-labelled frame{'s' * (len(drawn) > 1)}"
        source = f"measured on {count} ({int(drawn['drawn'].sum())} objects)"
    else:
        hand_s, source = CITED[baseline]
        hand = np.full(draws, hand_s)
    lo, hi = _quantiles(
        np.divide(hand, review, where=review > 0, out=np.full(draws, np.nan)), level
    )
    speedup = float(share(hand_s, review_s)) if review_s > 0 else float("nan")
    n = int(objects.sum())
    return Roi(
        review_s=review_s,
        hand_s=hand_s,
        speedup=speedup,
        lo=lo,
        hi=hi,
        saved_hours=n * (hand_s - review_s) / 3600 if n else 0.0,
        objects=n,
        frames=int(reviewed.sum()),
        hand_objects=int(drawn["drawn"].sum()),
        hand_frames=len(drawn),
        measured=measured,
        source=source,
        scripted_share=book.scripted_share,
        sentence=_sentence(review_s, hand_s, speedup, lo, hi, source, book.scripted_share),
    )


def _quantiles(values: np.ndarray, level: float) -> tuple[float, float]:
    values = values[np.isfinite(values)]
    if not len(values):
        return float("nan"), float("nan")
    lo, hi = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(lo), float(hi)


def _sentence(
    review_s: float,
    hand_s: float,
    speedup: float,
    lo: float,
    hi: float,
    source: str,
    scripted: float,
) -> str:
    if not np.isfinite(speedup):
        return "No object stands yet on a frame accepted under review with its time taken"
    text = (
        f"{review_s:.1f} s an object under review against {hand_s:.1f} s by hand ({source}):"
        f" {speedup:.1f} times as fast ({lo:.1f} to {hi:.1f})"
    )
    if scripted > 0:
        text += f"; {scripted:.0%} of the decisions are scripted, their seconds are not a person's"
    return text
