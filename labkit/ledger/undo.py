"""Undo and redo over frames and restarts: stacks that are read off the ledger."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["History"]


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
