"""A review session: one person works through one queue. No widget, no model in it.

A mouse, a script and papermill drive the same object, from any thread. Every verb returns after
its decision has been committed; one that the ledger refuses raises, changes nothing and keeps the
time spent.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Self

import pandas as pd

from labkit.core.errors import StaleDecisionError
from labkit.core.shapes import ShapeLike
from labkit.core.types import AnnotatedObject, Attribute, Decision
from labkit.core.visibility import Thresholds
from labkit.frames.reader import FrameReader
from labkit.ledger.fold import FOLLOW
from labkit.models.filters import FilteredSource, FilterSwitch
from labkit.models.interactors.base import ImageSource
from labkit.models.trackers.base import Tracker
from labkit.review import commands
from labkit.review.commands import Draft
from labkit.review.many import Many, copy_objects
from labkit.review.statistics import SessionStatistics
from labkit.review.timer import ActiveTimer
from labkit.review.view import FrameView
from labkit.review.walk import QueueWalk, Scope
from labkit.review.which import ManyReport, Which
from labkit.review.writer import DecisionWriter
from labkit.store.project import ProjectStore
from labkit.tracking.follow import FollowMode, LiveTrack
from labkit.tracking.live import show_earlier

__all__ = ["ReviewSession"]


class ReviewSession:
    """One reviewer working through one queue.

    It is made of a :class:`~labkit.review.walk.QueueWalk`, which knows where the reviewer is and
    what is there, a :class:`~labkit.review.writer.DecisionWriter`, which writes and takes back, and
    a live tracker that follows the walk.

    Parameters
    ----------
    project : ProjectStore
    queue : DataFrame
        ``frame_id`` in the order of reviewing; ``rule`` and ``reason`` where there are any.
    proposals : DataFrame
        What is proposed on these frames (``PROPOSAL_COLUMNS``).
    threshold : float, optional
        Score 0..1 from which proposals of detectors are shown. By default those of each run are
        shown from the run's own ``conf`` up, and the session's threshold begins at that of the
        newest one. What a tracker proposes is always held against its own run's ``conf``.
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
    source : ImageSource, optional
        The pixels of frames; the project's own by default.

    Attributes
    ----------
    project : ProjectStore
    walk : QueueWalk
    writer : DecisionWriter
    filters : FilterSwitch
        Image filters for this and the following frames, until they are switched off.
    source : FilteredSource
        The pixels that trackers, interactors and people see: through the filters that are on.
    following : FollowMode
        The objects that trackers carry along.

    Examples
    --------
    >>> with p.review(reviewer="ana") as s:
    ...     _ = s.add("nut", (10, 10, 50, 80))
    ...     _ = s.accept_frame()
    ...     s.undo() == s.frame_id
    True
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
        scripted: bool = False,
        idle_after: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
        source: ImageSource | None = None,
    ) -> None:
        self.project = project
        self.walk = QueueWalk(
            project,
            queue,
            proposals,
            threshold=threshold,
            reviewer=reviewer,
            scope=scope,
            idle_after=idle_after,
            clock=clock,
            on_move=lambda here, there: self.following.carry(here, there),
        )
        self.writer = DecisionWriter(
            self.walk, scripted=scripted, on_undo=lambda step: self.following.forget(step)
        )
        show_earlier(self)
        self._reader = FrameReader(project.root)
        self.filters = FilterSwitch()
        self.source = FilteredSource(source or self._reader, self.filters)
        self.following = FollowMode(self, self.source)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End following and close videos; what was decided is in the ledger already."""
        try:
            self.following.close()
        finally:
            self._reader.close()

    # ---- where we are

    @property
    def lock(self) -> threading.RLock:
        """Held by every verb while it reads or changes what the session knows."""
        return self.walk.lock

    @property
    def moving(self) -> threading.RLock:
        """Held by a move until what it sets off has ended."""
        return self.walk.moving

    @property
    def reviewer(self) -> str:
        """The reviewer who decides."""
        return self.walk.reviewer

    @property
    def scope(self) -> Scope:
        """Whose decisions count, ``shared`` or ``own``."""
        return self.walk.scope

    @property
    def scripted(self) -> bool:
        """Whether decisions are marked as made by no person."""
        return self.writer.scripted

    @property
    def session_id(self) -> str:
        """The id that this session writes into every row."""
        return self.writer.session_id

    @property
    def timer(self) -> ActiveTimer:
        """The active time on each frame."""
        return self.walk.timer

    @property
    def queue(self) -> pd.DataFrame:
        """The queue, one row per frame."""
        return self.walk.queue

    @property
    def order(self) -> list[str]:
        """The frames of the queue, in order."""
        return self.walk.order

    @property
    def view(self) -> FrameView:
        """The current frame with its objects."""
        return self.walk.view

    @property
    def frame_id(self) -> str:
        """The current frame's id."""
        return self.walk.frame_id

    @property
    def position(self) -> int:
        """Place of the current frame in the queue, from 0."""
        return self.walk.position

    @property
    def threshold(self) -> float:
        """Score from which proposals are shown; moving it decides nothing."""
        return self.walk.threshold

    @threshold.setter
    def threshold(self, value: float) -> None:
        self.walk.threshold = value

    @property
    def thresholds(self) -> Thresholds:
        """From which score the proposals of each run are shown."""
        return self.walk.thresholds

    @property
    def why(self) -> str:
        """Rule and reason that put the current frame here."""
        return self.walk.why_at(self.walk.position)

    def why_at(self, position: int) -> str:
        """Rule and reason that put a frame at its place of the queue."""
        return self.walk.why_at(position)

    def objects(self, threshold: float | None = None) -> list[AnnotatedObject]:
        """What is shown on the current frame, at the session's or another threshold."""
        return self.walk.objects(threshold)

    def states(self) -> list[str]:
        """State of each frame of the queue, in order; ``new`` where nothing was decided."""
        return self.walk.states()

    def progress(self) -> tuple[int, int]:
        """Frames of the queue that have their verdict, and all of them."""
        return self.walk.progress()

    def peek(self, position: int) -> FrameView:
        """A frame of the queue as it stands, without going there; for fetching ahead."""
        return self.walk.peek(position)

    def view_of(self, frame_id: str) -> FrameView:
        """The current frame as it is shown, or another as the ledger has it now."""
        return self.walk.view_of(frame_id)

    # ---- moving

    def next(self, *, undecided: bool = False) -> str | None:
        """Go to the next frame, or the next without a verdict; None at the end, staying there."""
        return self.walk.next(undecided=undecided)

    def previous(self) -> str | None:
        """Go to the frame before; None at the beginning."""
        return self.walk.previous()

    def goto(self, frame_id: str) -> str:
        """Go to a frame of the queue."""
        return self.walk.goto(frame_id)

    def reload(self) -> None:
        """Read the current frame again, with the decisions of others."""
        self.walk.reload()

    def set_queue(self, queue: pd.DataFrame) -> None:
        """Work through another order; the current frame stays if it is still there."""
        self.walk.set_queue(queue)

    # ---- new proposals

    def take_proposals(self, proposals: pd.DataFrame) -> None:
        """Show these proposals from now on in place of those that the session began with."""
        self.walk.take_proposals(proposals)

    def add_proposals(
        self, frame_id: str, objects: Sequence[AnnotatedObject], tracks: Iterable[int] = ()
    ) -> None:
        """Show proposals that were made after the session began; on the current frame at once.

        See :meth:`labkit.review.walk.QueueWalk.add_proposals`.
        """
        self.walk.add_proposals(frame_id, objects, tracks)

    def runs_of(self, tracks: Iterable[int], frame_ids: Iterable[str]) -> set[str]:
        """Runs that propose one of these tracks on one of these frames."""
        return self.walk.proposals.runs_of(tracks, frame_ids)

    # ---- deciding

    def accept(
        self,
        object_id: str,
        *,
        tool: str = "api",
        clicks: int = 1,
        expect_revision: int | None = None,
    ) -> list[Decision]:
        """Accept one object as it stands.

        With ``expect_revision``, here as in the other verbs, a gesture that was made on an older
        state of the object (:attr:`AnnotatedObject.revision`) raises ``StaleDecisionError``.
        """
        with self.lock:
            self._expect(object_id, expect_revision)
            return self.commit(commands.accept(self.view, object_id), tool=tool, clicks=clicks)

    def reject(
        self,
        object_id: str,
        *,
        tool: str = "api",
        clicks: int = 1,
        expect_revision: int | None = None,
    ) -> list[Decision]:
        """Say that an object is not there."""
        with self.lock:
            self._expect(object_id, expect_revision)
            return self.commit(commands.reject(self.view, object_id), tool=tool, clicks=clicks)

    def edit(
        self,
        object_id: str,
        shape: ShapeLike | None = None,
        *,
        attributes: Sequence[Attribute] | None = None,
        tool: str = "api",
        clicks: int = 2,
        expect_revision: int | None = None,
    ) -> list[Decision]:
        """Correct an object's box, polygon, mask, keypoints or attributes.

        ``shape`` is in any of the forms of :func:`labkit.core.shapes.as_shape`.
        """
        with self.lock:
            self._expect(object_id, expect_revision)
            drafts = commands.edit(self.view, object_id, shape, attributes)
            return self.commit(drafts, tool=tool, clicks=clicks)

    def relabel(
        self,
        object_id: str,
        label: str,
        *,
        tool: str = "api",
        clicks: int = 1,
        expect_revision: int | None = None,
    ) -> list[Decision]:
        """Give an object another label."""
        with self.lock:
            self._expect(object_id, expect_revision)
            drafts = commands.relabel(self.view, object_id, label, self.project.labels)
            return self.commit(drafts, tool=tool, clicks=clicks)

    def add(
        self,
        label: str,
        shape: ShapeLike,
        *,
        attributes: Sequence[Attribute] = (),
        track_id: int | None = None,
        tool: str = "api",
        clicks: int = 3,
    ) -> list[Decision]:
        """Add an object that was missed; with ``track_id``, where its tracker has lost it.

        It is a keyframe of that track then, from which :meth:`labkit.Project.retrack` goes on.

        Parameters
        ----------
        label : str
            One of the project's labels.
        shape : Shape or array_like
            A :class:`labkit.Shape`, a box ``(x1, y1, x2, y2)``, the ``(n, 2)`` points of an
            outline, or a boolean mask ``(h, w)``; pixels of the frame.
        attributes : sequence of Attribute
        track_id : int, optional
        tool, clicks
            With what it was done, and how many clicks it took; for the metrics.
        """
        with self.lock:
            drafts = commands.add(
                self.view, label, shape, self.project.labels, attributes, track_id
            )
            return self.commit(drafts, tool=tool, clicks=clicks)

    def accept_frame(self, *, tool: str = "api", clicks: int = 1) -> list[Decision]:
        """Accept the frame with what is shown at the threshold, which the ledger records."""
        with self.lock:
            drafts = commands.accept_frame(self.view, self.threshold)
            return self.commit(drafts, tool=tool, clicks=clicks)

    def reject_frame(self, why: str = "", *, tool: str = "api", clicks: int = 1) -> list[Decision]:
        """Send the frame to the hand-label list."""
        with self.lock:
            drafts = commands.frame_verdict(self.view, "reject_frame", why)
            return self.commit(drafts, tool=tool, clicks=clicks)

    def skip(self, why: str = "", *, tool: str = "api", clicks: int = 1) -> list[Decision]:
        """Leave the frame for later; it stays undecided."""
        with self.lock:
            drafts = commands.frame_verdict(self.view, "skip", why)
            return self.commit(drafts, tool=tool, clicks=clicks)

    def comment(self, text: str, object_id: str | None = None) -> list[Decision]:
        """Leave a remark on the frame or an object; decides nothing."""
        with self.lock:
            return self.commit(commands.comment(self.view, text, object_id), tool="api", clicks=0)

    def _expect(self, object_id: str, revision: int | None) -> None:
        now = self.view.object(object_id).revision
        if revision is not None and now != revision:
            raise StaleDecisionError(
                f"This decision on object {object_id} was not saved",
                f"it was made on revision {revision}, and the object is at {now}",
                "look at the object again",
            )

    def put_on_track(self, object_id: str, track_id: int) -> str:
        """Accept an object as it stands, as the shape of a track; the step that undo takes back."""
        with self.lock:
            o = self.view.object(object_id).with_(track_id=track_id)
            draft = Draft("accept", o.frame_id, None, o)
            return self.commit([draft], tool=FOLLOW, clicks=1)[0].step

    def commit(
        self, drafts: Sequence[Draft], *, tool: str = "api", clicks: int = 0
    ) -> list[Decision]:
        """Write drafts of the current frame as one step, which undo takes back as a whole.

        See :meth:`labkit.review.writer.DecisionWriter.commit`.
        """
        return self.writer.commit(drafts, tool=tool, clicks=clicks)

    def undo(self) -> str | None:
        """Take back this reviewer's last step and go to its frame; None where there is none.

        Works over frames, sessions and restarts: the ledger is the memory. A step on several
        frames is taken back on all of them.
        """
        return self.writer.undo()

    def redo(self) -> str | None:
        """Do again what was undone last; None where there is nothing, or something new was done."""
        return self.writer.redo()

    @property
    def signed(self) -> str | None:
        """The name that was given to :meth:`sign` last."""
        return self.writer.signed

    def sign(self, reviewer: str) -> None:
        """Hand the session to another reviewer: later decisions and undo are theirs.

        A session of scope ``own`` is one person's and refuses.
        """
        self.writer.sign(reviewer)

    def statistics(self) -> SessionStatistics:
        """What was done in this session, undone steps left out, and what is left."""
        return self.writer.statistics()

    # ---- deciding on many

    def many(self, which: Which | None = None) -> Many:
        """Objects to relabel, reject, accept, convert or refine at once, as one step.

        Parameters
        ----------
        which : Which, optional
            All that is shown on the current frame by default.
        """
        return Many(self.writer, which or Which())

    def copy_to(self, frame_id: str, object_ids: Sequence[str]) -> ManyReport:
        """Add copies of objects of the current frame to another frame of the queue, as one step."""
        with self.lock:
            return copy_objects(self.writer, frame_id, object_ids)

    # ---- following

    def follow(self, object_id: str, tracker: str | Tracker = "flow") -> LiveTrack:
        """Have an object carried along whenever the session moves to the next frame.

        See :class:`labkit.tracking.follow.FollowMode`.
        """
        return self.following.start(object_id, tracker)

    def unfollow(self, object_id: str | None = None) -> None:
        """Switch following off, for one object (any one of its track) or for all."""
        self.following.stop(object_id)

    @property
    def followed(self) -> list[LiveTrack]:
        """The objects that are followed, by which tracker, and with what outcome."""
        return self.following.held()
