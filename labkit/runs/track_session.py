"""The open session of a walk: what it follows, what waits, and how it goes on after a kill."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from labkit.core.drift import DriftWatch
from labkit.core.interpolate import scaled
from labkit.core.tracks import Keyframe, Tracked
from labkit.core.types import FrameFailure, Shape
from labkit.models.detectors.base import Image
from labkit.models.trackers.base import TrackSession
from labkit.runs.track_course import Course
from labkit.runs.track_fade import Fade
from labkit.runs.track_past import Past, as_stored
from labkit.runs.track_plan import Span, Step
from labkit.runs.track_read import ReadAhead

__all__ = ["RECALLED", "OpenSession", "Sessions"]

RECALLED = 4
"""A resumed run looks back so many times the tracker's memory for frames that could be read."""


@dataclass(slots=True)
class _Pending:
    """A span that waits for a frame that can be read, and why it does not start at a keyframe."""

    span: Span
    keyframe: Keyframe
    reason: str | None = None


@dataclass(slots=True)
class OpenSession:
    """One session: what it follows, what waits, what prompts have answered."""

    session: TrackSession
    segment: int
    live: dict[int, Span] = field(default_factory=dict)
    pending: dict[int, _Pending] = field(default_factory=dict)
    answers: dict[tuple[int, int], Tracked] = field(default_factory=dict)
    begun: dict[tuple[int, int], str | None] = field(default_factory=dict)


class Sessions:
    """One session after another, as the walk comes to frames of another size or leg.

    Parameters
    ----------
    course : Course
    past : Past
        What has been found.
    fade : Fade
        Knows the session's own shapes where those of the run are mixed.
    watch : DriftWatch
        Is told what was usual where the walk goes on.
    images : ReadAhead
    """

    def __init__(
        self, course: Course, past: Past, fade: Fade, watch: DriftWatch, images: ReadAhead
    ) -> None:
        self._course, self._past, self._fade = course, past, fade
        self._watch, self._images = watch, images
        self._memory = max(1, course.tracker.info.memory)
        self.open: OpenSession | None = None

    def turn(self, k: int) -> OpenSession:
        """The session for a step, with those spans that begin and end here noted."""
        step = self._course.steps[k]
        if self.open is None or self.open.segment != step.segment:
            self._begin_segment(k)
        assert self.open is not None
        self._move_on(self.open, step)
        return self.open

    def _move_on(self, opened: OpenSession, step: Step, until: Step | None = None) -> None:
        """Drop what has ended, and put to the pending what begins; in a replay only what lives."""
        for number, span in list(opened.live.items()):
            if not step.leg.covers(span, step.position):
                del opened.live[number]
                self._course.infer(opened.session.drop, self._course.tracks[number].track_id)
        for number, waiting in list(opened.pending.items()):
            if not step.leg.covers(waiting.span, step.position):
                del opened.pending[number]
        for span in self._course.seeded(step):
            if span.track in opened.live:
                continue
            if until is None or step.leg.covers(span, until.position):
                keyframe = self._course.keyframe(span, step.position)
                opened.pending[span.track] = _Pending(span, keyframe)

    def unread(self, step: Step) -> None:
        """Note that a frame cannot be read: what was to start there starts on the next one."""
        if self.open is not None:
            for waiting in self.open.pending.values():
                if step.position in waiting.span.seeds:
                    waiting.reason = "unread"

    def prompt(self, k: int, image: Image, opened: OpenSession) -> None:
        """Start what is pending on this frame, and tell the session its later keyframes, too."""
        if not opened.pending:
            return
        step = self._course.steps[k]
        now: dict[int, Keyframe] = {}
        later: dict[int, dict[int, Keyframe]] = {}
        for number, waiting in sorted(opened.pending.items()):
            now[number] = replace(waiting.keyframe, frame_id=step.frame_id)
            opened.begun[step.position, number] = waiting.reason
            for _, position in self._course.later(k, waiting.span):
                keyframe = self._course.keyframe(waiting.span, position)
                later.setdefault(position, {})[number] = keyframe
            opened.live[number] = waiting.span
        opened.pending.clear()
        self._ask(opened, step.position, image, now)
        for position, keyframes in sorted(later.items()):
            frame = self._course.frames[step.leg.sequence.frame_ids[position]]
            there = self._images.read(frame)
            if not isinstance(there, FrameFailure):  # it is listed when the walk comes there
                self._ask(opened, position, there, keyframes)

    def _ask(
        self, opened: OpenSession, position: int, image: Image, keyframes: Mapping[int, Keyframe]
    ) -> None:
        given = list(keyframes.values())
        for tracked in self._course.infer(opened.session.prompt, position, image, given):
            opened.answers[position, self._course.numbers[tracked.track_id]] = tracked

    def _begin_segment(self, k: int) -> None:
        """Open a session for frames of another size or leg, or where an earlier process stopped."""
        self.close()
        step = self._course.steps[k]
        first = self._course.first_of_segment(k)
        session = self._course.session(step, backward=step.leg.backward)
        opened = self.open = OpenSession(session, step.segment)
        self._watch.clear()
        self._carry(first, opened)
        if first == k:
            return
        for j in range(first, k):
            self._move_on(opened, self._course.steps[j], until=step)
            for waiting in list(opened.pending.values()):
                if not step.leg.covers(waiting.span, step.position):
                    del opened.pending[waiting.span.track]
            if opened.pending and self._course.needed(self._course.steps[j]):
                image = self._images.read(self._course.frame(self._course.steps[j]))
                if isinstance(image, FrameFailure):
                    self.unread(self._course.steps[j])
                else:
                    self.prompt(j, image, opened)
        self._recall(first, k, opened)

    def _carry(self, first: int, opened: OpenSession) -> None:
        """Where frames change their size, go on from the last shapes, scaled."""
        step = self._course.steps[first]
        if first == 0 or self._course.steps[first - 1].leg is not step.leg:
            return
        j = first - 1
        while j > 0 and self._past.get(j) is None and self._course.steps[j - 1].leg is step.leg:
            j -= 1
        old = self._course.steps[j]
        shapes = self._known(j)
        for span in step.leg.spans:
            shape = shapes.get(span.track)
            if shape is None or not step.leg.covers(span, old.position):
                continue
            if step.leg.covers(span, step.position):
                name = self._course.tracks[span.track]
                there = scaled(shape, old.size, step.size)
                keyframe = Keyframe(step.frame_id, name.track_id, name.label, there)
                opened.pending[span.track] = _Pending(span, keyframe, "size")

    def _known(self, j: int) -> dict[int, Shape]:
        """The shapes at an earlier step, decided keyframes included, by number of the track."""
        numbers = self._course.numbers
        step = self._course.steps[j]
        out: dict[int, Shape] = {}
        for tracked in self._past.get(j) or ():
            if tracked.shape is not None:
                out[numbers[tracked.track_id]] = tracked.shape
        for span in self._course.seeded(step):
            shape = span.seeds[step.position].keyframe.shape
            if shape is not None:
                out.setdefault(span.track, shape)
        return out

    def _recall(self, first: int, k: int, opened: OpenSession) -> None:
        """Give the session the last results of the parts, and the drift rules what was usual."""
        recent = range(max(first, k - RECALLED * self._memory), k)
        for j in [j for j in recent if self._past.get(j) is not None][-self._memory :]:
            step = self._course.steps[j]
            found = {t.track_id: t for t in self._past.get(j) or ()} | dict(self._fade.own(j))
            given = []
            for number, span in opened.live.items():
                prompted = step.position in span.seeds
                if step.leg.covers(span, step.position) and not prompted:
                    track = self._course.tracks[number].track_id
                    given.append(found.get(track, Tracked(track, None, 0.0)))
            image = self._images.read(self._course.frame(step))
            if given and not isinstance(image, FrameFailure):
                self._course.infer(opened.session.recall, step.position, image, given)
        for j in range(max(first, k - self._watch.rules.window), k):
            if self._past.get(j) is None:
                continue
            step = self._course.steps[j]
            at_keyframe = {s.track for s in self._course.seeded(step)}
            for number, shape in self._known(j).items():
                tracked = as_stored(Tracked(self._course.tracks[number].track_id, shape, 1.0))
                self._watch.note(tracked, j, anew=number in at_keyframe)

    def close(self) -> None:
        """Close the session; the next step makes it anew."""
        opened, self.open = self.open, None
        if opened is not None:
            with contextlib.suppress(Exception):
                self._course.infer(opened.session.close)
