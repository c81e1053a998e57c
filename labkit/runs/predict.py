"""``Project.predict``: a model over frames, stored as a run that can be resumed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from labkit.core import labelmap
from labkit.core.errors import Argument, InputError
from labkit.core.labelmap import LabelMap
from labkit.core.types import FrameFailure, Manifest
from labkit.models.detectors import open_detector
from labkit.models.detectors.base import DetectOptions, Detector, ModelInfo
from labkit.runs.arguments import (
    Request,
    class_list,
    count,
    frame_ids_of,
    mapping_of,
    size,
    unit,
)
from labkit.runs.carry import carry_out
from labkit.runs.claim import new_manifest
from labkit.runs.jobs import Job, JobContext
from labkit.runs.pipeline import Reader
from labkit.runs.progress import attach
from labkit.store.files import write_atomic
from labkit.store.project import ProjectStore
from labkit.store.proposals import RunStore

__all__ = ["PART_SIZE", "label_report", "predict", "predict_job", "saved_map"]

PART_SIZE = 64
"""Frames a part: what a kill can cost at most."""


def predict_job(
    project: ProjectStore,
    detector: Detector | str | Path,
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
    part_size: int = PART_SIZE,
    reader: Reader | None = None,
) -> Job[str]:
    """Start a model over frames in the background; the job's result is the run's id.

    Arguments are checked before this returns; the model is opened in the job. A call with the same
    model, parameters and frames as a run that was killed, cancelled or failed goes on with that
    run at its first missing part; where such a run is finished, its id is the result at once.

    Parameters
    ----------
    project : ProjectStore
    detector : Detector, str or Path
        A detector, the name of a plug-in, a weights file, or a name of Ultralytics' list; see
        :func:`labkit.models.detectors.open_detector`.
    conf : float
        The score from which a reviewer is shown proposals, 0..1; it can be moved later.
    iou : float
        NMS: boxes of one class with a higher IoU are one object, 0..1.
    imgsz : int or (height, width), optional
        Input size of the model in pixels; by default what it was trained with.
    device : str or int, optional
        ``'cpu'``, ``0``, ``'cuda:1'``, ``'mps'``; the best there is by default.
    classes : iterable of str or int, optional
        The model's labels (or their numbers) that are wanted.
    label_map : mapping, LabelMap or path to YAML, optional
        Model label → project label, None to drop it. Labels that it does not name, and all without
        it, are mapped by the map saved in the project, then by exact name, case, plural and known
        synonyms.
    store_above : float
        Least score that is stored, 0..conf.
    masks_to_polygons : bool
        Store masks as polygons, too.
    replace : bool
        Supersede the proposals of earlier runs on these frames; decisions stay as they are.
    frames : iterable of str, optional
        Frame ids; all frames by default.
    batch : int, optional
        Frames a batch; by default what the model says. Halved where memory runs out.
    resume : bool
        Look for a run of this kind that is there already; False makes a new one.
    trust : bool
        Open a ``.pt`` file that Ultralytics did not fetch; see :mod:`labkit.models.weights`.
    progress : str or callable or None
        See :func:`labkit.runs.progress.attach`.
    part_size : int
        Frames a part.
    reader : Reader, optional
        Where the pixels come from; by default :class:`labkit.frames.FrameReader`.

    Returns
    -------
    Job
        Frames that failed are in the run's manifest, ``failures``.

    Raises
    ------
    InputError
        A value out of range, an unknown frame, class or label.
    StoreError
        The project is read-only.
    """
    project.check_writable("This project cannot take a new run")
    if not isinstance(detector, str | Path | Detector):
        raise InputError(f"{detector!r} is neither weights nor a detector")
    request = Request(
        conf=unit("conf", conf),
        options=DetectOptions(
            store_above=unit("store_above", store_above),
            iou=unit("iou", iou),
            imgsz=size(imgsz),
            device=None if device is None else str(device),
            masks_to_polygons=bool(masks_to_polygons),
        ),
        classes=class_list(classes),
        label_map=mapping_of(label_map),
        replace=bool(replace),
        frames=frame_ids_of(project, frames),
        batch=None if batch is None else count("batch", batch),
        resume=bool(resume),
        trust=bool(trust),
        part_size=count("part_size", part_size),
    )
    if store_above > conf:
        raise InputError(
            Argument("store_above", store_above) + " is above " + Argument("conf", conf),
            "proposals between them would be shown but were never stored",
            "lower " + Argument("store_above") + " or raise " + Argument("conf"),
        )
    name = Path(detector).name if isinstance(detector, str | Path) else detector.info.name

    def work(context: JobContext) -> str:
        return _work(project, detector, request, reader, context)

    job: Job[str] = Job(work, f"predict {name}")
    attach(job, progress)
    return job.start()


def predict(project: ProjectStore, detector: Detector | str | Path, **options: Any) -> str:
    """Run a model over frames and give the run's id; the options are :func:`predict_job`'s."""
    return predict_job(project, detector, **options).result()


def label_report(run: RunStore) -> list[dict[str, Any]]:
    """What matched, by which rule, and how many proposals each label's dropping cost.

    Returns
    -------
    list of dict
        ``model_label``, ``label``, ``rule``, ``dropped``; ready for ``pandas.DataFrame``. Rows with
        a name in brackets count proposals that were no objects: ``(empty mask)``.
    """
    manifest = run.manifest
    rules = manifest.label_rules
    rows = [
        {
            "model_label": name,
            "label": label,
            "rule": rules.get(name, "none"),
            "dropped": int(manifest.dropped.get(name, 0)),
        }
        for name, label in manifest.label_map.items()
    ]
    known = set(manifest.label_map)
    return rows + [
        {"model_label": name, "label": None, "rule": "none", "dropped": int(count)}
        for name, count in manifest.dropped.items()
        if name not in known
    ]


# ---- in the job


def _work(
    project: ProjectStore,
    detector: Detector | str | Path,
    request: Request,
    reader: Reader | None,
    context: JobContext,
) -> str:
    context.update(message="opening the model")
    options = replace(request.options, classes=request.classes)
    opened = open_detector(detector, options, trust=request.trust, project=project.root)
    info = opened.info
    _check_scores(info)
    mapping = _label_map(project, info, request)
    context.check()
    manifest = new_manifest(project, info, mapping, request)
    return carry_out(project, manifest, request, opened, reader, context, _summary)


def _check_scores(info: ModelInfo) -> None:
    if len(set(info.labels)) < len(info.labels):
        twice = sorted({x for x in info.labels if info.labels.count(x) > 1})
        raise InputError(
            f"The model {info.name!r} cannot be used", f"it has two classes called {twice[0]!r}"
        )


def _map_path(project: ProjectStore, info: ModelInfo) -> Path:
    stem = re.sub(r"[^\w.+-]+", "_", info.name).strip(".") or "model"
    return project.root / "label_maps" / f"{stem[:100]}.yaml"


def saved_map(project: ProjectStore, info: ModelInfo) -> tuple[dict[str, str | None] | None, str]:
    """The map of the model's last run in this project, None before the first, and its name."""
    path = _map_path(project, info)
    return (labelmap.load(path) if path.exists() else None), path.name


def _label_map(project: ProjectStore, info: ModelInfo, request: Request) -> LabelMap:
    """The map of this run, saved for the next one; a project without labels gets the model's."""
    path = _map_path(project, info)
    saved, name = saved_map(project, info)
    out = labelmap.resolve(info.labels, project.labels, request.label_map, saved, name)
    if not project.labels:
        project.add_labels(dict.fromkeys(r.label for r in out.rows if r.label is not None))
    text = out.to_yaml(info.name).encode()
    if not path.exists() or path.read_bytes() != text:
        path.parent.mkdir(exist_ok=True)
        write_atomic(path, lambda f: f.write(text))
    return out


def _summary(done: Manifest) -> str:
    text = f"{done.proposals} proposals"
    unmapped = sum(n for label, n in done.dropped.items() if label in done.label_map)
    if unmapped:
        text += f", {unmapped} dropped by the label map"
    if done.failures:
        text += f", {len(done.failures)} frames failed: {_listed(done.failures)}"
    return text


def _listed(failures: Sequence[FrameFailure], most: int = 5) -> str:
    text = "; ".join(f"{f.uri}: {f.reason}" for f in failures[:most])
    return text + (f"; and {len(failures) - most} more" if len(failures) > most else "")
