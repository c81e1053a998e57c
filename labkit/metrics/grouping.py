"""How metrics can be split: the columns that define groups."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pandas as pd

from labkit.core.errors import InputError
from labkit.core.registry import unknown
from labkit.metrics.rows import named

__all__ = ["BY", "by_list", "keys"]

BY: Final = ("label", "run", "reviewer", "time", "score", "scripted", "group", "frame")
_CALENDAR: Final = ("W", "M", "Q", "Y")
_COLUMN: Final = {"run": "run_id", "frame": "frame_id"}


def by_list(by: str | Sequence[str], allowed: Sequence[str] = BY) -> list[str]:
    """The names of a ``by`` argument, each known and used once."""
    names = [by] if isinstance(by, str) else list(dict.fromkeys(by))
    for name in names:
        if name not in allowed:
            raise unknown("grouping", name, list(allowed))
    return names


def keys(
    table: pd.DataFrame,
    by: Sequence[str],
    *,
    label: str = "label",
    freq: str = "D",
    bins: int = 10,
    frames: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """One column per grouping, aligned with ``table``.

    Parameters
    ----------
    table : DataFrame
        An object or frame table.
    by : sequence of str
        From ``BY``. ``time`` is the start of the period of length ``freq`` (UTC) that the last
        decision falls in; ``score`` a range such as ``'0.4-0.5'`` (lower end inclusive, 1.0 in
        the last one), missing for added objects; ``group`` the frame's video or folder.
    label : str
        Column that ``label`` stands for.
    freq : str
        pandas' alias for a period: ``'D'``, ``'h'``, ``'15min'``, ``'W'``, ``'M'``.
    bins : int
        Score ranges of equal width, 1..100.
    frames : DataFrame, optional
        Needed for ``group``: ``frame_id`` and ``group``.
    """
    out: dict[str, Any] = {}
    for name in by:
        if name == "label":
            out[name] = table[label]
        elif name == "time":
            out[name] = _period(table["time"], freq)
        elif name == "score":
            out[name] = _score_range(table["score"], bins)
        elif name == "group":
            out[name] = _group(table["frame_id"], frames)
        else:
            out[name] = table[_COLUMN.get(name, name)]
    return pd.DataFrame(out, index=table.index)


def _period(time: pd.Series[Any], freq: str) -> pd.Series[Any]:
    start: pd.Series[Any]
    try:
        if freq[:1] in _CALENDAR:  # no fixed length to floor to; periods know where they begin
            start = time.dt.tz_localize(None).dt.to_period(freq).dt.start_time.dt.tz_localize("UTC")
        else:
            start = time.dt.floor(freq)
    except ValueError as exc:
        raise InputError(
            f"{freq!r} is not a length of time", str(exc), "such as 'D' or 'h'"
        ) from exc
    return start


def _score_range(score: pd.Series[Any], bins: int) -> Any:
    if not 1 <= bins <= 100:
        raise InputError(f"{bins} score ranges cannot be made", "1 to 100 can")
    digits = 1 if 10 % bins == 0 else 2
    edges = np.linspace(0, 1, bins + 1)
    names = [f"{a:.{digits}f}-{b:.{digits}f}" for a, b in pairwise(edges)]
    values = score.to_numpy(dtype=np.float64)
    # scores are float32: half a rounding step, so that 0.4 falls in the range that begins there
    code = np.minimum(np.floor(np.nan_to_num(values) * bins + 1e-6), bins - 1).astype(np.int64)
    return named(pd.Index(names), np.where(np.isnan(values), -1, code))


def _group(frame_id: pd.Series[Any], frames: pd.DataFrame | None) -> Any:
    if frames is None:
        raise InputError("Metrics by group need the frames", "", "pass frames=Project.frames()")
    group = pd.Categorical(frames["group"])
    at = pd.Index(frames["frame_id"]).get_indexer(pd.Index(frame_id.cat.categories))
    code = np.append(group.codes, -1)[at]
    return named(group.categories, np.append(code, -1)[frame_id.cat.codes])
