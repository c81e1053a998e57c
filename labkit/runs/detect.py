"""``Project.predict``: a model over frames, stored as a run; and a look at a model before that."""

from __future__ import annotations

import numbers
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from labkit.core import labelmap
from labkit.core.checks import count, unit
from labkit.core.errors import Argument, InputError
from labkit.core.labelmap import LabelMap
from labkit.core.types import Manifest
from labkit.models.detectors import open_detector
from labkit.models.detectors.base import DetectOptions, Detector, ModelInfo
from labkit.models.worker import Priority
from labkit.runs.engine import Spec, Step, frame_ids_of, new_manifest, overlapping_runs, start
from labkit.runs.jobs import Job, JobContext
from labkit.runs.pipeline import DetectorStep, Reader
from labkit.store.files import write_atomic
from labkit.store.project import ProjectStore
from labkit.store.proposals import RunStore

__all__ = [
    "PART_SIZE",
    "Look",
    "label_plan",
    "label_report",
    "look_job",
    "predict_job",
    "saved_map",
]

PART_SIZE = 64
"""Frames a part: what a kill can cost at most."""


@dataclass(frozen=True, slots=True)
class Request:
    """The checked arguments of one call of ``predict``."""

    conf: float
    options: DetectOptions
    classes: tuple[str | int, ...] | None
    label_map: Mapping[str, str | None] | None
    replace: bool
    frames: tuple[str, ...]
    batch: int | None
    resume: bool
    trust: bool
    part_size: int


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
    model, parameters and frames as a run that was killed, cancelled or failed continues that
    run at its first missing part. If such a run is finished, its id is the result at once.

    The keywords are those of :meth:`labkit.Project.predict`, and:

    Parameters
    ----------
    project : ProjectStore
    detector : Detector, str or Path
        A detector, the name of a plug-in, a weights file, or a name of Ultralytics' list; see
        :func:`labkit.models.detectors.open_detector`.
    part_size : int
        Frames per part.
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
            imgsz=_size(imgsz),
            device=None if device is None else str(device),
            masks_to_polygons=bool(masks_to_polygons),
        ),
        classes=_class_list(classes),
        label_map=_mapping_of(label_map),
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

    def plan(context: JobContext) -> tuple[Spec, Step]:
        return _plan(project, detector, request, reader, context)

    return start(project, f"predict {name}", plan, progress)


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


# ---- the arguments


def _size(value: int | Sequence[int] | None) -> int | tuple[int, int] | None:
    """An input size in pixels: one side, ``(height, width)``, or None."""
    if value is None:
        return None
    sides: list[object] = [*value] if isinstance(value, (list, tuple)) else [value]
    if len(sides) not in (1, 2):
        raise InputError(
            Argument("imgsz", value) + " is not usable", "it is one size or (height, width)"
        )
    checked = [count("imgsz", side) for side in sides]
    if not all(32 <= side <= 8192 for side in checked):
        raise InputError(
            Argument("imgsz", value) + " is not usable", "it has to be from 32 to 8192 pixels"
        )
    return checked[0] if len(checked) == 1 else (checked[0], checked[1])


def _class_list(classes: Iterable[str | int] | None) -> tuple[str | int, ...] | None:
    """Names and numbers of classes; whether the model has them is seen when it is open."""
    if classes is None:
        return None
    items = [classes] if isinstance(classes, str | int) else list(classes)
    for item in items:
        if isinstance(item, bool) or not isinstance(item, str | numbers.Integral):
            raise InputError(f"{item!r} is not a class", "give the model's labels or their numbers")
    if not items:
        raise InputError(
            Argument("classes") + " is empty", "nothing could be found", "leave it out for all"
        )
    return tuple(i if isinstance(i, str) else int(i) for i in items)


def _mapping_of(
    label_map: Mapping[str, str | None] | LabelMap | str | Path | None,
) -> Mapping[str, str | None] | None:
    """A label map in any of its forms as a mapping."""
    if label_map is None:
        return None
    if isinstance(label_map, LabelMap):
        return {r.model_label: r.label for r in label_map.rows}
    if isinstance(label_map, str | Path):
        return labelmap.load(Path(label_map).expanduser())
    if not isinstance(label_map, Mapping):
        raise InputError(
            Argument("label_map") + " is not usable", "it maps the model's labels to the project's"
        )
    return dict(label_map)


# ---- in the job


def _plan(
    project: ProjectStore,
    detector: Detector | str | Path,
    request: Request,
    reader: Reader | None,
    context: JobContext,
) -> tuple[Spec, Step]:
    context.update(message="opening the model")
    options = replace(request.options, classes=request.classes)
    opened = open_detector(detector, options, trust=request.trust, project=project.root)
    _check_labels(opened.info)
    mapping = _label_map(project, opened.info, request)
    manifest = _manifest(project, opened.info, mapping, request)
    step = DetectorStep(project, opened, reader)
    return Spec(manifest, request.frames, request.resume), step


def _manifest(
    project: ProjectStore, info: ModelInfo, mapping: LabelMap, request: Request
) -> Manifest:
    options = request.options
    return new_manifest(
        info.name,
        "detector",
        params={
            "iou": options.iou,
            "classes": request.classes,
            "masks_to_polygons": options.masks_to_polygons,
            "batch": request.batch or info.batch,
            **info.params,
        },
        versions=info.versions,
        licence=info.licence,
        weights_sha256=info.weights_sha256,
        task=info.task,
        conf=request.conf,
        store_above=options.store_above,
        label_map=mapping.as_dict(),
        label_rules=mapping.rules(),
        replaces=overlapping_runs(project, request.frames) if request.replace else (),
        part_size=request.part_size,
        class_scores=info.class_scores,
    )


def _check_labels(info: ModelInfo) -> None:
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


# ---- before a run


@dataclass(frozen=True, slots=True)
class Look:
    """What a run with these weights would do.

    Attributes
    ----------
    info : ModelInfo
    plan : LabelMap
        The map that a run would use if nothing is said; without a match, all rows are open.
    suggestions : LabelMap
        The same with wider labels (car, vehicle), which are never taken unasked.
    """

    info: ModelInfo
    plan: LabelMap
    suggestions: LabelMap


def label_plan(project: ProjectStore, info: ModelInfo) -> tuple[LabelMap, LabelMap]:
    """The map that a run would use, and all suggestions."""
    if not project.labels:
        own = labelmap.identity(info.labels)
        return own, own
    suggestions = labelmap.suggest(info.labels, project.labels)
    saved, name = saved_map(project, info)
    try:
        plan = labelmap.resolve(info.labels, project.labels, None, saved, name)
    except InputError:
        plan = suggestions.without("broader")
    return plan, suggestions


def look_job(project: ProjectStore, weights: str | Path, *, trust: bool = False) -> Job[Look]:
    """Open weights in the background and look: the job's result is a :class:`Look`.

    Parameters
    ----------
    project : ProjectStore
    weights : str or Path
        As for :func:`labkit.runs.predict_job`; fetched where they are not here.
    trust : bool
        Open a file that can run code when it is opened.
    """

    def work(context: JobContext) -> Look:
        context.update(message="opening the model")
        detector = open_detector(
            weights, trust=trust, project=project.root, priority=Priority.PREFETCH
        )
        context.check()
        plan, suggestions = label_plan(project, detector.info)
        context.update(message=f"{len(detector.info.labels)} labels")
        return Look(detector.info, plan, suggestions)

    return Job(work, f"look into {Path(weights).name}").start()
