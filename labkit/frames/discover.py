"""From what a user names (folder, glob, file, dataset, a list of these) to files in order."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from labkit.core.errors import InputError
from labkit.frames.datasets import coco_files, yolo_entries
from labkit.frames.errors import reason_of

__all__ = ["IMAGE_SUFFIXES", "VIDEO_SUFFIXES", "Found", "find", "natural_key"]

IMAGE_SUFFIXES: Final = frozenset(
    """.jpg .jpeg .jpe .jfif .png .apng .webp .gif .bmp .dib .tif .tiff .avif .ppm .pgm .pbm .pnm
    .jp2 .j2k .jpx .mpo .qoi""".split()  # noqa: SIM905 - reads better than quotes around each
)
VIDEO_SUFFIXES: Final = frozenset(
    """.mp4 .m4v .mov .avi .mkv .webm .mpg .mpeg .m2v .ts .mts .m2ts .wmv .asf .flv .f4v .ogv .3gp
    .3g2 .mxf .vob .h264 .h265 .264 .265 .hevc""".split()  # noqa: SIM905
)
"""Files of other suffixes are left out of folders and globs; named alone they are tried."""


@dataclass(slots=True)
class Found:
    """Files in the order in which they are added, and what could not be looked into."""

    files: list[Path] = field(default_factory=list)
    failures: list[tuple[Path, str]] = field(default_factory=list)


def find(what: Any, recursive: bool = True, image_root: Path | None = None) -> Found:
    """Files behind a path, a glob, a dataset's file or an iterable of these.

    Folders and globs come in natural order (``img2`` before ``img10``), lists and datasets in
    their own. Hidden files and folders are left out; links to folders are followed, each folder
    once, so that loops end.

    Raises
    ------
    InputError
        Nothing is there: no such path, a folder without images and videos, an empty list. As part
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
        found.files += part.files
        found.failures += part.failures
    return found


def natural_key(path: Path) -> tuple[Any, ...]:
    """Sorts paths as people do: numbers by value, case aside, folder by folder."""
    return tuple(_part_key(part) for part in path.parts), str(path)


def _part_key(name: str) -> tuple[Any, ...]:
    pieces = re.split(r"(\d+)", name.casefold())
    return tuple(int(p) if k % 2 else p for k, p in enumerate(pieces))


def _find_one(what: str | Path, recursive: bool, image_root: Path | None) -> Found:
    path = Path(what).expanduser()
    try:
        if path.is_dir():
            return _nonempty(_walk(path, recursive), path)
        if os.path.lexists(path):
            if path.suffix.lower() in {".yaml", ".yml"}:
                return _yolo(path, recursive)
            if path.suffix.lower() == ".json":
                return Found(*coco_files(path, image_root))
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
                part = _walk(path, recursive)
                found.files += part.files
                found.failures += part.failures
        elif _is_media(path.name):
            found.files.append(path)
    if not found.files and not found.failures:
        raise InputError(f"No image or video matches {str(pattern)!r}")
    return found


def _yolo(path: Path, recursive: bool) -> Found:
    entries, missing = yolo_entries(path)
    found = Found([], missing)
    for entry in entries:
        if entry.is_dir():
            part = _walk(entry, recursive)
            found.files += part.files
            found.failures += part.failures
        else:
            found.files.append(entry)
    return _nonempty(found, path)


def _is_media(name: str) -> bool:
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122 - a name from scandir, no path
    return not name.startswith(".") and (suffix in IMAGE_SUFFIXES or suffix in VIDEO_SUFFIXES)


def _walk(folder: Path, recursive: bool) -> Found:
    found, seen, waiting = Found(), set(), [folder]
    while waiting:
        here = waiting.pop()
        try:
            status = here.stat()
            if (status.st_dev, status.st_ino) in seen:  # a link back, or a second one
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(here) as entries:
                names = [(entry.name, _is_folder(entry)) for entry in entries]
        except OSError as exc:
            if here == folder:
                raise
            found.failures.append((here, f"the folder cannot be read: {reason_of(exc)}"))
            continue
        for name, is_folder in names:
            if is_folder:
                if recursive and not name.startswith((".", "__MACOSX")):
                    waiting.append(here / name)
            elif _is_media(name):
                found.files.append(here / name)
    found.files.sort(key=natural_key)
    found.failures.sort()
    return found


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself; reading it will say so
        return False
