"""``mil``: OpenCV's TrackerMIL, a box that learns what is inside it; no weights."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit.core.geometry import clip_boxes
from labkit.core.tracks import Tracked
from labkit.core.types import Shape
from labkit.models.detectors.base import Image
from labkit.models.trackers.base import TRACKERS, TrackerInfo
from labkit.models.trackers.each import EachSession
from labkit.models.trackers.moving import in_sight
from labkit.models.trackers.points import grey

__all__ = ["MilTracker"]

_SEED = 1
_SMALLEST = 8
"""Pixels: TrackerMIL's features need some room."""
_LEAST_SIMILAR, _LEAST_AT_EDGE = 0.1, 0.2
_EDGE = 5
"""Pixels: a box that is so near to the frame's edge counts as at the edge."""
_PATCH = (32, 32)


@dataclass(frozen=True, slots=True)
class _Pixels:
    bgr: NDArray[np.uint8]
    grey: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Held:
    tracker: Any
    offset: tuple[float, float, float, float]
    """From the box that OpenCV holds, in whole pixels, to the object's own."""
    patch: NDArray[np.float64]
    """What was in the box; at the frame's edge, what was in it before it came there."""
    free: bool
    """Whether the box has been away from the frame's edge."""


class _MilSession(EachSession[_Held]):
    def look(self, image: Image) -> _Pixels:
        return _Pixels(np.ascontiguousarray(image[..., ::-1]), grey(image))

    def begin(self, track_id: int, pixels: _Pixels, shape: Shape) -> _Held | None:
        import cv2

        box = clip_boxes(shape.box, self.width, self.height)
        x1, y1 = np.floor(box[:2]).astype(int)
        w, h = np.maximum(np.round(box[2:] - box[:2]).astype(int), _SMALLEST)
        if w >= self.width or h >= self.height:
            return None  # it cannot move, and OpenCV fails on it
        x1, y1 = min(x1, self.width - w), min(y1, self.height - h)
        _seed_all()
        tracker = cv2.TrackerMIL.create()
        tracker.init(pixels.bgr, (int(x1), int(y1), int(w), int(h)))
        ax, ay, bx, by = (float(v) for v in box - (x1, y1, x1 + w, y1 + h))
        held = (x1, y1, x1 + w, y1 + h)
        free = not self._at_edge(held)
        return _Held(tracker, (ax, ay, bx, by), _patch(pixels.grey, held), free)

    def follow(
        self, pixels: _Pixels, held: Mapping[int, _Held]
    ) -> dict[int, tuple[Tracked, _Held | None]]:
        return {i: self._one(i, pixels, one) for i, one in held.items()}

    def _one(self, track_id: int, pixels: _Pixels, one: _Held) -> tuple[Tracked, _Held | None]:
        import cv2

        lost = Tracked(track_id, None, 0.0), None
        try:
            found, (x, y, w, h) = one.tracker.update(pixels.bgr)
        except cv2.error:
            return lost
        box = np.array([x, y, x + w, y + h], np.float64)
        if not found or not in_sight(box, self.width, self.height):
            return lost
        patch = _patch(pixels.grey, box)
        similar = float(np.clip((patch * one.patch).mean(), 0.0, 1.0))
        signals = {"similarity": similar}
        # OpenCV's box stays within the frame, so it stands at the edge when its object has left
        stuck = one.free and self._at_edge(box)
        if similar < (_LEAST_AT_EDGE if stuck else _LEAST_SIMILAR):
            return Tracked(track_id, None, 0.0, signals), None
        x1, y1, x2, y2 = clip_boxes(box + one.offset, self.width, self.height)
        if x2 <= x1 or y2 <= y1:
            return lost
        free = one.free or not self._at_edge(box)
        held = _Held(one.tracker, one.offset, one.patch if stuck else patch, free)
        return Tracked(track_id, Shape((x1, y1, x2, y2)), similar, signals), held

    def _at_edge(self, box: Any) -> bool:
        x1, y1, x2, y2 = box
        across = x1 <= _EDGE or x2 >= self.width - _EDGE
        return bool(across or y1 <= _EDGE or y2 >= self.height - _EDGE)


def _patch(image: NDArray[np.uint8], box: Any) -> NDArray[np.float64]:
    """What is in a box, 32 x 32, without its mean and brightness: a product is a correlation."""
    import cv2

    height, width = image.shape
    x1, y1, x2, y2 = (int(v) for v in clip_boxes(box, width, height))
    if x2 <= x1 or y2 <= y1:
        return np.zeros(_PATCH)
    small = cv2.resize(image[y1:y2, x1:x2], _PATCH, interpolation=cv2.INTER_AREA).astype(np.float64)
    small -= small.mean()
    return np.asarray(small / max(1.0, float(small.std())))


def _seed_all() -> None:
    """Make TrackerMIL draw the same features: it asks C's ``rand`` as well as OpenCV's own."""
    import ctypes
    import sys

    import cv2

    cv2.setRNGSeed(_SEED)
    with contextlib.suppress(OSError, AttributeError):  # then results differ a little each time
        library = ctypes.CDLL("ucrtbase" if sys.platform == "win32" else None)
        library.srand(_SEED)


class MilTracker:
    """TrackerMIL (Babenko et al., Visual Tracking with Online Multiple Instance Learning, 2009).

    One tracker for each object; the size of the box never changes. It has no confidence of its own:
    ``score`` and the signal ``similarity`` are the correlation, 0..1, of what is in the box with
    what was in it one frame earlier (at the frame's edge: before it came there). What it has
    learned is lost when another process resumes the pass.
    """

    info = TrackerInfo(
        name="mil",
        starts_from=frozenset({"box", "polygon", "mask"}),
        gives="box",
        memory=1,
        help="A box that learns what is inside: slower than flow, and its size never changes.",
        params={"seed": _SEED},
    )

    def open(self, width: int, height: int, *, backward: bool = False) -> _MilSession:
        """Begin a pass over frames of one size."""
        return _MilSession("mil", width, height, backward=backward)


@TRACKERS.register("mil")
def open_mil(device: str | None = None) -> MilTracker:
    """Open the tracker; it computes on the CPU whatever the device."""
    return MilTracker()
