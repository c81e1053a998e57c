"""The walk of a track run: frame after frame through a tracker's sessions, into parts.

::

    read-ahead thread ──▶ frame ──▶ inference thread: prompt, step ──▶ this thread: drift, parts
    track_read                      track_session, track_fade          track_walk, track_past

The state is the keyframes and the finished parts: a run that was killed opens a session, prompts
what had been prompted, recalls the last frames that its parts hold, and steps on.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from labkit.core.drift import DriftWatch
from labkit.core.errors import Argument, CancelledError, InputError, LabkitError
from labkit.core.tracks import Keyframe, Tracked
from labkit.core.types import Frame, FrameFailure, Manifest, Proposal
from labkit.frames.errors import reason_of
from labkit.models.detectors.base import Image, OutOfMemoryError
from labkit.models.interactors.base import ImageSource
from labkit.models.trackers.base import Tracker
from labkit.models.worker import InferenceWorker, worker
from labkit.runs.jobs import JobContext
from labkit.runs.track_course import Course, Named
from labkit.runs.track_fade import Fade
from labkit.runs.track_past import Past, as_stored, proposal
from labkit.runs.track_plan import Step
from labkit.runs.track_read import ReadAhead
from labkit.runs.track_session import RECALLED, OpenSession, Sessions
from labkit.store.proposals import RunStore

__all__ = ["Named", "TrackWalk"]

_log = logging.getLogger("labkit")
_GIVE_UP_AFTER = 8
"""Frames in a row that the tracker may fail on; then it is the tracker, not the frames."""


@dataclass
class TrackWalk:
    """One run of one tracker; :meth:`run` does it.

    Parameters
    ----------
    store : RunStore
        The run; its missing parts are done.
    steps : sequence of Step
        Every frame of the walk, as ``store.frame_ids``.
    tracks : sequence of Named
        By the numbers of the spans.
    frames : mapping
        Frame id to Frame, for all steps.
    tracker : Tracker
    source : ImageSource
    context : JobContext
        Progress and cancelling, checked at every frame.
    """

    store: RunStore
    steps: Sequence[Step]
    tracks: Sequence[Named]
    frames: Mapping[str, Frame]
    tracker: Tracker
    source: ImageSource
    context: JobContext
    worker: InferenceWorker = field(default_factory=worker)

    def __post_init__(self) -> None:
        self._course = Course(self.steps, self.tracks, self.frames, self.tracker, self.worker)
        self._past = Past(self.store, [s.frame_id for s in self.steps])
        self._watch = DriftWatch()
        self._memory = max(1, self.tracker.info.memory)
        self._fade = Fade(self._course, self.store, RECALLED * self._memory)
        self._sessions: Sessions | None = None
        self._failed = 0

    def run(self) -> Manifest:
        """Do the missing parts and close the run.

        Raises
        ------
        CancelledError
            Parts that were finished stay, and the run can be resumed.
        """
        try:
            missing = self.store.missing_parts()
            if missing:
                self._walk(missing)
        except CancelledError:
            self._finish("cancelled")
            raise
        except BaseException:
            self._finish("failed")
            raise
        return self.store.finish("finished")

    def _finish(self, status: str) -> None:
        # the first error is the one to tell, and a full disk cannot take the manifest either
        with contextlib.suppress(OSError, LabkitError):
            self.store.finish(status)

    def _walk(self, missing: Sequence[int]) -> None:
        size, total = self.store.manifest.part_size, len(self.steps)
        start = missing[0] * size
        self.context.update(start, total)
        wanted = (self._course.frame(s) for s in self.steps[start:] if self._course.needed(s))
        rows: list[Proposal] = []
        failures: list[FrameFailure] = []
        try:
            with ReadAhead(self.source, wanted) as self._images:
                self._sessions = Sessions(
                    self._course, self._past, self._fade, self._watch, self._images
                )
                self._fade.load(missing[0] - 1)
                for k in range(start, total):
                    self.context.check()
                    found, failure = self._at(k, self._sessions)
                    rows += found
                    failures += [failure] if failure else []
                    if (k + 1) % size == 0 or k + 1 == total:
                        if k // size in missing:
                            self._fade.keep(k // size, k + 1)
                            self.store.write_part(k // size, rows, failures)
                            self._fade.forget(k // size - 1)
                        rows, failures = [], []
                        self._past.forget(k + 1 - self._memory - self._watch.rules.window)
                    self.context.update(k + 1)
        finally:
            if self._sessions is not None:
                self._sessions.close()
        self._fade.done()

    # ---- one frame

    def _at(self, k: int, sessions: Sessions) -> tuple[list[Proposal], FrameFailure | None]:
        step = self.steps[k]
        if not self._course.needed(step):
            self._past.put(k, [])
            return [], None
        image = self._images.next(self._course.frame(step))
        if isinstance(image, FrameFailure):
            sessions.turn(k)
            sessions.unread(step)
            self._past.put(k, None)
            return [], image
        try:
            opened, tracked = self._follow(k, image, sessions)
            self._failed = 0
        except LabkitError:
            raise
        except Exception as exc:  # noqa: BLE001  one frame, unless it is all of them
            failure = self._failure(step, exc)
            self._past.put(k, None)
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
                found = self._course.infer(opened.session.step, position, image)
                older = {
                    n: s for n, s in opened.live.items() if (position, n) not in opened.answers
                }
                check = self.context.check
                return opened, self._fade.mix(k, older, found, self._images, check)
            except (OutOfMemoryError, MemoryError) as exc:
                sessions.close()  # the keyframes and the last results make it anew
                self._fade.clear()
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
        frame = self._course.frame(step)
        return FrameFailure(frame.uri, reason_of(exc)[:300], frame.frame_id)

    def _proposals(self, k: int, opened: OpenSession, results: Sequence[Tracked]) -> list[Proposal]:
        step = self.steps[k]
        by_id = {t.track_id: t for t in results}
        rows: list[Proposal] = []
        kept: list[Tracked] = []
        for number in sorted(opened.live):
            span, name = opened.live[number], self.tracks[number]
            seed = span.seeds.get(step.position)
            answer = opened.answers.pop((step.position, number), None)
            if seed is not None:
                tracked = as_stored(
                    self._at_keyframe(
                        self._course.keyframe(span, step.position), answer, seed.score
                    )
                )
                self._watch.note(tracked, k, anew=True)
                if seed.decided or (span.silent and step.position == span.first):
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
                    keyframe=seed is not None,
                    found=found,
                )
            )
        self._past.put(k, kept)
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
