"""COCO: the JSON files of a dataset, and the folders in which their images lie."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from labkit.core.errors import InputError
from labkit.frames.walk import Found, first_existing

__all__ = ["coco_files", "find_image", "image_folders", "image_name", "load_json"]


def load_json(path: Path) -> dict[str, Any]:
    """A COCO file's tables; a byte order mark is allowed.

    Raises
    ------
    InputError
        The file is not JSON with a list of images.
    """
    try:
        data = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as exc:
        raise InputError(f"{str(path)!r} cannot be read as COCO JSON", str(exc)) from exc
    if not isinstance(data, dict) or not isinstance(data.get("images"), list):
        raise InputError(f"{str(path)!r} is not COCO JSON", "it has no list 'images'")
    return data


def image_name(entry: object) -> str | None:
    """The ``file_name`` of an entry of ``images`` with forward slashes, None where it has none."""
    name = entry.get("file_name") if isinstance(entry, Mapping) else None
    if not isinstance(name, str) or not name or "\0" in name:
        return None
    return name.replace("\\", "/")


def image_folders(json_file: Path) -> list[Path]:
    """The folders in which the images of a COCO file usually lie.

    Next to the JSON file, in ``images/`` beside it, in the folder of the split that ends its name
    (``instances_val2017.json``: ``val2017/``, ``images/val2017/``), and the same one level up.
    """
    split = json_file.stem.rsplit("_", 1)[-1]
    inside = (".", "images", split, f"images/{split}")
    return [up / name for up in (json_file.parent, json_file.parent.parent) for name in inside]


def find_image(name: str, folders: Iterable[Path]) -> Path | None:
    """The image of that name in the first folder that has it."""
    return first_existing(folder / name for folder in folders)


def coco_files(path: Path, image_root: Path | None = None) -> Found:
    """Image files of a COCO JSON file, in its order.

    Parameters
    ----------
    path : Path
        The JSON file.
    image_root : Path, optional
        The only folder to look in; by default :func:`image_folders`.

    Returns
    -------
    Found
        Images that are missing and entries without a name are among the failures.

    Raises
    ------
    InputError
        It is not such a JSON file, or no entry of ``images`` has a ``file_name``.
    """
    entries = load_json(path)["images"]
    names = [image_name(entry) for entry in entries]
    if not any(names):
        raise InputError(
            f"{str(path)!r} is not COCO JSON", "no entry of its list 'images' has a 'file_name'"
        )
    folders = [Path(image_root)] if image_root is not None else image_folders(path)
    found = Found()
    for number, name in enumerate(names, start=1):
        if name is None:
            found.failures.append((path, f"image number {number} has no usable file_name"))
        elif place := find_image(name, folders):
            found.files.append(place)
        else:
            found.failures.append(
                (folders[0] / name, f"the image that {path.name} names does not exist")
            )
    return found
