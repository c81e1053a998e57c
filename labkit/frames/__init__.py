"""Frames: where they come from (``scan``), their pixels and bytes (``FrameReader``), a cache."""

from labkit.frames.cache import FrameCache
from labkit.frames.errors import FrameError
from labkit.frames.images import MAX_PIXELS
from labkit.frames.reader import Encoded, FrameReader
from labkit.frames.sources import ScanResult, scan

__all__ = [
    "MAX_PIXELS",
    "Encoded",
    "FrameCache",
    "FrameError",
    "FrameReader",
    "ScanResult",
    "scan",
]
