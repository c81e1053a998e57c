"""What the bench asks of a session beyond its verbs: looking ahead without moving."""

from __future__ import annotations

from typing import Any

from labkit.review import FrameView, ReviewSession

__all__ = ["LETTERS", "letters", "peek", "reason_at"]

LETTERS = {"accepted": "a", "hand": "h", "skipped": "s", "open": "o"}
"""State of a frame → its letter in the line of the queue; ``n`` for the rest."""


def peek(session: ReviewSession, position: int) -> FrameView:
    """The frame at a place of the queue; the session stays where it is."""
    look: Any = getattr(session, "peek", None)
    if look is not None:
        return look(position)
    if position == session.position:
        return session.view
    return session._fresh(str(session.queue["frame_id"].iloc[position]))


def reason_at(session: ReviewSession, position: int) -> str:
    """Rule and reason that put a frame at its place."""
    row = session.queue.iloc[position]
    return ": ".join(str(row[c]) for c in ("rule", "reason") if row.get(c))


def letters(session: ReviewSession) -> str:
    """A letter for the state of each frame, in the order of the queue."""
    states = session._states
    return "".join(LETTERS.get(states.get(f, ""), "n") for f in session.queue["frame_id"])
