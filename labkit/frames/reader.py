"""Pixels and encoded bytes of frames, read when they are asked for."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from labkit.core.types import Frame
from labkit.frames import images
from labkit.frames.decoder import VideoDecoder
from labkit.frames.errors import FrameError, reason_of
from labkit.frames.order import is_video

__all__ = ["Encoded", "FrameReader"]

_OPEN_VIDEOS: Final = 2
"""Videos that each thread keeps open."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A frame in a form that a browser can show.

    Attributes
    ----------
    data : bytes
    mime : str
        ``image/jpeg``, ``image/png``, ...
    orientation : int
        EXIF orientation of the pixels in ``data``. Only JPEGs have another than 1; their EXIF tag
        says the same: a browser's default (``image-orientation: from-image``) turns them upright.
    """

    data: bytes
    mime: str
    orientation: int = 1


class FrameReader:
    """Read frames, from any number of threads at once.

    Each thread keeps the two videos open that it read last, and goes on decoding where the next
    frame that is asked for lies ahead; so reading in order costs one decode a frame.

    Parameters
    ----------
    root : Path, optional
        Folder that relative ``uri`` start from: the project's.

    Examples
    --------
    >>> with lk.FrameReader(p.root) as reader:
    ...     reader.read(next(p.iter_frames())).shape
    (384, 512, 3)
    """

    def __init__(self, root: Path | str | None = None) -> None:
        self.root = Path(root) if root is not None else None
        self._local = threading.local()
        self._decoders: weakref.WeakSet[VideoDecoder] = weakref.WeakSet()
        self._guard = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return FrameReader, (self.root,)  # a copy in another process opens its own files

    def __enter__(self) -> FrameReader:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def path(self, frame: Frame) -> Path:
        """Where the frame's file should lie."""
        return Path(frame.uri) if self.root is None else self.root / frame.uri

    def read(self, frame: Frame) -> NDArray[np.uint8]:
        """Upright RGB pixels ``(height, width, 3)``; 16-bit, CMYK etc. as `images` says.

        Raises
        ------
        FrameError
            The file is gone, broken, or gives another size than when it was added.
        """
        try:
            if is_video(frame):
                pixels = images.upright(self._stored(frame), frame.orientation)
            else:
                pixels = images.decode(self.path(frame).read_bytes())
            _check_size(frame, pixels.shape[1], pixels.shape[0])
            return pixels
        except (FrameError, OSError, ValueError) as exc:
            _fail(frame, exc)

    def encoded(self, frame: Frame) -> Encoded:
        """Bytes that a browser can show.

        JPEG, PNG, WebP, GIF, BMP and AVIF files are handed out as they are, undecoded, once their
        header and their end have been checked. What a browser would not show, or not as
        :meth:`read` gives it, is encoded again, upright: TIFF, PNM and JPEG 2000, 16-bit, CMYK,
        transparency, animations and turned files other than JPEG as lossless PNG; frames of a
        video as JPEG of quality 95.

        Raises
        ------
        FrameError
            As :meth:`read`.
        """
        if is_video(frame):
            return Encoded(images.to_jpeg(self.read(frame)), "image/jpeg")
        try:
            data = self.path(frame).read_bytes()
            info = images.probe(data)
            _check_size(frame, info.width, info.height)
            if info.mime:
                return Encoded(data, info.mime, info.orientation)
            return Encoded(images.to_png(images.decode(data)), "image/png")
        except (FrameError, OSError, ValueError) as exc:
            _fail(frame, exc)

    def close(self) -> None:
        """Close all videos; waits for reads under way. The reader can be used again."""
        with self._guard:
            decoders = list(self._decoders)
            self._decoders.clear()
            self._local = threading.local()
        for decoder in decoders:
            _close(decoder)

    def _stored(self, frame: Frame) -> NDArray[np.uint8]:
        while True:
            decoder = self._decoder(self.path(frame))
            with decoder.lock:
                if not decoder.closed:  # by close() in another thread, in between
                    return decoder.read(frame.index, frame.time_s)

    def _decoder(self, path: Path) -> VideoDecoder:
        """The open decoder of a video in this thread, opened again if the file was replaced."""
        local = self._local
        if not hasattr(local, "open"):
            local.open = OrderedDict()
        decoders: OrderedDict[Path, VideoDecoder] = local.open
        decoder = decoders.pop(path, None)
        if decoder is not None and (decoder.closed or not decoder.is_current()):
            _close(decoder)
            decoder = None
        if decoder is None:
            decoder = VideoDecoder(path)
            with self._guard:
                self._decoders.add(decoder)
        decoders[path] = decoder
        while len(decoders) > _OPEN_VIDEOS:
            _, oldest = decoders.popitem(last=False)
            _close(oldest)
        return decoder


def _check_size(frame: Frame, width: int, height: int) -> None:
    if (width, height) != (frame.width, frame.height):
        raise FrameError(
            "This frame has changed",
            f"it was added as {frame.width} x {frame.height} and is {width} x {height} now",
            "put the old file back",
        )


def _fail(frame: Frame, exc: Exception) -> NoReturn:
    """Raise the same error with the frame's name, since many are read at once."""
    what = f"Frame {frame.index} of {frame.uri}" if is_video(frame) else frame.uri
    remedy = exc.remedy if isinstance(exc, FrameError) else ""
    raise FrameError(f"{what} cannot be read", reason_of(exc), remedy) from exc


def _close(decoder: VideoDecoder) -> None:
    with decoder.lock:
        decoder.close()
