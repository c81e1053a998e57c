"""A tracker's sessions over a run: what they go over, what they follow, and how one is resumed.

:class:`Plan` is the fixed side: steps, tracks, keyframes, the model. :class:`Sessions` opens one
session after another, as the run comes to frames of another size or to another pass. Nothing of a
session is stored: after a kill it is made again from the keyframes and the last results.
"""

from __future__ import annotations

import contextlib
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from labkit.core.drift import DriftWatch
from labkit.core.interpolate import scaled
from labkit.core.tracks import Keyframe, Tracked
from labkit.core.types import Frame, FrameFailure, Shape
from labkit.models.detectors.base import Image
from labkit.models.trackers.base import Tracker, TrackSession
from labkit.models.worker import InferenceWorker, Priority, worker
from labkit.tracking.records import Results, as_stored
from labkit.tracking.route import Interval, Pass, Step

if TYPE_CHECKING:
    from labkit.tracking.bidirectional import Bidirectional
    from labkit.tracking.propagate import ReadAhead

__all__ = ["RECALLED", "OpenSession", "Plan", "Sessions", "TrackName"]

T = TypeVar("T")

RECALLED = 4
"""A resumed run looks back so many times the tracker's memory for frames that could be read."""


@dataclass(frozen=True, slots=True)
class TrackName:
    """A track's id and label."""

    track_id: int
    label: str


@dataclass
class Plan:
    """The fixed side of a track run.

    Parameters
    ----------
    steps : sequence of Step
        Every frame of the run in order.
    tracks : sequence of TrackName
        By the numbers of the intervals.
    frames : mapping
        Frame id to Frame, for all steps.
    tracker : Tracker
    """

    steps: Sequence[Step]
    tracks: Sequence[TrackName]
    frames: Mapping[str, Frame]
    tracker: Tracker
    worker: InferenceWorker = field(default_factory=worker)

    def __post_init__(self) -> None:
        self.numbers = {name.track_id: n for n, name in enumerate(self.tracks)}
        self._segments: dict[int, int] = {}
        for k, step in enumerate(self.steps):
            self._segments.setdefault(step.segment, k)
        self._with_keyframes = {
            pass_: _by_position(pass_) for pass_ in {s.pass_ for s in self.steps}
        }
        self._covered = {pass_: _covered(pass_) for pass_ in self._with_keyframes}
        intervals = [interval for pass_ in self._with_keyframes for interval in pass_.intervals]
        self._places = {interval: sorted(interval.keyframes) for interval in intervals}
        self._keypoints = any(
            anchor.keyframe.shape is not None and anchor.keyframe.shape.keypoints is not None
            for interval in intervals
            for anchor in interval.keyframes.values()
        )

    def frame(self, step: Step) -> Frame:
        """The frame of a step."""
        return self.frames[step.frame_id]

    def needed(self, step: Step) -> bool:
        """Whether anything is followed on this frame; where all objects are outside, nothing is."""
        return bool(self._covered[step.pass_][step.position])

    def with_keyframe(self, step: Step) -> Sequence[Interval]:
        """The intervals with a keyframe on this frame."""
        return self._with_keyframes[step.pass_].get(step.position, ())

    def keyframe(self, interval: Interval, position: int) -> Keyframe:
        """The keyframe of an interval at a position, with the id and label of its track."""
        name = self.tracks[interval.track]
        return replace(
            interval.keyframes[position].keyframe, track_id=name.track_id, label=name.label
        )

    def later(self, k: int, interval: Interval) -> Iterator[tuple[int, int]]:
        """The later keyframes of an interval in step ``k``'s segment: step and position of each."""
        step = self.steps[k]
        for position in interval.keyframes:
            at = k + abs(position - step.position)
            ahead = (position > step.position) != step.pass_.backward
            if position == step.position or not ahead or at >= len(self.steps):
                continue
            if self.steps[at].segment == step.segment:
                yield at, position

    def gap(self, k: int, interval: Interval) -> tuple[int, int] | None:
        """The steps of the keyframes around step ``k``, None where there is none on either side.

        Where frames change their size after the earlier one, the first step of their size.
        """
        step, places = self.steps[k], self._places[interval]
        j = bisect_right(places, step.position)
        if step.position in interval.keyframes or not 0 < j < len(places):
            return None
        earlier, later = (j, j - 1) if step.pass_.backward else (j - 1, j)
        last = k + abs(places[later] - step.position)
        if last >= len(self.steps) or self.steps[last].segment != step.segment:
            return None
        first = max(k - abs(places[earlier] - step.position), self.first_of_segment(k))
        return first, last

    def first_of_segment(self, k: int) -> int:
        """The first step of this segment."""
        return self._segments[self.steps[k].segment]

    def session(self, step: Step, *, backward: bool) -> TrackSession:
        """Open a session for the frames of a step's segment."""
        return self.infer(self._session, *step.size, backward)

    def _session(self, width: int, height: int, backward: bool) -> TrackSession:
        session = self.tracker.open(width, height, backward=backward)
        if self._keypoints and "keypoints" not in self.tracker.info.starts_from:
            from labkit.models.trackers.keypoints import WithKeypoints

            return WithKeypoints(session, backward=backward)
        return session

    def infer(self, call: Callable[..., T], *args: Any) -> T:
        """Call something in the inference thread and wait for it."""
        return self.worker.submit(call, *args, priority=Priority.TRACK).result()


def _by_position(pass_: Pass) -> dict[int, list[Interval]]:
    """Spans by the positions of their keyframes."""
    out: dict[int, list[Interval]] = {}
    for interval in pass_.intervals:
        for position in interval.keyframes:
            out.setdefault(position, []).append(interval)
    return out


def _covered(pass_: Pass) -> NDArray[np.bool_]:
    """By position of the sequence, whether any interval is followed there."""
    out = np.zeros(len(pass_.sequence.frame_ids), dtype=bool)
    for interval in pass_.intervals:
        out[min(interval.first, interval.last) : max(interval.first, interval.last) + 1] = True
    return out


# ---- sessions


@dataclass(slots=True)
class _Pending:
    """An interval that waits for a readable frame, and why it does not start at its keyframe."""

    interval: Interval
    keyframe: Keyframe
    reason: str | None = None


@dataclass(slots=True)
class OpenSession:
    """One session: what it follows, what waits, what prompts have answered."""

    session: TrackSession
    segment: int
    live: dict[int, Interval] = field(default_factory=dict)
    pending: dict[int, _Pending] = field(default_factory=dict)
    answers: dict[tuple[int, int], Tracked] = field(default_factory=dict)
    begun: dict[tuple[int, int], str | None] = field(default_factory=dict)


class Sessions:
    """One session after another, as the run comes to frames of another size or pass.

    Parameters
    ----------
    plan : Plan
    results : Results
        What has been found.
    bidirectional : Bidirectional
        Knows the session's own shapes where those of the run are mixed.
    watch : DriftWatch
        Is told what was usual before a resumed run.
    images : ReadAhead
    """

    def __init__(
        self,
        plan: Plan,
        results: Results,
        bidirectional: Bidirectional,
        watch: DriftWatch,
        images: ReadAhead,
    ) -> None:
        self._plan, self._results, self._bidirectional = plan, results, bidirectional
        self._watch, self._images = watch, images
        self._memory = max(1, plan.tracker.info.memory)
        self.open: OpenSession | None = None

    def turn(self, k: int) -> OpenSession:
        """The session for a step, with those intervals that begin and end here noted."""
        step = self._plan.steps[k]
        if self.open is None or self.open.segment != step.segment:
            self._begin_segment(k)
        assert self.open is not None
        self._move_on(self.open, step)
        return self.open

    def _move_on(self, opened: OpenSession, step: Step, until: Step | None = None) -> None:
        """Drop what has ended, and put to the pending what begins; in a replay only what lives."""
        for number, interval in list(opened.live.items()):
            if not step.pass_.covers(interval, step.position):
                del opened.live[number]
                self._plan.infer(opened.session.drop, self._plan.tracks[number].track_id)
        for number, waiting in list(opened.pending.items()):
            if not step.pass_.covers(waiting.interval, step.position):
                del opened.pending[number]
        for interval in self._plan.with_keyframe(step):
            if interval.track in opened.live:
                continue
            if until is None or step.pass_.covers(interval, until.position):
                keyframe = self._plan.keyframe(interval, step.position)
                opened.pending[interval.track] = _Pending(interval, keyframe)

    def unread(self, step: Step) -> None:
        """Note that a frame cannot be read: what was to start there starts on the next one."""
        if self.open is not None:
            for waiting in self.open.pending.values():
                if step.position in waiting.interval.keyframes:
                    waiting.reason = "unread"

    def prompt(self, k: int, image: Image, opened: OpenSession) -> None:
        """Start what is pending on this frame, and tell the session its later keyframes, too."""
        if not opened.pending:
            return
        step = self._plan.steps[k]
        now: dict[int, Keyframe] = {}
        later: dict[int, dict[int, Keyframe]] = {}
        for number, waiting in sorted(opened.pending.items()):
            now[number] = replace(waiting.keyframe, frame_id=step.frame_id)
            opened.begun[step.position, number] = waiting.reason
            for _, position in self._plan.later(k, waiting.interval):
                keyframe = self._plan.keyframe(waiting.interval, position)
                later.setdefault(position, {})[number] = keyframe
            opened.live[number] = waiting.interval
        opened.pending.clear()
        self._ask(opened, step.position, image, now)
        for position, keyframes in sorted(later.items()):
            frame = self._plan.frames[step.pass_.sequence.frame_ids[position]]
            there = self._images.read(frame)
            if not isinstance(there, FrameFailure):  # it is listed when the run comes there
                self._ask(opened, position, there, keyframes)

    def _ask(
        self, opened: OpenSession, position: int, image: Image, keyframes: Mapping[int, Keyframe]
    ) -> None:
        given = list(keyframes.values())
        for tracked in self._plan.infer(opened.session.prompt, position, image, given):
            opened.answers[position, self._plan.numbers[tracked.track_id]] = tracked

    def _begin_segment(self, k: int) -> None:
        """Open a session for another size or pass, or where an earlier process stopped."""
        self.close()
        step = self._plan.steps[k]
        first = self._plan.first_of_segment(k)
        session = self._plan.session(step, backward=step.pass_.backward)
        opened = self.open = OpenSession(session, step.segment)
        self._watch.clear()
        self._carry(first, opened)
        if first == k:
            return
        for j in range(first, k):
            self._move_on(opened, self._plan.steps[j], until=step)
            for waiting in list(opened.pending.values()):
                if not step.pass_.covers(waiting.interval, step.position):
                    del opened.pending[waiting.interval.track]
            if opened.pending and self._plan.needed(self._plan.steps[j]):
                image = self._images.read(self._plan.frame(self._plan.steps[j]))
                if isinstance(image, FrameFailure):
                    self.unread(self._plan.steps[j])
                else:
                    self.prompt(j, image, opened)
        self._recall(first, k, opened)

    def _carry(self, first: int, opened: OpenSession) -> None:
        """Where frames change their size, go on from the last shapes, scaled."""
        step = self._plan.steps[first]
        if first == 0 or self._plan.steps[first - 1].pass_ is not step.pass_:
            return
        j = first - 1
        while (
            j > 0 and self._results.get(j) is None and self._plan.steps[j - 1].pass_ is step.pass_
        ):
            j -= 1
        old = self._plan.steps[j]
        shapes = self._known(j)
        for interval in step.pass_.intervals:
            shape = shapes.get(interval.track)
            if shape is None or not step.pass_.covers(interval, old.position):
                continue
            if step.pass_.covers(interval, step.position):
                name = self._plan.tracks[interval.track]
                there = scaled(shape, old.size, step.size)
                keyframe = Keyframe(step.frame_id, name.track_id, name.label, there)
                opened.pending[interval.track] = _Pending(interval, keyframe, "size")

    def _known(self, j: int) -> dict[int, Shape]:
        """The shapes at an earlier step, decided keyframes included, by number of the track."""
        numbers = self._plan.numbers
        step = self._plan.steps[j]
        out: dict[int, Shape] = {}
        for tracked in self._results.get(j) or ():
            if tracked.shape is not None:
                out[numbers[tracked.track_id]] = tracked.shape
        for interval in self._plan.with_keyframe(step):
            shape = interval.keyframes[step.position].keyframe.shape
            if shape is not None:
                out.setdefault(interval.track, shape)
        return out

    def _recall(self, first: int, k: int, opened: OpenSession) -> None:
        """Give the session the last results of the parts, and the drift rules what was usual."""
        recent = range(max(first, k - RECALLED * self._memory), k)
        for j in [j for j in recent if self._results.get(j) is not None][-self._memory :]:
            step = self._plan.steps[j]
            found = {t.track_id: t for t in self._results.get(j) or ()} | dict(
                self._bidirectional.own(j)
            )
            given = []
            for number, interval in opened.live.items():
                prompted = step.position in interval.keyframes
                if step.pass_.covers(interval, step.position) and not prompted:
                    track = self._plan.tracks[number].track_id
                    given.append(found.get(track, Tracked(track, None, 0.0)))
            image = self._images.read(self._plan.frame(step))
            if given and not isinstance(image, FrameFailure):
                self._plan.infer(opened.session.recall, step.position, image, given)
        for j in range(max(first, k - self._watch.rules.window), k):
            if self._results.get(j) is None:
                continue
            step = self._plan.steps[j]
            at_keyframe = {s.track for s in self._plan.with_keyframe(step)}
            for number, shape in self._known(j).items():
                tracked = as_stored(Tracked(self._plan.tracks[number].track_id, shape, 1.0))
                self._watch.note(tracked, j, again=number in at_keyframe)

    def close(self) -> None:
        """Close the session; the next step opens another."""
        opened, self.open = self.open, None
        if opened is not None:
            with contextlib.suppress(Exception):
                self._plan.infer(opened.session.close)
