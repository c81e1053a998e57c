"""Where a track run goes: sequences, passes, and what is followed on each.

::

    frames of a group, in order     0 1 2 3 4 5 6 7 8 9
    track a, keyframes at 2 and 6       K > > > K > > >      forward pass, one interval
    track a, target 0               < <                      backward pass_, from 2
    track b, outside at 6                 K > > o            an interval that ends at 5
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

import numpy as np
import pandas as pd

from labkit.core.errors import Argument, InputError
from labkit.core.registry import unknown
from labkit.frames.order import in_order
from labkit.tracking.keyframes import TrackKeyframe

__all__ = [
    "Direction",
    "FrameSequence",
    "Interval",
    "Pass",
    "Route",
    "Step",
    "passes",
    "route",
    "sequences",
    "steps",
]

Direction = Literal["auto", "forward", "backward", "both"]
_DIRECTIONS = ("auto", "forward", "backward", "both")


@dataclass(frozen=True, eq=False)
class FrameSequence:
    """The frames of one group: by index in a video, by order of adding in a folder."""

    group: str
    frame_ids: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    place: Mapping[str, int]


def sequences(frames: pd.DataFrame, wanted: Sequence[str]) -> dict[str, FrameSequence]:
    """The sequences in which frames lie, by ``frame_id`` of those asked for."""
    rows = frames[frames["frame_id"].isin(list(wanted))]
    made: dict[str, FrameSequence] = {}
    for group in rows["group"].unique():
        part = in_order(frames[frames["group"] == group])
        ids = tuple(part["frame_id"].tolist())
        sizes = tuple(zip(part["width"].tolist(), part["height"].tolist(), strict=True))
        made[group] = FrameSequence(str(group), ids, sizes, {f: k for k, f in enumerate(ids)})
    return {
        f: made[g] for f, g in zip(rows["frame_id"].tolist(), rows["group"].tolist(), strict=True)
    }


@dataclass(frozen=True, eq=False)
class Route:
    """What one track covers.

    Attributes
    ----------
    sequence : FrameSequence
    keyframes : mapping of int to TrackKeyframe
        By position.
    forward : tuple of (first, last)
        Stretches to track forward, inclusive.
    backward : (first, last) or None
        The stretch to track backward, ``first`` >= ``last``.
    silent : bool
        The first frame of the backward stretch has its proposal from the forward one.
    """

    sequence: FrameSequence
    keyframes: Mapping[int, TrackKeyframe]
    forward: tuple[tuple[int, int], ...] = ()
    backward: tuple[int, int] | None = None
    silent: bool = False


def route(
    keyframes: Sequence[TrackKeyframe],
    found: Mapping[str, FrameSequence],
    to: str | int | None,
    direction: Direction,
) -> Route:
    """Where a track goes from its keyframes.

    Forward from the first keyframe to the target, where the target lies before it backward; and
    between the keyframes in any case, unless the target is one of the frames between them.
    """
    sequence = found[keyframes[0].keyframe.frame_id]
    for anchor in keyframes:
        if found[anchor.keyframe.frame_id] is not sequence:
            raise InputError(
                f"Track {anchor.keyframe.label!r} cannot be tracked",
                f"its keyframes are in {sequence.group!r} and in "
                f"{found[anchor.keyframe.frame_id].group!r}",
                "one track is in one video or folder",
            )
    placed = {sequence.place[s.keyframe.frame_id]: s for s in keyframes}
    shown = [p for p, s in placed.items() if not s.keyframe.outside]
    first, last = min(shown), max(placed)
    back, end = _targets(sequence, first, last, to, direction)
    forward = ((first, end),) if end is not None else ()
    if back == first and forward:
        back = None
    return Route(
        sequence,
        placed,
        forward,
        None if back is None else (first, back),
        silent=bool(forward),
    )


def _targets(
    sequence: FrameSequence, first: int, last: int, to: str | int | None, direction: Direction
) -> tuple[int | None, int | None]:
    """The frames at which the backward and the forward pass end; None where there is none."""
    if direction not in _DIRECTIONS:
        raise unknown("direction", direction, list(_DIRECTIONS))
    size = len(sequence.frame_ids)
    between = last if last > first else None
    if isinstance(to, str):
        return _to_frame(sequence, first, last, to, direction)
    if to is None:
        back = 0 if direction in ("backward", "both") else None
        return back, between if direction == "backward" else size - 1
    if isinstance(to, bool) or not isinstance(to, int | np.integer) or to == 0:
        raise InputError(
            Argument("to", to) + " cannot be used",
            "it is a frame id or a number of frames other than 0",
        )
    count = int(to)
    if count < 0 and direction == "forward":
        raise InputError(
            Argument("to", count) + " lies before the start", "the direction is forward"
        )
    if direction == "both":
        return max(0, first - abs(count)), min(size - 1, last + abs(count))
    if count < 0 or direction == "backward":
        return max(0, first - abs(count)), between
    return None, min(size - 1, last + count)


def _to_frame(
    sequence: FrameSequence, first: int, last: int, to: str, direction: Direction
) -> tuple[int | None, int | None]:
    if to not in sequence.place:
        raise InputError(
            Argument("to", to) + " cannot be used",
            f"there is no such frame in {sequence.group!r}, where the objects are",
        )
    if direction == "both":
        raise InputError(
            Argument("direction", "both") + " cannot be used",
            "the target is one frame",
            "give a number of frames",
        )
    target = sequence.place[to]
    if target < first:
        if direction == "forward":
            raise InputError(
                Argument("to", to) + " lies before the start", "the direction is forward"
            )
        return target, last if last > first else None
    if direction == "backward" and target > first:
        raise InputError(Argument("to", to) + " lies behind the start", "the direction is backward")
    return None, target


@dataclass(frozen=True, eq=False)
class Interval:
    """One track on one pass_, from a keyframe to where it ends.

    Attributes
    ----------
    track : int
        Its number in the request.
    first, last : int
        Positions, inclusive, in the direction of the pass_.
    keyframes : mapping of int to TrackKeyframe
        Keyframes with shapes by position; one at ``first``.
    silent : bool
        On ``first`` it proposes nothing.
    """

    track: int
    first: int
    last: int
    keyframes: Mapping[int, TrackKeyframe]
    silent: bool = False


@dataclass(frozen=True, eq=False)
class Pass:
    """Consecutive frames of a sequence, tracked in one direction."""

    sequence: FrameSequence
    backward: bool
    positions: tuple[int, ...]
    intervals: tuple[Interval, ...]

    def covers(self, interval: Interval, position: int) -> bool:
        """Whether an interval is followed at a position."""
        sign = -1 if self.backward else 1
        return interval.first * sign <= position * sign <= interval.last * sign


@dataclass(frozen=True, eq=False)
class Step:
    """One frame of a pass; steps of one ``segment`` have one size and share a session."""

    pass_: Pass
    segment: int
    position: int

    @property
    def frame_id(self) -> str:
        """The frame."""
        return self.pass_.sequence.frame_ids[self.position]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.pass_.sequence.sizes[self.position]


def passes(routes: Sequence[Route]) -> list[Pass]:
    """The passes: for each sequence forward first, then backward, in stretches without gaps."""
    out: list[Pass] = []
    for sequence in dict.fromkeys(r.sequence for r in routes):
        mine = [(k, r) for k, r in enumerate(routes) if r.sequence is sequence]
        for backward in (False, True):
            intervals: list[Interval] = []
            covered: set[int] = set()
            for number, track in mine:
                if backward:
                    stretches = [track.backward] if track.backward is not None else []
                else:
                    stretches = list(track.forward)
                for first, last in stretches:
                    covered |= set(range(min(first, last), max(first, last) + 1))
                    intervals += _spans(number, track, first, last, backward)
            out += _stretches(sequence, backward, covered, intervals)
    return out


def _spans(number: int, track: Route, first: int, last: int, backward: bool) -> Iterator[Interval]:
    """From a keyframe up to the next one that says outside, and on from the next with a shape."""
    low, high = min(first, last), max(first, last)
    places = sorted((p for p in track.keyframes if low <= p <= high), reverse=backward)
    begun: int | None = None
    keyframes: dict[int, TrackKeyframe] = {}

    def interval(end: int) -> Interval:
        assert begun is not None
        silent = track.silent and backward and begun == first
        return Interval(number, begun, end, dict(keyframes), silent)

    for place in places:
        anchor = track.keyframes[place]
        if not anchor.keyframe.outside:
            begun = place if begun is None else begun
            keyframes[place] = anchor
        elif begun is not None:
            yield interval(place + (1 if backward else -1))
            begun, keyframes = None, {}
    if begun is not None:
        yield interval(last)


def _stretches(
    sequence: FrameSequence, backward: bool, covered: set[int], intervals: Sequence[Interval]
) -> Iterator[Pass]:
    for _, run in groupby(enumerate(sorted(covered)), key=lambda item: item[1] - item[0]):
        positions = [p for _, p in run]
        inside = [s for s in intervals if positions[0] <= s.first <= positions[-1]]
        if backward:
            positions.reverse()
        yield Pass(sequence, backward, tuple(positions), tuple(inside))


def steps(passes: Sequence[Pass]) -> list[Step]:
    """Every frame of the passes in order."""
    out: list[Step] = []
    segment = -1
    for pass_ in passes:
        size: tuple[int, int] | None = None
        for position in pass_.positions:
            if pass_.sequence.sizes[position] != size:
                size, segment = pass_.sequence.sizes[position], segment + 1
            out.append(Step(pass_, segment, position))
    return out
