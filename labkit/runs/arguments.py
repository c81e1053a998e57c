"""The arguments of ``predict``, checked before anything starts."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from labkit.core import labelmap
from labkit.core.errors import Argument, InputError
from labkit.core.labelmap import LabelMap
from labkit.core.registry import unknown
from labkit.core.types import Frame
from labkit.models.detectors.base import DetectOptions
from labkit.store.project import ProjectStore

__all__ = ["Request", "class_list", "count", "frame_ids_of", "mapping_of", "size", "unit"]


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


def unit(name: str, value: object) -> float:
    """A finite number 0..1, or an error that names the argument."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise InputError(Argument(name, value) + " is not a number")
    number = float(value)
    if not math.isfinite(number) or not 0 <= number <= 1:
        raise InputError(Argument(name, value) + " is not usable", "it has to be from 0 to 1")
    return number


def count(name: str, value: object) -> int:
    """A whole number from 1, or an error that names the argument."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or int(value) < 1:
        raise InputError(
            Argument(name, value) + " is not usable", "it has to be a whole number from 1"
        )
    return int(value)


def size(value: int | Sequence[int] | None) -> int | tuple[int, int] | None:
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


def class_list(classes: Iterable[str | int] | None) -> tuple[str | int, ...] | None:
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


def mapping_of(
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


def frame_ids_of(project: ProjectStore, frames: Iterable[str | Frame] | None) -> tuple[str, ...]:
    """The ids of frames that the project has, each once; all of them for None."""
    known = project.frames()["frame_id"].tolist()
    if frames is None:
        ids = tuple(known)
    else:
        listed = [frames] if isinstance(frames, str) else list(frames)
        ids = tuple(dict.fromkeys(f.frame_id if isinstance(f, Frame) else str(f) for f in listed))
        there = set(known)
        for name in ids:
            if name not in there:
                raise unknown("frame", name, known)
    if not ids:
        raise InputError("There is no frame to predict on", "", "add some with add_frames")
    return ids
