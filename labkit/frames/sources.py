"""``scan``: from folders, globs, lists, videos and datasets to frames with ids."""

from __future__ import annotations

import hashlib
import logging
import os
import stat
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from labkit.core.errors import CancelledError
from labkit.core.types import Frame, FrameFailure
from labkit.frames import images
from labkit.frames.discover import find
from labkit.frames.errors import FrameError, reason_of
from labkit.frames.selection import Selection
from labkit.frames.signatures import looks_like_image
from labkit.frames.video import probe_video
from labkit.frames.walk import IMAGE_SUFFIXES

__all__ = ["ScanResult", "frame_id_of", "scan"]

_log = logging.getLogger(__name__)

_WORKERS: Final = min(4, os.cpu_count() or 1)
_CHUNK: Final = 2**20
_MAX_IMAGE_BYTES: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What a scan found.

    Attributes
    ----------
    frames : list of Frame
        New frames in order, each content once.
    duplicates : int
        Frames whose content was met before in this scan or is in ``known``.
    failures : list of FrameFailure
        Files that could not be used, wholly or from some point on.
    """

    frames: list[Frame] = field(default_factory=list)
    duplicates: int = 0
    failures: list[FrameFailure] = field(default_factory=list)


def scan(
    what: str | Path | Iterable[str | Path],
    *,
    root: Path | None = None,
    recursive: bool = True,
    every: float = 1,
    start: float | None = None,
    stop: float | None = None,
    known: Collection[str] = (),
    image_root: Path | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ScanResult:
    """Find frames, hash and measure them; pixels are not decoded where that can be avoided.

    Parameters
    ----------
    what : path, glob or iterable of these
        A folder, a glob (``images/**/*.jpg``), an image, a video, a YOLO dataset (``data.yaml``),
        a COCO JSON file, or a list that mixes them.
    root : Path, optional
        The project's folder: files inside get a ``uri`` relative to it, others an absolute one.
    recursive : bool
        Whether folders are searched to the bottom.
    every, start, stop : int or float
        Part of each video, see :class:`~labkit.frames.selection.Selection`: whole numbers are
        frames (``every=30``, ``start=900``), numbers with a point seconds (``every=1.0``,
        ``start=30.0``). Images are not concerned.
    known : collection of str
        ``frame_id`` that the project has already.
    image_root : Path, optional
        Where the images of a COCO JSON file lie.
    on_progress : callable, optional
        Called with files done and all files, in the calling thread.
    cancelled : callable, optional
        Asked now and then, from several threads; True ends the scan.

    Returns
    -------
    ScanResult
        The ``group`` of an image is its folder, that of a frame of a video the video. ``frame_id``
        depends only on the file's content and the index, so a moved file keeps its ids, and
        byte-identical files are one.

    Raises
    ------
    InputError
        There is nothing to add, or an argument is out of range.
    CancelledError
        ``cancelled`` said so.
    """
    selection = Selection(every, start, stop)

    def check() -> None:
        if cancelled is not None and cancelled():
            raise CancelledError("Adding frames was cancelled", "", "nothing was added")

    found = find(what, recursive, image_root)
    failures = [FrameFailure(_shown(uri_of(p, root)), reason) for p, reason in found.failures]
    frames: list[Frame] = []
    seen = set(known)
    duplicates = 0
    for done, part in enumerate(_read_all(found.files, root, selection, check), start=1):
        failures += part.failures
        for frame in part.frames:
            if frame.frame_id in seen:
                duplicates += 1
            else:
                seen.add(frame.frame_id)
                frames.append(frame)
        if on_progress is not None:
            on_progress(done, len(found.files))
    return ScanResult(frames, duplicates, failures)


def frame_id_of(source: str, index: int) -> str:
    """16 hex digits from a file's SHA-256 and a frame's index."""
    return hashlib.sha256(f"{source}:{index}".encode()).hexdigest()[:16]


def uri_of(path: Path, root: Path | None) -> str:
    """Path relative to ``root`` where it lies inside, else absolute; with slashes."""
    if ".." in path.parts:  # behind a link, '..' is not the folder before it
        path = Path(os.path.realpath(path.parent)) / path.name
    path = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow a link to the image
    for base in (os.path.abspath, os.path.realpath) if root is not None else ():
        with suppress(ValueError):
            return path.relative_to(base(str(root))).as_posix()
    return path.as_posix()


def _read_all(
    files: list[Path], root: Path | None, selection: Selection, check: Callable[[], None]
) -> Iterator[ScanResult]:
    """One result a file, in order; a few files are read ahead."""
    waiting: deque[Future[ScanResult]] = deque()
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="labkit-scan") as pool:
        try:
            for path in files:
                waiting.append(pool.submit(_read_file, path, root, selection, check))
                if len(waiting) >= 16 * _WORKERS:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _read_file(
    path: Path, root: Path | None, selection: Selection, check: Callable[[], None]
) -> ScanResult:
    check()
    uri = uri_of(path, root)
    try:
        uri.encode()
    except UnicodeEncodeError:
        return _failed(uri, "its name is not valid UTF-8; rename it")
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return _failed(uri, "it is not a file")
        with path.open("rb") as file:
            head = file.read(32)
        if looks_like_image(head) or path.suffix.lower() in IMAGE_SUFFIXES:
            if status.st_size > _MAX_IMAGE_BYTES:
                return _failed(uri, "it is larger than 2 GB, the limit for one image")
            return ScanResult([_image(path, uri)])
        return _video(path, uri, selection, check)
    except (FrameError, OSError) as exc:
        return _failed(uri, reason_of(exc))
    except CancelledError:
        raise
    except Exception as exc:  # noqa: BLE001 - one file that breaks a decoder does not stop the rest
        _log.warning("Unexpected error while reading %r", uri, exc_info=True)
        return _failed(uri, f"{type(exc).__name__}: {reason_of(exc)}")


def _image(path: Path, uri: str) -> Frame:
    data = path.read_bytes()
    info = images.probe(data)
    source = hashlib.sha256(data).hexdigest()
    return Frame(
        frame_id=frame_id_of(source, 0),
        source=source,
        uri=uri,
        index=0,
        width=info.width,
        height=info.height,
        time_s=None,
        sha256=source,
        group=Path(uri).parent.as_posix(),
        orientation=info.orientation,
    )


def _video(path: Path, uri: str, selection: Selection, check: Callable[[], None]) -> ScanResult:
    info = probe_video(path, check)
    taken = selection.of(info.times)
    failures = [FrameFailure(uri, info.defect)] if info.defect else []
    if not taken:
        lies = f"it has {len(info.times)} frames, none of them from start to stop"
        return ScanResult(failures=[*failures, FrameFailure(uri, lies)])
    source = _hash(path, check)
    frames = [
        Frame(
            frame_id=frame_id_of(source, k),
            source=source,
            uri=uri,
            index=k,
            width=info.width,
            height=info.height,
            time_s=info.times[k],
            sha256=hashlib.sha256(f"{source}:{k}".encode()).hexdigest(),
            group=uri,
            orientation=info.orientation,
        )
        for k in taken
    ]
    return ScanResult(frames, failures=failures)


def _hash(path: Path, check: Callable[[], None]) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_CHUNK):
            check()
            digest.update(block)
    return digest.hexdigest()


def _failed(uri: str, reason: str) -> ScanResult:
    return ScanResult(failures=[FrameFailure(_shown(uri), reason)])


def _shown(uri: str) -> str:
    """A name that can be written as UTF-8; bytes that cannot are escaped."""
    return uri.encode("utf-8", "backslashreplace").decode()
