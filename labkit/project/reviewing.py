"""Verbs about people's work: what to look at first, and the sessions in which they decide."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from labkit.ledger.fold import frame_states
from labkit.store.project import ProjectStore

if TYPE_CHECKING:
    from labkit.queue.ranking import OrderLike
    from labkit.review import ReviewSession

__all__ = ["ReviewVerbs"]


class ReviewVerbs(ProjectStore):
    """Queues and review sessions; a part of :class:`labkit.Project`."""

    def queue(
        self,
        run: str | None = None,
        *,
        order: OrderLike = "four-rules",
        conf: float | None = None,
        borderline: tuple[float, float] = (0.4, 0.6),
        decided: bool | None = False,
        labels: Collection[str] | str | None = None,
        groups: Collection[str] | str | None = None,
        score_range: tuple[float, float] | None = None,
        limit: int | None = None,
        quotas: Mapping[str, float] | None = None,
        sequences: Collection[str] = (),
        other: str | None = None,
        seed: int = 0,
    ) -> pd.DataFrame:
        """Frames in the order in which people should look, each with its rule and reason.

        Parameters
        ----------
        run : str, optional
            The run whose proposals are reviewed; the newest by default.
        order : str, mapping or callable
            ``'four-rules'``, ``'expected-errors'``, the name of any score, weights of scores
            (``{'entropy': 1, 'flicker': 0.5}``), or a ``function(proposals, frames) -> Series`` by
            ``frame_id``.
        conf : float, optional
            Score from which proposals are shown, 0..1; by default the run's.
        borderline : (float, float)
            Scores that count as undecided.
        decided : bool, optional
            False: only frames without a verdict; True: only those with one; None: all.
        labels : names, optional
            Only frames with a proposal that has one of these labels.
        groups : names, optional
            Only frames of these videos or folders.
        score_range : (float, float), optional
            Only frames with a proposal that is scored so.
        limit : int, optional
            Only the first so many frames.
        quotas : mapping, optional
            Shares of ``borderline``, ``crowding``, ``ambiguity`` and ``random`` in ``four-rules``;
            rules left out get none. By default 0.4, 0.3, 0.2 and 0.1.
        sequences : names, optional
            Folders whose images follow each other in time, for ``flicker``; videos always do.
        other : str, optional
            A second run, for ``disagreement``.
        seed : int
            For the random share and for ties.

        Returns
        -------
        DataFrame
            ``rank`` (from 1), ``frame_id``, ``score`` (by the rule), ``rule``, ``reason``;
            ``attrs['runs']`` names the run.

        Raises
        ------
        InputError
            An argument cannot be used.
        NotFoundError
            There is no such run, order, label or group.

        Examples
        --------
        >>> queue = p.queue(order="four-rules", seed=0)
        >>> list(queue.columns)
        ['rank', 'frame_id', 'score', 'rule', 'reason']
        >>> len(queue), len(p.queue(labels="bolt", limit=2))
        (6, 2)
        """
        from labkit.queue import rank

        proposals, frames, of_run = self._ranked(run, conf, other)
        queue = rank(
            proposals,
            frames,
            order=order,
            states=frame_states(self.decisions()),
            borderline=borderline,
            decided=decided,
            labels=labels,
            groups=groups,
            score_range=score_range,
            limit=limit,
            quotas=quotas,
            sequences=sequences,
            seed=seed,
            **of_run,
        )
        queue.attrs["runs"] = [self.run(run).run_id]
        return queue

    def rerank(
        self,
        queue: pd.DataFrame,
        *,
        order: OrderLike = "four-rules",
        conf: float | None = None,
        borderline: tuple[float, float] = (0.4, 0.6),
        quotas: Mapping[str, float] | None = None,
        sequences: Collection[str] = (),
        other: str | None = None,
        seed: int = 0,
    ) -> pd.DataFrame:
        """The queue after some decisions: decided frames keep their place, the rest moves.

        Frames with labels that were wrong more often than their scores promised move up.

        Parameters
        ----------
        queue : DataFrame
            From :meth:`queue` or ``rerank``; it says which frames are ranked.
        order, conf, borderline, quotas, sequences, other, seed
            As in :meth:`queue`.

        Returns
        -------
        DataFrame
            As :meth:`queue` gives it.

        Examples
        --------
        >>> queue = p.queue()
        >>> with p.review(queue, reviewer="ana") as s:
        ...     _ = s.accept_frame()
        >>> again = p.rerank(queue)
        >>> bool(again["frame_id"][0] == queue["frame_id"][0])
        True
        """
        from labkit.queue import rerank

        run = (queue.attrs.get("runs") or [None])[-1]
        proposals, frames, of_run = self._ranked(run, conf, other)
        decisions = self.decisions()
        out = rerank(
            queue,
            proposals,
            frames,
            decisions=decisions,
            states=frame_states(decisions),
            order=order,
            borderline=borderline,
            quotas=quotas,
            sequences=sequences,
            seed=seed,
            **of_run,
        )
        out.attrs["runs"] = [self.run(run).run_id]
        return out

    def _ranked(
        self, run: str | None, conf: float | None, other: str | None
    ) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
        """What ranking needs: proposals, the run's frames, and the run's own settings."""
        from labkit.tracking.records import walked

        store = self.run(run)
        frames = self.frames()
        frames = frames[frames["frame_id"].isin(store.frame_ids)]
        return (
            store.read(),
            frames,
            {
                "conf": store.manifest.conf if conf is None else conf,
                "label_map": store.manifest.label_map or None,
                "other": None if other is None else self.run(other).read(),
                "walked": walked(store.folder) or None,
            },
        )

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
        """Start a review, or continue one.

        Parameters
        ----------
        queue : DataFrame, optional
            From :meth:`queue`; by default that of the newest run that proposes detections.
        reviewer : str, optional
            Who decides.
        run : str or sequence of str, optional
            Whose proposals are shown; by default the queue's, else all current ones.
        threshold : float, optional
            Score from which they are shown, 0..1; by default those of each run from its own
            ``conf`` up. What a tracker proposes is always held against its run's ``conf``.
        scope : {'shared', 'own'}
            Whether the decisions of other reviewers count in this session, see
            :class:`labkit.ReviewSession`.
        scripted : bool
            For a :class:`labkit.ScriptedReviewer`: marks the decisions and runs on a simulated
            clock.
        idle_after : float
            Pauses of more seconds than this do not count as work.

        Returns
        -------
        ReviewSession
            Close it after use, or use it in a ``with`` statement.

        Raises
        ------
        InputError
            An argument cannot be used.
        NotFoundError
            There is no such run.

        Examples
        --------
        >>> with p.review(p.queue(), reviewer="ana", threshold=0.3) as s:
        ...     _ = s.accept_frame()
        ...     print(s.view.state, s.progress())
        accepted (1, 6)
        """
        from labkit.review import ReviewSession, SimulatedClock

        if queue is None:
            queue = self.queue(run if isinstance(run, str) else None)
        runs = run if run is not None else queue.attrs.get("runs")
        proposals = self.proposals(runs)
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

        Examples
        --------
        >>> with p.review(reviewer="ana") as s:
        ...     _ = s.reject_frame("too many boxes are missing")
        >>> p.hand_list()["why"].tolist()
        ['too many boxes are missing']
        """
        decisions = self.decisions()
        states = frame_states(decisions)
        states = states[states["state"] == "hand"].merge(
            decisions[["seq", "comment"]].rename(columns={"comment": "why"}), on="seq"
        )
        return self.frames().merge(states[["frame_id", "reviewer", "time", "why"]], on="frame_id")
