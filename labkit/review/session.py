"""A review session: one person works through one queue. No widget, no model in it.

A mouse, a script and papermill drive the same object, from any thread. Every verb returns after
its decision has been committed; one that the ledger refuses raises, changes nothing and keeps the
time spent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Self

import pandas as pd

from labkit.core.errors import StaleDecisionError
from labkit.core.types import Attribute, Decision, Shape
from labkit.frames.reader import FrameReader
from labkit.models.filters import FilteredSource, FilterSwitch
from labkit.models.interactors.base import ImageSource
from labkit.models.trackers.base import Tracker
from labkit.review import commands
from labkit.review.follow import Followed, FollowMode
from labkit.review.many import Many, copy_objects
from labkit.review.resume import load_follows
from labkit.review.walk import Scope
from labkit.review.which import ManyReport, Which
from labkit.review.writing import DecisionWriter
from labkit.store.project import ProjectStore

__all__ = ["ReviewSession"]


class ReviewSession(DecisionWriter):
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
    source : ImageSource, optional
        The pixels of frames; the project's own by default.

    Attributes
    ----------
    filters : FilterSwitch
        Image filters for this and the following frames, until they are switched off.
    source : FilteredSource
        The pixels that trackers, interactors and people see: through the filters that are on.
    """

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
        source: ImageSource | None = None,
    ) -> None:
        super().__init__(
            project,
            queue,
            proposals,
            threshold=threshold,
            reviewer=reviewer,
            scope=scope,
            scripted=scripted,
            idle_after=idle_after,
            clock=clock,
        )
        load_follows(self)
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
        shape: Shape | None = None,
        *,
        attributes: Sequence[Attribute] | None = None,
        tool: str = "api",
        clicks: int = 2,
        expect_revision: int | None = None,
    ) -> list[Decision]:
        """Correct an object's box, polygon, mask, keypoints or attributes."""
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
        shape: Shape,
        *,
        attributes: Sequence[Attribute] = (),
        track_id: int | None = None,
        tool: str = "api",
        clicks: int = 3,
    ) -> list[Decision]:
        """Add an object that was missed; with ``track_id``, where its tracker has lost it."""
        with self.lock:
            drafts = commands.add(
                self.view, label, shape, self.project.labels, attributes, track_id
            )
            return self.commit(drafts, tool=tool, clicks=clicks)

    def accept_frame(self, *, tool: str = "api", clicks: int = 1) -> list[Decision]:
        """Accept the frame with what is shown at the threshold, which the ledger records."""
        with self.lock:
            drafts = commands.accept_frame(self.view, self._threshold)
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

    # ---- deciding on many

    def many(self, which: Which | None = None) -> Many:
        """Objects to relabel, reject, accept, convert or refine at once, as one step.

        Parameters
        ----------
        which : Which, optional
            All that is shown on the current frame by default.
        """
        return Many(self, which or Which())

    def copy_to(self, frame_id: str, object_ids: Sequence[str]) -> ManyReport:
        """Add copies of objects of the current frame to another frame of the queue, as one step."""
        with self.lock:
            return copy_objects(self, frame_id, object_ids)

    # ---- following

    def follow(self, object_id: str, tracker: str | Tracker = "flow") -> Followed:
        """Have an object carried along whenever the session moves to the next frame.

        See :class:`labkit.review.follow.FollowMode`.
        """
        return self.following.start(object_id, tracker)

    def unfollow(self, object_id: str | None = None) -> None:
        """Switch following off, for one object (any one of its track) or for all."""
        self.following.stop(object_id)

    @property
    def followed(self) -> list[Followed]:
        """Which object is held by which tracker, and what came of it."""
        return self.following.held()

    def _moved(self, here: str, there: str) -> None:
        self.following.carry(here, there)

    def _undone(self, step: str) -> None:
        self.following.forget(step)
