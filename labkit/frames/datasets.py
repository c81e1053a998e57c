"""The images that a YOLO ``data.yaml`` or a COCO JSON file names; their labels are not read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from labkit.core.errors import InputError

__all__ = ["coco_files", "yolo_entries"]

Missing = list[tuple[Path, str]]
_SPLITS = ("train", "val", "test")


def yolo_entries(path: Path) -> tuple[list[Path], Missing]:
    """Folders and images of a YOLO dataset: its train, val and test entries in this order.

    As in Ultralytics, ``path`` is the dataset's folder (here: next to the YAML file where it is
    relative or not there), an entry is a folder, a ``.txt`` list of images or a list of these, and
    ``../train/images`` may also mean ``train/images`` (Roboflow's exports).

    Returns
    -------
    entries : list of Path
    missing : list of (Path, str)
        Entries that are not there.

    Raises
    ------
    InputError
        The file is not such a YAML file, or nothing that it names is there.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as exc:
        raise InputError(f"{str(path)!r} cannot be read as a YOLO dataset", str(exc)) from exc
    if not isinstance(data, dict) or not any(data.get(split) for split in _SPLITS):
        raise InputError(
            f"{str(path)!r} is not a YOLO dataset", "it names no 'train', 'val' or 'test'"
        )
    base = _yolo_base(path, data.get("path"))
    found: list[Path] = []
    missing: Missing = []
    for split in _SPLITS:
        entries = data.get(split) or []
        for entry in entries if isinstance(entries, list) else [entries]:
            place = _first_there(_yolo_places(path.parent, base, str(entry)))
            if place is None:
                missing.append((base / str(entry), f"{split} of {path.name} is not there"))
            elif place.suffix.lower() == ".txt":
                found += _listed(place, base)
            else:
                found.append(place)
    if not found:
        first = f": {missing[0][0]}" if missing else ""
        raise InputError(f"No image of {str(path)!r} is there", f"nothing it names exists{first}")
    return found, missing


def coco_files(path: Path, image_root: Path | None = None) -> tuple[list[Path], Missing]:
    """Image files of a COCO JSON file, in its order.

    ``file_name`` is looked for in ``image_root`` alone where that is given; else next to the JSON
    file, in ``images/`` there, in the folder of the split that its name ends with
    (``instances_val2017.json``: ``val2017/``, ``images/val2017/``), and the same one level up.

    Returns
    -------
    files : list of Path
    missing : list of (Path, str)
        Images that are not there.

    Raises
    ------
    InputError
        It is not such a JSON file.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as exc:
        raise InputError(f"{str(path)!r} cannot be read as COCO JSON", str(exc)) from exc
    rows: Any = data.get("images") if isinstance(data, dict) else None
    listed = [r.get("file_name") if isinstance(r, dict) else None for r in rows or []]
    names = [name for name in listed if isinstance(name, str) and name]
    if not names or len(names) < len(listed):
        raise InputError(
            f"{str(path)!r} is not COCO JSON", "it has no list 'images' with a 'file_name' in each"
        )
    folders = [Path(image_root)] if image_root is not None else _coco_folders(path)
    found: list[Path] = []
    missing: Missing = []
    for name in names:
        place = _first_there([folder / name for folder in folders])
        if place is None:
            missing.append((folders[0] / name, f"the image that {path.name} names is not there"))
        else:
            found.append(place)
    return found, missing


def _first_there(places: list[Path]) -> Path | None:
    for place in places:
        try:
            if place.exists():
                return place
        except (OSError, ValueError):  # a name that no file can have
            continue
    return None


def _yolo_base(path: Path, named: object) -> Path:
    base = path.parent / str(named or ".")  # an absolute one replaces the parent
    return base if base.is_dir() else path.parent


def _yolo_places(parent: Path, base: Path, entry: str) -> list[Path]:
    places = [base / entry, parent / entry]
    if entry.startswith("../"):
        places.append(base / entry[3:])
    return places


def _listed(listing: Path, base: Path) -> list[Path]:
    """Lines of a ``.txt`` list; relative ones count from the list, else from the dataset."""
    try:
        lines = listing.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise InputError(f"{str(listing)!r} cannot be read as a list of images", str(exc)) from exc
    names = [line.strip() for line in lines if line.strip()]
    near = listing.parent
    return [_first_there([near / name, base / name]) or near / name for name in names]


def _coco_folders(path: Path) -> list[Path]:
    split = path.stem.rsplit("_", 1)[-1]
    inside = (".", "images", split, f"images/{split}")
    return [up / name for up in (path.parent, path.parent.parent) for name in inside]
