"""``Project.refine``: every box of a run becomes a mask, as a run of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from dataclasses import replace as with_changes
from pathlib import Path
from typing import Any

import pandas as pd

from labkit.core.checks import count, unit
from labkit.core.errors import InputError
from labkit.core.geometry import clip_boxes, polygons_to_mask
from labkit.core.prompts import MaskProposal, Prompts
from labkit.core.rows import object_from_row
from labkit.core.types import AnnotatedObject, Attribute, Frame, Manifest, Proposal, Shape
from labkit.models.detectors.base import Image, ModelInfo
from labkit.models.interactors import open_interactor
from labkit.models.interactors.base import Interactor
from labkit.runs.engine import Spec, Step, frame_ids_of, new_manifest, overlapping_runs, start
from labkit.runs.jobs import Job, JobContext
from labkit.runs.pipeline import DetectorStep, Reader
from labkit.store.project import ProjectStore
from labkit.store.proposals import RunStore

__all__ = ["SCORE", "refine_job"]

SCORE = "mask_score"
"""Attribute of a refined object: the interactor's idea of its mask's IoU, 0..1; 0 for no mask."""

PART_SIZE = 32
"""Frames a part: what a kill can cost at most."""


def refine_job(
    project: ProjectStore,
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
    part_size: int = PART_SIZE,
    reader: Reader | None = None,
) -> Job[str]:
    """Start turning a run's boxes into masks in the background; the job's result is the new run.

    Labels, scores, choices, attributes, keypoints and track ids stay as they are; each object gets
    the attribute ``mask_score``. Masks and polygons that are there already are prompts, too. An
    object that the model finds no mask for keeps its shape, with a ``mask_score`` of 0.

    Parameters
    ----------
    project : ProjectStore
    run : str, optional
        The run that is refined; by default the newest that is finished.
    with_ : str or Path
        An interactor that takes boxes, by name or weights (``sam2``, ``sam2-nano``, a checkpoint).
    device : str or int, optional
        ``'cpu'``, ``0``, ``'cuda:1'``, ``'mps'``; the best there is by default.
    min_score : float, optional
        Leave out objects of a lower score; by default all that the run stored are refined.
    replace : bool
        Supersede the source run (and what else was proposed) on these frames; decisions stay.
    frames : iterable of str, optional
        Frame ids; by default the source run's.
    resume : bool
        Go on with a run of this kind that was begun; False makes a new one.
    trust : bool
        Open a local ``.pt`` file of Ultralytics' SAM family, which can run code.
    progress : str or callable or None
        See :func:`labkit.runs.jobs.attach`.
    part_size : int
        Frames a part.
    reader : Reader, optional
        Where the pixels come from.

    Raises
    ------
    InputError
        A value out of range, an unknown run or frame.
    StoreError
        The project is read-only.
    """
    project.check_writable("This project cannot take a new run")
    source = project.run(run)
    if source.manifest.status != "finished":
        raise InputError(
            f"Run {source.run_id!r} cannot be refined",
            f"it is {source.manifest.status}",
            "finish it first, by calling it again",
        )
    wanted = source.frame_ids if frames is None else frame_ids_of(project, frames)
    covered = set(source.frame_ids)
    strange = [f for f in wanted if f not in covered]
    if strange:
        raise InputError(f"Frame {strange[0]!r} is not in run {source.run_id!r}")
    task = _Task(
        source=source,
        name=str(with_),
        device=None if device is None else str(device),
        min_score=None if min_score is None else unit("min_score", min_score),
        frames=tuple(wanted),
        replace=bool(replace),
        resume=bool(resume),
        trust=bool(trust),
        part_size=count("part_size", part_size),
    )

    def plan(context: JobContext) -> tuple[Spec, Step]:
        return _plan(project, task, reader, context)

    return start(project, f"refine {source.run_id} with {task.name}", plan, progress)


# ---- in the job


@dataclass(frozen=True, slots=True)
class _Task:
    """The checked arguments of one call."""

    source: RunStore
    name: str
    device: str | None
    min_score: float | None
    frames: tuple[str, ...]
    replace: bool
    resume: bool
    trust: bool
    part_size: int


class _DecodedFrame:
    """The frame that the pipeline has decoded, as an interactor's source."""

    def __init__(self) -> None:
        self.image: Image | None = None

    def read(self, frame: Frame) -> Image:
        assert self.image is not None, frame
        return self.image


class _Refiner:
    """A detector whose proposals are another run's, with masks."""

    def __init__(
        self,
        interactor: Interactor,
        decoded: _DecodedFrame,
        objects: pd.DataFrame,
        labels: Sequence[str],
    ) -> None:
        self._interactor, self._decoded = interactor, decoded
        self._objects = dict(list(objects.groupby("frame_id", observed=True)))
        about = interactor.info
        self.info = ModelInfo(
            name=about.name.rsplit("/", 1)[-1],
            task="segment",
            labels=tuple(labels),
            weights_sha256=about.weights_sha256,
            licence=about.licence,
            versions=about.versions,
        )

    def detect(self, images: Sequence[Image], frames: Sequence[Frame]) -> list[list[Proposal]]:
        """Objects of each frame with their masks; the inference thread."""
        return [self._one(i, f) for i, f in zip(images, frames, strict=True)]

    def _one(self, image: Image, frame: Frame) -> list[Proposal]:
        rows = self._objects.get(frame.frame_id)
        if rows is None:
            return []
        objects = [object_from_row(row) for row in _records(rows)]
        inside = [k for k, o in enumerate(objects) if _meets(o.shape.box, frame)]
        self._decoded.image = image
        try:
            self._interactor.set_frame(frame)
            prompts = [_prompts(objects[k].shape, frame) for k in inside]
            found = dict(zip(inside, self._interactor.segment_many(prompts), strict=True))
        finally:
            self._decoded.image = None
        return [_refined(k, o, found.get(k)) for k, o in enumerate(objects)]


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in rows.to_dict("records")]


def _meets(box: Sequence[float], frame: Frame) -> bool:
    return box[0] < frame.width and box[1] < frame.height and box[2] > 0 and box[3] > 0


def _prompts(shape: Shape, frame: Frame) -> Prompts:
    """An object's box, and its mask where it has one."""
    x1, y1, x2, y2 = clip_boxes(shape.box, frame.width, frame.height).tolist()
    mask = shape.mask
    if mask is None and shape.polygons is not None:
        mask = polygons_to_mask(shape.polygons, frame.width, frame.height)
    if mask is not None and (mask.width, mask.height) != (frame.width, frame.height):
        mask = None
    return Prompts(box=(x1, y1, x2, y2), mask=mask)


def _refined(number: int, old: AnnotatedObject, found: MaskProposal | None) -> Proposal:
    shape, score = old.shape, 0.0
    if found is not None and not found.empty:
        shape = with_changes(found.shape(), keypoints=old.shape.keypoints)
        score = round(min(1.0, max(0.0, found.score)), 4)
    kept = [a for a in old.attributes if a.name != SCORE]
    return Proposal(
        frame_id=old.frame_id,
        index=number,
        label=old.label,
        score=1.0 if old.score is None else old.score,
        shape=shape,
        choices=old.choices,
        attributes=(*kept, Attribute(SCORE, score)),
        track_id=old.track_id,
    )


class _RefineStep(DetectorStep):
    def summary(self, run: RunStore) -> str:
        """Objects, and how many frames failed."""
        done = run.manifest
        lost = f", {len(done.failures)} frames failed" if done.failures else ""
        return f"{done.proposals} objects{lost}"


def _plan(
    project: ProjectStore, task: _Task, reader: Reader | None, context: JobContext
) -> tuple[Spec, Step]:
    context.update(message="opening the model")
    decoded = _DecodedFrame()
    interactor = open_interactor(
        task.name, decoded, task.device, trust=task.trust, project=project.root
    )
    if "box" not in interactor.info.takes:
        raise InputError(
            f"A run cannot be refined with {interactor.info.name}", "it takes no boxes"
        )
    objects = task.source.read(task.min_score)
    objects = objects[objects["frame_id"].isin(task.frames)]
    labels = sorted(set(objects["label"].astype(str)))
    refiner = _Refiner(interactor, decoded, objects, labels)
    manifest = _manifest(project, task, refiner.info, labels)
    return Spec(manifest, task.frames, task.resume), _RefineStep(project, refiner, reader)


def _manifest(
    project: ProjectStore, task: _Task, info: ModelInfo, labels: Sequence[str]
) -> Manifest:
    source = task.source.manifest
    least = {} if task.min_score is None else {"min_score": task.min_score}
    return new_manifest(
        info.name,
        "interactor",
        params={"source": source.run_id, **least},
        versions=info.versions,
        licence=info.licence,
        weights_sha256=info.weights_sha256,
        task="segment",
        conf=source.conf,
        store_above=source.store_above if task.min_score is None else task.min_score,
        label_map={label: label for label in labels},
        label_rules=dict.fromkeys(labels, "exact"),
        replaces=overlapping_runs(project, task.frames) if task.replace else (),
        part_size=task.part_size,
        class_scores=source.class_scores,
    )
