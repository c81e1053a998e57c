"""Encoded frames in memory; the least recently used go first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future

from labkit.core.errors import InputError
from labkit.core.types import Frame
from labkit.frames.reader import Encoded, FrameReader

__all__ = ["FrameCache"]


class FrameCache:
    """A bounded memory of encoded frames, safe to use from any thread.

    Parameters
    ----------
    reader : FrameReader
        Left open by :meth:`close`.
    max_bytes : int
        Bytes of encoded data that are kept. A frame that is larger than this is read but not kept.
    """

    def __init__(self, reader: FrameReader, max_bytes: int = 256 * 2**20) -> None:
        if max_bytes < 0:
            raise InputError("This cache cannot be made", f"max_bytes is {max_bytes}, below 0")
        self._reader, self._max_bytes = reader, max_bytes
        self._kept: OrderedDict[str, Encoded] = OrderedDict()
        self._loading: dict[str, Future[Encoded]] = {}
        self._bytes = 0
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> FrameCache:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, frame: object) -> bool:
        """Whether a frame is available without reading its file."""
        with self._lock:
            return isinstance(frame, Frame) and frame.frame_id in self._kept

    @property
    def nbytes(self) -> int:
        """Bytes kept at the moment, at most ``max_bytes``."""
        return self._bytes

    def get(self, frame: Frame) -> Encoded:
        """Get a frame, from memory or else from its file.

        Several threads that ask for the same frame at once cause one read.

        Raises
        ------
        FrameError
            It cannot be read. Failures are not remembered: the next call tries again.
        """
        with self._lock:
            kept = self._kept.get(frame.frame_id)
            if kept is not None:
                self._kept.move_to_end(frame.frame_id)
                return kept
            under_way = self._loading.get(frame.frame_id)
            if under_way is None:
                mine: Future[Encoded] = Future()
                self._loading[frame.frame_id] = mine
        if under_way is not None:
            return under_way.result()
        return self._load(frame, mine)

    def close(self) -> None:
        """Forget all frames, and keep none from now on."""
        with self._lock:
            self._closed = True
            self._kept.clear()
            self._bytes = 0

    def _load(self, frame: Frame, mine: Future[Encoded]) -> Encoded:
        try:
            encoded = self._reader.encoded(frame)
        except BaseException as exc:
            with self._lock:
                del self._loading[frame.frame_id]
            mine.set_exception(exc)
            raise
        with self._lock:
            del self._loading[frame.frame_id]
            self._keep(frame.frame_id, encoded)
        mine.set_result(encoded)
        return encoded

    def _keep(self, frame_id: str, encoded: Encoded) -> None:
        size = len(encoded.data)
        if self._closed or size > self._max_bytes or frame_id in self._kept:
            return
        self._kept[frame_id] = encoded
        self._bytes += size
        while self._bytes > self._max_bytes:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= len(oldest.data)
