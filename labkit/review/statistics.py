"""What a session has done, as figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from labkit.core.types import Decision
from labkit.ledger.undo import Undone

__all__ = ["SessionStatistics", "Tally"]


@dataclass(frozen=True, slots=True)
class SessionStatistics:
    """What was done in one session, undone steps left out.

    Attributes
    ----------
    frames_done, frames_left : int
        Of the queue, by whomever they were decided.
    frames_here : int
        Frames that got their verdict in this session.
    active_s : float
        Seconds of work in this session, idle time left out.
    frames_per_hour : float
        ``frames_here`` per hour of ``active_s``; 0 before any time has passed.
    verdicts : mapping of str to int
        Decisions by kind: ``accept``, ``edit``, ``relabel``, ``reject``, ``add``,
        ``accept_frame``, ``reject_frame``, ``skip``.
    """

    frames_done: int
    frames_left: int
    frames_here: int
    active_s: float
    frames_per_hour: float
    verdicts: Mapping[str, int]


class Tally:
    """Counts a session's own decisions as they are written."""

    def __init__(self) -> None:
        self._steps: dict[str, list[tuple[str, str]]] = {}
        self._undone = Undone()

    def note(self, d: Decision) -> None:
        """Take in one written row."""
        self._undone.note(d.kind, d.target)
        if d.kind not in ("undo", "redo", "comment"):
            self._steps.setdefault(d.step, []).append((d.kind, d.frame_id))

    def statistics(self, done: int, total: int, active_s: float) -> SessionStatistics:
        """All that counts, with the queue's progress and the active time."""
        rows = [r for step, rs in self._steps.items() if step not in self._undone.steps for r in rs]
        frames = {f for kind, f in rows if kind in ("accept_frame", "reject_frame")}
        rate = 3600 * len(frames) / active_s if active_s > 0 else 0.0
        verdicts = dict(sorted(Counter(kind for kind, _ in rows).items()))
        return SessionStatistics(done, total - done, len(frames), active_s, rate, verdicts)
