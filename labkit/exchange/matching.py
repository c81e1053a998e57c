"""Which image of a dataset is which frame of the project."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from labkit.exchange.base import ImportedImage
from labkit.exchange.names import frame_stems
from labkit.frames.order import video_mask

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FrameMatcher", "NoMatchError"]


class NoMatchError(Exception):
    """An image that is not a frame of the project, with the reason."""


def _parts(name: str) -> tuple[str, ...]:
    """The parts of a path from its end, the last one without suffix."""
    path = PurePosixPath(name.replace("\\", "/"))
    return (path.stem, *reversed(path.parts[:-1]))


def _common(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    n = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        n += 1
    return n


def _sha256(path: Path) -> str:
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


class FrameMatcher:
    """Finds frames by the id an export of labkit wrote, by content, and last by name.

    Parameters
    ----------
    frames : DataFrame
        All frames of the project, ``FRAMES`` columns.
    """

    def __init__(self, frames: pd.DataFrame) -> None:
        ids = frames["frame_id"].astype(str).tolist()
        self._size = {
            i: (int(w), int(h))
            for i, w, h in zip(ids, frames["width"], frames["height"], strict=True)
        }
        self._by_hash: dict[str, str] = {}
        self._by_name: dict[str, list[tuple[tuple[str, ...], str]]] = defaultdict(list)
        exported = frame_stems(frames)
        columns = (ids, frames["sha256"], frames["uri"], exported, video_mask(frames))
        for frame_id, sha256, uri, stem, moving in zip(*columns, strict=True):
            self._by_hash.setdefault(str(sha256), frame_id)
            # all frames of a video share its name; they go by the name an export gives them
            names = {_parts(str(stem))} | (set() if moving else {_parts(str(uri))})
            for parts in names:
                self._by_name[parts[0]].append((parts, frame_id))

    def size_of(self, name: str) -> tuple[int, int] | None:
        """Size of the frame that goes by this name, None if there is none or several."""
        found = self._named(name)
        return self._size[found[0]] if len(found) == 1 else None

    def _named(self, name: str) -> list[str]:
        """Frames of that file name; of several, those that share most folders with it."""
        parts = _parts(name)
        hits = self._by_name.get(parts[0], [])
        best = max((_common(parts, p) for p, _ in hits), default=0)
        return sorted({i for p, i in hits if _common(parts, p) == best})

    def match(self, image: ImportedImage) -> tuple[str, str]:
        """The frame's id and how it was found: ``frame id``, ``content`` or ``name``.

        Raises
        ------
        NoMatchError
            None fits, several do, or the sizes differ.
        """
        frame_id, how = self._find(image)
        width, height = self._size[frame_id]
        if (width, height) != (image.width, image.height):
            raise NoMatchError(
                f"it is {image.width} x {image.height}, the frame of that {how} {width} x {height}"
            )
        return frame_id, how

    def _find(self, image: ImportedImage) -> tuple[str, str]:
        if image.frame_id in self._size:
            return str(image.frame_id), "frame id"
        if image.path is not None:
            try:
                found = self._by_hash.get(_sha256(image.path))
            except OSError as exc:
                raise NoMatchError(f"it cannot be read: {exc.strerror or exc}") from exc
            if found:
                return found, "content"
        named = self._named(image.name)
        if len(named) > 1:
            raise NoMatchError(f"{len(named)} frames go by this name")
        if not named:
            raise NoMatchError("no frame of the project has its content or its name")
        return named[0], "name"
