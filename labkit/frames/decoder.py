"""One open video that gives exact frames: decoding on where it can, seeking where it must."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av.error
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from labkit.frames.errors import FrameError, reason_of
from labkit.frames.video import exact_pts, open_video, packets_to_frames

__all__ = ["VideoDecoder"]

_NEAR_S: Final = 1.0
"""Up to this far ahead decoding on is taken to be cheaper than a seek."""

_BACK_S: Final = (0, 1, 5, 20)
"""How far before the asked time to seek, until a key frame before it is met."""


class VideoDecoder:
    """A video, open for reading single frames; one thread at a time.

    A frame is named by its timestamp and never by time x rate, so variable frame rates are exact.
    In containers that do not time every frame (see ``labkit.frames.video.exact_pts``) frames are
    counted from the start instead: exact too, but slow far from the start.

    Parameters
    ----------
    path : Path

    Attributes
    ----------
    lock : threading.Lock
        Held by whoever reads or closes.
    closed : bool
    decoded : int
        Frames decoded since opening: what the reads have cost.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = threading.Lock()
        self.decoded = 0
        status = path.stat()
        self._version = (status.st_size, status.st_mtime_ns)
        self._convert = VideoReformatter()
        self._open()

    def _open(self) -> None:
        self.closed = True  # until it has worked
        with ExitStack() as stack:
            self._container, self._stream = stack.enter_context(open_video(self.path))
            self._stack = stack.pop_all()
        self._exact = exact_pts(self._container, self._stream)
        self._restart()
        self.closed = False

    def _restart(self) -> None:
        self._coming: Iterator[Any] = packets_to_frames(self._container, self._stream)
        self._last: Any = None
        self._count = 0  # frames since the start, where they are counted

    def close(self) -> None:
        """Close the file; a closed decoder is not read again."""
        self.closed = True
        self._last, self._coming = None, iter(())
        self._stack.close()

    def is_current(self) -> bool:
        """Whether the file is still the one that was opened."""
        status = self.path.stat()
        return (status.st_size, status.st_mtime_ns) == self._version

    def read(self, index: int, time_s: float | None) -> NDArray[np.uint8]:
        """Decode one frame: stored RGB pixels ``(h, w, 3)``; the rotation flag is not applied.

        Parameters
        ----------
        index : int
            Number in presentation order.
        time_s : float or None
            Its timestamp in seconds, as the scan gave it.

        Raises
        ------
        FrameError
            The video has no such frame, or it cannot be decoded.
        """
        if time_s is None or math.isnan(time_s) or not self._exact:  # a table's None is NaN
            frame = self._by_count(index)
        else:
            frame = self._by_pts(round(Fraction(time_s) / self._stream.time_base))
        if frame is None:
            raise FrameError(
                "This frame cannot be read", f"the video has no frame {index} that can be decoded"
            )
        try:
            return np.asarray(self._convert.reformat(frame, format="rgb24").to_ndarray())
        except (av.error.FFmpegError, ValueError) as exc:
            raise FrameError("This frame cannot be read", reason_of(exc)) from exc

    def _next(self) -> Any:
        frame = next(self._coming, None)
        if frame is not None:
            self.decoded += 1
            self._count += 1
            self._last = frame
        return frame

    def _by_count(self, index: int) -> Any:
        if self._last is not None and self._count == index + 1:
            return self._last
        if self._count > index:
            self._stack.close()
            self._open()
        while self._count <= index:
            if self._next() is None:
                return None
        return self._last

    def _by_pts(self, pts: int) -> Any:
        if self._last is not None and self._last.pts == pts:
            return self._last
        if self._is_near(pts):
            return self._until(pts)
        for back in _BACK_S:
            if self._seek(pts - round(back / self._stream.time_base), pts):
                return self._until(pts)
        self._stack.close()
        self._open()
        return self._until(pts)

    def _until(self, pts: int) -> Any:
        """Decode on to a timestamp; None where that is passed without meeting it."""
        while self._last is None or self._last.pts is None or self._last.pts < pts:
            if self._next() is None:
                return None
        return self._last if self._last.pts == pts else None

    def _seek(self, there: int, pts: int) -> bool:
        """Seek and decode the next key frame; False where none is met up to ``pts``.

        Frames that a decoder gives before it refer to pictures that were not decoded. A seek goes
        by decoding times, so it may also lead behind the asked time (open groups of pictures).
        """
        try:
            self._container.seek(there, stream=self._stream, backward=True)
        except (av.error.FFmpegError, OverflowError):
            return False
        self._restart()
        while (frame := self._next()) is not None:
            if frame.pts is None or frame.pts > pts:
                return False
            if frame.key_frame:
                return True
        return False

    def _is_near(self, pts: int) -> bool:
        if self._last is None or self._last.pts is None or self._last.pts > pts:
            return False
        ahead = float((pts - self._last.pts) * self._stream.time_base)
        return ahead <= _NEAR_S or self._same_group(pts)

    def _same_group(self, pts: int) -> bool:
        """Whether the container's index shows no key frame between here and there."""
        entries = getattr(self._stream, "index_entries", None)  # PyAV 17 on
        if not entries or entries[-1].timestamp < pts - round(_NEAR_S / self._stream.time_base):
            return False  # an index that ends before says nothing
        at = entries.search_timestamp(pts, backward=True, any_frame=False)
        return bool(at >= 0 and entries[at].timestamp <= self._last.pts)
