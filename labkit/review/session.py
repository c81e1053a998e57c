"""A review session: one person works through one queue. No widget, no model in it.

A mouse, a script and papermill drive the same object. Every verb returns after its decision has
been committed; one that the ledger refuses raises, changes nothing and keeps the time spent.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

import pandas as pd

from labkit.core.config import default_reviewer
from labkit.core.errors import InputError, LabkitError
from labkit.core.registry import unknown
from labkit.core.types import AnnotatedObject, Attribute, Decision, Kind, Shape
from labkit.review import commands
from labkit.review.commands import Draft
from labkit.review.history import History
from labkit.review.timer import ActiveTimer
from labkit.review.view import FrameView, ProposalIndex, check_threshold
from labkit.store.fold import frame_states
from labkit.store.project import ProjectStore

__all__ = ["ReviewSession"]

DONE = frozenset({"accepted", "hand"})
"""States of a frame that needs no verdict any more."""


class ReviewSession:
    """One reviewer working through one queue.

    Parameters
    ----------
    project : ProjectStore
    queue : DataFrame
        ``frame_id`` in the order of reviewing; ``rule`` and ``reason`` where there are any.
    proposals : DataFrame
        What is proposed on these frames (``PROPOSAL_COLUMNS``).
    threshold : float
        Score 0..1 from which proposals are shown.
    reviewer : str, optional
        Who decides; the user's name by default.
    scope : {'shared', 'own'}
        ``shared``: everybody works on one set of annotations, and a decision on a frame where
        somebody else has decided since it was loaded is refused. ``own``: only this person's
        decisions count, for labelling the same frames twice independently.
    scripted : bool
        Mark every decision as made by no person.
    idle_after : float
        A pause of more seconds than this is not counted as work.
    clock : callable
        Monotonic seconds.
    """

    def __init__(
        self,
        project: ProjectStore,
        queue: pd.DataFrame,
        proposals: pd.DataFrame,
        *,
        threshold: float,
        reviewer: str | None = None,
        scope: Literal["shared", "own"] = "shared",
        scripted: bool = False,
        idle_after: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        project.check_writable("A review cannot start")
        if scope not in ("shared", "own"):
            raise unknown("scope", scope, ["shared", "own"])
        self.project, self.scope, self.scripted = project, scope, scripted
        self.reviewer = (reviewer or default_reviewer()).strip()
        self.session_id = uuid4().hex
        self.timer = ActiveTimer(idle_after, clock)
        self._threshold = check_threshold(threshold)
        self._index = ProposalIndex(proposals)
        self._history = History(project.ledger.history(self.reviewer))
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
            raise InputError("There is nothing to review", "the queue is empty")
        self.queue = queue.reset_index(drop=True)
        self._order = [str(f) for f in self.queue["frame_id"]]
        self._place = {f: k for k, f in enumerate(self._order)}
        here = self._view.frame.frame_id if self._view else None
        if here in self._place:
            self._position = self._place[here]
            return
        undecided = (k for k, f in enumerate(self._order) if not self._is_done(f))
        self._load(next(undecided, 0))

    def _is_done(self, frame_id: str) -> bool:
        return self._states.get(frame_id) in DONE

    def _load(self, position: int) -> None:
        self._view = self._fresh(self._order[position])
        self._position = position
        self.timer.enter(self.frame_id)

    def _fresh(self, frame_id: str) -> FrameView:
        rows = self.project.ledger.frame(frame_id)
        if self.scope == "own":
            rows = [d for d in rows if d.reviewer == self.reviewer]
        view = FrameView.build(self.project.frame(frame_id), self._index.of(frame_id), rows)
        self._states[frame_id] = view.state
        return view

    @property
    def view(self) -> FrameView:
        """The current frame with its objects."""
        assert self._view is not None  # set_queue loads a frame
        return self._view

    @property
    def frame_id(self) -> str:
        """The current frame."""
        return self.view.frame.frame_id

    @property
    def position(self) -> int:
        """Place of the current frame in the queue, from 0."""
        return self._position

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
        row = self.queue.iloc[self._position]
        return ": ".join(str(row[c]) for c in ("rule", "reason") if row.get(c))

    def progress(self) -> tuple[int, int]:
        """Frames of the queue that have their verdict, and all of them."""
        return sum(map(self._is_done, self._order)), len(self._order)

    # ---- moving

    def next(self, *, undecided: bool = False) -> str | None:
        """Go to the next frame, or the next without a verdict; None at the end, staying there."""
        for k in range(self._position + 1, len(self._order)):
            if not (undecided and self._is_done(self._order[k])):
                self._load(k)
                return self.frame_id
        return None

    def previous(self) -> str | None:
        """Go to the frame before; None at the beginning."""
        if self._position == 0:
            return None
        self._load(self._position - 1)
        return self.frame_id

    def goto(self, frame_id: str) -> str:
        """Go to a frame of the queue."""
        if frame_id not in self._place:
            raise unknown("frame of this queue", frame_id, self._order)
        self._load(self._place[frame_id])
        return self.frame_id

    def reload(self) -> None:
        """Read the current frame again, with what others have decided."""
        self._view = self._fresh(self.frame_id)

    # ---- deciding

    def accept(self, object_id: str, *, tool: str = "api", clicks: int = 1) -> list[Decision]:
        """Accept one object as it stands."""
        return self.commit(commands.accept(self.view, object_id), tool=tool, clicks=clicks)

    def reject(self, object_id: str, *, tool: str = "api", clicks: int = 1) -> list[Decision]:
        """Say that an object is not there."""
        return self.commit(commands.reject(self.view, object_id), tool=tool, clicks=clicks)

    def edit(
        self,
        object_id: str,
        shape: Shape | None = None,
        *,
        attributes: Sequence[Attribute] | None = None,
        tool: str = "api",
        clicks: int = 2,
    ) -> list[Decision]:
        """Correct an object's box, polygon, mask, keypoints or attributes."""
        drafts = commands.edit(self.view, object_id, shape, attributes)
        return self.commit(drafts, tool=tool, clicks=clicks)

    def relabel(
        self, object_id: str, label: str, *, tool: str = "api", clicks: int = 1
    ) -> list[Decision]:
        """Give an object another label."""
        drafts = commands.relabel(self.view, object_id, label, self.project.labels)
        return self.commit(drafts, tool=tool, clicks=clicks)

    def add(
        self,
        label: str,
        shape: Shape,
        *,
        attributes: Sequence[Attribute] = (),
        tool: str = "api",
        clicks: int = 3,
    ) -> list[Decision]:
        """Add an object that was missed."""
        drafts = commands.add(self.view, label, shape, self.project.labels, attributes)
        return self.commit(drafts, tool=tool, clicks=clicks)

    def accept_frame(self, *, tool: str = "api", clicks: int = 1) -> list[Decision]:
        """Accept the frame with what is shown at the threshold, which the ledger records."""
        return self.commit(
            commands.accept_frame(self.view, self._threshold), tool=tool, clicks=clicks
        )

    def reject_frame(self, why: str = "", *, tool: str = "api", clicks: int = 1) -> list[Decision]:
        """Send the frame to the hand-label list."""
        drafts = commands.frame_verdict(self.view, "reject_frame", why)
        return self.commit(drafts, tool=tool, clicks=clicks)

    def skip(self, why: str = "", *, tool: str = "api", clicks: int = 1) -> list[Decision]:
        """Leave the frame for later; it stays undecided."""
        drafts = commands.frame_verdict(self.view, "skip", why)
        return self.commit(drafts, tool=tool, clicks=clicks)

    def comment(self, text: str, object_id: str | None = None) -> list[Decision]:
        """Leave a remark on the frame or an object; decides nothing."""
        return self.commit(commands.comment(self.view, text, object_id), tool="api", clicks=0)

    def commit(
        self, drafts: Sequence[Draft], *, tool: str = "api", clicks: int = 0
    ) -> list[Decision]:
        """Write drafts of the current frame as one step, which undo takes back as a whole.

        Raises
        ------
        StaleDecisionError
            Somebody else decided on this frame meanwhile; the frame has been read again.
        StoreError
            The ledger could not be written; nothing has changed.
        """
        if not drafts:
            return []
        step = uuid4().hex
        return self._write(
            [self._decision(d, step, tool) for d in drafts],
            clicks,
            {self.frame_id: self.view.last_seq},
        )

    def _decision(self, draft: Draft, step: str, tool: str) -> Decision:
        o, after = draft.subject, draft.after
        return Decision(
            decision_id=uuid4().hex,
            step=step,
            kind=draft.kind,
            frame_id=draft.frame_id,
            reviewer=self.reviewer,
            session_id=self.session_id,
            time=datetime.now(UTC),
            object_id=o.object_id if o else None,
            run_id=o.run_id if o else None,
            scripted=self.scripted,
            before=draft.before.to_json() if draft.before else None,
            after=after.to_json() if after else None,
            score=o.score if o else None,
            threshold=self._threshold,
            tool=tool,
            comment=draft.comment,
        )

    def _write(
        self, rows: list[Decision], clicks: int, expect: dict[str, int] | None
    ) -> list[Decision]:
        frame_id = rows[0].frame_id
        seconds = self.timer.take(frame_id)
        rows[0] = dataclasses.replace(rows[0], active_s=seconds, clicks=clicks)
        try:
            seqs = self.project.ledger.append(rows, expect if self.scope == "shared" else None)
        except LabkitError:
            self.timer.give_back(frame_id, seconds)
            self.reload()
            raise
        saved = [dataclasses.replace(d, seq=s) for d, s in zip(rows, seqs, strict=True)]
        for d in saved:
            self._history.note(d.step, d.kind, d.target)
        self._view = self.view.after([d for d in saved if d.frame_id == self.frame_id])
        self._states[self.frame_id] = self._view.state
        return saved

    # ---- undo

    def undo(self) -> str | None:
        """Take back this reviewer's last step and go to its frame; None where there is none.

        Works over frames, sessions and restarts: the ledger is the memory.
        """
        return self._move("undo", self._history.undoable)

    def redo(self) -> str | None:
        """Do again what was undone last; None where there is nothing, or something new was done."""
        return self._move("redo", self._history.redoable)

    def _move(self, kind: Kind, target: str | None) -> str | None:
        if target is None:
            return None
        frames = list(dict.fromkeys(d.frame_id for d in self.project.ledger.step(target)))
        step = uuid4().hex
        draft = self._decision(Draft(kind, frames[0]), step, "api")
        rows = [
            dataclasses.replace(draft, decision_id=uuid4().hex, frame_id=f, target=target)
            for f in frames
        ]
        self._write(rows, 1, None)
        for frame_id in frames:
            if frame_id in self._place:
                self._load(self._place[frame_id])
                return frame_id
            self._fresh(frame_id)
        return frames[0]
