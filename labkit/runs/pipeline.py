"""Frames through a detector into a run's parts: decoding, inference and writing overlap.

::

    decode pool ──▶ prepared frames ──▶ inference thread ──▶ this thread: proposals, labels, parts

Batches never cross the border of a part and the order inside a part is fixed, so the parts of a
run that was killed and resumed are byte for byte those of one that was not.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from labkit.core.config import cores
from labkit.core.errors import Argument, InputError, LabkitError
from labkit.core.types import Frame, FrameFailure, Proposal
from labkit.frames import FrameReader
from labkit.frames.errors import reason_of
from labkit.frames.order import is_video
from labkit.models.budget import empty_device_cache
from labkit.models.detectors.base import (
    Detector,
    FrameResult,
    Image,
    OutOfMemoryError,
    StagedDetector,
)
from labkit.models.worker import InferenceWorker, Priority, worker
from labkit.runs.engine import Part, Step, listed
from labkit.runs.jobs import JobContext
from labkit.store.project import ProjectStore
from labkit.store.proposals import RunStore

__all__ = ["DetectorStep", "Pipeline", "Reader"]

_log = logging.getLogger("labkit")
_GIVE_UP_AFTER = 8
"""Frames that the model may fail on before any succeeds; then it is the model, not the frames."""


class Reader(Protocol):
    """Gives the pixels of a frame: :class:`labkit.frames.FrameReader`."""

    def read(self, frame: Frame) -> Image:
        """RGB, upright; raises ``FrameError`` with the reason."""
        ...


@dataclass(slots=True)
class _Part:
    """What has come in for one part."""

    number: int
    missing: int
    results: dict[int, list[Proposal]] = field(default_factory=dict)
    failures: dict[int, FrameFailure] = field(default_factory=dict)
    dropped: Counter[str] = field(default_factory=Counter)


def _whole(part: _Part) -> Part:
    proposals = [p for place in sorted(part.results) for p in part.results[place]]
    failures = [part.failures[place] for place in sorted(part.failures)]
    return Part(part.number, proposals, failures, part.dropped)


@dataclass(slots=True)
class _Batch:
    """Frames of one part on their way: their places in it, and what decoding gives."""

    part: _Part
    places: list[int]
    frames: list[Frame]
    decoding: list[Future[Any]]


@dataclass
class Pipeline:
    """One run of one detector; :meth:`parts` does it.

    Parameters
    ----------
    store : RunStore
        The run; its missing parts are done.
    frames : sequence of Frame
        All frames of the run in the order of ``store.frame_ids``.
    detector : Detector
    label_map : mapping
        Model label → project label, None where it is dropped.
    reader : Reader
    batch : int
        Frames a batch, at least 1.
    context : JobContext
        Progress and cancelling.
    threads : int
        That decode.
    """

    store: RunStore
    frames: Sequence[Frame]
    detector: Detector
    label_map: Mapping[str, str | None]
    reader: Reader
    batch: int
    context: JobContext
    threads: int = 2
    worker: InferenceWorker = field(default_factory=worker)
    free_memory: Callable[[], None] = field(default=lambda: None)

    def __post_init__(self) -> None:
        self._staged = self.detector if isinstance(self.detector, StagedDetector) else None
        self._limit = max(1, self.batch)
        self._succeeded = False
        self._failed = 0

    def parts(self) -> Generator[Part]:
        """Yield the missing parts, in order."""
        missing = self.store.missing_parts()
        sizes = {k: len(self.store.part_frames(k)) for k in missing}
        self._done = len(self.frames) - sum(sizes.values())
        self.context.update(self._done, len(self.frames))
        pool = ThreadPoolExecutor(self.threads, thread_name_prefix="labkit-decode")
        # a video is decoded by going on where the last frame was, so by one thread alone
        video = ThreadPoolExecutor(1, thread_name_prefix="labkit-video")
        ahead: deque[_Batch] = deque()
        running: deque[tuple[_Batch, list[Any], Future[list[Any]] | None]] = deque()
        batches = self._batches(missing, pool, video)
        try:
            while True:
                self.context.check()
                while len(ahead) < 1 + -(-2 * self.threads // self._limit):
                    batch = next(batches, None)
                    if batch is None:
                        break
                    ahead.append(batch)
                if ahead:
                    running.append(self._start(ahead.popleft()))
                elif not running:
                    break
                # one batch in the inference thread, one waiting for it, while we write here
                if len(running) >= 2 or not ahead:
                    part = self._finish(*running.popleft())
                    if part is not None:
                        yield part
                    self.context.update(self._done)
        finally:
            for waiting in ahead:
                for future in waiting.decoding:
                    future.cancel()
            for _, _, inference in running:
                if inference is not None:
                    inference.cancel()
            for threads in (pool, video):
                threads.shutdown(wait=True, cancel_futures=True)

    def _batches(
        self, missing: Sequence[int], pool: ThreadPoolExecutor, video: ThreadPoolExecutor
    ) -> Iterator[_Batch]:
        size = self.store.manifest.part_size
        for number in missing:
            frames = self.frames[number * size : (number + 1) * size]
            part = _Part(number, len(frames))
            # frames of one size next to each other: only they can share a batch without padding
            order = sorted(range(len(frames)), key=lambda k: (frames[k].height, frames[k].width, k))
            for start in range(0, len(order), self.batch):
                places = order[start : start + self.batch]
                chosen = [frames[k] for k in places]
                decoding = [(video if is_video(f) else pool).submit(self._read, f) for f in chosen]
                yield _Batch(part, places, chosen, decoding)

    def _read(self, frame: Frame) -> Any:
        """The prepared frame, or its failure; in a decoding thread."""
        try:
            image = self.reader.read(frame)
            return image if self._staged is None else self._staged.prepare(image)
        except MemoryError:
            return _failure(frame, "there is not enough memory to decode it")
        except Exception as exc:  # noqa: BLE001  one bad frame never stops the others
            return _failure(frame, _reason(exc))

    def _start(self, batch: _Batch) -> tuple[_Batch, list[Any], Future[list[Any]] | None]:
        items = [future.result() for future in batch.decoding]
        good = [k for k, item in enumerate(items) if not isinstance(item, FrameFailure)]
        future = None
        if good and len(good) <= self._limit:
            future = self._submit([items[k] for k in good], [batch.frames[k] for k in good])
        return batch, items, future

    def _submit(self, items: list[Any], frames: list[Frame]) -> Future[list[Any]]:
        if self._staged is not None:
            return self.worker.submit(self._staged.infer, items, priority=Priority.BATCH)
        return self.worker.submit(self.detector.detect, items, frames, priority=Priority.BATCH)

    def _finish(
        self, batch: _Batch, items: list[Any], future: Future[list[Any]] | None
    ) -> Part | None:
        """Take in what came of a batch; the part, where it was the last one of it."""
        good = [k for k, item in enumerate(items) if not isinstance(item, FrameFailure)]
        chosen, frames = [items[k] for k in good], [batch.frames[k] for k in good]
        results: list[Any] = []
        if good:
            try:
                results = future.result() if future else self._in_pieces(chosen, frames)
            except OutOfMemoryError as exc:
                results = self._smaller(chosen, frames, exc)
            except LabkitError:
                raise
            except Exception as exc:  # noqa: BLE001  found out one by one
                results = self._one_by_one(chosen, frames, exc)
        outcome = dict(zip(good, results, strict=True))
        for k, (place, frame) in enumerate(zip(batch.places, batch.frames, strict=True)):
            self._take(batch.part, place, frame, outcome.get(k, items[k]))
        self._done += len(batch.frames)
        return _whole(batch.part) if batch.part.missing == 0 else None

    def _take(self, part: _Part, place: int, frame: Frame, outcome: Any) -> None:
        """Put one frame's outcome into its part: a failure, or raw output, or proposals."""
        part.missing -= 1
        if isinstance(outcome, FrameFailure):
            part.failures[place] = outcome
            return
        if self._staged is not None:
            found: FrameResult = self._staged.finish(outcome, frame)
            part.dropped.update(found.dropped)
            proposals = found.proposals
        else:
            proposals = outcome
        self._succeeded = True
        part.results[place] = self._relabel(proposals, part.dropped)

    def _relabel(self, proposals: Sequence[Proposal], dropped: Counter[str]) -> list[Proposal]:
        kept: list[Proposal] = []
        for proposal in proposals:
            if not 0 <= proposal.score <= 1:  # NaN, too
                raise InputError(
                    f"The detector {self.store.manifest.model!r} cannot be used",
                    f"it gave the score {proposal.score} on frame {proposal.frame_id}, not 0..1",
                    "labkit.testing.check_detector says what a detector has to do",
                )
            label = self.label_map.get(proposal.label)
            if label is None:
                dropped[proposal.label] += 1
            else:
                kept.append(replace(proposal, label=label, index=len(kept)))
        return kept

    # ---- when a batch does not work

    def _in_pieces(self, items: list[Any], frames: list[Frame]) -> list[Any]:
        out: list[Any] = []
        while len(out) < len(items):
            self.context.check()
            piece = slice(len(out), len(out) + self._limit)
            try:
                out += self._submit(items[piece], frames[piece]).result()
            except OutOfMemoryError as exc:
                out += self._smaller(items[piece], frames[piece], exc)
        return out

    def _smaller(self, items: list[Any], frames: list[Frame], exc: Exception) -> list[Any]:
        """Halve the batch, for this one and for all that follow."""
        if len(items) <= 1:
            raise InputError(
                "There is not enough memory for one frame",
                str(exc),
                "use a smaller "
                + Argument("imgsz")
                + ", a smaller model or "
                + Argument("device", "cpu"),
            ) from exc
        self._limit = min(self._limit, len(items) // 2)
        self.worker.submit(self.free_memory, priority=Priority.BATCH).result()
        _log.warning("out of memory: going on with batches of %d", self._limit)
        self.context.update(message=f"out of memory: batch {self._limit}")
        return self._in_pieces(items, frames)

    def _one_by_one(self, items: list[Any], frames: list[Frame], exc: Exception) -> list[Any]:
        """Find the frames that the model cannot do; the others of the batch still count."""
        _log.warning("a batch failed: %s", _reason(exc), exc_info=exc)
        out: list[Any] = []
        for item, frame in zip(items, frames, strict=True):
            error: Exception | None = exc
            if len(items) > 1:
                try:
                    out += self._submit([item], [frame]).result()
                    error = None
                except OutOfMemoryError as short:
                    out += self._smaller([item], [frame], short)
                except LabkitError:
                    raise
                except Exception as single:  # noqa: BLE001  this frame's failure
                    error = single
            if error is not None:
                out.append(_failure(frame, _reason(error)))
                self._failed += 1
            else:
                self._succeeded = True
            if not self._succeeded and self._failed >= min(_GIVE_UP_AFTER, len(self.frames)):
                raise InputError(
                    "The model fails on every frame",
                    _reason(exc),
                    "check imgsz, device and the weights",
                ) from exc
        return out


class DetectorStep(Step):
    """The step of a run that a detector makes.

    Parameters
    ----------
    project : ProjectStore
    detector : Detector
    reader : Reader, optional
        Where the pixels come from; by default :class:`labkit.frames.FrameReader`.
    """

    def __init__(self, project: ProjectStore, detector: Detector, reader: Reader | None) -> None:
        self._project, self._detector, self._reader = project, detector, reader

    def parts(self, run: RunStore, context: JobContext) -> Generator[Part]:
        """Yield the missing parts of the run."""
        own = FrameReader(self._project.root)
        try:
            yield from Pipeline(
                store=run,
                frames=list(self._project.iter_frames(run.frame_ids)),
                detector=self._detector,
                label_map=run.manifest.label_map,
                reader=self._reader or own,
                batch=int(run.manifest.params.get("batch", 1)),
                context=context,
                threads=max(2, min(8, cores() - 1)),
                free_memory=empty_device_cache,
            ).parts()
        finally:
            own.close()

    def summary(self, run: RunStore) -> str:
        """Proposals, those that the label map dropped, and the frames that failed."""
        done = run.manifest
        text = f"{done.proposals} proposals"
        unmapped = sum(n for label, n in done.dropped.items() if label in done.label_map)
        if unmapped:
            text += f", {unmapped} dropped by the label map"
        if done.failures:
            text += f", {len(done.failures)} frames failed: {listed(done.failures)}"
        return text


def _failure(frame: Frame, reason: str) -> FrameFailure:
    return FrameFailure(frame.uri, reason, frame.frame_id)


def _reason(exc: BaseException) -> str:
    """The error in one line, without a traceback."""
    return reason_of(exc)[:300]
