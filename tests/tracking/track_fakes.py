"""Squares of one colour each that move over a plain ground, and a tracker that follows a colour.

Its boxes are whole pixels, so that a resumed run can be compared byte for byte.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from labkit.core.tracks import Keyframe, Tracked
from labkit.core.types import Frame, Shape
from labkit.frames import FrameError
from labkit.models.detectors.base import Image
from labkit.models.trackers.base import TrackerInfo
from labkit.models.trackers.each import EachSession
from labkit.store.project import ProjectStore

SIDE = 8


def frames(n: int, bad: Sequence[int] = (), double_from: int | None = None, group="g"):
    """Frames of one sequence without files; twice the size from one of them on."""
    out = []
    for k in range(n):
        digest = hashlib.sha256(f"{group}{k}".encode()).hexdigest()
        uri = f"{'bad' if k in bad else 'f'}{k:04d}.png"
        scale = 2 if double_from is not None and k >= double_from else 1
        size = (128 * scale, 96 * scale)
        out.append(Frame(digest[:16], digest, uri, k, *size, None, digest, group))
    return out


def box(j: int, k: int, scale: int = 1) -> tuple[int, int, int, int]:
    """Square ``j`` on frame ``k``: one pixel to the right a frame, from edge to edge."""
    x, y = (5 + k + 7 * j) % (128 - SIDE), 4 + 11 * j
    return x * scale, y * scale, (x + SIDE) * scale, (y + SIDE) * scale


@dataclass
class World:
    """Gives the pixels; ``gone`` names the frames on which a square is not to be seen."""

    squares: int = 4
    gone: dict[int, set[int]] = field(default_factory=dict)
    grown: dict[int, set[int]] = field(default_factory=dict)
    reads: list[int] = field(default_factory=list)

    def read(self, frame: Frame) -> Image:
        if "bad" in frame.uri:
            raise FrameError("This frame cannot be read", "it is truncated")
        self.reads.append(frame.index)
        image = np.full((frame.height, frame.width, 3), 20, np.uint8)
        for j in range(self.squares):
            if frame.index not in self.gone.get(j, ()):
                x1, y1, x2, y2 = box(j, frame.index, frame.height // 96)
                more = SIDE if frame.index in self.grown.get(j, ()) else 0
                image[y1 : y2 + more // 4, x1 : x2 + more] = 60 + 10 * j
        return image


class ColourSession:
    """Follows the colour in the middle of a box; a square that is gone may come back."""

    def __init__(self, tracker: ColourTracker, width: int, height: int, backward: bool) -> None:
        self.tracker, self.size, self.backward = tracker, (width, height), backward
        self.colours: dict[int, dict[int, int]] = {}
        self.prompted: dict[int, set[int]] = {}

    def prompt(self, position: int, image: Image, keyframes: Sequence[Keyframe]) -> list[Tracked]:
        assert image.shape[:2] == self.size[::-1]
        self.tracker.prompts.append((position, [k.track_id for k in keyframes]))
        out = []
        for keyframe in keyframes:
            shape = keyframe.shape
            if shape is None:
                (x, y), *_ = keyframe.prompts.points
                colour = int(image[int(y), int(x), 0])
                shape = self._find(image, colour)
            else:
                x1, y1, x2, y2 = shape.box
                colour = int(image[int((y1 + y2) / 2), int((x1 + x2) / 2), 0])
            self.colours.setdefault(keyframe.track_id, {})[position] = colour
            self.prompted.setdefault(position, set()).add(keyframe.track_id)
            out.append(Tracked(keyframe.track_id, shape, 1.0))
        return out

    def recall(self, position: int, image: Image, tracked: Sequence[Tracked]) -> None:
        self.tracker.recalls.append((position, [t.track_id for t in tracked]))

    def step(self, position: int, image: Image) -> list[Tracked]:
        assert image.shape[:2] == self.size[::-1]
        self.tracker.steps.append(position)
        if self.tracker.before is not None:
            self.tracker.before(position)
        out = []
        for track_id, known in self.colours.items():
            if track_id in self.prompted.get(position, ()):
                continue
            sign = -1 if self.backward else 1
            behind = [p for p in known if p * sign <= position * sign]
            colour = known[max(behind, key=lambda p: p * sign)]
            shape = self._find(image, colour)
            score = 0.0 if shape is None else 0.9
            out.append(Tracked(track_id, shape, score, {"object_score": score}))
        return out

    def _find(self, image: Image, colour: int) -> Shape | None:
        rows, columns = np.nonzero(image[..., 0] == colour)
        if not len(rows) or colour == 20:
            return None
        low, high = (columns.min(), rows.min()), (columns.max() + 1, rows.max() + 1)
        return Shape((*map(float, low), *map(float, high)))

    def drop(self, track_id: int) -> None:
        self.tracker.drops.append(track_id)
        self.colours.pop(track_id, None)

    def close(self) -> None:
        self.tracker.closed += 1


class ColourTracker:
    """``before`` is called with each position and may raise or wait."""

    def __init__(
        self,
        before: Callable[[int], None] | None = None,
        memory: int = 3,
        sees_ahead: bool = True,
    ) -> None:
        self.before = before
        self.info = TrackerInfo("colour", frozenset({"box", "clicks"}), "box", memory, sees_ahead)
        self.steps: list[int] = []
        self.prompts: list[tuple[int, list[int]]] = []
        self.recalls: list[tuple[int, list[int]]] = []
        self.drops: list[int] = []
        self.opened: list[tuple[int, int, bool]] = []
        self.closed = 0

    def open(self, width: int, height: int, *, backward: bool = False) -> ColourSession:
        self.opened.append((width, height, backward))
        return ColourSession(self, width, height, backward)


class SinkingSession(EachSession[Shape]):
    """Looks at nothing: on every frame an object is one pixel lower than on the frame before."""

    def __init__(self, tracker: SinkingTracker, width: int, height: int, backward: bool) -> None:
        super().__init__("sinking", width, height, backward=backward)
        self.tracker, self.way = tracker, tracker.ways[backward]

    def step(self, position: int, image: Image) -> list[Tracked]:
        self.way.append(position)
        if self.tracker.before is not None:
            self.tracker.before(position)
        return super().step(position, image)

    def look(self, image: Image) -> None:
        return None

    def begin(self, track_id: int, pixels: None, shape: Shape) -> Shape:
        return shape

    def follow(self, pixels: None, held: Mapping[int, Shape]):
        out = {}
        for track_id, shape in held.items():
            x1, y1, x2, y2 = shape.box
            lower = Shape((x1, y1 + 1, x2, y2 + 1))
            out[track_id] = Tracked(track_id, lower, 0.9), lower
        return out


class SinkingTracker:
    """A tracker that drifts, and knows nothing of keyframes further on."""

    info = TrackerInfo("sinking", frozenset({"box"}), "box", 1)

    def __init__(self, before: Callable[[int], None] | None = None) -> None:
        self.before = before
        self.ways: tuple[list[int], list[int]] = ([], [])

    def open(self, width: int, height: int, *, backward: bool = False) -> SinkingSession:
        return SinkingSession(self, width, height, backward)


def slow(seconds: float) -> ColourTracker:
    """A tracker that takes its time."""
    return ColourTracker(lambda position: time.sleep(seconds))


def new(path, n: int = 40, labels=("bolt", "nut"), **options) -> ProjectStore:
    """A project with one sequence."""
    project = ProjectStore.create(path, labels)
    project.append_frames(frames(n, **options))
    return project


def key(j: int, k: int, label: str = "bolt", group: str = "g", **more) -> Keyframe:
    """Square ``j`` on frame ``k`` as a keyframe of track ``j + 1``."""
    frame_id = hashlib.sha256(f"{group}{k}".encode()).hexdigest()[:16]
    given = more or {"shape": Shape(tuple(map(float, box(j, k))))}
    return Keyframe(frame_id, j + 1, label, **given)
