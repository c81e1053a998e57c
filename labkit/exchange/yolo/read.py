"""Reading YOLO: what cannot be used is listed with file and line, and the rest goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from labkit.core.errors import Argument, InputError
from labkit.exchange.provenance import LabelledRow
from labkit.exchange.reader import DatasetReader
from labkit.exchange.yolo.shapes import Task, decode, looks_rotated
from labkit.frames.datasets.yolo import YoloDataset, locate

__all__ = ["read_yolo"]


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    class_id: int
    values: tuple[float, ...]


@dataclass(slots=True)
class _LabelFile:
    """One label file: its usable lines, and whether any was not.

    ``name`` is the image's name in the dataset, ``where`` that of the label file.
    """

    image: Path
    name: str
    where: str
    lines: list[_Line] = field(default_factory=list)
    exists: bool = False
    complete: bool = True
    rows: int = 0  # lines that are not blank


def read_yolo(source: DatasetReader, task: Task | None, names: object) -> None:
    """See :meth:`labkit.exchange.yolo.YoloFormat.read`."""
    layout = locate(source.path)
    source.root = layout.root
    classes = _class_names(layout, names)
    files = [_parse(source, image, label, classes) for image, label in layout.labelled()]
    for place, reason in layout.missing:
        if layout.label_folder(place) is None:  # labels without their images can be read
            source.problem(_relative(place, layout.root), reason)
    if not files:
        raise InputError(
            f"There is no YOLO dataset at {source.path}", "it holds neither images nor labels"
        )
    kpt_shape = _kpt_shape(layout.settings.get("kpt_shape"))
    chosen = task or _declared_task(layout, kpt_shape) or _guess(source, files)
    if chosen == "pose" and not kpt_shape[0]:
        raise InputError("These pose labels cannot be read", "no data.yaml gives kpt_shape")
    if not classes and any(f.lines for f in files):
        source.note(
            "no class names were found: the labels are the class ids ("
            + Argument("names")
            + " gives them)"
        )
    used = sorted({line.class_id for f in files for line in f.lines})
    for label in classes.values() or map(str, used):
        source.label(label)
    for file in files:
        with source.attempt(file.name):
            _read_image(source, file, classes, chosen, kpt_shape)


def _read_image(
    source: DatasetReader,
    file: _LabelFile,
    classes: Mapping[int, str],
    task: Task,
    kpt_shape: tuple[int, int],
) -> None:
    image = source.new_image(file.name, path=file.image, labelled=file.exists)
    image.complete = file.complete
    rows = _provenance(source, file, classes)
    for line in file.lines:
        with source.attempt(file.where, line.number, image=image):
            shape, score = decode(line.values, task, image.width, image.height, kpt_shape)
            label = classes.get(line.class_id, str(line.class_id))
            row = rows.get(line.number)
            if row is None:
                image.add(label, shape, score=score)
            else:
                image.add(
                    label, shape, attributes=row.attributes, track_id=row.track_id,
                    provenance=row.provenance,
                )  # fmt: skip


def _provenance(
    source: DatasetReader, file: _LabelFile, classes: Mapping[int, str]
) -> dict[int, LabelledRow]:
    """Line number → row of the sidecar; nothing where the label file has changed since."""
    rows = source.sidecar.objects.get(file.where, [])
    labels = [classes.get(line.class_id) for line in file.lines]
    if [r.label for r in rows] != labels or file.rows != len(rows):
        return {}
    return {line.number: row for line, row in zip(file.lines, rows, strict=True)}


# ---- label files


def _parse(
    source: DatasetReader, image: Path, path: Path, classes: Mapping[int, str]
) -> _LabelFile:
    """The lines of one label file as numbers."""
    where = _relative(path, source.root)
    out = _LabelFile(image, _relative(image, source.root), where)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return out
    except (OSError, UnicodeDecodeError) as exc:
        source.problem(where, f"it cannot be read: {exc}")
        out.complete = False
        return out
    out.exists = True
    for number, line in enumerate(text.splitlines(), start=1):
        fields = line.split()
        if not fields:
            continue
        out.rows += 1
        before = len(out.lines)
        with source.attempt(where, number):
            class_id = _class_id(fields[0], classes)
            values = tuple(float(v) for v in fields[1:])
            if not values:
                raise InputError("1 column is not a label")
            out.lines.append(_Line(number, class_id, values))
        out.complete &= len(out.lines) > before
    return out


def _class_id(text: str, classes: Mapping[int, str]) -> int:
    value = float(text)
    if value != int(value):
        raise InputError(f"The class {text} is not a whole number")
    if value < 0 or (classes and int(value) not in classes):
        known = f"known are {min(classes)} to {max(classes)}" if classes else "it is negative"
        raise InputError(f"The class {int(value)} is out of range", known)
    return int(value)


def _guess(source: DatasetReader, files: list[_LabelFile]) -> Task:
    """The task by the numbers on the lines, where nothing says it."""
    lines = [line for f in files for line in f.lines]
    long = [line.values for line in lines if len(line.values) > 5]
    if not long:
        return "detect"
    if len(long) == len(lines) and all(len(v) == 8 and looks_rotated(v) for v in long):
        source.note(
            "every line has four corners of a box: read as oriented boxes, as "
            + Argument("task", "obb")
            + " says"
        )
        return "obb"
    return "segment"


# ---- data.yaml


def _class_names(layout: YoloDataset, given: object) -> dict[int, str]:
    """Names by class id: those given, else of the yaml file, else of ``classes.txt``."""
    for names, where in ((given, "names="), (layout.settings.get("names"), str(layout.config))):
        if found := _names(names, where):
            return found
    for path in (layout.root / "classes.txt", layout.root / "labels" / "classes.txt"):
        if path.is_file():
            return _names(path.read_text(encoding="utf-8-sig").splitlines(), str(path))
    return {}


def _names(names: Any, where: str) -> dict[int, str]:
    if names is None:
        return {}
    what = f"The class names of {where} cannot be read"
    if isinstance(names, str):
        raise InputError(what, f"{names!r} is one text", f"write it as a list: [{names}]")
    try:
        pairs: Any = names.items() if isinstance(names, Mapping) else enumerate(names)
        found: dict[int, str] = {}
        for key, name in pairs:
            one = name if isinstance(name, Mapping) and len(name) == 1 else {key: name}  # - 0: cat
            found.update({int(k): str(v) for k, v in one.items()})
        return found
    except (TypeError, ValueError) as exc:
        raise InputError(what, str(exc)) from exc


def _declared_task(layout: YoloDataset, kpt_shape: tuple[int, int]) -> Task | None:
    for task in get_args(Task):
        if layout.settings.get("task") == task:
            return task  # type: ignore[no-any-return]  # get_args forgets what Task is made of
    return "pose" if kpt_shape[0] else None


def _kpt_shape(given: Any) -> tuple[int, int]:
    """Number of keypoints and of values each; (0, 0) where the yaml file gives none."""
    match given:
        case [str(n), "2" | "3" as d] if n.isdecimal() and int(n) > 0:
            return int(n), int(d)
        case _:
            return 0, 0


def _relative(path: Path, root: Path) -> str:
    """The path as a dataset names it: from its root where it lies inside, forward slashes."""
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        return path.as_posix()
