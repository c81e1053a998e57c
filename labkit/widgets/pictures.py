"""Frames as bytes for the browser: read ahead, checked to decode, reduced where far larger."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from PIL import Image

from labkit.core.errors import LabkitError
from labkit.core.types import Frame
from labkit.frames import FrameCache, FrameReader
from labkit.frames.images import decode
from labkit.models.filters import FilterSwitch

__all__ = ["Picture", "Pictures"]

log = logging.getLogger(__name__)

DISPLAY_SIDE: Final = 2560
"""Frames of a longer side than this many pixels are shown reduced until one zooms in."""

_CACHE: Final = 32 * 2**20
"""Bytes kept of pictures that have been read: for going back, and for zooming in."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Encoded bytes that are known to decode.

    Attributes
    ----------
    data : bytes
    format : str
        ``jpeg``, ``png``, ``webp`` ...: the second half of the media type.
    reduced : bool
        It is smaller than the frame.
    """

    data: bytes
    format: str
    reduced: bool = False


class Pictures:
    """Reads pictures on threads of its own.

    Parameters
    ----------
    reader : FrameReader
        Closed by :meth:`close`.
    filters : FilterSwitch, optional
        Where one is on, its pixels are shown, as models see them.
    """

    def __init__(self, reader: FrameReader, filters: FilterSwitch | None = None) -> None:
        self._reader, self._cache = reader, FrameCache(reader, _CACHE)
        self._filters = filters or FilterSwitch()
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="labkit-pictures")

    def load(self, frame: Frame, *, full: bool = False) -> Picture:
        """The file's own bytes; filtered or, unless ``full``, of display size: without loss.

        A corrupt picture would freeze every canvas of the page, so each one is decoded here.

        Raises
        ------
        FrameError
            It cannot be read.
        """
        chain = self._filters.chain
        if chain.steps:
            shown = Image.fromarray(chain(self._reader.read(frame)))
        else:
            encoded = self._cache.get(frame)
            shown = Image.fromarray(decode(encoded.data))
        small = not full and max(frame.width, frame.height) > DISPLAY_SIDE
        if not (small or chain.steps):
            return Picture(encoded.data, encoded.mime.removeprefix("image/"))
        if small:
            shown.thumbnail((DISPLAY_SIDE, DISPLAY_SIDE), Image.Resampling.LANCZOS, reducing_gap=3)
        out = io.BytesIO()
        shown.save(out, "WEBP", lossless=True, quality=0, method=0)
        return Picture(out.getvalue(), "webp", reduced=small)

    def request(
        self, frame: Frame, done: Callable[[Picture | Exception], None], *, full: bool = False
    ) -> None:
        """Load in the background and call ``done`` with the result, on a thread of the pool."""

        def work() -> None:
            try:
                result: Picture | Exception = self.load(frame, full=full)
            except LabkitError as exc:
                result = exc
            except Exception as exc:  # whatever it is, the frame has to say so
                log.exception("the picture of frame %s could not be read", frame.frame_id)
                result = exc
            done(result)

        self._pool.submit(work)

    def close(self) -> None:
        """Forget what is waiting and close the files."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._cache.close()
        self._reader.close()
