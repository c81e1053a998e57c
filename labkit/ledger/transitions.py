"""What each decision makes of an object and of a frame: the one table behind both folds.

:func:`decide` says in words what a decision makes of an object. The table that
:func:`decide_all` walks through for a whole ledger is made from it.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from labkit.core.types import OBJECT_VERDICTS, State

__all__ = ["FRAME_STATES", "STATES", "Status", "decide", "decide_all", "frame_weight"]

STATES: Final[tuple[State, ...]] = get_args(State)
"""The states of an object, in the order of their codes."""

FRAME_STATES: Final = {"accept_frame": "accepted", "reject_frame": "hand", "skip": "skipped"}
"""The state of a frame by the kind of the row that made it; ``open`` where it is another kind."""


class Status(NamedTuple):
    """State of an object, and whether its shape or attributes were edited and kept."""

    state: State = "proposed"
    edited: bool = False


def decide(now: Status, kind: str) -> Status:
    """What a decision of this kind makes of an object.

    An object that a person added stays ``added``, and one that was edited stays ``edited``, also
    when it is accepted later. A reject ends both; what is decided after it starts again.
    """
    if kind == "reject":
        return Status("rejected", edited=False)
    if kind == "add":
        return Status("added", edited=False)
    edited = now.edited or kind == "edit"
    if now.state in ("added", "edited"):
        return Status(now.state, edited)
    return Status("edited" if kind in ("edit", "relabel") else "accepted", edited)


_ALL: Final = tuple(Status(state, edited) for state in STATES for edited in (False, True))
_NEXT: Final = np.array(
    [[_ALL.index(decide(now, kind)) for kind in OBJECT_VERDICTS] for now in _ALL], dtype=np.intp
)


def decide_all(
    obj: NDArray[np.int64], kind: NDArray[np.int64], n: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The status of each object after all of its decisions.

    Parameters
    ----------
    obj : ndarray of int, (m,)
        By decision, in order: the code of its object, 0..n-1.
    kind : ndarray of int, (m,)
        By decision: the index of its kind in ``OBJECT_VERDICTS``.
    n : int
        Number of objects, each of which has a decision.

    Returns
    -------
    state : ndarray of int, (n,)
        Index into ``STATES``.
    edited : ndarray of bool, (n,)
    """
    status = np.full(n, _ALL.index(Status()), dtype=np.intp)
    by_object = np.argsort(obj, kind="stable")
    counts = np.bincount(obj, minlength=n)
    starts = np.cumsum(counts) - counts
    # the first decision of every object, then the second of those that have one, ...
    turn = 0
    while len(starts):
        rows = by_object[starts + turn]
        status[obj[rows]] = _NEXT[status[obj[rows]], kind[rows]]
        turn += 1
        more = counts > turn
        starts, counts = starts[more], counts[more]
    return (status // 2).astype(np.int64), (status % 2).astype(bool)


def frame_weight(kinds: Any) -> NDArray[np.int64]:
    """How much each kind of row says about its frame; the last of the weightiest makes its state.

    2: it was accepted or sent to hand-labelling. 1: it was skipped. 0: one of its objects was
    decided. -1: nothing (comments, undo, redo).
    """
    weights = {"accept_frame": 2, "reject_frame": 2, "skip": 1}
    weights |= {"comment": -1, "undo": -1, "redo": -1}
    return np.array([weights.get(str(kind), 0) for kind in kinds], dtype=np.int64)
