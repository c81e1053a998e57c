"""Frames of a walk, read ahead by one thread while the inference thread works."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from labkit.core.types import Frame, FrameFailure
from labkit.frames.errors import reason_of
from labkit.models.detectors.base import Image
from labkit.models.interactors.base import ImageSource

__all__ = ["ReadAhead"]

_DEPTH = 4
"""Frames that wait; a full-HD one has 6 MB."""


class ReadAhead:
    """Give frames in the order of a walk, and others out of it.

    Parameters
    ----------
    source : ImageSource
    frames : iterable of Frame
        Those that will be asked for with :meth:`next`, in order.
    """

    def __init__(self, source: ImageSource, frames: Iterable[Frame]) -> None:
        self._source, self._frames = source, iter(frames)
        # one thread: a video is decoded by going on where the last frame was
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="labkit-track-read")
        self._ahead: deque[tuple[str, Future[Image | FrameFailure]]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def next(self, frame: Frame) -> Image | FrameFailure:
        """The next frame of the walk, or why it cannot be read."""
        while len(self._ahead) <= _DEPTH:
            following = next(self._frames, None)
            if following is None:
                break
            future = self._pool.submit(self._read, following)
            self._ahead.append((following.frame_id, future))
        frame_id, image = self._ahead.popleft()
        assert frame_id == frame.frame_id  # the walk goes as it was planned
        return image.result()

    def read(self, frame: Frame) -> Image | FrameFailure:
        """Any frame at once."""
        return self._pool.submit(self._read, frame).result()

    def _read(self, frame: Frame) -> Image | FrameFailure:
        try:
            return self._source.read(frame)
        except MemoryError:
            reason = "there is not enough memory to decode it"
        except Exception as exc:  # noqa: BLE001  one bad frame never stops the others
            reason = reason_of(exc)[:300]
        return FrameFailure(frame.uri, reason, frame.frame_id)
