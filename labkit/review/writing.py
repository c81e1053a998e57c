"""Writing decisions: steps of one frame or many, undo and redo, and what came of them."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from uuid import uuid4

import pandas as pd

from labkit.core.errors import InputError, LabkitError, StaleDecisionError
from labkit.core.types import Decision, Kind
from labkit.ledger.frame_fold import frame_state
from labkit.ledger.undo import History
from labkit.review.commands import Draft
from labkit.review.statistics import SessionStatistics, Tally
from labkit.review.view import FrameView
from labkit.review.walk import QueueWalk, Scope
from labkit.store.project import ProjectStore

__all__ = ["DecisionWriter"]


class DecisionWriter(QueueWalk):
    """A place in a queue from which decisions are written; see ``ReviewSession``."""

    def __init__(
        self,
        project: ProjectStore,
        queue: pd.DataFrame,
        proposals: pd.DataFrame,
        *,
        threshold: float,
        reviewer: str | None = None,
        scope: Scope = "shared",
        scripted: bool = False,
        idle_after: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.scripted, self.session_id = scripted, uuid4().hex
        self._tally, self._writes = Tally(), 0
        super().__init__(
            project,
            queue,
            proposals,
            threshold=threshold,
            reviewer=reviewer,
            scope=scope,
            idle_after=idle_after,
            clock=clock,
        )
        self._history = History(project.ledger.history(self.reviewer))
        self.signed: str | None = None

    def sign(self, reviewer: str) -> None:
        """Let somebody else go on here: what follows is under their name, and undo is theirs.

        ``signed`` is the name given last. A session of scope ``own`` is one person's.

        Raises
        ------
        InputError
            The session's scope is ``own``.
        """
        if self.scope == "own":
            raise InputError(
                f"{reviewer!r} cannot go on here", f"this session is {self.reviewer!r}'s own"
            )
        with self.lock:
            self.signed = reviewer
            if reviewer != self.reviewer:
                self.reviewer = reviewer
                self._history = History(self.project.ledger.history(reviewer))

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
        with self.lock:
            return self.commit_all(drafts, {self.frame_id: self.view}, tool=tool, clicks=clicks)

    def commit_all(
        self,
        drafts: Sequence[Draft],
        views: Mapping[str, FrameView],
        *,
        tool: str = "api",
        clicks: int = 0,
        since: int | None = None,
    ) -> list[Decision]:
        """Write drafts of several frames as one step and in one transaction.

        Parameters
        ----------
        drafts : sequence of Draft
        views : mapping of str to FrameView
            The frames as they were when the drafts were made.
        tool, clicks
        since : int, optional
            :attr:`writes` when the views were read: where this session has written since, its
            own decisions are looked at, too.
        """
        if not drafts:
            return []
        with self.lock:
            touched = dict.fromkeys(d.frame_id for d in drafts)
            if since is not None and since != self._writes:
                for frame_id in touched:
                    self._refuse_changed(drafts, views[frame_id], self._read(frame_id))
            step = uuid4().hex
            ordered = sorted(drafts, key=lambda d: d.frame_id != self.frame_id)
            rows = [self._decision(d, step, tool) for d in ordered]
            expect = {f: views[f].last_seq for f in touched}
            known = views if since in (None, self._writes) else {}
            return self._write(rows, clicks, expect, known)

    def _refuse_changed(self, drafts: Sequence[Draft], then: FrameView, now: FrameView) -> None:
        before = {o.object_id: o.revision for o in then.objects}
        after = {o.object_id: o.revision for o in now.objects}
        for o in (d.subject for d in drafts if d.frame_id == then.frame.frame_id):
            if o is not None and before.get(o.object_id) != after.get(o.object_id):
                raise StaleDecisionError(
                    "These decisions were not saved",
                    f"object {o.object_id} has changed in the meantime",
                    "do it again",
                )

    @property
    def writes(self) -> int:
        """How often this session has written to the ledger."""
        return self._writes

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
        self,
        rows: list[Decision],
        clicks: int,
        expect: dict[str, int] | None,
        views: Mapping[str, FrameView] | None = None,
    ) -> list[Decision]:
        frame_id = rows[0].frame_id
        seconds = self.timer.take(frame_id)
        rows[0] = dataclasses.replace(rows[0], active_s=seconds, clicks=clicks)
        try:
            seqs = self.project.ledger.append(rows, expect if self.scope == "shared" else None)
        except LabkitError:
            self.timer.give_back(frame_id, seconds)
            with contextlib.suppress(LabkitError):  # the first error is the one to tell
                self.reload()
            raise
        saved = [dataclasses.replace(d, seq=s) for d, s in zip(rows, seqs, strict=True)]
        for d in saved:
            self._history.note(d.step, d.kind, d.target)
            self._tally.note(d)
        self._writes += 1
        frames: dict[str, list[Decision]] = {}
        for d in saved:
            frames.setdefault(d.frame_id, []).append(d)
        for written, mine in frames.items():
            if written == self.frame_id:
                self._view = self.view.after(mine)
                self._states[written] = self._view.state
            elif views and written in views:
                self._states[written] = frame_state([*views[written].decisions, *mine])
            else:
                self._states[written] = frame_state(self._rows(written))
        return saved

    # ---- undo

    def undo(self) -> str | None:
        """Take back this reviewer's last step and go to its frame; None where there is none.

        Works over frames, sessions and restarts: the ledger is the memory. A step on several
        frames is taken back on all of them.
        """
        with self.lock:
            return self._move("undo", self._history.undoable)

    def redo(self) -> str | None:
        """Do again what was undone last; None where there is nothing, or something new was done."""
        with self.lock:
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
        if kind == "undo":
            self._undone(target)
        # rather stay than go to the first of many frames
        there = [f for f in (self.frame_id, *frames) if f in frames and f in self._place]
        if not there:
            return frames[0]
        self._load(self._place[there[0]])
        return there[0]

    def _undone(self, step: str) -> None:
        """What taking back a step sets off."""

    # ---- what came of it

    def statistics(self) -> SessionStatistics:
        """What was done in this session, undone steps left out, and what is left."""
        with self.lock:
            done, total = self.progress()
            return self._tally.statistics(done, total, self.timer.total)
