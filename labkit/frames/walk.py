"""Image and video files of a folder, in the order in which people would list them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from labkit.frames.errors import reason_of

__all__ = [
    "IMAGE_SUFFIXES",
    "VIDEO_SUFFIXES",
    "Found",
    "first_existing",
    "is_media",
    "natural_key",
    "walk",
]

IMAGE_SUFFIXES: Final = frozenset(
    """.jpg .jpeg .jpe .jfif .png .apng .webp .gif .bmp .dib .tif .tiff .avif .ppm .pgm .pbm .pnm
    .jp2 .j2k .jpx .mpo .qoi""".split()  # noqa: SIM905 - reads better than quotes around each
)
VIDEO_SUFFIXES: Final = frozenset(
    """.mp4 .m4v .mov .avi .mkv .webm .mpg .mpeg .m2v .ts .mts .m2ts .wmv .asf .flv .f4v .ogv .3gp
    .3g2 .mxf .vob .h264 .h265 .264 .265 .hevc""".split()  # noqa: SIM905
)
"""Files with other suffixes are left out of folders and globs; named themselves they are tried."""


@dataclass(slots=True)
class Found:
    """Files in the order in which they are added, and what could not be looked into."""

    files: list[Path] = field(default_factory=list)
    failures: list[tuple[Path, str]] = field(default_factory=list)

    def __iadd__(self, other: Found) -> Found:
        self.files += other.files
        self.failures += other.failures
        return self


def walk(folder: Path, recursive: bool = True) -> Found:
    """Images and videos of a folder, in natural order.

    Hidden files and folders are left out. Links to folders are followed, each folder once, so that
    loops end.

    Raises
    ------
    OSError
        The folder itself cannot be read; folders inside it that cannot be read are listed.
    """
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
            elif is_media(name):
                found.files.append(here / name)
    found.files.sort(key=natural_key)
    found.failures.sort()
    return found


def is_media(name: str) -> bool:
    """Whether a file name is that of an image or a video, and not hidden."""
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122 - a name from scandir, no path
    return not name.startswith(".") and (suffix in IMAGE_SUFFIXES or suffix in VIDEO_SUFFIXES)


def natural_key(path: Path) -> tuple[Any, ...]:
    """Sorts paths as people do: numbers by value, case aside, folder by folder."""
    return tuple(_part_key(part) for part in path.parts), str(path)


def first_existing(places: Iterable[Path]) -> Path | None:
    """The first of these paths that exists, None where none does."""
    for place in places:
        try:
            if place.exists():
                return place
        except (OSError, ValueError):  # a name that no file can have
            continue
    return None


def _part_key(name: str) -> tuple[Any, ...]:
    pieces = re.split(r"(\d+)", name.casefold())
    return tuple(int(p) if k % 2 else p for k, p in enumerate(pieces))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself; reading it will say so
        return False
