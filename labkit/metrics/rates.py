"""How often people change what the model proposed, and what it missed.

Objects, verdicts and hand-labelled frames are defined in :mod:`labkit.metrics.verdicts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from labkit.metrics.book import Book
from labkit.metrics.grouping import by_list, keys
from labkit.metrics.intervals import check_level, share, wilson

__all__ = ["COUNTS", "RATES", "headline", "rates"]

COUNTS: Final = (
    "n",
    "accepted",
    "edited",
    "relabelled",
    "changed",
    "rejected",
    "corrected",
    "confirmed",
    "added",
    "hand_drawn",
    "missed",
    "found",
    "true_objects",
    "frames",
    "frames_rejected",
)

RATES: Final = {
    "edit_rate": ("changed", "n"),
    "shape_rate": ("edited", "n"),
    "relabel_rate": ("relabelled", "n"),
    "removal_rate": ("rejected", "n"),
    "correction_rate": ("corrected", "n"),
    "miss_rate": ("missed", "true_objects"),
    "precision": ("confirmed", "n"),
    "recall": ("found", "true_objects"),
    "reject_rate": ("frames_rejected", "frames"),
}
"""Each rate with the counts of its numerator and its denominator."""


def rates(
    decisions: pd.DataFrame | Book,
    by: str | Sequence[str] = (),
    *,
    freq: str = "D",
    bins: int = 10,
    frames: pd.DataFrame | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Counts of verdicts, and the rates made of them with Wilson intervals.

    All rates lie in 0..1 and are NaN where their denominator is 0.

    ===================  ==========================  =============================================
    rate                 numerator                   denominator
    ===================  ==========================  =============================================
    ``edit_rate``        ``changed``: proposals      ``n``: proposals with a standing verdict
                         kept after their shape,
                         attributes or label were
                         changed
    ``shape_rate``       ``edited``: kept after      ``n``
                         their shape or attributes
                         were edited
    ``relabel_rate``     ``relabelled``: kept under  ``n``
                         another label
    ``removal_rate``     ``rejected``                ``n``
    ``correction_rate``  ``corrected``: changed or   ``n``
                         rejected
    ``miss_rate``        ``missed``: objects added   ``true_objects``: kept or added objects, both
                         by a person                 on frames accepted under review
    ``precision``        ``confirmed``: kept under   ``n``
                         the model's label (edited
                         or not)
    ``recall``           ``found``: confirmed ones   ``true_objects``
    ``reject_rate``      ``frames_rejected``: sent   ``frames``: accepted or sent away
                         to hand-labelling
    ===================  ==========================  =============================================

    ``accepted`` are the proposals kept as they were; ``edited`` and ``relabelled`` overlap where
    both was done, and ``changed`` counts those once; ``n = accepted + corrected``. Only a frame
    accepted as a whole says that nothing is missing on it, so miss rate and recall are taken from
    those; frames still open, skipped or labelled by hand add nothing to them. Precision and recall
    hold at the thresholds at which proposals were shown: an object below the threshold that a
    person had to draw is a miss. An edited object counts as found: its box was near enough to be
    kept. ``hand_drawn`` objects (on hand-labelled frames) are listed and count in no rate.

    Parameters
    ----------
    decisions : DataFrame
        The ledger, undone steps and all.
    by : str or sequence of str
        Any of ``label, run, reviewer, time, score, scripted, group, frame``; none gives one row.
        By ``label``, ``n`` and what is counted among it go by the model's label,
        ``true_objects``, ``missed``, ``found``, ``added`` and ``hand_drawn`` by the final one. By
        ``reviewer``, each person's own verdicts count; otherwise the last word on each object.
        Frame counts are empty by label and score. An added object's run is the one reviewed on
        its frame; it has no score.
    freq, bins, frames
        See :func:`labkit.metrics.grouping.keys`.
    level : float
        Of the intervals, which treat objects as independent (too narrow where the objects of a
        frame go wrong together).

    Returns
    -------
    DataFrame
        One row per group: the columns of ``by``, ``COUNTS``, and for each of ``RATES`` the columns
        ``<rate>``, ``<rate>_lo`` and ``<rate>_hi``. Without ``by``, one row also of an empty
        ledger; with it, none.

    Examples
    --------
    >>> rates = lk.metrics.rates(reviewed.decisions(), by="label")
    >>> rates["label"].tolist()
    ['bolt', 'nut', 'washer']
    >>> bool((rates["removal_rate_lo"] <= rates["removal_rate"]).all())
    True
    """
    check_level(level)
    names, book = by_list(by), Book.of(decisions)
    by_person = "reviewer" in names
    objects = book.reviewer_objects if by_person else book.objects
    more: dict[str, Any] = {"freq": freq, "bins": bins, "frames": frames}
    parts = [
        _tally(keys(objects, names, label="model_label", **more), _verdict_counts(objects)),
        _tally(keys(objects, names, label="label", **more), _truth_counts(objects)),
    ]
    if not {"label", "score"} & set(names):
        table = book.reviewer_frames if by_person else book.frames
        parts.append(_tally(keys(table, names, **more), _frame_counts(table)))
    counts = _add_up(parts, names)
    return with_rates(counts, level)


def headline(row: pd.Series[Any]) -> str:
    """The first line of every summary: what was changed, what was removed, and both together.

    Parameters
    ----------
    row : Series
        A row of :func:`rates` or of :func:`labkit.metrics.summary`.

    Examples
    --------
    >>> print(lk.metrics.headline(lk.metrics.summary(reviewed).iloc[-1]))
    37 proposals judged: 8.1 % edited (0.0 % in shape or attributes, 8.1 % in label),
    8.1 % removed, 16.2 % edited or removed
    """
    n = int(row["n"])
    judged = f"{n:,} proposal{'' if n == 1 else 's'} judged"
    if not n:
        return judged
    edit, shape, label, removal, both = (
        f"{100 * float(row[name]):.1f} %"
        for name in ("edit_rate", "shape_rate", "relabel_rate", "removal_rate", "correction_rate")
    )
    edited = f"{edit} edited ({shape} in shape or attributes, {label} in label)"
    return f"{judged}: {edited}, {removal} removed, {both} edited or removed"


def with_rates(counts: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """The table with every rate of ``RATES`` and its interval beside the counts."""
    columns: dict[str, Any] = {}
    for rate, (top, bottom) in RATES.items():
        columns[rate] = share(counts[top], counts[bottom])
        columns[f"{rate}_lo"], columns[f"{rate}_hi"] = wilson(counts[top], counts[bottom], level)
    return pd.concat([counts, pd.DataFrame(columns, index=counts.index)], axis=1)


def _verdict_counts(objects: pd.DataFrame) -> dict[str, Any]:
    """Counts among the proposals that people judged."""
    verdict = objects["verdict"]
    n = (verdict != "added").to_numpy()
    flags = {
        "n": n,
        "accepted": (verdict == "accepted").to_numpy(),
        "edited": objects["edited"].to_numpy(),
        "relabelled": objects["relabelled"].to_numpy(),
        "rejected": (verdict == "rejected").to_numpy(),
    }
    flags["changed"] = flags["edited"] | flags["relabelled"]
    flags["corrected"] = n & ~flags["accepted"]
    flags["confirmed"] = n & ~flags["rejected"] & ~flags["relabelled"]
    return flags


def _truth_counts(objects: pd.DataFrame) -> dict[str, Any]:
    """Counts among the objects that are really there."""
    added = (objects["verdict"] == "added").to_numpy()
    by_hand, complete = objects["by_hand"].to_numpy(), objects["complete"].to_numpy()
    kept = (objects["verdict"] != "rejected").to_numpy()
    return {
        "added": added & ~by_hand,
        "hand_drawn": by_hand,
        "missed": added & complete,
        "found": kept & ~added & ~objects["relabelled"].to_numpy() & complete,
        "true_objects": kept & complete,
    }


def _frame_counts(frames: pd.DataFrame) -> dict[str, Any]:
    sent = frames["sent"].to_numpy()
    accepted = (frames["state"] == "accepted").to_numpy() & frames["reviewed"].to_numpy()
    return {"frames": accepted | sent, "frames_rejected": sent}


def _tally(by: pd.DataFrame, flags: dict[str, Any]) -> pd.DataFrame:
    """Sums of the flags per group; groups in which nothing is counted are left out."""
    values = pd.DataFrame(flags, index=by.index).astype(np.int64)
    if not len(by.columns):
        return pd.DataFrame([values.sum()])
    counted = np.flatnonzero(values.to_numpy().any(axis=1))
    keyed = pd.concat([by, values], axis=1).iloc[counted]
    grouped = keyed.groupby(list(by.columns), observed=True, dropna=False, sort=True)
    return grouped.sum().reset_index()


def _add_up(parts: list[pd.DataFrame], names: list[str]) -> pd.DataFrame:
    """One row per group of the counts of all parts; 0 where a part has no count."""
    full = [p.reindex(columns=[*names, *COUNTS]) for p in parts]
    if not names:
        return pd.DataFrame([pd.concat(full).astype("float64").sum()]).astype(np.int64)
    for part in full:
        part[list(COUNTS)] = part[list(COUNTS)].astype("float64").fillna(0).astype(np.int64)
        for name in names:
            if isinstance(part[name].dtype, pd.CategoricalDtype):
                part[name] = part[name].astype(object)
    filled = [p for p in full if len(p)] or full[:1]
    both = pd.concat(filled, ignore_index=True)
    return both.groupby(names, dropna=False, sort=True).sum().reset_index()
