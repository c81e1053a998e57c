"""Verbs about objects over time: tracking, tracking again, joining detections into tracks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, overload

import pandas as pd

from labkit.store.project import ProjectStore

if TYPE_CHECKING:
    from labkit.models.interactors.base import ImageSource
    from labkit.models.trackers.base import Tracker
    from labkit.runs import Job
    from labkit.runs.pipeline import Reader

__all__ = ["TrackVerbs"]


class TrackVerbs(ProjectStore):
    """Tracking; a part of :class:`labkit.Project`."""

    @overload
    def track(
        self,
        objects: Any,
        tracker: str | Tracker = "sam2",
        to: str | int | None = None,
        *,
        direction: Literal["auto", "forward", "backward", "both"] = "auto",
        conf: float = 0.0,
        device: str | int | None = None,
        replace: bool = False,
        resume: bool = True,
        progress: str | Callable[[Job[str]], None] | None = "auto",
        part_size: int = 16,
        source: ImageSource | None = None,
        wait: Literal[True] = True,
    ) -> str: ...

    @overload
    def track(
        self,
        objects: Any,
        tracker: str | Tracker = "sam2",
        to: str | int | None = None,
        *,
        direction: Literal["auto", "forward", "backward", "both"] = "auto",
        conf: float = 0.0,
        device: str | int | None = None,
        replace: bool = False,
        resume: bool = True,
        progress: str | Callable[[Job[str]], None] | None = "auto",
        part_size: int = 16,
        source: ImageSource | None = None,
        wait: Literal[False],
    ) -> Job[str]: ...

    def track(
        self,
        objects: Any,
        tracker: str | Tracker = "sam2",
        to: str | int | None = None,
        *,
        direction: Literal["auto", "forward", "backward", "both"] = "auto",
        conf: float = 0.0,
        device: str | int | None = None,
        replace: bool = False,
        resume: bool = True,
        progress: str | Callable[[Job[str]], None] | None = "auto",
        part_size: int = 16,
        source: ImageSource | None = None,
        wait: bool = True,
    ) -> str | Job[str]:
        """Follow objects over the frames of a video or folder.

        Calling it again with the same arguments returns the finished run, or continues one that was
        killed, cancelled or failed.

        Parameters
        ----------
        objects : object ids, AnnotatedObjects, Keyframes, Tracks, or a DataFrame
            Proposals or annotations of any frames. Those with one ``track_id`` are keyframes of one
            track, and a mapping of names to objects makes one track of each. A session's selection
            can be given, too: ``session.many(lk.Which(...))``.
        tracker : str or Tracker
            ``'sam2'``, ``'sam2-nano'``, ``'flow'``, ``'mil'``, ``'linear'``, weights of SAM2, or a
            tracker.
        to : str or int, optional
            The last frame, or a number of frames from the last keyframe (from the first one
            backward, where it is negative). By default the end of the video or folder.
        direction : {'auto', 'forward', 'backward', 'both'}
            ``auto`` goes where ``to`` lies.
        conf : float
            The score from which reviewers are shown the tracks' proposals, 0..1.
        device : str or int, optional
            ``'cpu'``, ``0``, ``'cuda:1'``, ``'mps'``; the best available one by default.
        replace : bool
            Hide what detectors propose on these frames; other tracks stay.
        resume : bool
            Continue or return an earlier run of this kind; False makes a new run.
        progress : {'auto', 'silent'}, callable or None
            How progress is shown; a callable is called with the job at each change.
        part_size : int
            Frames per stored part; a run that was killed repeats at most one part.
        source : ImageSource, optional
            Where the pixels come from; by default :class:`labkit.FrameReader`.
        wait : bool
            False returns a :class:`labkit.runs.Job` at once.

        Returns
        -------
        str or Job
            The run's id, or with ``wait=False`` a job whose ``result()`` is that id. Frames that
            failed are listed in the run's manifest.

        Raises
        ------
        InputError
            The objects, the target or the direction cannot be used.
        NotFoundError
            There is no such frame, object, label or tracker.
        ModelUnavailableError
            The weights are missing or cannot be opened.

        Notes
        -----
        Tracking proposes and decides nothing, so a session's undo does not take it back:
        :meth:`discard` its run to do so.

        Examples
        --------
        >>> p.track(p.proposals().head(1), tracker="flow", to=2, progress=None)
        'r0002-flow'
        """
        from labkit.tracking import track_job

        job = track_job(
            self,
            objects,
            tracker,
            to,
            direction=direction,
            conf=conf,
            device=device,
            replace=replace,
            resume=resume,
            progress=progress,
            part_size=part_size,
            source=source,
        )
        return job.result() if wait else job

    @overload
    def retrack(
        self,
        run: str,
        *,
        frames: Iterable[str] | None = None,
        tracker: str | Tracker | None = None,
        device: str | int | None = None,
        resume: bool = True,
        progress: str | Callable[[Job[str]], None] | None = "auto",
        source: ImageSource | None = None,
        wait: Literal[True] = True,
    ) -> str: ...

    @overload
    def retrack(
        self,
        run: str,
        *,
        frames: Iterable[str] | None = None,
        tracker: str | Tracker | None = None,
        device: str | int | None = None,
        resume: bool = True,
        progress: str | Callable[[Job[str]], None] | None = "auto",
        source: ImageSource | None = None,
        wait: Literal[False],
    ) -> Job[str]: ...

    def retrack(
        self,
        run: str,
        *,
        frames: Iterable[str] | None = None,
        tracker: str | Tracker | None = None,
        device: str | int | None = None,
        resume: bool = True,
        progress: str | Callable[[Job[str]], None] | None = "auto",
        source: ImageSource | None = None,
        wait: bool = True,
    ) -> str | Job[str]:
        """Track again what depends on the corrections that reviewers made in a track run.

        Parameters
        ----------
        run : str
            A run of :meth:`track`.
        frames : iterable of str, optional
            Use the corrections on these frames only; all by default.
        tracker : str or Tracker, optional
            The run's own by default.
        device : str or int, optional
            ``'cpu'``, ``0``, ``'cuda:1'``, ``'mps'``; the best available one by default.
        resume : bool
            Continue or return an earlier run of this kind; False makes a new run.
        progress : {'auto', 'silent'}, callable or None
            How progress is shown; a callable is called with the job at each change.
        source : ImageSource, optional
            Where the pixels come from; by default :class:`labkit.FrameReader`.
        wait : bool
            False returns a :class:`labkit.runs.Job` at once.

        Returns
        -------
        str or Job
            The id of a new run, which replaces the tracks' proposals from there on.

        Raises
        ------
        InputError
            The run has no tracks, or nothing in it was corrected.

        Examples
        --------
        >>> run = p.track(p.proposals().head(1), tracker="flow", to=2, progress=None)
        >>> made = p.proposals(run).iloc[0]
        >>> with p.review(run=run, reviewer="ana") as s:
        ...     _ = s.goto(made["frame_id"])
        ...     _ = s.edit(made["object_id"], lk.Shape((10, 10, 60, 60)))
        >>> p.retrack(run, progress=None)
        'r0003-flow'
        """
        from labkit.tracking import retrack_job

        job = retrack_job(
            self,
            run,
            frames=frames,
            tracker=tracker,
            device=device,
            resume=resume,
            progress=progress,
            source=source,
        )
        return job.result() if wait else job

    @overload
    def associate(
        self,
        run: str | None = None,
        *,
        with_: str = "bytetrack",
        params: Mapping[str, Any] | None = None,
        replace: bool = False,
        resume: bool = True,
        progress: str | Callable[[Job[str]], None] | None = "auto",
        reader: Reader | None = None,
        wait: Literal[True] = True,
    ) -> str: ...

    @overload
    def associate(
        self,
        run: str | None = None,
        *,
        with_: str = "bytetrack",
        params: Mapping[str, Any] | None = None,
        replace: bool = False,
        resume: bool = True,
        progress: str | Callable[[Job[str]], None] | None = "auto",
        reader: Reader | None = None,
        wait: Literal[False],
    ) -> Job[str]: ...

    def associate(
        self,
        run: str | None = None,
        *,
        with_: str = "bytetrack",
        params: Mapping[str, Any] | None = None,
        replace: bool = False,
        resume: bool = True,
        progress: str | Callable[[Job[str]], None] | None = "auto",
        reader: Reader | None = None,
        wait: bool = True,
    ) -> str | Job[str]:
        """Join a run's detections into tracks: a new run with the same objects and ``track_id``.

        Each video or folder is a sequence of its own. Detections that belong to no track have no
        ``track_id``. All stored detections take part, not only those above the run's ``conf``.

        Parameters
        ----------
        run : str, optional
            A finished run; by default the newest that is not a tracker's.
        with_ : {'bytetrack', 'botsort'}
            BoT-SORT reads the frames to make up for a camera that moves; ByteTrack reads none.
        params : mapping, optional
            Settings of the association, as ``{"track_high_thresh": 0.4}``; see
            :func:`labkit.models.trackers.association.associator_info`.
        replace : bool
            Show the new run's proposals instead of the old run's.
        resume : bool
            Return an earlier run of this kind; False makes a new run.
        progress : {'auto', 'silent'}, callable or None
            How progress is shown; a callable is called with the job at each change.
        reader : Reader, optional
            Where the pixels come from; by default :class:`labkit.FrameReader`.
        wait : bool
            False returns a :class:`labkit.runs.Job` at once.

        Returns
        -------
        str or Job
            The new run's id, or with ``wait=False`` a job whose ``result()`` is that id.

        Raises
        ------
        InputError
            A parameter cannot be used, or the run is not finished.
        NotFoundError
            There is no such run or association.

        Examples
        --------
        >>> run = p.associate(params={"track_low_thresh": 0.2}, progress=None)
        >>> run, len(p.proposals(run)) == len(p.proposals("r0001"))
        ('r0002-bytetrack', True)
        """
        from labkit.runs import associate_job

        job = associate_job(
            self,
            run,
            with_=with_,
            params=params,
            replace=replace,
            resume=resume,
            progress=progress,
            reader=reader,
        )
        return job.result() if wait else job

    def tracks(self, run: str | None = None) -> pd.DataFrame:
        """The tracks of one run or of all runs that count.

        Parameters
        ----------
        run : str, optional
            A run with tracks; all of them by default.

        Returns
        -------
        DataFrame
            One row per track: where it is, its keyframes, the frames to look at. See
            :func:`labkit.tracking.tracks_table` for the columns.

        Examples
        --------
        >>> run = p.track(p.proposals().head(1), tracker="flow", to=2, progress=None)
        >>> len(p.tracks(run))
        1
        """
        from labkit.tracking import tracks_table

        return tracks_table(self, run)

    def discard(self, run: str) -> None:
        """Hide a run: its proposals do not count, and what it replaced counts again.

        Decisions on its proposals stay. The run can still be read by its name.

        Parameters
        ----------
        run : str
            The run's id or its beginning, as ``'r0001'``.

        Raises
        ------
        NotFoundError
            There is no such run.
        StoreError
            The project is read-only.

        Examples
        --------
        >>> p.discard("r0001")
        >>> len(p.proposals())
        0
        """
        self.check_writable("This run cannot be discarded")
        self.run(run).discard()
