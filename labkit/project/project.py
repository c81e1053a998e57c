"""The public project: a store with verbs. Each verb is one line into the package that does it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from labkit.core.types import FrameFailure
from labkit.ledger.fold import frame_states
from labkit.project.proposing import Proposing

if TYPE_CHECKING:
    from labkit.exchange import ExportReport, ImportReport
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


class Project(Proposing):
    """A folder of frames, what models propose on them, and what people decide.

    Use :meth:`create` and :meth:`open`; see :class:`labkit.store.ProjectStore` for the tables
    (``frames``, ``proposals``, ``decisions``, ``annotations``).
    """

    def add_frames(
        self,
        what: str | Path | Iterable[str | Path],
        *,
        recursive: bool = True,
        every: float = 1,
        start: float | None = None,
        stop: float | None = None,
        image_root: str | Path | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> AddReport:
        """Add images or videos; what cannot be read is listed and never stops the rest.

        Parameters
        ----------
        what : path, glob or iterable of these
            A folder, a glob, an image, a video, a YOLO dataset (``data.yaml``), a COCO JSON file.
        recursive : bool
            Whether folders are searched to the bottom.
        every, start, stop : int or float
            Part of each video: whole numbers are frames, numbers with a point seconds.
        image_root : path, optional
            Where the images of a COCO JSON file lie.
        on_progress : callable, optional
            Told files done and files in all.

        Raises
        ------
        InputError
            Nothing is there to add.
        """
        from labkit.frames import scan

        self.check_writable("These frames cannot be added")
        found = scan(
            what,
            root=self.root,
            recursive=recursive,
            every=every,
            start=start,
            stop=stop,
            image_root=None if image_root is None else Path(image_root),
            on_progress=on_progress,
        )
        new = self.append_frames(found.frames)
        again = found.duplicates + len(found.frames) - len(new)
        return AddReport(len(new), again, tuple(found.failures), tuple(f.frame_id for f in new))

    def queue(
        self,
        run: str | None = None,
        *,
        order: Any = "four-rules",
        conf: float | None = None,
        decided: bool | None = False,
        other: str | None = None,
        **options: Any,
    ) -> pd.DataFrame:
        """Frames in the order in which people should look, each with its rule and reason.

        Parameters
        ----------
        run : str, optional
            The run whose proposals are reviewed; the newest by default.
        order : str, mapping or callable
            ``'four-rules'``, ``'expected-errors'``, any score, a mix, a function.
        conf : float, optional
            Score from which proposals are shown; by default the run's.
        decided : bool, optional
            False: only frames without a verdict; True: only those with one; None: all.
        other : str, optional
            A second run, for ``disagreement``.
        **options
            ``seed``, ``labels``, ``groups``, ``score_range``, ``limit``, ``quotas``,
            ``sequences``: see :func:`labkit.queue.rank`.

        Returns
        -------
        DataFrame
            ``rank``, ``frame_id``, ``score``, ``rule``, ``reason``; ``attrs['runs']`` has the run.
        """
        from labkit.queue import rank

        proposals, frames, given = self._ranked(run, conf, other)
        states = frame_states(self.decisions())
        queue = rank(
            proposals, frames, order=order, states=states, decided=decided, **given, **options
        )
        queue.attrs["runs"] = [self.run(run).run_id]
        return queue

    def rerank(
        self,
        queue: pd.DataFrame,
        *,
        order: Any = "four-rules",
        conf: float | None = None,
        other: str | None = None,
        **options: Any,
    ) -> pd.DataFrame:
        """The queue after some decisions: decided frames keep their place, the rest moves.

        Labels that were wrong more often than their scores promised move up; see
        :func:`labkit.queue.rerank`.
        """
        from labkit.queue import rerank

        run = (queue.attrs.get("runs") or [None])[-1]
        proposals, frames, given = self._ranked(run, conf, other)
        decisions = self.decisions()
        out = rerank(
            queue,
            proposals,
            frames,
            decisions=decisions,
            states=frame_states(decisions),
            order=order,
            **given,
            **options,
        )
        out.attrs["runs"] = [self.run(run).run_id]
        return out

    def _ranked(
        self, run: str | None, conf: float | None, other: str | None
    ) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
        """What ranking needs: proposals, the run's frames, and the run's own settings."""
        from labkit.runs.track_file import walked

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

    # ---- in and out

    def export(self, format: str, out: str | Path, **options: Any) -> ExportReport:
        """Write the annotations as a dataset; only frames that a person has decided, by default.

        Parameters
        ----------
        format : str
            ``'yolo'`` or ``'coco'``.
        out : str or Path
            A new folder, or an earlier export, which is replaced.
        **options
            ``include``, ``task``, ``split``, ``seed``, ``images``: see
            :func:`labkit.exchange.export`.
        """
        from labkit.exchange import export

        return export(self, format, Path(out), **options)

    def import_annotations(self, format: str, path: str | Path, **options: Any) -> ImportReport:
        """Take a dataset's labels in, as proposals or as decisions.

        Parameters
        ----------
        format : str
            ``'yolo'`` or ``'coco'``.
        path : str or Path
            The dataset.
        **options
            ``as_``, ``reviewer``, ``label_map``: see :func:`labkit.exchange.import_annotations`.
        """
        from labkit.exchange import import_annotations

        return import_annotations(self, format, Path(path), **options)

    def read_labels(
        self,
        format: str,
        path: str | Path,
        label_map: Mapping[str, str | None] | None = None,
        **options: Any,
    ) -> pd.DataFrame:
        """Read a dataset's labels for the project's frames without storing anything.

        The result has ``PROPOSAL_COLUMNS``: ground truth for a
        :class:`labkit.review.ScriptedReviewer` or for one's own evaluation. YOLO labels without
        a ``data.yaml`` need ``names``, the labels in the order of their numbers.
        """
        from labkit.exchange import read_labels

        return read_labels(self, format, Path(path), label_map=label_map, **options)

    def report(self, path: str | Path = "report.html", **options: Any) -> Path:
        """Write one self-contained HTML page: tables, plots and a contact sheet."""
        from labkit.report import write_report

        return write_report(self, Path(path), **options)
