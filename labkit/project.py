"""The public project: a store with verbs. Each verb is one line into the package that does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from labkit.core.types import FrameFailure
from labkit.store.fold import frame_states
from labkit.store.project import ProjectStore

if TYPE_CHECKING:
    from labkit.review import ReviewSession

__all__ = ["AddReport", "Project"]


@dataclass(frozen=True, slots=True)
class AddReport:
    """What became of the files given to ``add_frames``.

    Attributes
    ----------
    added : int
        New frames.
    duplicates : int
        Frames that were there already, or met twice.
    failures : tuple of FrameFailure
        Files that could not be used, each with its reason.
    frame_ids : tuple of str
        The new frames, in order.
    """

    added: int
    duplicates: int
    failures: tuple[FrameFailure, ...]
    frame_ids: tuple[str, ...]

    def __str__(self) -> str:
        text = f"{self.added} frames added"
        if self.duplicates:
            text += f", {self.duplicates} were there already"
        if self.failures:
            text += f", {len(self.failures)} could not be read"
        return text


class Project(ProjectStore):
    """A folder of frames, what models propose on them, and what people decide.

    Use :meth:`create` and :meth:`open`; see :class:`labkit.store.ProjectStore` for the tables
    (``frames``, ``proposals``, ``decisions``, ``annotations``).
    """

    def review(
        self,
        queue: pd.DataFrame | None = None,
        reviewer: str | None = None,
        *,
        run: str | Sequence[str] | None = None,
        threshold: float | None = None,
        scope: Literal["shared", "own"] = "shared",
        scripted: bool = False,
        idle_after: float = 60.0,
    ) -> ReviewSession:
        """Start, or go on with, a review.

        Parameters
        ----------
        queue : DataFrame, optional
            From :meth:`queue`; by default that of the newest run.
        reviewer : str, optional
            Who decides.
        run : str or sequence of str, optional
            Whose proposals are shown; by default the queue's, else all current ones.
        threshold : float, optional
            Score from which they are shown; by default the ``conf`` of the run.
        scope : {'shared', 'own'}
            See :class:`labkit.review.ReviewSession`.
        scripted : bool
            For a :class:`labkit.review.ScriptedReviewer`: marks the decisions and runs on a
            simulated clock.
        idle_after : float
            Pauses of more seconds than this do not count as work.
        """
        from labkit.review import ReviewSession, SimulatedClock

        if queue is None:
            queue = self.queue(run if isinstance(run, str) else None)
        runs = run if run is not None else queue.attrs.get("runs")
        proposals = self.proposals(runs)
        if threshold is None:
            names = [runs] if isinstance(runs, str) else runs
            newest = self.run(names[-1] if names else None).manifest
            threshold = newest.conf
        clock: dict[str, Any] = {"clock": SimulatedClock()} if scripted else {}
        return ReviewSession(
            self,
            queue,
            proposals,
            threshold=threshold,
            reviewer=reviewer,
            scope=scope,
            scripted=scripted,
            idle_after=idle_after,
            **clock,
        )

    def hand_list(self) -> pd.DataFrame:
        """Frames that were sent to hand-labelling and are not labelled yet.

        Returns
        -------
        DataFrame
            The columns of :meth:`frames`, with ``reviewer``, ``time`` and ``why``.
        """
        decisions = self.decisions()
        states = frame_states(decisions)
        states = states[states["state"] == "hand"].merge(
            decisions[["seq", "comment"]].rename(columns={"comment": "why"}), on="seq"
        )
        return self.frames().merge(states[["frame_id", "reviewer", "time", "why"]], on="frame_id")
