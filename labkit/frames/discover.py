"""From what a user names (folder, glob, file, dataset, a list of these) to files in order."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from labkit.core.errors import InputError
from labkit.frames.datasets import coco, yolo
from labkit.frames.errors import reason_of
from labkit.frames.walk import Found, is_media, natural_key, walk

__all__ = ["find"]


def find(what: Any, recursive: bool = True, image_root: Path | None = None) -> Found:
    """Files behind a path, a glob, a dataset's file or an iterable of these.

    Folders and globs come in natural order (``img2`` before ``img10``), lists and datasets in
    their own. Hidden files and folders are left out; links to folders are followed, each folder
    once, so that loops end.

    Raises
    ------
    InputError
        There is nothing: no such path, a folder without images and videos, an empty list. As part
        of a list these are failures instead.
    """
    if isinstance(what, str | Path):
        return _find_one(what, recursive, image_root)
    if isinstance(what, bytes) or not isinstance(what, Iterable):
        raise InputError(
            "These frames cannot be added",
            f"a {type(what).__name__} is not a path, a glob or a list of them",
        )
    found, items = Found(), list(what)
    if not items:
        raise InputError("There is nothing to add", "the list is empty")
    for item in items:
        if not isinstance(item, str | Path):
            raise InputError("These frames cannot be added", f"{item!r} in the list is not a path")
        try:
            part = _find_one(item, recursive, image_root)
        except InputError as exc:
            found.failures.append((Path(item), exc.why or exc.what))
            continue
        found += part
    return found


def _find_one(what: str | Path, recursive: bool, image_root: Path | None) -> Found:
    path = Path(what).expanduser()
    try:
        if path.is_dir():
            return _nonempty(walk(path, recursive), path)
        if os.path.lexists(path):
            if path.suffix.lower() in {".yaml", ".yml"}:
                return _yolo(path, recursive)
            if path.suffix.lower() == ".json":
                return coco.coco_files(path, image_root)
            return Found([path])
    except (OSError, ValueError) as exc:
        raise InputError(f"{str(what)!r} cannot be read", reason_of(exc)) from exc
    if glob.has_magic(str(path)):
        return _glob(path, recursive)
    raise InputError(f"{str(what)!r} cannot be added", "there is no such file or folder")


def _nonempty(found: Found, path: Path) -> Found:
    if not found.files and not found.failures:
        raise InputError(f"No image or video in {str(path)!r}")
    return found


def _glob(pattern: Path, recursive: bool) -> Found:
    found = Found()
    for name in sorted(glob.glob(str(pattern), recursive=True), key=lambda n: natural_key(Path(n))):  # noqa: PTH207 - an absolute pattern is fine here
        path = Path(name)
        if path.is_dir():
            if recursive and "**" not in pattern.parts:  # ** names the files inside itself
                found += walk(path, recursive)
        elif is_media(path.name):
            found.files.append(path)
    if not found.files and not found.failures:
        raise InputError(f"No image or video matches {str(pattern)!r}")
    return found


def _yolo(path: Path, recursive: bool) -> Found:
    dataset = yolo.locate(path)
    if not dataset.places:
        why = f"nothing it names exists: {dataset.missing[0][0]}"
        raise InputError(f"No image of {str(path)!r} exists", why)
    return _nonempty(dataset.files(recursive), path)
