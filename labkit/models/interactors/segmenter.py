"""The front of an interactor: any thread may ask, the inference thread answers."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Self

from labkit.core.errors import InputError
from labkit.core.prompts import MaskProposal, Prompts
from labkit.core.types import Frame
from labkit.models.interactors import open_interactor
from labkit.models.interactors.base import (
    ImageSource,
    Interactor,
    InteractorInfo,
    LooksAhead,
    PromptKind,
)
from labkit.models.worker import InferenceWorker, Priority, worker

__all__ = ["Segmenter"]

_log = logging.getLogger("labkit")

_PIECE = 256
"""Objects after which waiting clicks are answered."""


class Segmenter:
    """Prompts in, masks out, from any thread: what user interfaces and scripts use.

    Prompts are checked against the frame before anything is queued; each call is about the frame
    that was set when it was made.

    Parameters
    ----------
    interactor : Interactor
        Called only in the inference thread.
    source : ImageSource
        Where it reads frames; an attribute ``key`` says through which filters.
    thread : InferenceWorker, optional
        By default the one of this process.
    on_close : callable, optional
        Called once by :meth:`close`.

    Examples
    --------
    >>> with Segmenter.open("sam2-nano", reader) as segmenter:  # doctest: +SKIP
    ...     segmenter.set_frame(frame)
    ...     masks = segmenter.segment(Prompts.click(120, 80))
    """

    def __init__(
        self,
        interactor: Interactor,
        source: ImageSource,
        thread: InferenceWorker | None = None,
        on_close: Callable[[], None] | None = None,
    ) -> None:
        self._interactor, self._source = interactor, source
        self._worker = worker() if thread is None else thread
        self._on_close = on_close
        self._info = interactor.info
        self._lock = threading.Lock()
        self._frame: Frame | None = None
        self._looking: tuple[str, str] | None = None  # used only in the inference thread
        self._prefetching: list[Future[None]] = []
        self._closed = False

    @classmethod
    def open(
        cls,
        name: str | Path,
        source: ImageSource,
        device: str | int | None = None,
        on_close: Callable[[], None] | None = None,
        *,
        trust: bool = False,
        project: Path | None = None,
    ) -> Self:
        """Open an interactor by name (see :func:`labkit.models.interactors.open_interactor`)."""
        interactor = open_interactor(
            name, source, device, trust=trust, project=project, priority=Priority.CLICK
        )
        return cls(interactor, source, on_close=on_close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def info(self) -> InteractorInfo:
        """What the interactor is and takes."""
        return self._info

    @property
    def frame(self) -> Frame | None:
        """The frame that is asked about."""
        return self._frame

    def set_frame(self, frame: Frame) -> Future[None]:
        """Ask about this frame from now on.

        Returns
        -------
        Future
            Done once the interactor has looked at the frame. You need not wait for it. A newer
            frame cancels it. Holds a ``FrameError`` where the frame cannot be read.
        """
        self._check_open()
        self._frame = frame
        return self._worker.submit(
            self._look, frame, priority=Priority.CLICK, replace_key=("frame", id(self))
        )

    def segment(self, prompts: Prompts) -> list[MaskProposal]:
        """Masks of one object, best first; waits for them.

        Raises
        ------
        InputError
            The prompts do not fit the frame or the interactor, or there is not enough memory.
        FrameError
            The frame cannot be read.
        """
        frame = self._checked([prompts])
        return self._worker.call(self._segment, frame, prompts, priority=Priority.CLICK)

    def submit(self, prompts: Prompts) -> Future[list[MaskProposal]]:
        """As :meth:`segment`, without waiting: first in, first out. Bad prompts raise at once."""
        frame = self._checked([prompts])
        return self._worker.submit(self._segment, frame, prompts, priority=Priority.CLICK)

    def preview(self, prompts: Prompts) -> Future[list[MaskProposal]]:
        """As :meth:`submit`, for a pointer that moves: a newer preview cancels one that waits."""
        frame = self._checked([prompts])
        return self._worker.submit(
            self._segment,
            frame,
            prompts,
            priority=Priority.CLICK,
            replace_key=("preview", id(self)),
        )

    def segment_many(self, prompts: Sequence[Prompts]) -> list[MaskProposal]:
        """The best mask of each of many objects; waits for them, and lets clicks go first.

        Raises
        ------
        InputError, FrameError
            As :meth:`segment`; one bad prompt refuses all, before anything is computed.
        """
        frame = self._checked(prompts)
        out: list[MaskProposal] = []
        for start in range(0, len(prompts), _PIECE):
            piece = prompts[start : start + _PIECE]
            out += self._worker.call(self._many, frame, piece, priority=Priority.TRACK)
        return out

    def prefetch(self, frames: Iterable[Frame]) -> list[Future[None]]:
        """Prepare frames for their first click, in this order, while the thread is idle.

        Frames asked for earlier that are still waiting are cancelled. A frame that cannot be read
        is skipped; the error is raised when it is set.
        """
        self._check_open()
        with self._lock:
            for future in self._prefetching:
                future.cancel()
            ahead = frames if isinstance(self._interactor, LooksAhead) else ()
            self._prefetching = [
                self._worker.submit(self._ahead, f, priority=Priority.PREFETCH) for f in ahead
            ]
            return list(self._prefetching)

    def close(self) -> None:
        """Cancel the preparation of frames, and close what was opened for this segmenter."""
        if self._closed:
            return
        self.prefetch(())
        self._closed = True
        if self._on_close is not None:
            self._on_close()

    # ---- checks, in the caller's thread

    def _check_open(self) -> None:
        if self._closed:
            raise InputError("This segmenter is closed")

    def _checked(self, prompts: Iterable[Prompts]) -> Frame:
        self._check_open()
        frame = self._frame
        if frame is None:
            raise InputError("There is nothing to segment", "no frame has been set")
        for p in prompts:
            p.check(frame.width, frame.height)
            self._check_kinds(p)
        return frame

    def _check_kinds(self, prompts: Prompts) -> None:
        info = self._info
        strange = _kinds(prompts) - info.takes
        if strange:
            raise InputError(
                f"{info.name} takes no {' and no '.join(sorted(strange))}",
                f"it takes {', '.join(sorted(info.takes))}",
            )
        if len(prompts.points) < info.min_points:
            raise InputError(
                f"{info.name} needs at least {info.min_points} points",
                f"there are {len(prompts.points)}",
                info.help,
            )

    # ---- in the inference thread

    def _look(self, frame: Frame) -> None:
        wanted = (frame.frame_id, str(getattr(self._source, "key", "")))
        if self._looking != wanted:
            self._looking = None  # should it fail, the next call tries again
            self._interactor.set_frame(frame)
            self._looking = wanted

    def _segment(self, frame: Frame, prompts: Prompts) -> list[MaskProposal]:
        self._look(frame)
        return self._interactor.segment(prompts)

    def _many(self, frame: Frame, prompts: Sequence[Prompts]) -> list[MaskProposal]:
        self._look(frame)
        return self._interactor.segment_many(prompts)

    def _ahead(self, frame: Frame) -> None:
        interactor: Any = self._interactor
        try:
            interactor.look_ahead(frame)
        except Exception:  # noqa: BLE001  the error is raised when the frame is set
            _log.info("frame %s could not be prepared", frame.frame_id, exc_info=True)


def _kinds(prompts: Prompts) -> set[PromptKind]:
    out: set[PromptKind] = set()
    if 1 in prompts.labels:
        out.add("points")
    if 0 in prompts.labels:
        out.add("negative points")
    if prompts.box is not None:
        out.add("box")
    if prompts.mask is not None or prompts.logits is not None:
        out.add("mask")
    if prompts.strokes:
        out.add("strokes")
    return out
