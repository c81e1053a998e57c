"""``linear``: shapes between keyframes by linear interpolation; it looks at no pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from labkit.core.interpolate import interpolate
from labkit.core.tracks import Keyframe, Track, Tracked
from labkit.core.types import Shape
from labkit.models.detectors.base import Image
from labkit.models.trackers.base import TRACKERS, TrackerInfo

__all__ = ["LinearTracker"]

_HELD_SCORE = 0.5
"""Score of a shape that is kept as it was, since no later keyframe says where it goes."""


class _LinearSession:
    def __init__(self, *, backward: bool) -> None:
        self._backward = backward
        self._keyframes: dict[int, dict[int, Keyframe]] = {}
        self._shapes: dict[int, dict[int, Shape]] = {}
        self._recalled: dict[int, Shape] = {}

    def prompt(self, position: int, image: Image, keyframes: Sequence[Keyframe]) -> list[Tracked]:
        for keyframe in keyframes:
            mine = self._keyframes.setdefault(keyframe.track_id, {})
            mine[position] = replace(keyframe, frame_id=str(position))
            self._shapes[keyframe.track_id] = _between(mine)
        return [Tracked(k.track_id, k.shape, 1.0) for k in keyframes]

    def recall(self, position: int, image: Image, tracked: Sequence[Tracked]) -> None:
        """Keep the shapes of objects whose keyframes nobody prompts again."""
        self._recalled |= {t.track_id: t.shape for t in tracked if t.shape is not None}

    def step(self, position: int, image: Image) -> list[Tracked]:
        out = []
        for track_id, shapes in self._shapes.items():
            keyframes = self._keyframes[track_id]
            end = min(keyframes) if self._backward else max(keyframes)
            if position in keyframes:
                continue
            if position in shapes:
                out.append(Tracked(track_id, shapes[position], 1.0))
            elif (position < end) == self._backward and not keyframes[end].outside:
                out.append(Tracked(track_id, shapes[end], _HELD_SCORE))
        held = self._recalled.items()
        return out + [Tracked(i, shape, _HELD_SCORE) for i, shape in held if i not in self._shapes]

    def drop(self, track_id: int) -> None:
        for known in (self._keyframes, self._shapes, self._recalled):
            known.pop(track_id, None)

    def close(self) -> None:
        """There is nothing to free."""


def _between(keyframes: dict[int, Keyframe]) -> dict[int, Shape]:
    """The shape of a track on each position from its first keyframe to its last."""
    first, *_ = keyframes.values()
    same = tuple(replace(k, label=first.label) for k in keyframes.values())
    positions = range(min(keyframes), max(keyframes) + 1)
    shapes = interpolate(Track(first.track_id, first.label, same), [str(p) for p in positions])
    return {int(name): shape for name, shape in shapes.items()}


class LinearTracker:
    """Boxes, rotated boxes and keypoints change linearly from one keyframe to the next.

    The outline of a mask or polygon is that of the nearest keyframe, moved and scaled with the
    interpolated box. Beyond the last keyframe a shape stays where it is, with a score of 0.5. See
    :func:`labkit.core.interpolate.interpolate`.
    """

    info = TrackerInfo(
        name="linear",
        starts_from=frozenset({"box", "polygon", "mask", "keypoints"}),
        gives="box",
        memory=1,
        sees_ahead=True,
        help="Linear interpolation between keyframes: at once and without a model; draw a keyframe "
        "wherever the motion changes.",
    )

    def open(self, width: int, height: int, *, backward: bool = False) -> _LinearSession:
        """Begin a pass over frames of one size."""
        return _LinearSession(backward=backward)


@TRACKERS.register("linear")
def open_linear(device: str | None = None) -> LinearTracker:
    """Open the tracker; it computes on the CPU whatever the device."""
    return LinearTracker()
