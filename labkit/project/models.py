"""Verbs in which a model looks at single frames: detectors and interactors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

from labkit.store.project import ProjectStore

if TYPE_CHECKING:
    from labkit.core.labelmap import LabelMap
    from labkit.models.detectors.base import Detector
    from labkit.models.interactors.base import ImageSource
    from labkit.models.interactors.segmenter import Segmenter
    from labkit.runs import Job
    from labkit.runs.pipeline import Reader

__all__ = ["ModelVerbs"]


class ModelVerbs(ProjectStore):
    """Detecting and segmenting; a part of :class:`labkit.Project`."""

    @overload
    def predict(
        self,
        weights: str | Path | Detector,
        *,
        conf: float = 0.5,
        iou: float = 0.7,
        imgsz: int | Sequence[int] | None = None,
        device: str | int | None = None,
        classes: Iterable[str | int] | None = None,
        label_map: Mapping[str, str | None] | LabelMap | str | Path | None = None,
        store_above: float = 0.05,
        masks_to_polygons: bool = False,
        replace: bool = False,
        frames: Iterable[str] | None = None,
        batch: int | None = None,
        resume: bool = True,
        trust: bool = False,
        progress: str | Callable[[Job[str]], None] | None = "auto",
        part_size: int = 64,
        reader: Reader | None = None,
        wait: Literal[True] = True,
    ) -> str: ...

    @overload
    def predict(
        self,
        weights: str | Path | Detector,
        *,
        conf: float = 0.5,
        iou: float = 0.7,
        imgsz: int | Sequence[int] | None = None,
        device: str | int | None = None,
        classes: Iterable[str | int] | None = None,
        label_map: Mapping[str, str | None] | LabelMap | str | Path | None = None,
        store_above: float = 0.05,
        masks_to_polygons: bool = False,
        replace: bool = False,
        frames: Iterable[str] | None = None,
        batch: int | None = None,
        resume: bool = True,
        trust: bool = False,
        progress: str | Callable[[Job[str]], None] | None = "auto",
        part_size: int = 64,
        reader: Reader | None = None,
        wait: Literal[False],
    ) -> Job[str]: ...

    def predict(
        self,
        weights: str | Path | Detector,
        *,
        conf: float = 0.5,
        iou: float = 0.7,
        imgsz: int | Sequence[int] | None = None,
        device: str | int | None = None,
        classes: Iterable[str | int] | None = None,
        label_map: Mapping[str, str | None] | LabelMap | str | Path | None = None,
        store_above: float = 0.05,
        masks_to_polygons: bool = False,
        replace: bool = False,
        frames: Iterable[str] | None = None,
        batch: int | None = None,
        resume: bool = True,
        trust: bool = False,
        progress: str | Callable[[Job[str]], None] | None = "auto",
        part_size: int = 64,
        reader: Reader | None = None,
        wait: bool = True,
    ) -> str | Job[str]:
        """Let a model propose objects.

        Calling it again with the same model, arguments and frames returns the finished run, or
        continues one that was killed, cancelled or failed.

        Parameters
        ----------
        weights : str, Path or Detector
            A weights file, the name of a registered detector (``'yolo-nano'``) or of Ultralytics'
            list (``'yolo11n.pt'``), or a detector.
        conf : float
            The score from which reviewers are shown proposals, 0..1; it can be moved later.
        iou : float
            NMS: boxes of one class with a higher IoU are one object, 0..1.
        imgsz : int or (height, width), optional
            The model's input size in pixels; by default the size that it was trained with.
        device : str or int, optional
            ``'cpu'``, ``0``, ``'cuda:1'``, ``'mps'``; the best available one by default.
        classes : iterable of str or int, optional
            Propose only these of the model's labels, or their numbers.
        label_map : mapping, LabelMap or path to YAML, optional
            Model label → project label, None to drop it. Labels that it does not name are mapped by
            the map saved in the project, then by exact name, case, plural and known synonyms.
        store_above : float
            The lowest score that is stored, 0..conf.
        masks_to_polygons : bool
            Store masks as polygons, too.
        replace : bool
            Show these proposals instead of those of earlier runs; decisions stay as they are.
        frames : iterable of str, optional
            Frame ids; all frames by default.
        batch : int, optional
            Frames per batch; the model's own choice by default. Halved where memory runs out.
        resume : bool
            Continue or return an earlier run of this kind; False makes a new run.
        trust : bool
            Open a ``.pt`` file that can run code when it is opened. The project remembers that, by
            SHA-256.
        progress : {'auto', 'silent'}, callable or None
            How progress is shown; a callable is called with the job at each change.
        part_size : int
            Frames per stored part; a run that was killed repeats at most one part.
        reader : Reader, optional
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
            A value is out of range; a frame, class or label is unknown.
        ModelUnavailableError
            The weights are missing or cannot be opened.
        StoreError
            The project is read-only.

        Examples
        --------
        >>> p.predict("yolo-nano", conf=0.4, progress=None)
        'r0002-yolo_nano'
        >>> job = p.predict("yolo-nano", conf=0.4, progress=None, wait=False)
        >>> job.result()
        'r0002-yolo_nano'
        """
        from labkit.runs import predict_job

        job = predict_job(
            self,
            weights,
            conf=conf,
            iou=iou,
            imgsz=imgsz,
            device=device,
            classes=classes,
            label_map=label_map,
            store_above=store_above,
            masks_to_polygons=masks_to_polygons,
            replace=replace,
            frames=frames,
            batch=batch,
            resume=resume,
            trust=trust,
            progress=progress,
            part_size=part_size,
            reader=reader,
        )
        return job.result() if wait else job

    @overload
    def refine(
        self,
        run: str | None = None,
        with_: str | Path = "sam2",
        *,
        device: str | int | None = None,
        min_score: float | None = None,
        replace: bool = False,
        frames: Iterable[str] | None = None,
        resume: bool = True,
        trust: bool = False,
        progress: str | Callable[[Job[str]], None] | None = "auto",
        part_size: int = 32,
        reader: Reader | None = None,
        wait: Literal[True] = True,
    ) -> str: ...

    @overload
    def refine(
        self,
        run: str | None = None,
        with_: str | Path = "sam2",
        *,
        device: str | int | None = None,
        min_score: float | None = None,
        replace: bool = False,
        frames: Iterable[str] | None = None,
        resume: bool = True,
        trust: bool = False,
        progress: str | Callable[[Job[str]], None] | None = "auto",
        part_size: int = 32,
        reader: Reader | None = None,
        wait: Literal[False],
    ) -> Job[str]: ...

    def refine(
        self,
        run: str | None = None,
        with_: str | Path = "sam2",
        *,
        device: str | int | None = None,
        min_score: float | None = None,
        replace: bool = False,
        frames: Iterable[str] | None = None,
        resume: bool = True,
        trust: bool = False,
        progress: str | Callable[[Job[str]], None] | None = "auto",
        part_size: int = 32,
        reader: Reader | None = None,
        wait: bool = True,
    ) -> str | Job[str]:
        """Turn every box of a run into a mask; labels and scores stay.

        Parameters
        ----------
        run : str, optional
            The run that is refined; the newest by default.
        with_ : str or Path
            An interactor that takes boxes: ``'sam2'``, ``'sam2-nano'``, a checkpoint.
        device : str or int, optional
            ``'cpu'``, ``0``, ``'cuda:1'``, ``'mps'``; the best available one by default.
        min_score : float, optional
            Leave out objects with a lower score, 0..1; none by default.
        replace : bool
            Show the new run's proposals instead of those of earlier runs; decisions stay.
        frames : iterable of str, optional
            Frame ids; all frames of the run by default.
        resume : bool
            Continue or return an earlier run of this kind; False makes a new run.
        trust : bool
            Open a ``.pt`` file that can run code when it is opened. The project remembers that, by
            SHA-256.
        progress : {'auto', 'silent'}, callable or None
            How progress is shown; a callable is called with the job at each change.
        part_size : int
            Frames per stored part; a run that was killed repeats at most one part.
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
            The interactor takes no boxes, or the run is not finished.
        NotFoundError
            There is no such run, frame or interactor.
        ModelUnavailableError
            The weights are missing or cannot be opened.

        Examples
        --------
        >>> run = p.refine(with_="grabcut", min_score=0.5, progress=None)
        >>> run
        'r0002-grabcut'
        >>> p.proposals(run)["mask_counts"].notna().any()
        np.True_
        """
        from labkit.runs.refine import refine_job

        job = refine_job(
            self,
            run,
            with_,
            device=device,
            min_score=min_score,
            replace=replace,
            frames=frames,
            resume=resume,
            trust=trust,
            progress=progress,
            part_size=part_size,
            reader=reader,
        )
        return job.result() if wait else job

    def interactor(
        self,
        name: str | Path = "sam2",
        device: str | int | None = None,
        *,
        source: ImageSource | None = None,
        trust: bool = False,
    ) -> Segmenter:
        """Open an interactor on the project's frames: it turns prompts into masks.

        Parameters
        ----------
        name : str or Path
            ``'sam2'``, ``'sam2-nano'``, ``'dextr'``, ``'scissors'`` ...: see
            :func:`labkit.models.interactors.open_interactor`.
        device : str or int, optional
            ``'cpu'``, ``0``, ``'cuda:1'``, ``'mps'``; the best available one by default.
        source : ImageSource, optional
            Where the pixels come from, such as filters over a reader; by default the frames as
            they are. It is not closed with the interactor.
        trust : bool
            Open a local ``.pt`` file of Ultralytics' SAM family although it can run code when it is
            opened; the project remembers that, by SHA-256.

        Returns
        -------
        Segmenter
            Close it after use, or use it in a ``with`` statement.

        Raises
        ------
        NotFoundError
            There is no interactor of that name.
        ModelUnavailableError
            The weights are missing or cannot be opened.
        InputError
            The device cannot be used.

        Examples
        --------
        >>> frame = next(p.iter_frames())
        >>> with p.interactor("grabcut") as interactor:
        ...     _ = interactor.set_frame(frame)
        ...     answer = interactor.segment(lk.Prompts(box=(230, 240, 300, 310)))
        """
        from labkit.frames import FrameReader
        from labkit.models.interactors.segmenter import Segmenter

        # where the project cannot be written, trust holds for this call alone
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
