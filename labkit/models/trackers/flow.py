"""``flow``: boxes, polygons and masks carried by optical flow of the points inside; no weights."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from labkit.core.tracks import Tracked
from labkit.core.types import Shape
from labkit.models.detectors.base import Image
from labkit.models.trackers.base import TRACKERS, TrackerInfo
from labkit.models.trackers.each import EachSession
from labkit.models.trackers.moving import Matrix, compose, move
from labkit.models.trackers.points import Motion, agreed_motion, follow, grey, seed, split

__all__ = ["FlowTracker"]

_LEAST_INLIERS = 0.15
"""An object is lost if fewer of its points agree than this share."""


@dataclass(frozen=True, slots=True)
class _Held:
    """An object: its first shape, how that has moved since, and what it is now on which image.

    Moving the first shape, and not the last, keeps a mask from being rounded to pixels each time.
    """

    first: Shape
    moved: Matrix
    shape: Shape
    image: NDArray[np.uint8]


class _FlowSession(EachSession[_Held]):
    def look(self, image: Image) -> NDArray[np.uint8]:
        return grey(image)

    def begin(self, track_id: int, pixels: NDArray[np.uint8], shape: Shape) -> _Held:
        shape = replace(shape, keypoints=None)
        return _Held(shape, np.eye(2, 3), shape, pixels)

    def follow(
        self, pixels: NDArray[np.uint8], held: Mapping[int, _Held]
    ) -> dict[int, tuple[Tracked, _Held | None]]:
        # all objects that were last seen on the same image in one call: it builds both pyramids
        groups: dict[int, list[int]] = defaultdict(list)
        for track_id, one in held.items():
            groups[id(one.image)].append(track_id)
        out: dict[int, tuple[Tracked, _Held | None]] = {}
        for ids in groups.values():
            before = held[ids[0]].image
            seeds = [seed(before, held[i].shape) for i in ids]
            gone = split(seeds, follow(before, pixels, np.concatenate(seeds)))
            for track_id, start, points in zip(ids, seeds, gone, strict=True):
                motion = agreed_motion(start, points)
                out[track_id] = self._moved(track_id, held[track_id], motion, pixels)
        return out

    def _moved(
        self, track_id: int, one: _Held, motion: Motion | None, pixels: NDArray[np.uint8]
    ) -> tuple[Tracked, _Held | None]:
        if motion is None or motion.inliers < _LEAST_INLIERS:
            return Tracked(track_id, None, 0.0), None
        moved = compose(motion.matrix, one.moved)
        shape = move(one.first, moved, self.width, self.height)
        signals = {"forward_backward": motion.error, "inliers": motion.inliers}
        if shape is None:
            return Tracked(track_id, None, 0.0, signals), None
        score = motion.inliers / (1 + motion.error)
        return Tracked(track_id, shape, score, signals), _Held(one.first, moved, shape, pixels)


class FlowTracker:
    """Pyramidal Lucas-Kanade flow of the points inside an object, forward-backward checked.

    The points that come back agree on a similarity transform (RANSAC) that moves the object: masks,
    polygons and rotated boxes move, turn and scale; boxes move and scale. New points are searched
    on every frame. ``score`` is the share of points that agree, less the more their
    forward-backward error is.
    """

    info = TrackerInfo(
        name="flow",
        starts_from=frozenset({"box", "polygon", "mask"}),
        gives="box",
        memory=1,
        help="Optical flow: quick, moves boxes, polygons and masks with the pixels inside; it "
        "cannot find again what was hidden.",
    )

    def open(self, width: int, height: int, *, backward: bool = False) -> _FlowSession:
        """Begin a pass over frames of one size."""
        return _FlowSession("flow", width, height, backward=backward)


@TRACKERS.register("flow")
def open_flow(device: str | None = None) -> FlowTracker:
    """Open the tracker; it computes on the CPU whatever the device."""
    return FlowTracker()
