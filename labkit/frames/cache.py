"""Encoded frames in memory: the least recently used go first, the next ones are fetched ahead."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import Future

from labkit.core.errors import InputError, LabkitError
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
        Bytes of encoded data that are kept. A frame that is larger alone is read but not kept.
    """

    def __init__(self, reader: FrameReader, max_bytes: int = 256 * 2**20) -> None:
        if max_bytes < 0:
            raise InputError("This cache cannot be made", f"max_bytes is {max_bytes}, below 0")
        self._reader, self._max_bytes = reader, max_bytes
        self._kept: OrderedDict[str, Encoded] = OrderedDict()
        self._loading: dict[str, Future[Encoded]] = {}
        self._bytes = 0
        self._wanted: list[Frame] = []
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def __enter__(self) -> FrameCache:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, frame: object) -> bool:
        """Whether a frame can be had without reading its file."""
        with self._change:
            return isinstance(frame, Frame) and frame.frame_id in self._kept

    @property
    def nbytes(self) -> int:
        """Bytes kept at the moment, at most ``max_bytes``."""
        return self._bytes

    def get(self, frame: Frame) -> Encoded:
        """Get a frame, from memory or else from its file; one read where several threads ask.

        Raises
        ------
        FrameError
            It cannot be read. Failures are not remembered: the next call tries again.
        """
        with self._change:
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

    def prefetch(self, frames: Iterable[Frame]) -> None:
        """Read these frames in the background, in this order, and forget earlier wishes.

        It stops where the frames asked for would push each other out. A frame that cannot be read
        is left out here: :meth:`get` tells why.
        """
        with self._change:
            if self._closed:
                return
            self._wanted = list(frames)[::-1]
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name="labkit-prefetch", daemon=True
                )
                self._thread.start()
            self._change.notify_all()

    def clear(self) -> None:
        """Forget all frames and wishes."""
        with self._change:
            self._wanted = []
            self._kept.clear()
            self._bytes = 0

    def close(self) -> None:
        """Forget everything and end the background thread, after the frame it is reading."""
        with self._change:
            self._closed = True
            self._change.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        self.clear()

    def _load(self, frame: Frame, mine: Future[Encoded]) -> Encoded:
        try:
            encoded = self._reader.encoded(frame)
        except BaseException as exc:
            with self._change:
                del self._loading[frame.frame_id]
            mine.set_exception(exc)
            raise
        with self._change:
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

    def _work(self) -> None:
        wanted, spent = self._wanted, 0
        while True:
            with self._change:
                while not self._wanted and not self._closed:
                    self._change.wait()
                if self._closed:
                    return
                if self._wanted is not wanted:  # a newer request
                    wanted, spent = self._wanted, 0
                frame = self._wanted.pop()
            try:
                size = len(self.get(frame).data)
            except LabkitError:
                continue
            spent += size
            with self._change:
                # the next one is likely as large, and would push out the first of these
                if spent + size > self._max_bytes and self._wanted is wanted:
                    self._wanted.clear()
