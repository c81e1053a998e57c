"""Undo and redo over frames and restarts: which rows stand, and what can be taken back.

Nothing is ever deleted from the ledger. An ``undo`` row takes back the step that it names as its
``target``, a ``redo`` row does it again; of several such rows for one step the last one holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labkit.core.types import Decision

__all__ = ["History", "Undone", "standing", "standing_rows", "stands"]


class Undone:
    """The steps that are taken back now; the one rule of what stands.

    Parameters
    ----------
    moves : iterable of (kind, target)
        Rows of the ledger in order; those that are neither undo nor redo change nothing.
    """

    def __init__(self, moves: Iterable[tuple[str, str | None]] = ()) -> None:
        self.steps: set[str] = set()
        for kind, target in moves:
            self.note(kind, target)

    def note(self, kind: str, target: str | None) -> None:
        """Take in one more row."""
        if target is not None and kind == "undo":
            self.steps.add(target)
        elif target is not None and kind == "redo":
            self.steps.discard(target)


def standing(decisions: Iterable[Decision]) -> list[Decision]:
    """The decisions that count: without undone steps and without the undo and redo rows."""
    rows = list(decisions)
    gone = Undone((d.kind, d.target) for d in rows).steps
    return [d for d in rows if d.kind not in ("undo", "redo") and d.step not in gone]


def stands(decisions: pd.DataFrame, moves: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
    """By row of ``DECISION_COLUMNS``, whether it counts, as in :func:`standing`.

    ``moves`` says which rows are undo or redo, where the caller knows it already.
    """
    if moves is None:
        moves = decisions["kind"].isin(["undo", "redo"]).to_numpy(dtype=bool)
    if not moves.any():
        return ~moves
    rows: pd.DataFrame = decisions.loc[moves, ["kind", "target"]].astype(object)
    named = rows["target"].where(rows["target"].notna(), None)
    gone: set[Any] = Undone(zip(rows["kind"], named, strict=True)).steps
    out: NDArray[np.bool_] = ~moves
    return out & ~decisions["step"].isin(gone).to_numpy(dtype=bool) if gone else out


def standing_rows(decisions: pd.DataFrame) -> pd.DataFrame:
    """The rows that count; order and index are kept."""
    keep = stands(decisions)
    return decisions if keep.all() else decisions[keep]


class History:
    """The steps that one reviewer can take back or do again.

    Parameters
    ----------
    rows : iterable of (step, kind, target, frame_id)
        The reviewer's ledger rows in order, as ``Ledger.history`` gives them.
    """

    def __init__(self, rows: Iterable[tuple[str, str, str | None, str]] = ()) -> None:
        self._done: list[str] = []
        self._undone: list[str] = []
        for step, kind, target, _frame in rows:
            self.note(step, kind, target)

    def note(self, step: str, kind: str, target: str | None) -> None:
        """Take in one row; the rows of one step count once."""
        if kind == "undo":
            self._move(target, self._done, self._undone)
        elif kind == "redo":
            self._move(target, self._undone, self._done)
        elif not self._done or self._done[-1] != step:
            self._done.append(step)
            self._undone.clear()

    @staticmethod
    def _move(target: str | None, source: list[str], goal: list[str]) -> None:
        if target in source:
            source.remove(target)
            goal.append(target)

    @property
    def undoable(self) -> str | None:
        """The step that undo would take back."""
        return self._done[-1] if self._done else None

    @property
    def redoable(self) -> str | None:
        """The step that redo would do again."""
        return self._undone[-1] if self._undone else None
