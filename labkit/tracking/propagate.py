"""Propagation: a track run's frames, one after another, through a tracker's sessions into parts.

::

    read-ahead thread ──▶ frame ──▶ inference thread: prompt, step ──▶ this thread: drift, parts
    ReadAhead                       sessions, bidirectional            Propagation, records

The state is the keyframes and the finished parts: a run that was killed opens a session, prompts
what had been prompted, recalls the last frames that its parts hold, and steps on.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Generator, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

from labkit.core.drift import DriftWatch
from labkit.core.errors import Argument, InputError, LabkitError
from labkit.core.tracks import Keyframe, Tracked
from labkit.core.types import Frame, FrameFailure, Proposal
from labkit.frames.errors import reason_of
from labkit.models.detectors.base import Image, OutOfMemoryError
from labkit.models.interactors.base import ImageSource
from labkit.models.trackers.base import Tracker
from labkit.models.worker import InferenceWorker, worker
from labkit.runs.engine import Part
from labkit.runs.jobs import JobContext
from labkit.store.proposals import RunStore
from labkit.tracking.bidirectional import Bidirectional
from labkit.tracking.records import Results, as_stored, proposal
from labkit.tracking.route import Step
from labkit.tracking.sessions import RECALLED, OpenSession, Plan, Sessions, TrackName

__all__ = ["Propagation", "ReadAhead"]

_log = logging.getLogger("labkit")
_GIVE_UP_AFTER = 8
"""Frames in a row that the tracker may fail on; then it is the tracker, not the frames."""


@dataclass
class Propagation:
    """One run of one tracker; :meth:`parts` does it.

    Parameters
    ----------
    store : RunStore
        The run; its missing parts are done.
    steps : sequence of Step
        Every frame of the run in order, as ``store.frame_ids``.
    tracks : sequence of TrackName
        By the numbers of the intervals.
    frames : mapping
        Frame id to Frame, for all steps.
    tracker : Tracker
    source : ImageSource
    context : JobContext
        Progress and cancelling, checked at every frame.
    """

    store: RunStore
    steps: Sequence[Step]
    tracks: Sequence[TrackName]
    frames: Mapping[str, Frame]
    tracker: Tracker
    source: ImageSource
    context: JobContext
    worker: InferenceWorker = field(default_factory=worker)

    def __post_init__(self) -> None:
        self._plan = Plan(self.steps, self.tracks, self.frames, self.tracker, self.worker)
        self._results = Results(self.store, [s.frame_id for s in self.steps])
        self._watch = DriftWatch()
        self._memory = max(1, self.tracker.info.memory)
        self._bidirectional = Bidirectional(self._plan, self.store, RECALLED * self._memory)
        self._sessions: Sessions | None = None
        self._failed = 0

    def parts(self) -> Generator[Part]:
        """Yield the missing parts, in order."""
        missing = self.store.missing_parts()
        size, total = self.store.manifest.part_size, len(self.steps)
        start = missing[0] * size if missing else total
        self.context.update(start, total)
        needed = (self._plan.frame(s) for s in self.steps[start:] if self._plan.needed(s))
        rows: list[Proposal] = []
        failures: list[FrameFailure] = []
        try:
            with ReadAhead(self.source, needed) as self._images:
                self._sessions = Sessions(
                    self._plan, self._results, self._bidirectional, self._watch, self._images
                )
                self._bidirectional.load(start // size - 1)
                for k in range(start, total):
                    self.context.check()
                    proposals, failure = self._at(k, self._sessions)
                    rows += proposals
                    failures += [failure] if failure else []
                    if (k + 1) % size == 0 or k + 1 == total:
                        if k // size in missing:
                            yield from self._part(k, rows, failures)
                        rows, failures = [], []
                        self._results.forget(k + 1 - self._memory - self._watch.rules.window)
                    self.context.update(k + 1)
        finally:
            if self._sessions is not None:
                self._sessions.close()
        self._bidirectional.done()

    def _part(self, k: int, rows: list[Proposal], failures: list[FrameFailure]) -> Generator[Part]:
        """The part that step ``k`` ends, with what a resumed run needs beside it on disk."""
        number = k // self.store.manifest.part_size
        self._bidirectional.keep(number, k + 1)
        yield Part(number, rows, failures)
        self._bidirectional.forget(number - 1)

    # ---- one frame

    def _at(self, k: int, sessions: Sessions) -> tuple[list[Proposal], FrameFailure | None]:
        step = self.steps[k]
        if not self._plan.needed(step):
            self._results.put(k, [])
            return [], None
        image = self._images.next(self._plan.frame(step))
        if isinstance(image, FrameFailure):
            sessions.turn(k)
            sessions.unread(step)
            self._results.put(k, None)
            return [], image
        try:
            opened, tracked = self._follow(k, image, sessions)
            self._failed = 0
        except LabkitError:
            raise
        except Exception as exc:  # noqa: BLE001  one frame, unless it is all of them
            failure = self._failure(step, exc)
            self._results.put(k, None)
            return [], failure
        return self._proposals(k, opened, tracked), None

    def _follow(
        self, k: int, image: Image, sessions: Sessions
    ) -> tuple[OpenSession, list[Tracked]]:
        for attempt in (1, 2):
            try:
                opened = sessions.turn(k)
                sessions.prompt(k, image, opened)
                position = self.steps[k].position
                found = self._plan.infer(opened.session.step, position, image)
                older = {
                    n: s for n, s in opened.live.items() if (position, n) not in opened.answers
                }
                check = self.context.check
                return opened, self._bidirectional.mix(k, older, found, self._images, check)
            except (OutOfMemoryError, MemoryError) as exc:
                sessions.close()  # the keyframes and the last results make it again
                self._bidirectional.clear()
                self.worker.release().result()
                if attempt == 2:
                    raise InputError(
                        "There is not enough memory to track these objects",
                        str(exc),
                        "track fewer at once, or use a smaller model or "
                        + Argument("device", "cpu"),
                    ) from exc
                _log.warning("out of memory while tracking: once more without caches")
        raise AssertionError("not reached")

    def _failure(self, step: Step, exc: Exception) -> FrameFailure:
        _log.warning("tracking failed on frame %s", step.frame_id, exc_info=exc)
        self._failed += 1
        if self._failed >= min(_GIVE_UP_AFTER, len(self.steps)):
            raise InputError(
                "The tracker fails on every frame", reason_of(exc)[:300], "use another tracker"
            ) from exc
        frame = self._plan.frame(step)
        return FrameFailure(frame.uri, reason_of(exc)[:300], frame.frame_id)

    def _proposals(self, k: int, opened: OpenSession, results: Sequence[Tracked]) -> list[Proposal]:
        step = self.steps[k]
        by_id = {t.track_id: t for t in results}
        rows: list[Proposal] = []
        kept: list[Tracked] = []
        for number in sorted(opened.live):
            interval, name = opened.live[number], self.tracks[number]
            anchor = interval.keyframes.get(step.position)
            answer = opened.answers.pop((step.position, number), None)
            if anchor is not None:
                tracked = as_stored(
                    self._at_keyframe(
                        self._plan.keyframe(interval, step.position), answer, anchor.score
                    )
                )
                self._watch.note(tracked, k, again=True)
                if anchor.decided or (interval.silent and step.position == interval.first):
                    continue
                found: dict[str, float] = {}
            else:
                lost = Tracked(name.track_id, None, 0.0)
                tracked = as_stored(answer or by_id.get(name.track_id, lost))
                if tracked.shape is None:
                    continue
                found = self._watch.look(tracked, k)
                reason = opened.begun.pop((step.position, number), None)
                if reason is not None:
                    found[reason] = float("nan")
            assert tracked.shape is not None
            kept.append(tracked)
            rows.append(
                proposal(
                    step.frame_id,
                    number,
                    name.label,
                    tracked,
                    keyframe=anchor is not None,
                    found=found,
                )
            )
        self._results.put(k, kept)
        return rows

    def _at_keyframe(self, keyframe: Keyframe, answer: Tracked | None, score: float) -> Tracked:
        """What a person drew stays as it is; a box or clicks become the tracker's mask of them."""
        shape = keyframe.shape
        drawn = shape is not None and (shape.mask is not None or shape.polygons is not None)
        better = shape is None or (self.tracker.info.gives == "mask" and not drawn)
        if better and answer is not None and answer.shape is not None:
            return replace(answer, score=answer.score if shape is None else score)
        if shape is None:  # clicks that the tracker found nothing at
            raise InputError(
                f"The clicks on frame {keyframe.frame_id!r} give no object", "", "draw a box"
            )
        return Tracked(keyframe.track_id, shape, score)


# ---- frames

_DEPTH = 4
"""Frames that wait; a full-HD one has 6 MB."""


class ReadAhead:
    """Give frames in the order of a run, read ahead, and others in between.

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
        """The next frame of the run, or why it cannot be read."""
        while len(self._ahead) <= _DEPTH:
            following = next(self._frames, None)
            if following is None:
                break
            future = self._pool.submit(self._read, following)
            self._ahead.append((following.frame_id, future))
        frame_id, image = self._ahead.popleft()
        assert frame_id == frame.frame_id  # steps come in their order
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
