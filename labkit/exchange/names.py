"""File names of exported frames: unique, safe on every file system, the same in every export."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from pathlib import PurePosixPath

import pandas as pd

from labkit.frames.order import video_mask

__all__ = ["SUFFIXES", "frame_stems", "safe_stem"]

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
"""Image files that Ultralytics, PIL and OpenCV all read."""

_UNSAFE = re.compile(r"[^\w.()+ -]+")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_LONGEST = 120  # bytes of UTF-8; file systems allow 255 with the suffix


def safe_stem(name: str) -> str:
    """The name with everything replaced that is not a letter, digit, space or ``.-_()+``.

    Parts of a path (``../``), quotes, newlines and other control characters go; letters of any
    script stay. A leading dot or dash and trailing dots and spaces go too.
    """
    text = unicodedata.normalize("NFC", name)
    text = _UNSAFE.sub("_", text).lstrip(".- ").rstrip(". ")
    while len(text.encode()) > _LONGEST:
        text = text[:-1].rstrip(". ")
    return f"_{text}" if not text or _RESERVED.fullmatch(text) else text


def frame_stems(frames: pd.DataFrame) -> pd.Series:
    """File names without suffix of *all* frames of a project, by the table's index.

    An image keeps its own name, a frame of a video is ``<video>_<index, 6 digits>``. A name that
    had to be changed, or that two frames would share (case ignored), gets ``_`` and the first
    hexadecimal digits of its frame id.
    """
    video = video_mask(frames)
    stems: list[str] = []
    changed: list[bool] = []
    for uri, index, moving in zip(frames["uri"], frames["index"], video, strict=True):
        raw = PurePosixPath(str(uri).replace("\\", "/")).stem
        stem = safe_stem(raw)
        changed.append(stem != raw)
        stems.append(f"{stem}_{int(index):06d}" if moving else stem)
    ids = [str(i) for i in frames["frame_id"]]
    for digits in (8, 64):
        seen = Counter(s.casefold() for s in stems)
        stems = [
            f"{s}_{i[:digits]}" if c or seen[s.casefold()] > 1 else s
            for s, i, c in zip(stems, ids, changed, strict=True)
        ]
        changed = [False] * len(stems)
    return pd.Series(stems, index=frames.index, dtype=object, name="stem")
