"""All metrics in one call: a table for people, a dictionary for ``metrics.json``."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import asdict
from typing import Any, Final, Protocol

import numpy as np
import pandas as pd

from labkit.core.errors import InputError
from labkit.metrics.agreement import agreement
from labkit.metrics.book import Book
from labkit.metrics.cost import advise_threshold
from labkit.metrics.drift import edit_drift
from labkit.metrics.intervals import share
from labkit.metrics.rates import COUNTS, RATES, rates
from labkit.metrics.roi import roi
from labkit.metrics.time import TIMES, timed_groups, timing

__all__ = ["SUMMARY_COLUMNS", "overview", "summary"]

SUMMARY_COLUMNS: Final = (
    "label",
    *COUNTS,
    *(f"{rate}{end}" for rate in RATES for end in ("", "_lo", "_hi")),
    *(t for t in TIMES if t not in ("frames", "objects")),
    "scripted_share",
)


class Reviewed(Protocol):
    """What metrics need of a project."""

    name: str

    def decisions(self) -> pd.DataFrame: ...

    def proposals(self) -> pd.DataFrame: ...

    def frames(self) -> pd.DataFrame: ...


def summary(
    project_or_decisions: Reviewed | pd.DataFrame | Book, level: float = 0.95
) -> pd.DataFrame:
    """Rates and times of every label, and of all together.

    Parameters
    ----------
    project_or_decisions
        A project, or its ``decisions()``.
    level : float
        Of the Wilson intervals.

    Returns
    -------
    DataFrame
        ``SUMMARY_COLUMNS``: one row per label, in alphabetical order, and ``all`` as the last row
        (the only one of an empty ledger). Counts and rates are those of
        :func:`labkit.metrics.rates.rates`, times those of :func:`labkit.metrics.time.timing`; a
        label's times are those of the finished frames on which it was judged or added, so that a
        frame with two labels counts in both rows. ``frames`` of a label are those frames.
        ``scripted_share`` is the share of objects whose last decision no person made;
        ``attrs['scripted_share']`` that of all standing decisions.

    Examples
    --------
    >>> lk.metrics.summary(reviewed)["label"].tolist()
    ['bolt', 'nut', 'washer', 'all']
    """
    book = _book(project_or_decisions)
    total = pd.concat([rates(book, level=level), _times(timing(book))], axis=1)
    total.insert(0, "label", "all")
    labels = rates(book, "label", level=level)
    more = _label_times(book)
    labels = labels.drop(columns="frames").merge(more, on="label", how="left")
    labels["frames"] = labels["frames"].astype("float64").fillna(0).astype(np.int64)
    labels["seconds"] = labels["seconds"].astype("float64").fillna(0)
    total["scripted_share"] = float(share(book.objects["scripted"].sum(), len(book.objects)))
    parts = [p.reindex(columns=list(SUMMARY_COLUMNS)) for p in (labels, total) if len(p)]
    out = pd.concat(parts, ignore_index=True)
    out.attrs["scripted_share"] = book.scripted_share
    return out


def _book(given: Reviewed | pd.DataFrame | Book) -> Book:
    return Book.of(given if isinstance(given, pd.DataFrame | Book) else given.decisions())


def _times(table: pd.DataFrame) -> pd.DataFrame:
    return table.drop(columns=["frames", "objects"])


def _label_times(book: Book) -> pd.DataFrame:
    """Times of the frames on which each label was judged or added, and its scripted share."""
    objects = book.objects
    label = objects["model_label"].where(objects["model_label"].notna(), objects["label"])
    label = label.astype("category")
    scripted = objects["scripted"].groupby(label, observed=True).mean().rename("scripted_share")
    names, frames = label.cat.categories, book.frames
    frame = pd.Index(frames["frame_id"]).get_indexer(objects["frame_id"].cat.categories)
    code = frame[objects["frame_id"].cat.codes] * max(1, len(names)) + label.cat.codes.to_numpy()
    code = np.unique(code[~objects["by_hand"].to_numpy()])
    held = frames.iloc[code // max(1, len(names))].reset_index(drop=True)
    by = pd.DataFrame({"label": pd.Categorical.from_codes(code % max(1, len(names)), names)})
    finished = (held["state"] != "open").to_numpy()
    times = timed_groups(held[finished], by[finished]).drop(columns="objects")
    out = scripted.rename_axis("label").reset_index().astype({"label": object})
    return out.merge(times.astype({"label": object}), on="label", how="left")


def overview(project: Reviewed) -> dict[str, Any]:
    """The content of ``metrics.json``, in plain JSON types (NaN becomes None).

    Keys: ``project``; ``decisions`` (ledger rows), ``standing`` (after undo), ``scripted_share``,
    ``reviewers``; ``frames`` (number per state; ``undecided`` have no row in the ledger); ``total``
    and ``labels`` (rows of :func:`summary`), ``by_reviewer`` and ``by_run`` (rows of
    :func:`~labkit.metrics.rates.rates`), ``timing`` (by reviewer), ``agreement`` (``pairs`` and
    ``alpha``), ``drift`` (without its curve), ``threshold`` (one per run, without its curve; None
    with a ``reason`` where too little is decided), ``roi``.

    Parameters
    ----------
    project : Project
        Or anything that has its ``decisions()``, ``proposals()`` and ``frames()``.

    Examples
    --------
    >>> lk.metrics.overview(reviewed)["scripted_share"]
    1.0
    """
    book = Book.of(project.decisions())
    proposals, frames = project.proposals(), project.frames()
    table = summary(book)
    pairs = agreement(proposals, book)
    drift = edit_drift(book)
    states = book.frames["state"].value_counts().to_dict()
    states["undecided"] = len(frames) - int(frames["frame_id"].isin(book.frames["frame_id"]).sum())
    result: dict[str, Any] = {
        "project": project.name,
        "decisions": len(book.raw),
        "standing": len(book.effective),
        "scripted_share": book.scripted_share,
        "reviewers": book.reviewers,
        "frames": states,
        "total": _rows(table.iloc[-1:])[0],
        "labels": _rows(table.iloc[:-1]),
        "by_reviewer": _rows(rates(book, "reviewer")),
        "by_run": _rows(rates(book, "run")),
        "timing": _rows(timing(book, "reviewer")),
        "agreement": {"pairs": _rows(pairs), "alpha": pairs.attrs["alpha"]},
        "drift": {
            "first_alarm": drift.first_alarm,
            "alarms": int(drift.curve["alarm"].sum()),
            "observations": len(drift.curve),
            "cusum": asdict(drift.cusum) if drift.cusum else None,
            "sentence": drift.sentence,
        },
        "threshold": {str(r): _advice(p, book) for r, p in _by_run(proposals)},
        "roi": asdict(roi(book)),
    }
    return {key: _plain(value) for key, value in result.items()}


def _by_run(proposals: pd.DataFrame) -> list[tuple[Hashable, pd.DataFrame]]:
    return list(proposals.groupby("run_id", observed=True))


def _advice(proposals: pd.DataFrame, book: Book) -> dict[str, Any]:
    try:
        advice = advise_threshold(proposals, book)
    except InputError as exc:
        return {"recommended": None, "reason": str(exc)}
    return {
        "recommended": advice.recommended,
        "lo": advice.lo,
        "hi": advice.hi,
        "frames": len(advice.frames),
        "costs": asdict(advice.costs),
        "sentence": advice.sentence,
    }


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]


def _plain(value: Any) -> Any:
    """The value in types that JSON has."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    return None if value is None or value is pd.NaT or value is pd.NA else str(value)
