"""Videos: which frames they hold, without decoding them, and exact frames by timestamp (PyAV)."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import av
import av.error

from labkit.frames.errors import FrameError, reason_of
from labkit.frames.images import MAX_PIXELS

__all__ = ["VideoInfo", "exact_pts", "open_video", "packets_to_frames", "probe_video"]

# FFmpeg also "plays" text, playlists and single images; none of them is a video here
_NOT_VIDEO: Final = ("tty", "hls", "dash", "concat", "image2", "_pipe", "lavfi", "imf")
_TIMED: Final = ("mp4", "matroska", "mpegts", "flv")
# signs of (a, b, c, d) of the display matrix: x' = a x + c y, y' = b x + d y
_BY_MATRIX: Final = {
    (1, 0, 0, 1): 1,
    (-1, 0, 0, 1): 2,
    (-1, 0, 0, -1): 3,
    (1, 0, 0, -1): 4,
    (0, 1, 1, 0): 5,
    (0, 1, -1, 0): 6,
    (0, -1, -1, 0): 7,
    (0, -1, 1, 0): 8,
}
_BY_TAG: Final = {90: 6, 180: 3, 270: 8}


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a video holds.

    Attributes
    ----------
    width, height : int
        Upright size in pixels (of the stored samples: a pixel aspect ratio is not applied).
    orientation : int
        EXIF orientation 1..8 that equals the rotation flag.
    times : list of float or None
        Presentation time of every frame in seconds, ascending; all None where the container has
        no timestamps (a bare H.264 stream).
    defect : str
        Why frames are missing at the end, '' where none are.
    """

    width: int
    height: int
    orientation: int
    times: list[float] | list[None]
    defect: str = ""


@contextmanager
def open_video(path: Path) -> Iterator[tuple[Any, Any]]:
    """Open a container and its video stream; both are closed on leaving.

    Raises
    ------
    FrameError
        The file is gone, empty or broken, or holds no video.
    """
    try:
        if not os.path.getsize(path):  # noqa: PTH202 - no Path.stat for a number
            raise _bad("the file is empty (0 bytes)")
        # a local file has no business opening addresses; "options" would also reach streams that
        # the probing adds, and crash older versions of PyAV
        container = av.open(os.fspath(path), container_options={"protocol_whitelist": "file"})
    except (OSError, av.error.FFmpegError, ValueError) as exc:
        raise _bad(f"it is broken or not a video: {reason_of(exc)}") from exc
    try:
        if any(name in container.format.name for name in _NOT_VIDEO):
            raise _bad("it is not a video")
        streams = [s for s in container.streams.video if not _is_cover(s)]
        if not streams:
            raise _bad("it holds no video, only sound or data")
        stream = streams[0]
        if stream.codec_context is None:
            raise _bad("no decoder is known for its video")
        if stream.codec_context.width * stream.codec_context.height > MAX_PIXELS:
            raise _bad(f"its frames have more than {MAX_PIXELS // 1_000_000} megapixels")
        # frame threads in a small number: a reader may hold several decoders
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = min(4, os.cpu_count() or 1)
        yield container, stream
    finally:
        container.close()


def probe_video(path: Path, check: Callable[[], None] = lambda: None) -> VideoInfo:
    """Size, orientation and the times of all frames.

    The packets' timestamps are read, and one frame is decoded. Only where a container does not
    time every frame (AVI with B-frames, MPEG program streams, bare streams) all of it is decoded.

    Parameters
    ----------
    path : Path
    check : callable
        Called now and then; what it raises stops the work.

    Raises
    ------
    FrameError
        The file is broken, holds no video, or no frame of it can be decoded.
    """
    with open_video(path) as (container, stream):
        first = next(packets_to_frames(container, stream), None)
        if first is None:
            raise _bad("no frame of it can be decoded")
        orientation = _orientation(first, stream)
        width, height = int(first.width), int(first.height)
        base = stream.time_base
    with open_video(path) as (container, stream):
        listed = _list_packets(container, stream, check) if exact_pts(container, stream) else None
    if listed is None:
        with open_video(path) as (container, stream):
            pts = _decode_all(container, stream, check)
        defect = ""
    else:
        # packets before the first frame that a decoder gives are leftovers of an earlier cut
        pts, defect = [p for p in listed[0] if first.pts is None or p >= first.pts], listed[1]
    timed = all(p is not None for p in pts) and base is not None
    times: Any = [float(p * base) for p in pts] if timed else [None] * len(pts)
    if orientation >= 5:
        width, height = height, width
    return VideoInfo(width, height, orientation, times, defect)


def exact_pts(container: Any, stream: Any) -> bool:
    """Whether the container times every frame, so that a timestamp names a frame after a seek."""
    name = container.format.name
    if "avi" in name.split(","):
        return not stream.codec_context.has_b_frames
    return any(timed in name for timed in _TIMED)


def packets_to_frames(
    container: Any, stream: Any, check: Callable[[], None] = lambda: None
) -> Iterator[Any]:
    """Decode on from where the container stands; broken packets are stepped over."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError:  # the file ends in the middle of something
            return
        if packet is None:
            return
        check()
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            continue
        yield from frames


def _bad(why: str) -> FrameError:
    return FrameError("This video cannot be read", why)


def _is_cover(stream: Any) -> bool:
    """Whether it is a sound file's cover picture."""
    try:
        return bool(stream.disposition & av.stream.Disposition.attached_pic)
    except AttributeError:
        return False


def _orientation(frame: Any, stream: Any) -> int:
    try:
        matrix = frame.side_data.get("DISPLAYMATRIX")
    except (KeyError, TypeError):
        matrix = None
    if matrix is not None:
        m = struct.unpack("=9i", bytes(matrix))
        size = max(abs(m[k]) for k in (0, 1, 3, 4)) or 1
        return _BY_MATRIX.get(tuple(round(m[k] / size) for k in (0, 1, 3, 4)), 1)
    tag = str(stream.metadata.get("rotate", "0"))  # how older files say it: degrees clockwise
    return _BY_TAG.get(int(tag) % 360, 1) if re.fullmatch(r"-?\d+", tag) else 1


def _list_packets(
    container: Any, stream: Any, check: Callable[[], None]
) -> tuple[list[int], str] | None:
    """Timestamps of the frames in order, and what is missing, or None where packets do not say."""
    found: list[int] = []
    whole, broken = 0, ""
    vp8 = stream.codec_context.name in {"vp8", "libvpx"}
    try:
        for packet in container.demux(stream):
            if not packet.size or packet.is_corrupt:  # the end, or cut off by it
                continue
            whole += 1
            if whole % 512 == 0:
                check()
            if packet.is_discard or (vp8 and not bytes(packet)[0] & 0x10):
                continue  # left out by an edit list, or a reference that VP8 never shows
            if packet.pts is None:
                return None
            found.append(packet.pts)
    except av.error.FFmpegError as exc:
        broken = reason_of(exc)
    found.sort()
    if any(a == b for a, b in pairwise(found)):
        return None
    end = float(found[-1] * stream.time_base) if found else 0.0
    return found, _defect(container, stream, whole, end, broken)


def _defect(container: Any, stream: Any, whole: int, end: float, broken: str) -> str:
    """Tell what the header promises and the file does not hold."""
    if "mp4" in container.format.name and stream.frames > whole:
        return f"it is cut short: {whole} of {stream.frames} frames exist"
    tag = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
    if tag and "matroska" in container.format.name:
        promised = 3600 * int(tag[1]) + 60 * int(tag[2]) + float(tag[3])
        if promised - end > max(1.0, 0.05 * promised):  # the last frame may be shown for a while
            return f"it is cut short: {end:.1f} of {promised:.1f} s exist"
    return f"it breaks off after {whole} frames: {broken}" if broken else ""


def _decode_all(container: Any, stream: Any, check: Callable[[], None]) -> list[Any]:
    return [frame.pts for frame in packets_to_frames(container, stream, check)]
