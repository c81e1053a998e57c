"""How long review takes: active seconds, idle time left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from labkit.metrics.book import Book
from labkit.metrics.grouping import by_list, keys
from labkit.metrics.intervals import share

__all__ = ["TIMES", "timing"]

TIMES: Final = (
    "frames",
    "objects",
    "seconds",
    "seconds_per_frame_median",
    "seconds_per_frame_mean",
    "seconds_per_frame_p90",
    "seconds_per_object_median",
    "seconds_per_object_mean",
    "seconds_per_object_p90",
    "objects_per_hour",
    "frames_per_hour",
    "clicks_per_frame",
)

_BY: Final = ("run", "reviewer", "time", "scripted", "group")


def timing(
    decisions: pd.DataFrame | Book,
    by: str | Sequence[str] = (),
    *,
    freq: str = "D",
    frames: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Active time and clicks of reviewing, per frame and per object.

    Counted are the frames that were finished: accepted, sent to hand-labelling or skipped (an open
    frame's time is not all spent yet). Drawing by hand is not review: on a hand-labelled frame only
    what came before it was sent away counts (the rest is :func:`labkit.metrics.roi.roi`'s). The
    seconds are those of *all* ledger rows, undone steps included, since they took time, too.

    ================================  ============================================================
    column                            definition (NaN where there is nothing to divide by)
    ================================  ============================================================
    ``frames``, ``objects``           finished frames; verdicts on their proposals plus objects
                                      added under review
    ``seconds``                       active seconds on them, >= 0
    ``seconds_per_frame_*``           median, mean and 90th percentile over the frames
    ``seconds_per_object_mean``       all seconds over all objects
    ``seconds_per_object_median``,    over the frames with an object: the frame's seconds over its
    ``seconds_per_object_p90``        objects (one gesture often decides many objects at once)
    ``objects_per_hour``,             per hour of active time
    ``frames_per_hour``
    ``clicks_per_frame``              clicks and keys over frames
    ================================  ============================================================

    Parameters
    ----------
    decisions : DataFrame
        The ledger, undone steps and all.
    by : str or sequence of str
        Any of ``run, reviewer, time, scripted, group``; none gives one row. By
        ``reviewer`` a frame that two people worked on is one frame of each.
    freq, frames
        See :func:`labkit.metrics.grouping.keys`.

    Returns
    -------
    DataFrame
        One row per group: the columns of ``by``, then ``TIMES``.

    Examples
    --------
    >>> times = lk.metrics.timing(reviewed.decisions(), by="reviewer")
    >>> times[["reviewer", "frames"]]
      reviewer  frames
    0   script       6
    """
    names, book = by_list(by, _BY), Book.of(decisions)
    table = book.reviewer_frames if "reviewer" in names else book.frames
    table = table[(table["state"] != "open") & table["reviewed"]]
    by_columns = keys(table, names, freq=freq, frames=frames)
    if not names:
        return pd.DataFrame([_row(table)], columns=list(TIMES))
    return timed_groups(table, by_columns)


def timed_groups(table: pd.DataFrame, by: pd.DataFrame) -> pd.DataFrame:
    """The columns ``TIMES`` of frame-table rows, one row per group of ``by``."""
    names = list(by.columns)
    values = table[["review_s", "objects", "clicks"]]
    joined = pd.concat([by, values], axis=1)
    rows = []
    for name, part in joined.groupby(names, observed=True, dropna=False, sort=True):
        names_of_group = name if isinstance(name, tuple) else (name,)
        rows.append({**dict(zip(names, names_of_group, strict=True)), **_row(part)})
    return pd.DataFrame(rows, columns=[*names, *TIMES])


def _row(part: pd.DataFrame) -> dict[str, Any]:
    seconds = part["review_s"].to_numpy(dtype=np.float64)
    objects = part["objects"].to_numpy(dtype=np.int64)
    frames, total, count = len(part), float(seconds.sum()), int(objects.sum())
    each = seconds[objects > 0] / objects[objects > 0]
    hours = total / 3600
    return {
        "frames": frames,
        "objects": count,
        "seconds": total,
        **_spread("seconds_per_frame", seconds, total, frames),
        **_spread("seconds_per_object", each, total, count),
        "objects_per_hour": float(share(count, hours)),
        "frames_per_hour": float(share(frames, hours)),
        "clicks_per_frame": float(share(part["clicks"].sum(), frames)),
    }


def _spread(name: str, values: np.ndarray, total: float, count: int) -> dict[str, float]:
    median, p90 = np.quantile(values, [0.5, 0.9]) if len(values) else (np.nan, np.nan)
    return {
        f"{name}_median": float(median),
        f"{name}_mean": float(share(total, count)),
        f"{name}_p90": float(p90),
    }
