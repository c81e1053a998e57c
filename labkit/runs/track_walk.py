"""The walk of a track run: frame after frame through a tracker's sessions, into parts.

::

    read-ahead thread ──▶ frame ──▶ inference thread: prompt, step ──▶ this thread: drift, parts

The state is the keyframes and the finished parts: a run that was killed opens a session, prompts
what had been prompted, recalls the last frames that its parts hold, and steps on.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from labkit.core.drift import DriftWatch
from labkit.core.errors import CancelledError, InputError, LabkitError
from labkit.core.interpolate import scaled
from labkit.core.tracks import Keyframe, Tracked
from labkit.core.types import Frame, FrameFailure, Manifest, Proposal, Shape
from labkit.frames.errors import reason_of
from labkit.models.base import Image, OutOfMemoryError
from labkit.models.interactors.base import ImageSource
from labkit.models.trackers.base import Tracker, TrackSession
from labkit.models.worker import InferenceWorker, Priority, worker
from labkit.runs.jobs import JobContext
from labkit.runs.track_past import Past, as_stored, proposal
from labkit.runs.track_plan import Leg, Span, Step
from labkit.runs.track_read import ReadAhead
from labkit.store.proposals import RunStore

__all__ = ["Named", "TrackWalk"]

T = TypeVar("T")
_log = logging.getLogger("labkit")
_GIVE_UP_AFTER = 8
"""Frames in a row that the tracker may fail on; then it is the tracker, not the frames."""


@dataclass(frozen=True, slots=True)
class Named:
    """A track's id and label."""

    track_id: int
    label: str


@dataclass(slots=True)
class _Pending:
    """A span that waits for a frame that can be read, and why it does not start at a keyframe."""

    span: Span
    keyframe: Keyframe
    reason: str | None = None


@dataclass(slots=True)
class _Open:
    """One session: what it follows, what waits, what prompts have answered."""

    session: TrackSession
    segment: int
    live: dict[int, Span] = field(default_factory=dict)
    pending: dict[int, _Pending] = field(default_factory=dict)
    answers: dict[tuple[int, int], Tracked] = field(default_factory=dict)
    begun: dict[tuple[int, int], str | None] = field(default_factory=dict)


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
        self._past = Past(self.store, [s.frame_id for s in self.steps])
        self._watch = DriftWatch()
        self._memory = max(1, self.tracker.info.memory)
        self._open: _Open | None = None
        self._failed = 0
        self._seeds = {leg: _by_position(leg) for leg in {s.leg for s in self.steps}}
        self._covered = {leg: _covered(leg) for leg in self._seeds}
        self._keypoints = any(
            seed.keyframe.shape is not None and seed.keyframe.shape.keypoints is not None
            for leg in self._seeds
            for span in leg.spans
            for seed in span.seeds.values()
        )

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
        wanted = (self._frame(s) for s in self.steps[start:] if self._needed(s))
        rows: list[Proposal] = []
        failures: list[FrameFailure] = []
        try:
            with ReadAhead(self.source, wanted) as self._images:
                for k in range(start, total):
                    self.context.check()
                    found, failure = self._at(k)
                    rows += found
                    failures += [failure] if failure else []
                    if (k + 1) % size == 0 or k + 1 == total:
                        if k // size in missing:
                            self.store.write_part(k // size, rows, failures)
                        rows, failures = [], []
                        self._past.forget(k + 1 - self._memory - self._watch.rules.window)
                    self.context.update(k + 1)
        finally:
            self._close()

    def _frame(self, step: Step) -> Frame:
        return self.frames[step.frame_id]

    def _needed(self, step: Step) -> bool:
        """Whether anything is followed on this frame; where all objects are outside, nothing is."""
        return bool(self._covered[step.leg][step.position])

    # ---- one frame

    def _at(self, k: int) -> tuple[list[Proposal], FrameFailure | None]:
        step = self.steps[k]
        if not self._needed(step):
            self._past.put(k, [])
            return [], None
        image = self._images.next(self._frame(step))
        if isinstance(image, FrameFailure):
            self._turn(k)
            self._unread(step)
            self._past.put(k, None)
            return [], image
        try:
            tracked = self._follow(k, image)
            self._failed = 0
        except LabkitError:
            raise
        except Exception as exc:  # noqa: BLE001  one frame, unless it is all of them
            failure = self._failure(step, exc)
            self._past.put(k, None)
            return [], failure
        return self._proposals(k, tracked), None

    def _follow(self, k: int, image: Image) -> list[Tracked]:
        for attempt in (1, 2):
            try:
                opened = self._turn(k)
                self._prompt(k, image, opened)
                position = self.steps[k].position
                return self._infer(opened.session.step, position, image)
            except (OutOfMemoryError, MemoryError) as exc:
                self._close()  # the keyframes and the last results make it anew
                self.worker.release().result()
                if attempt == 2:
                    raise InputError(
                        "There is not enough memory to track these objects",
                        str(exc),
                        "track fewer at once, or use a smaller model or device='cpu'",
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
        frame = self._frame(step)
        return FrameFailure(frame.uri, reason_of(exc)[:300], frame.frame_id)

    def _proposals(self, k: int, results: Sequence[Tracked]) -> list[Proposal]:
        step, opened = self.steps[k], self._open
        assert opened is not None
        by_id = {t.track_id: t for t in results}
        rows: list[Proposal] = []
        kept: list[Tracked] = []
        for number in sorted(opened.live):
            span, name = opened.live[number], self.tracks[number]
            seed = span.seeds.get(step.position)
            answer = opened.answers.pop((step.position, number), None)
            if seed is not None:
                tracked = as_stored(
                    self._at_keyframe(self._named(span, seed.keyframe), answer, seed.score)
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

    # ---- sessions

    def _turn(self, k: int) -> _Open:
        """The session for a step, with those spans that begin and end here noted."""
        step = self.steps[k]
        if self._open is None or self._open.segment != step.segment:
            self._begin_segment(k)
        assert self._open is not None
        self._move_on(self._open, step)
        return self._open

    def _move_on(self, opened: _Open, step: Step, until: Step | None = None) -> None:
        """Drop what has ended, and put to the pending what begins; in a replay only what lives."""
        for number, span in list(opened.live.items()):
            if not step.leg.covers(span, step.position):
                del opened.live[number]
                self._infer(opened.session.drop, self.tracks[number].track_id)
        for number, waiting in list(opened.pending.items()):
            if not step.leg.covers(waiting.span, step.position):
                del opened.pending[number]
        for span in self._seeds[step.leg].get(step.position, ()):
            if span.track in opened.live:
                continue
            if until is None or step.leg.covers(span, until.position):
                keyframe = self._named(span, span.seeds[step.position].keyframe)
                opened.pending[span.track] = _Pending(span, keyframe)

    def _named(self, span: Span, keyframe: Keyframe) -> Keyframe:
        name = self.tracks[span.track]
        return replace(keyframe, track_id=name.track_id, label=name.label)

    def _unread(self, step: Step) -> None:
        if self._open is not None:
            for waiting in self._open.pending.values():
                if step.position in waiting.span.seeds:
                    waiting.reason = "unread"

    def _prompt(self, k: int, image: Image, opened: _Open) -> None:
        """Start what is pending on this frame, and tell the session its later keyframes, too."""
        if not opened.pending:
            return
        step = self.steps[k]
        now: dict[int, Keyframe] = {}
        later: dict[int, dict[int, Keyframe]] = {}
        for number, waiting in sorted(opened.pending.items()):
            now[number] = replace(waiting.keyframe, frame_id=step.frame_id)
            opened.begun[step.position, number] = waiting.reason
            for position, seed in waiting.span.seeds.items():
                at = k + abs(position - step.position)
                ahead = (position > step.position) != step.leg.backward
                if position == step.position or not ahead or at >= len(self.steps):
                    continue
                if self.steps[at].segment == step.segment:
                    keyframe = self._named(waiting.span, seed.keyframe)
                    later.setdefault(position, {})[number] = keyframe
            opened.live[number] = waiting.span
        opened.pending.clear()
        self._ask(opened, step.position, image, now)
        for position, keyframes in sorted(later.items()):
            frame = self.frames[step.leg.sequence.frame_ids[position]]
            there = self._images.read(frame)
            if not isinstance(there, FrameFailure):  # it is listed when the walk comes there
                self._ask(opened, position, there, keyframes)

    def _ask(
        self, opened: _Open, position: int, image: Image, keyframes: Mapping[int, Keyframe]
    ) -> None:
        numbers = {self.tracks[n].track_id: n for n in keyframes}
        given = list(keyframes.values())
        for tracked in self._infer(opened.session.prompt, position, image, given):
            opened.answers[position, numbers[tracked.track_id]] = tracked

    def _begin_segment(self, k: int) -> None:
        """Open a session for frames of another size or leg, or where an earlier process stopped."""
        self._close()
        step = self.steps[k]
        first = k
        while first > 0 and self.steps[first - 1].segment == step.segment:
            first -= 1
        width, height = step.size
        session = self._infer(self._session, width, height, step.leg.backward)
        opened = self._open = _Open(session, step.segment)
        self._watch.clear()
        self._carry(first, opened)
        if first == k:
            return
        for j in range(first, k):
            self._move_on(opened, self.steps[j], until=step)
            for waiting in list(opened.pending.values()):
                if not step.leg.covers(waiting.span, step.position):
                    del opened.pending[waiting.span.track]
            if opened.pending and self._needed(self.steps[j]):
                image = self._images.read(self._frame(self.steps[j]))
                if isinstance(image, FrameFailure):
                    self._unread(self.steps[j])
                else:
                    self._prompt(j, image, opened)
        self._recall(first, k, opened)

    def _session(self, width: int, height: int, backward: bool) -> TrackSession:
        session = self.tracker.open(width, height, backward=backward)
        if self._keypoints and "keypoints" not in self.tracker.info.starts_from:
            from labkit.models.trackers.keypoints import WithKeypoints

            return WithKeypoints(session, backward=backward)
        return session

    def _carry(self, first: int, opened: _Open) -> None:
        """Where frames change their size, go on from the last shapes, scaled."""
        step = self.steps[first]
        if first == 0 or self.steps[first - 1].leg is not step.leg:
            return
        j = first - 1
        while j > 0 and self._past.get(j) is None and self.steps[j - 1].leg is step.leg:
            j -= 1
        old = self.steps[j]
        shapes = self._known(j)
        for span in step.leg.spans:
            shape = shapes.get(span.track)
            if shape is None or not step.leg.covers(span, old.position):
                continue
            if step.leg.covers(span, step.position):
                name = self.tracks[span.track]
                there = scaled(shape, old.size, step.size)
                keyframe = Keyframe(step.frame_id, name.track_id, name.label, there)
                opened.pending[span.track] = _Pending(span, keyframe, "size")

    def _known(self, j: int) -> dict[int, Shape]:
        """The shapes at an earlier step, decided keyframes included, by number of the track."""
        numbers = {name.track_id: n for n, name in enumerate(self.tracks)}
        step = self.steps[j]
        out: dict[int, Shape] = {}
        for tracked in self._past.get(j) or ():
            if tracked.shape is not None:
                out[numbers[tracked.track_id]] = tracked.shape
        for span in self._seeds[step.leg].get(step.position, ()):
            shape = span.seeds[step.position].keyframe.shape
            if shape is not None:
                out.setdefault(span.track, shape)
        return out

    def _recall(self, first: int, k: int, opened: _Open) -> None:
        """Give the session the last results of the parts, and the drift rules what was usual."""
        recent = range(max(first, k - 4 * self._memory), k)
        for j in [j for j in recent if self._past.get(j) is not None][-self._memory :]:
            step = self.steps[j]
            found = {t.track_id: t for t in self._past.get(j) or ()}
            given = []
            for number, span in opened.live.items():
                prompted = step.position in span.seeds
                if step.leg.covers(span, step.position) and not prompted:
                    track = self.tracks[number].track_id
                    given.append(found.get(track, Tracked(track, None, 0.0)))
            image = self._images.read(self._frame(step))
            if given and not isinstance(image, FrameFailure):
                self._infer(opened.session.recall, step.position, image, given)
        for j in range(max(first, k - self._watch.rules.window), k):
            if self._past.get(j) is None:
                continue
            step = self.steps[j]
            at_keyframe = {s.track for s in self._seeds[step.leg].get(step.position, ())}
            for number, shape in self._known(j).items():
                tracked = as_stored(Tracked(self.tracks[number].track_id, shape, 1.0))
                self._watch.note(tracked, j, anew=number in at_keyframe)

    def _infer(self, call: Callable[..., T], *args: Any) -> T:
        return self.worker.submit(call, *args, priority=Priority.TRACK).result()

    def _close(self) -> None:
        opened, self._open = self._open, None
        if opened is not None:
            with contextlib.suppress(Exception):
                self._infer(opened.session.close)


def _by_position(leg: Leg) -> dict[int, list[Span]]:
    """Spans by the positions of their keyframes."""
    out: dict[int, list[Span]] = {}
    for span in leg.spans:
        for position in span.seeds:
            out.setdefault(position, []).append(span)
    return out


def _covered(leg: Leg) -> np.ndarray:
    """By position of the sequence, whether any span is followed there."""
    out = np.zeros(len(leg.sequence.frame_ids), dtype=bool)
    for span in leg.spans:
        out[min(span.first, span.last) : max(span.first, span.last) + 1] = True
    return out
