"""Moving through a queue: the current frame, its view, and where to go. Nothing is decided here."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Literal

import pandas as pd

from labkit.core.config import default_reviewer
from labkit.core.errors import InputError
from labkit.core.registry import unknown
from labkit.core.types import AnnotatedObject, Decision
from labkit.core.visibility import Thresholds
from labkit.ledger.fold import frame_states
from labkit.ledger.frame_fold import frame_state
from labkit.review.timer import ActiveTimer
from labkit.review.view import FrameView, ProposalIndex, check_threshold
from labkit.store.project import ProjectStore

__all__ = ["DONE", "QueueWalk", "Scope"]

Scope = Literal["shared", "own"]

DONE = frozenset({"accepted", "hand"})
"""States of a frame that needs no verdict any more."""


class QueueWalk:
    """A place in a queue, and the frames around it; safe to use from any thread.

    ``lock`` is held by every verb while it reads or changes what the session knows. A move holds
    ``moving`` as well, until what it sets off has ended; it never waits for that with ``lock``.

    Parameters
    ----------
    project, queue, proposals, threshold, reviewer, scope, idle_after, clock
        See :class:`labkit.review.ReviewSession`.
    on_move : callable
        Told the frame that was left and the one that was reached, after every move.
    """

    def __init__(
        self,
        project: ProjectStore,
        queue: pd.DataFrame,
        proposals: pd.DataFrame,
        *,
        threshold: float | None = None,
        reviewer: str | None = None,
        scope: Scope = "shared",
        idle_after: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
        on_move: Callable[[str, str], object] = lambda here, there: None,
    ) -> None:
        project.check_writable("A review cannot start")
        if scope not in ("shared", "own"):
            raise unknown("scope", scope, ["shared", "own"])
        self.lock, self.moving = threading.RLock(), threading.RLock()
        self.project, self.scope = project, scope
        self.reviewer = (reviewer or default_reviewer()).strip()
        self.timer = ActiveTimer(idle_after, clock)
        self._on_move = on_move
        self._asked = None if threshold is None else check_threshold(threshold)
        self.thresholds = self._thresholds_of(proposals)
        self._threshold = check_threshold(self.thresholds.base)
        self.proposals = ProposalIndex(proposals)
        decisions = project.decisions()
        if scope == "own":
            decisions = decisions[decisions["reviewer"] == self.reviewer]
        states = frame_states(decisions)
        self._states: dict[str, str] = dict(zip(states["frame_id"], states["state"], strict=True))
        self._view: FrameView | None = None
        self.set_queue(queue)

    # ---- where we are

    def set_queue(self, queue: pd.DataFrame) -> None:
        """Work through another order; the current frame stays if it is still there."""
        if not len(queue):
            raise InputError(
                "There is nothing to review",
                "the queue is empty: every frame has its verdict, or none fits the filters",
                "pass decided=None to Project.queue to see all frames",
            )
        with self.lock:
            self.queue = queue.reset_index(drop=True)
            self._order = [str(f) for f in self.queue["frame_id"]]
            self._place = {f: k for k, f in enumerate(self._order)}
            here = self._view.frame.frame_id if self._view else None
            if here in self._place:
                self._position = self._place[here]
                return
            undecided = (k for k, f in enumerate(self._order) if not self._is_done(f))
            self._load(next(undecided, 0))

    def _thresholds_of(self, proposals: pd.DataFrame) -> Thresholds:
        runs = [str(r) for r in proposals["run_id"].unique()]
        return self.project.thresholds(runs, self._asked)

    def _is_done(self, frame_id: str) -> bool:
        return self._states.get(frame_id) in DONE

    def _load(self, position: int) -> None:
        self._view = self._fresh(self._order[position])
        self._position = position
        self.timer.enter(self.frame_id)

    def return_to(self, frame_id: str) -> None:
        """Go to a frame of the queue without setting anything off; ``lock`` is held."""
        self._load(self._place[frame_id])

    def __contains__(self, frame_id: str) -> bool:
        """Whether a frame is in the queue."""
        return frame_id in self._place

    def _fresh(self, frame_id: str) -> FrameView:
        """The frame as the ledger has it now."""
        view = self.read(frame_id)
        self._states[frame_id] = view.state
        return view

    def read(self, frame_id: str) -> FrameView:
        """A frame as the ledger has it now."""
        return FrameView.build(
            self.project.frame(frame_id),
            self.proposals.of(frame_id),
            self.rows(frame_id),
            self.thresholds,
        )

    def rows(self, frame_id: str) -> list[Decision]:
        """The decisions on a frame that count for this reviewer."""
        rows = self.project.ledger.frame(frame_id)
        return rows if self.scope == "shared" else [d for d in rows if d.reviewer == self.reviewer]

    def view_of(self, frame_id: str) -> FrameView:
        """The current frame as it is shown, or another as the ledger has it now."""
        return self.view if frame_id == self.frame_id else self.read(frame_id)

    def written(self, frame_id: str, decisions: Sequence[Decision], view: FrameView | None) -> None:
        """Take in decisions that were written on a frame; ``lock`` is held.

        ``view`` is the frame as it was before them, where that is known.
        """
        if frame_id == self.frame_id:
            self._view = self.view.after(decisions)
            self._states[frame_id] = self._view.state
        elif view is not None:
            self._states[frame_id] = frame_state([*view.decisions, *decisions])
        else:
            self._states[frame_id] = frame_state(self.rows(frame_id))

    @property
    def view(self) -> FrameView:
        """The current frame with its objects."""
        assert self._view is not None  # set_queue loads a frame
        return self._view

    @property
    def frame_id(self) -> str:
        """The current frame's id."""
        return self.view.frame.frame_id

    @property
    def position(self) -> int:
        """Place of the current frame in the queue, from 0."""
        return self._position

    @property
    def order(self) -> list[str]:
        """The frames of the queue, in order."""
        return list(self._order)

    @property
    def threshold(self) -> float:
        """Score from which proposals are shown; moving it decides nothing."""
        return self._threshold

    @threshold.setter
    def threshold(self, value: float) -> None:
        self._threshold = check_threshold(value)

    def objects(self, threshold: float | None = None) -> list[AnnotatedObject]:
        """What is shown on the current frame, at the session's or another threshold."""
        return self.view.shown(self._threshold if threshold is None else check_threshold(threshold))

    @property
    def why(self) -> str:
        """Rule and reason that put the current frame here."""
        return self.why_at(self._position)

    def why_at(self, position: int) -> str:
        """Rule and reason that put a frame at its place of the queue."""
        with self.lock:
            row = self.queue.iloc[position]
        return ": ".join(str(row[c]) for c in ("rule", "reason") if row.get(c))

    def states(self) -> list[str]:
        """State of each frame of the queue, in order; ``new`` where nothing was decided."""
        with self.lock:
            return [self._states.get(f, "new") for f in self._order]

    def progress(self) -> tuple[int, int]:
        """Frames of the queue that have their verdict, and all of them."""
        with self.lock:
            return sum(map(self._is_done, self._order)), len(self._order)

    def peek(self, position: int) -> FrameView:
        """A frame of the queue as it stands, without going there; for fetching ahead.

        Parameters
        ----------
        position : int
            From 0.

        Raises
        ------
        InputError
            The queue has no such place.
        """
        order = self._order
        if not 0 <= position < len(order):
            raise InputError(f"The queue has no place {position}", f"it has 0 to {len(order) - 1}")
        return self.read(order[position])

    # ---- moving

    def next(self, *, undecided: bool = False) -> str | None:
        """Go to the next frame, or the next without a verdict; None at the end, staying there."""
        with self.moving:
            with self.lock:
                here, at = self.frame_id, self._position
                later = range(at + 1, len(self._order))
                free = (k for k in later if not (undecided and self._is_done(self._order[k])))
                position = next(free, None)
                if position is None:
                    return None
                self._load(position)
                there = self.frame_id
            self._on_move(here, there)
            return there

    def previous(self) -> str | None:
        """Go to the frame before; None at the beginning."""
        with self.moving:
            with self.lock:
                here = self.frame_id
                if self._position == 0:
                    return None
                self._load(self._position - 1)
                there = self.frame_id
            self._on_move(here, there)
            return there

    def goto(self, frame_id: str) -> str:
        """Go to a frame of the queue."""
        with self.moving:
            with self.lock:
                here = self.frame_id
                if frame_id not in self._place:
                    raise unknown("frame of this queue", frame_id, self._order)
                self._load(self._place[frame_id])
                there = self.frame_id
            self._on_move(here, there)
            return there

    def reload(self) -> None:
        """Read the current frame again, with the decisions of others."""
        with self.lock:
            self._view = self._fresh(self.frame_id)

    # ---- new proposals

    def take_proposals(self, proposals: pd.DataFrame) -> None:
        """Show these proposals from now on in place of those that the session began with."""
        with self.lock:
            self.proposals = ProposalIndex(proposals)
            # the reviewer's threshold stays where it is, whatever runs there are now
            base = self.thresholds.base
            self.thresholds = replace(self._thresholds_of(proposals), base=base)
            self._view = self._fresh(self.frame_id)

    def add_proposals(
        self, frame_id: str, objects: Sequence[AnnotatedObject], tracks: Iterable[int] = ()
    ) -> None:
        """Show proposals that were made after the session began; on the current frame at once.

        Parameters
        ----------
        frame_id : str
        objects : sequence of AnnotatedObject
            As :func:`labkit.core.rows.object_from_row` makes them.
        tracks : iterable of int
            Earlier proposals of these tracks on the frame are not shown any more; those of the
            objects' own tracks never are.
        """
        with self.lock:
            self.proposals.add(frame_id, objects, tracks)
            if frame_id == self.frame_id:
                self._view = self._fresh(frame_id)
