"""Reading YOLO datasets: what is unusable is listed with file and line, and the rest goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from labkit.core.errors import InputError, LabkitError
from labkit.exchange.base import (
    ImportedDataset,
    ImportedImage,
    LabelledObject,
    Provenance,
    SizeLookup,
    Task,
)
from labkit.exchange.images import image_size
from labkit.exchange.provenance import LabelledRow, Sidecar, read_sidecar
from labkit.exchange.reports import Problem
from labkit.exchange.yolo_layout import Layout, locate, relative
from labkit.exchange.yolo_shapes import decode, looks_rotated

__all__ = ["read_yolo"]


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    class_id: int
    values: tuple[float, ...]


@dataclass(slots=True)
class _File:
    """One label file: its usable lines, and whether any was not."""

    image: Path
    label: Path
    lines: list[_Line] = field(default_factory=list)
    there: bool = False
    complete: bool = True
    rows: int = 0  # lines that are not blank


def _class_id(text: str, names: Mapping[int, str]) -> int:
    value = float(text)
    if value != int(value):
        raise InputError(f"The class {text} is no whole number")
    if value < 0 or (names and int(value) not in names):
        raise InputError(
            f"The class {int(value)} is out of range", f"known are {min(names)} to {max(names)}"
            if names else "it is negative",
        )  # fmt: skip
    return int(value)


def _parse(layout: Layout, image: Path) -> _File:
    """The lines of one label file as numbers."""
    out = _File(image, layout.labels[image])
    where = relative(out.label, layout.root)
    try:
        text = out.label.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return out
    except (OSError, UnicodeDecodeError) as exc:
        layout.problems.append(Problem(where, 0, f"it cannot be read: {exc}"))
        out.complete = False
        return out
    out.there = True
    for number, line in enumerate(text.splitlines(), start=1):
        fields = line.split()
        if not fields:
            continue
        out.rows += 1
        try:
            class_id = _class_id(fields[0], layout.names)
            values = tuple(float(v) for v in fields[1:])
            if not values:
                raise InputError("1 column is no label")
            out.lines.append(_Line(number, class_id, values))
        except (LabkitError, ValueError, OverflowError) as exc:
            out.complete = False
            layout.problems.append(Problem(where, number, str(exc)))
    return out


def _guess(files: list[_File]) -> tuple[Task, list[str]]:
    """The task by the numbers on the lines, where nothing says it."""
    lines = [line for f in files for line in f.lines]
    long = [line.values for line in lines if len(line.values) > 5]
    if not long:
        return "detect", []
    if len(long) == len(lines) and all(len(v) == 8 and looks_rotated(v) for v in long):
        return "obb", ["every line has four corners of a box: read as oriented boxes (task='obb')"]
    return "segment", []


def _size(
    layout: Layout, image: Path, side: Sidecar, size_of: SizeLookup | None
) -> tuple[int, int]:
    name = relative(image, layout.root)
    if image.is_file():
        return image_size(image)
    if known := side.frame(name):
        return known[1:]
    size = size_of(name) if size_of else None
    if size is None:
        raise OSError("the image is missing, so its size and the labels' pixels are unknown")
    return size


def _provenance(file: _File, layout: Layout, side: Sidecar) -> dict[int, LabelledRow]:
    """Line number → row of the sidecar; nothing where the label file has changed since."""
    rows = side.objects.get(relative(file.label, layout.root), [])
    ids = [layout.names.get(line.class_id) for line in file.lines]
    if [r.label for r in rows] != ids or file.rows != len(rows):
        return {}
    return {line.number: row for line, row in zip(file.lines, rows, strict=True)}


def _image(
    file: _File, layout: Layout, task: Task, side: Sidecar, size_of: SizeLookup | None
) -> ImportedImage | None:
    name, where = relative(file.image, layout.root), relative(file.label, layout.root)
    try:
        width, height = _size(layout, file.image, side, size_of)
    except OSError as exc:
        layout.problems.append(Problem(name, 0, str(exc)))
        return None
    rows = _provenance(file, layout, side)
    complete, objects = file.complete, []
    for line in file.lines:
        try:
            shape, score = decode(line.values, task, width, height, layout.kpt_shape)
        except LabkitError as exc:
            complete = False
            layout.problems.append(Problem(where, line.number, str(exc)))
            continue
        label = layout.names.get(line.class_id, str(line.class_id))
        row = rows.get(line.number)
        if row:
            item = LabelledObject(label, shape, row.attributes, row.track_id, row.provenance)
        else:
            item = LabelledObject(label, shape, provenance=Provenance(score=score))
        objects.append(item)
    known = side.frame(name)
    return ImportedImage(
        name, width, height, tuple(objects),
        path=file.image if file.image.is_file() else None,
        frame_id=known[0] if known else None,
        labelled=file.there,
        complete=complete,
    )  # fmt: skip


def read_yolo(
    path: Path,
    *,
    size_of: SizeLookup | None = None,
    task: str | None = None,
    names: Sequence[str] | Mapping[int, str] | None = None,
) -> ImportedDataset:
    """See :meth:`labkit.exchange.yolo.YoloFormat.read`."""
    layout = locate(path, names)
    files = [_parse(layout, image) for image in layout.images]
    if not files:
        raise InputError(
            f"There is no YOLO dataset at {path}", "it holds neither images nor labels"
        )
    side = read_sidecar(layout.root)
    notes: list[str] = []
    layout.problems.extend(Problem(b.split(":")[0], 0, b) for b in side.broken)
    chosen = task or layout.task
    if chosen is None:
        chosen, notes = _guess(files)
    if chosen == "pose" and not layout.kpt_shape[0]:
        raise InputError("These pose labels cannot be read", "no data.yaml gives kpt_shape")
    if not layout.names and any(f.lines for f in files):
        notes.append("no class names were found: the labels are the class ids (names= gives them)")
    images = [_image(f, layout, chosen, side, size_of) for f in files]  # type: ignore[arg-type]
    used = sorted({line.class_id for f in files for line in f.lines})
    labels = list(layout.names.values()) or [str(k) for k in used]
    return ImportedDataset(
        "yolo",
        tuple(labels),
        tuple(i for i in images if i is not None),
        tuple(layout.problems),
        tuple(notes),
    )
