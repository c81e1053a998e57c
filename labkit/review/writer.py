"""Writing decisions: steps of one frame or many, undo and redo, and what came of them."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from uuid import uuid4

from labkit.core.errors import InputError, LabkitError, StaleDecisionError
from labkit.core.types import Decision, Kind
from labkit.ledger.undo import History
from labkit.review.commands import Draft
from labkit.review.statistics import SessionStatistics, Tally
from labkit.review.view import FrameView
from labkit.review.walk import QueueWalk

__all__ = ["DecisionWriter"]


class DecisionWriter:
    """Writes one reviewer's decisions on the frames of a walk, and takes them back.

    Parameters
    ----------
    walk : QueueWalk
        Where the reviewer is; its ``lock`` is held while anything is written.
    scripted : bool
        Mark every decision as made by no person.
    on_undo : callable
        Told the step that was taken back.
    """

    def __init__(
        self,
        walk: QueueWalk,
        *,
        scripted: bool = False,
        on_undo: Callable[[str], object] = lambda step: None,
    ) -> None:
        self.walk, self.scripted, self.session_id = walk, scripted, uuid4().hex
        self.signed: str | None = None
        self._on_undo = on_undo
        self._tally, self._writes = Tally(), 0
        self._ledger = walk.project.ledger
        self._history = History(self._ledger.history(walk.reviewer))

    def sign(self, reviewer: str) -> None:
        """Hand the session to another reviewer: later decisions and undo are theirs.

        ``signed`` is the name given last. A session of scope ``own`` is one person's.

        Raises
        ------
        InputError
            The session's scope is ``own``.
        """
        walk = self.walk
        if walk.scope == "own":
            raise InputError(
                f"{reviewer!r} cannot take over here", f"this session is {walk.reviewer!r}'s own"
            )
        with walk.lock:
            self.signed = reviewer
            if reviewer != walk.reviewer:
                walk.reviewer = reviewer
                self._history = History(self._ledger.history(reviewer))

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
        walk = self.walk
        with walk.lock:
            return self.commit_all(drafts, {walk.frame_id: walk.view}, tool=tool, clicks=clicks)

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
        with self.walk.lock:
            touched = dict.fromkeys(d.frame_id for d in drafts)
            if since is not None and since != self._writes:
                for frame_id in touched:
                    self._refuse_changed(drafts, views[frame_id], self.walk.read(frame_id))
            step = uuid4().hex
            ordered = sorted(drafts, key=lambda d: d.frame_id != self.walk.frame_id)
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
            reviewer=self.walk.reviewer,
            session_id=self.session_id,
            time=datetime.now(UTC),
            object_id=o.object_id if o else None,
            run_id=o.run_id if o else None,
            scripted=self.scripted,
            before=draft.before.to_json() if draft.before else None,
            after=after.to_json() if after else None,
            score=o.score if o else None,
            threshold=self.walk.threshold,
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
        walk, frame_id = self.walk, rows[0].frame_id
        seconds = walk.timer.take(frame_id)
        rows[0] = dataclasses.replace(rows[0], active_s=seconds, clicks=clicks)
        try:
            seqs = self._ledger.append(rows, expect if walk.scope == "shared" else None)
        except LabkitError:
            walk.timer.give_back(frame_id, seconds)
            with contextlib.suppress(LabkitError):  # report the first error
                walk.reload()
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
            walk.written(written, mine, (views or {}).get(written))
        return saved

    # ---- undo

    def undo(self) -> str | None:
        """Take back this reviewer's last step and go to its frame; None where there is none.

        Works over frames, sessions and restarts: the ledger is the memory. A step on several
        frames is taken back on all of them.
        """
        with self.walk.lock:
            return self._move("undo", self._history.undoable)

    def redo(self) -> str | None:
        """Do again what was undone last; None where there is nothing, or something new was done."""
        with self.walk.lock:
            return self._move("redo", self._history.redoable)

    def _move(self, kind: Kind, target: str | None) -> str | None:
        if target is None:
            return None
        frames = list(dict.fromkeys(d.frame_id for d in self._ledger.step(target)))
        step = uuid4().hex
        draft = self._decision(Draft(kind, frames[0]), step, "api")
        rows = [
            dataclasses.replace(draft, decision_id=uuid4().hex, frame_id=f, target=target)
            for f in frames
        ]
        self._write(rows, 1, None)
        if kind == "undo":
            self._on_undo(target)
        # stay here instead of going to the first of many frames
        walk = self.walk
        there = [f for f in (walk.frame_id, *frames) if f in frames and f in walk]
        if not there:
            return frames[0]
        walk.return_to(there[0])
        return there[0]

    # ---- what came of it

    def statistics(self) -> SessionStatistics:
        """What was done in this session, undone steps left out, and what is left."""
        with self.walk.lock:
            done, total = self.walk.progress()
            return self._tally.statistics(done, total, self.walk.timer.total)
