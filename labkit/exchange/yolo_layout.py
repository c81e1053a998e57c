"""Where the files of a YOLO dataset are, in the layouts that Ultralytics and others use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from labkit.core.errors import InputError
from labkit.exchange.base import TASKS, Task
from labkit.exchange.images import READABLE
from labkit.exchange.reports import Problem

__all__ = ["Layout", "locate", "relative"]

_SPLITS = ("train", "val", "validation", "test", "minival")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a dataset's files are, and what its yaml says."""

    root: Path
    images: list[Path]  # image files, and of label files without one the place it would have
    labels: dict[Path, Path]  # image → label file, which may be absent
    names: dict[int, str]
    task: Task | None
    kpt_shape: tuple[int, int]
    problems: list[Problem] = field(default_factory=list)


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
    """Images named in a text file, relative to it or to the dataset."""
    for line in listing.read_text(encoding="utf-8-sig").splitlines():
        if name := line.strip():
            near = listing.parent / name
            image = near if near.exists() or not (root / name).exists() else root / name
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


def locate(path: Path, names: Any) -> Layout:
    """Find images, labels and class names from a yaml file or a folder.

    Parameters
    ----------
    path : Path
    names : sequence or mapping of str, optional
        Class names that go before those of the dataset.

    Raises
    ------
    InputError
        The path does not exist, its yaml cannot be read, or names no images.
    """
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
    return Layout(root, list(pairs), pairs, known, task, kpt_shape, problems)


def _kpt_shape(given: Any) -> tuple[int, int]:
    """Number of keypoints and of values each; (0, 0) where the yaml gives none."""
    match given:
        case [int(n), 2 | 3 as d] if n > 0:
            return n, d
        case _:
            return 0, 0


def relative(path: Path, root: Path) -> str:
    """The path as a dataset names it: from its root where it lies inside, forward slashes."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
