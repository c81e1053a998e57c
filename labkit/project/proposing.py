"""Verbs in which a model says something: runs, interactors, tracks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import pandas as pd

from labkit.store.project import ProjectStore

if TYPE_CHECKING:
    from labkit.models.interactors.base import ImageSource
    from labkit.models.interactors.segmenter import Segmenter
    from labkit.runs import Job

__all__ = ["Proposing"]


class Proposing(ProjectStore):
    """What models propose on a project's frames; the base of :class:`labkit.Project`."""

    @overload
    def predict(self, weights: Any, *, wait: Literal[True] = True, **options: Any) -> str: ...

    @overload
    def predict(self, weights: Any, *, wait: Literal[False], **options: Any) -> Job[str]: ...

    def predict(self, weights: Any, *, wait: bool = True, **options: Any) -> str | Job[str]:
        """Let a model propose: the run's id, or with ``wait=False`` a job that ends in it.

        Parameters
        ----------
        weights : str, Path or Detector
            A weights file, a name of Ultralytics' list (``'yolo11n.pt'``), or a detector.
        wait : bool
            False returns a :class:`labkit.runs.Job` at once.
        **options
            ``conf``, ``iou``, ``imgsz``, ``device``, ``classes``, ``label_map``, ``store_above``,
            ``masks_to_polygons``, ``replace``, ``frames``, ``batch``, ``resume``, ``trust``,
            ``progress``: see :func:`labkit.runs.predict_job`.
        """
        from labkit.runs import predict_job

        job = predict_job(self, weights, **options)
        return job.result() if wait else job

    def interactor(
        self,
        name: str | Path = "sam2",
        device: str | int | None = None,
        *,
        source: ImageSource | None = None,
        trust: bool = False,
    ) -> Segmenter:
        """Open an interactor on the project's frames: from a prompt to a mask.

        Parameters
        ----------
        name : str or Path
            ``'sam2'``, ``'sam2-nano'``, ``'dextr'``, ``'scissors'`` ...: see
            :func:`labkit.models.interactors.open_interactor`.
        device : str or int, optional
            ``'cpu'``, ``0``, ``'cuda:1'``, ``'mps'``; the best there is by default.
        source : ImageSource, optional
            Where the pixels come from, such as filters over a reader; by default the frames as
            they are. It is left open.
        trust : bool
            Open a local ``.pt`` file of Ultralytics' SAM family although it can run code when it is
            opened; the project remembers that, by SHA-256.

        Raises
        ------
        NotFoundError, ModelUnavailableError, InputError
            No such interactor, weights or device.
        """
        from labkit.frames import FrameReader
        from labkit.models.interactors.segmenter import Segmenter

        # trust that cannot be written down is for this once
        project = None if trust and self.read_only else self.root
        if source is not None:
            return Segmenter.open(name, source, device, trust=trust, project=project)
        reader = FrameReader(self.root)
        try:
            return Segmenter.open(
                name, reader, device, on_close=reader.close, trust=trust, project=project
            )
        except BaseException:
            reader.close()
            raise

    @overload
    def refine(
        self,
        run: str | None = None,
        with_: str | Path = "sam2",
        *,
        wait: Literal[True] = True,
        **options: Any,
    ) -> str: ...

    @overload
    def refine(
        self,
        run: str | None = None,
        with_: str | Path = "sam2",
        *,
        wait: Literal[False],
        **options: Any,
    ) -> Job[str]: ...

    def refine(
        self,
        run: str | None = None,
        with_: str | Path = "sam2",
        *,
        wait: bool = True,
        **options: Any,
    ) -> str | Job[str]:
        """Turn every box of a run into a mask: the new run's id, or a job that ends in it.

        Parameters
        ----------
        run : str, optional
            The run that is refined; the newest by default.
        with_ : str or Path
            An interactor that takes boxes: ``'sam2'``, ``'sam2-nano'``, a checkpoint.
        wait : bool
            False returns a :class:`labkit.runs.Job` at once.
        **options
            ``device``, ``min_score``, ``replace``, ``frames``, ``resume``, ``trust``, ``progress``:
            see :func:`labkit.runs.refine.refine_job`.
        """
        from labkit.runs.refine import refine_job

        job = refine_job(self, run, with_, **options)
        return job.result() if wait else job

    @overload
    def track(self, objects: Any, *, wait: Literal[True] = True, **options: Any) -> str: ...

    @overload
    def track(self, objects: Any, *, wait: Literal[False], **options: Any) -> Job[str]: ...

    def track(self, objects: Any, *, wait: bool = True, **options: Any) -> str | Job[str]:
        """Follow objects over frames: the run's id, or with ``wait=False`` a job that ends in it.

        Parameters
        ----------
        objects : object ids, AnnotatedObjects, Keyframes, Tracks, or a DataFrame
            Proposals or annotations, of any frames; those with one ``track_id`` are keyframes of
            one track. Also what a review session has selected: ``session.many(Which(...))``.
        wait : bool
            False returns a :class:`labkit.runs.Job` at once.
        **options
            ``tracker``, ``to``, ``direction``, ``conf``, ``device``, ``replace``, ``resume``,
            ``progress``: see :func:`labkit.runs.track_job`.

        Notes
        -----
        It is one action on all of these objects, and :meth:`discard` of its run takes it back. It
        decides nothing, so a session's undo does not know of it.
        """
        from labkit.runs import track_job

        job = track_job(self, objects, **options)
        return job.result() if wait else job

    @overload
    def retrack(self, run: str, *, wait: Literal[True] = True, **options: Any) -> str: ...

    @overload
    def retrack(self, run: str, *, wait: Literal[False], **options: Any) -> Job[str]: ...

    def retrack(self, run: str, *, wait: bool = True, **options: Any) -> str | Job[str]:
        """Track again what depends on the corrections that reviewers made in a track run.

        Parameters
        ----------
        run : str
        wait : bool
            False returns a :class:`labkit.runs.Job` at once.
        **options
            ``frames``, ``tracker``, ``device``, ``progress``: see
            :func:`labkit.runs.retrack_job`.

        Returns
        -------
        str or Job
            The id of a new run, which replaces the tracks' proposals from there on.
        """
        from labkit.runs import retrack_job

        job = retrack_job(self, run, **options)
        return job.result() if wait else job

    def tracks(self, run: str | None = None) -> pd.DataFrame:
        """One row a track: where it is, its keyframes, the frames to look at.

        See :func:`labkit.runs.track_table.tracks_table` for the columns.
        """
        from labkit.runs import tracks_table

        return tracks_table(self, run)

    def discard(self, run: str) -> None:
        """Say that a run is not wanted: nothing of it counts, and what it replaced counts again.

        Decisions on its proposals stay. The run is still to be seen where it is named.
        """
        self.check_writable("This run cannot be discarded")
        self.run(run).discard()

    @overload
    def associate(
        self, run: str | None = None, *, wait: Literal[True] = True, **options: Any
    ) -> str: ...

    @overload
    def associate(
        self, run: str | None = None, *, wait: Literal[False], **options: Any
    ) -> Job[str]: ...

    def associate(
        self, run: str | None = None, *, wait: bool = True, **options: Any
    ) -> str | Job[str]:
        """Turn a run's detections into tracks: a new run with ``track_id``, and its id.

        Parameters
        ----------
        run : str, optional
            A finished run; by default the newest that is not a tracker's.
        wait : bool
            False returns a :class:`labkit.runs.Job` at once.
        **options
            ``with_`` (``'bytetrack'`` or ``'botsort'``), ``params``, ``replace``, ``resume``,
            ``progress``: see :func:`labkit.runs.associate_job`.
        """
        from labkit.runs import associate_job

        job = associate_job(self, run, **options)
        return job.result() if wait else job
