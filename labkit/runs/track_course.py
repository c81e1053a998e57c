"""What a track run goes over: its steps, its tracks, their keyframes by position, and the model."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from labkit.core.tracks import Keyframe
from labkit.core.types import Frame
from labkit.models.trackers.base import Tracker, TrackSession
from labkit.models.worker import InferenceWorker, Priority, worker
from labkit.runs.track_plan import Leg, Span, Step

__all__ = ["Course", "Named"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Named:
    """A track's id and label."""

    track_id: int
    label: str


@dataclass
class Course:
    """The fixed side of a walk.

    Parameters
    ----------
    steps : sequence of Step
        Every frame of the walk.
    tracks : sequence of Named
        By the numbers of the spans.
    frames : mapping
        Frame id to Frame, for all steps.
    tracker : Tracker
    """

    steps: Sequence[Step]
    tracks: Sequence[Named]
    frames: Mapping[str, Frame]
    tracker: Tracker
    worker: InferenceWorker = field(default_factory=worker)

    def __post_init__(self) -> None:
        self.numbers = {name.track_id: n for n, name in enumerate(self.tracks)}
        self._segments: dict[int, int] = {}
        for k, step in enumerate(self.steps):
            self._segments.setdefault(step.segment, k)
        self._seeds = {leg: _by_position(leg) for leg in {s.leg for s in self.steps}}
        self._covered = {leg: _covered(leg) for leg in self._seeds}
        spans = [span for leg in self._seeds for span in leg.spans]
        self._places = {span: sorted(span.seeds) for span in spans}
        self._keypoints = any(
            seed.keyframe.shape is not None and seed.keyframe.shape.keypoints is not None
            for span in spans
            for seed in span.seeds.values()
        )

    def frame(self, step: Step) -> Frame:
        """The frame of a step."""
        return self.frames[step.frame_id]

    def needed(self, step: Step) -> bool:
        """Whether anything is followed on this frame; where all objects are outside, nothing is."""
        return bool(self._covered[step.leg][step.position])

    def seeded(self, step: Step) -> Sequence[Span]:
        """The spans with a keyframe on this frame."""
        return self._seeds[step.leg].get(step.position, ())

    def keyframe(self, span: Span, position: int) -> Keyframe:
        """The keyframe of a span at a position, with the id and label of its track."""
        name = self.tracks[span.track]
        return replace(span.seeds[position].keyframe, track_id=name.track_id, label=name.label)

    def later(self, k: int, span: Span) -> Iterator[tuple[int, int]]:
        """The keyframes of a span behind step ``k``, in its segment: step and position of each."""
        step = self.steps[k]
        for position in span.seeds:
            at = k + abs(position - step.position)
            ahead = (position > step.position) != step.leg.backward
            if position == step.position or not ahead or at >= len(self.steps):
                continue
            if self.steps[at].segment == step.segment:
                yield at, position

    def gap(self, k: int, span: Span) -> tuple[int, int] | None:
        """The steps of the keyframes around step ``k``, None where there is none on either side.

        Where frames change their size after the earlier one, the first step of their size.
        """
        step, places = self.steps[k], self._places[span]
        j = bisect_right(places, step.position)
        if step.position in span.seeds or not 0 < j < len(places):
            return None
        earlier, later = (j, j - 1) if step.leg.backward else (j - 1, j)
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
