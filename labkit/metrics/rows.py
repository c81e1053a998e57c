"""The ledger's columns as integer codes, read once; the tables of metrics are made from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labkit.core.types import FRAME_VERDICTS, KINDS
from labkit.ledger.fold import frame_states
from labkit.ledger.objects import IntArray, codes_of
from labkit.ledger.schema import DECISION_COLUMNS
from labkit.ledger.undo import standing_rows

__all__ = ["CODE", "NEEDED", "Rows"]

_NOT_COUNTED: Final = ("decision_id", "session_id", "before", "after", "comment", "tool")
NEEDED: Final = tuple(c for c in DECISION_COLUMNS if c not in _NOT_COUNTED)
CODE: Final = {kind: k for k, kind in enumerate(KINDS)}


def any_row(codes: IntArray, flag: NDArray[np.bool_], size: int) -> NDArray[np.bool_]:
    out = np.zeros(size, dtype=bool)
    out[codes[flag]] = True
    return out


def named(names: pd.Index[Any], codes: IntArray) -> pd.Categorical:
    """Names by code, -1 for none, without one string per row."""
    return pd.Categorical.from_codes(codes, categories=names)


def codes_in(values: pd.Series[Any], names: pd.Index[Any]) -> IntArray:
    return pd.Categorical(values, categories=names).codes.astype(np.int64)


@dataclass(frozen=True)
class Rows:
    """A ledger in order, the rows of it that stand, and their columns as integer codes.

    Parameters
    ----------
    raw : DataFrame
        ``DECISION_COLUMNS``, in the order of ``seq``.
    """

    raw: pd.DataFrame

    @cached_property
    def lean(self) -> pd.DataFrame:
        """The ledger without the JSON, which no count needs."""
        df = self.raw[list(NEEDED)]
        typed: dict[str, Any] = {"time": pd.to_datetime(df["time"], utc=True)}
        for name in ("active_s", "clicks", "score", "threshold"):
            typed[name] = pd.to_numeric(df[name]).astype("float64")
        typed["scripted"] = df["scripted"].fillna(value=False).astype(bool)
        typed["seq"] = df["seq"].astype("int64")
        return df.assign(**typed)

    @cached_property
    def effective(self) -> pd.DataFrame:
        """The rows that stand: undone steps, and the undo and redo rows themselves, taken out."""
        return standing_rows(self.lean).reset_index(drop=True)

    @cached_property
    def reviewers(self) -> list[str]:
        """Reviewers with a standing decision, sorted."""
        return sorted(str(r) for r in self.effective["reviewer"].dropna().unique())

    @cached_property
    def scripted_share(self) -> float:
        """Share of the standing decisions that a script made; NaN where there are none."""
        rows = self.effective["scripted"]
        return float(rows.mean()) if len(rows) else float("nan")

    # -- shared columns of the standing rows, as integer codes

    @cached_property
    def kind(self) -> NDArray[Any]:
        """By row: the code of its kind in ``CODE``."""
        return pd.Categorical(self.effective["kind"], categories=list(KINDS)).codes.astype(np.int64)

    @cached_property
    def frame(self) -> tuple[IntArray, pd.Index[Any]]:
        """By row: the code of its frame, and the frames' ids."""
        return codes_of(self.effective["frame_id"])

    @cached_property
    def object(self) -> tuple[IntArray, pd.Index[Any]]:
        """By row: the code of its object (-1 for none), and the objects' ids."""
        return codes_of(self.effective["object_id"])

    @cached_property
    def own(self) -> NDArray[np.bool_]:
        """By object: whether a person drew it."""
        codes, names = self.object
        return any_row(codes, (self.kind == CODE["add"]) & (codes >= 0), len(names))

    @cached_property
    def hand_from(self) -> IntArray:
        """By frame: seq of the ``reject_frame`` after which it was drawn by hand; else -1."""
        frame, names = self.frame
        kind, (obj, _) = self.kind, self.object
        sent = np.flatnonzero(kind == CODE["reject_frame"])
        since: IntArray = np.full(len(names), len(kind), dtype=np.int64)
        since[frame[sent]] = sent
        after = np.arange(len(kind)) > since[frame]
        keeps = np.isin(kind, [CODE[k] for k in ("accept", "edit", "relabel")]) & (obj >= 0)
        keeps[keeps] = ~self.own[obj[keeps]]
        drawn = any_row(frame, after & (kind == CODE["add"]), len(names))
        hand = drawn & ~any_row(frame, after & keeps, len(names))
        seq = self.effective["seq"].to_numpy()
        out: IntArray = np.full(len(names), -1, dtype=np.int64)
        out[hand] = seq[since[hand]]
        return out

    @cached_property
    def run(self) -> tuple[IntArray, pd.Index[Any]]:
        """By frame: the run that was reviewed there, last named first.

        A frame on which nothing names a run (it showed no object) belongs to the ledger's only
        run, where there is only one.
        """
        codes, names = codes_of(self.effective["run_id"])
        frame, frames = self.frame
        out: IntArray = np.full(len(frames), 0 if len(names) == 1 else -1, dtype=np.int64)
        out[frame[codes >= 0]] = codes[codes >= 0]
        return out, names

    @cached_property
    def _frame_verdicts(self) -> pd.DataFrame:
        """The few rows that can make a state; frames without one are open."""
        return self.effective[np.isin(self.kind, [CODE[k] for k in FRAME_VERDICTS])]

    def states(self, reviewer: str | None = None) -> NDArray[Any]:
        """State of each frame (by code), of all decisions or of one reviewer's own alone."""
        rows = self._frame_verdicts
        if reviewer is not None:
            rows = rows[rows["reviewer"] == reviewer]
        states = frame_states(rows)
        out: NDArray[Any] = np.full(len(self.frame[1]), "open", dtype=object)
        out[self.frame[1].get_indexer(pd.Index(states["frame_id"]))] = states["state"].astype(
            object
        )
        return out
