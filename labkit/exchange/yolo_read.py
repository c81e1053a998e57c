"""Reading YOLO datasets: what is unusable is listed with file and line, and the rest goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from labkit.core.errors import InputError, LabkitError
from labkit.exchange.base import (
    TASKS,
    ImportedDataset,
    ImportedImage,
    LabelledObject,
    Problem,
    Provenance,
    SizeLookup,
    Task,
)
from labkit.exchange.images import READABLE, image_size
from labkit.exchange.provenance import LabelledRow, Sidecar, read_sidecar
from labkit.exchange.yolo_shapes import decode, looks_rotated

__all__ = ["read_yolo"]

_SPLITS = ("train", "val", "validation", "test", "minival")


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where a dataset's files are, and what its yaml says."""

    root: Path
    images: list[Path]  # image files, and of label files without one the place it would have
    labels: dict[Path, Path]  # image → label file, which may be absent
    names: dict[int, str]
    task: Task | None
    kpt_shape: tuple[int, int]
    problems: list[Problem] = field(default_factory=list)


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


def _load_yaml(path: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as exc:
        raise InputError(f"{path} cannot be read", str(exc)) from exc
    if not isinstance(data, dict):
        raise InputError(f"{path} is no YOLO dataset", "it is not a table of keys and values")
    return data


def _names(given: Any, where: str) -> dict[int, str]:
    if given is None:
        return {}
    try:
        pairs = given.items() if isinstance(given, Mapping) else enumerate(given)
        return {int(k): str(v) for k, v in pairs}
    except (TypeError, ValueError) as exc:
        raise InputError(f"The class names of {where} cannot be read", str(exc)) from exc


def _label_path(image: Path) -> Path:
    """The label file of an image: the last folder ``images`` becomes ``labels``, as Ultralytics."""
    parts = list(image.parts)
    for k in range(len(parts) - 2, -1, -1):
        if parts[k] == "images":
            parts[k] = "labels"
            break
    return Path(*parts).with_suffix(".txt")


def _of_folder(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Images with their label files, and label files whose image is missing."""
    seen: set[Path] = set()
    found = (p for p in folder.rglob("*") if p.suffix.lower() in READABLE and p.name[0] != ".")
    for image in sorted(found):
        seen.add(_label_path(image))
        yield image, _label_path(image)
    # label files live beside the images or in the twin folder
    twin = _label_path(folder / "x").parent
    for label in sorted(twin.rglob("*.txt")) if twin.is_dir() else ():
        if label not in seen and label.name not in ("classes.txt", "train.txt", "val.txt"):
            yield folder / label.relative_to(twin).with_suffix(""), label


def _of_list(listing: Path, root: Path) -> Iterator[tuple[Path, Path]]:
    """Images named in a text file; ``./`` is relative to that file, as Ultralytics reads it."""
    for line in listing.read_text(encoding="utf-8-sig").splitlines():
        if name := line.strip():
            base = listing.parent if name.startswith("./") else root
            image = base / name
            yield image, _label_path(image)


def _resolve(root: Path, entry: str) -> Path:
    place = root / entry
    if not place.exists() and entry.startswith("../"):
        return root / entry[3:]  # Roboflow writes it so; Ultralytics forgives it
    return place


def _places(root: Path, data: Mapping[str, Any]) -> list[Path]:
    places: list[Path] = []
    for key in (*_SPLITS, *(k for k in data if str(k) not in _SPLITS)):
        value = data.get(key)
        listed = value if isinstance(value, list) else [value]
        paths = [_resolve(root, v) for v in listed if isinstance(v, str)]
        # other keys of a yaml may be anything; one that names images is a split
        places += [p for p in paths if p not in places and (key in _SPLITS or p.is_dir())]
    return places


def _find_yaml(folder: Path) -> Path | None:
    for name in ("data.yaml", "dataset.yaml", "data.yml"):
        if (folder / name).is_file():
            return folder / name
    found = [p for p in sorted(folder.glob("*.y*ml")) if "names" in _load_yaml(p)]
    return found[0] if len(found) == 1 else None


def _locate(path: Path, names: Any) -> _Layout:
    if not path.exists():
        raise InputError(f"There is no dataset at {path}", "the path does not exist")
    config = path if path.is_file() else _find_yaml(path)
    data = _load_yaml(config) if config else {}
    root = config.parent if config else path
    problems: list[Problem] = []
    if config and isinstance(data.get("path"), str) and (root / data["path"]).is_dir():
        root = root / data["path"]
    if config:
        places = _places(root, data)
        if not places:
            raise InputError(
                f"{config} is no YOLO dataset", "it names no images (train, val, test)"
            )
    else:
        places = [root / "images" if (root / "images").is_dir() else root]
    pairs: dict[Path, Path] = {}
    for place in places:
        twin = _label_path(place / "x").parent
        if not place.exists() and not twin.is_dir():
            problems.append(Problem(str(place), 0, "the folder is missing"))
        elif place.is_file():
            pairs.update(_of_list(place, root))
        else:
            pairs.update(_of_folder(place))
    known = _names(names, "names=") or _names(data.get("names"), str(config))
    classes = next(
        (p for p in (root / "classes.txt", root / "labels" / "classes.txt") if p.is_file()), None
    )
    if not known and classes:
        known = _names(classes.read_text(encoding="utf-8-sig").splitlines(), str(classes))
    kpt_shape = _kpt_shape(data.get("kpt_shape"))
    said: Task | None = data.get("task") if data.get("task") in TASKS else None
    task = said or ("pose" if kpt_shape[0] else None)
    return _Layout(root, list(pairs), pairs, known, task, kpt_shape, problems)


def _kpt_shape(given: Any) -> tuple[int, int]:
    """Number of keypoints and of values each; (0, 0) where the yaml gives none."""
    match given:
        case [int(n), 2 | 3 as d] if n > 0:
            return n, d
        case _:
            return 0, 0


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


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


def _parse(layout: _Layout, image: Path) -> _File:
    """The lines of one label file as numbers."""
    out = _File(image, layout.labels[image])
    where = _relative(out.label, layout.root)
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
    layout: _Layout, image: Path, side: Sidecar, size_of: SizeLookup | None
) -> tuple[int, int]:
    name = _relative(image, layout.root)
    if image.is_file():
        return image_size(image)
    if known := side.frame(name):
        return known[1:]
    size = size_of(name) if size_of else None
    if size is None:
        raise OSError("the image is missing, so its size and the labels' pixels are unknown")
    return size


def _provenance(file: _File, layout: _Layout, side: Sidecar) -> dict[int, LabelledRow]:
    """Line number → row of the sidecar; nothing where the label file has changed since."""
    rows = side.objects.get(_relative(file.label, layout.root), [])
    ids = [layout.names.get(line.class_id) for line in file.lines]
    if [r.label for r in rows] != ids or file.rows != len(rows):
        return {}
    return {line.number: row for line, row in zip(file.lines, rows, strict=True)}


def _image(
    file: _File, layout: _Layout, task: Task, side: Sidecar, size_of: SizeLookup | None
) -> ImportedImage | None:
    name, where = _relative(file.image, layout.root), _relative(file.label, layout.root)
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
    layout = _locate(path, names)
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
