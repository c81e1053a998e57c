"""What a frame of the world is, and how a stage with things on it becomes one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit.core.geometry import shape_from_mask
from labkit.core.types import Shape
from labkit.demo.belts import Belt, lay
from labkit.demo.camera import Camera, set_up
from labkit.demo.chance import Dice
from labkit.demo.domain import Domain
from labkit.demo.items import Item
from labkit.demo.shading import Lamp, Patch, Pose

__all__ = ["MIN_VISIBLE", "Bar", "Scene", "Stage", "TrueObject", "build_stage"]

MIN_VISIBLE = 0.15
"""An object of which less than this share is seen is left out of the truth."""

HIDDEN, SEEN = 0.25, 1.0
"""Confidence of keypoints under something else, and of those in sight (0: out of the frame)."""


@dataclass(frozen=True, slots=True)
class TrueObject:
    """One part in a frame, as it really is.

    Attributes
    ----------
    label : str
        ``nut``, ``bolt`` or ``washer``.
    shape : Shape
        Mask of the pixels where the part is on top and covers half of them or more; the box is
        that mask's. Bolts have the keypoints head and tip, with 1 where they are seen, 0.25 where
        something lies over them and 0 outside the frame.
    track_id : int
        The same in all frames of a clip, from 1.
    visible : float
        Seen share of the part's area, parts outside the frame included: ``MIN_VISIBLE`` .. 1.
    """

    label: str
    shape: Shape
    track_id: int
    visible: float


@dataclass(frozen=True, slots=True)
class Scene:
    """One frame of the world and its truth.

    Attributes
    ----------
    image : ndarray
        RGB uint8 ``(h, w, 3)``.
    objects : list of TrueObject
        In the order of their track ids. Parts seen by less than 15 % and distractors are not here.
    ids : ndarray
        uint16 ``(h, w)``: which thing is on top. 0 is the belt (and what hangs over it), a
        ``track_id`` that object, any other number a distractor or a part left out.
    index : int
        The frame's number in its clip.
    """

    image: NDArray[np.uint8]
    objects: list[TrueObject]
    ids: NDArray[np.uint16]
    index: int = 0


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar over the belt: where it begins along the belt, how wide it is, its colour."""

    start: int
    width: int
    colour: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Stage:
    """All of a scene that does not move."""

    size: tuple[int, int]
    scale: float
    seed: int
    belt: Belt
    lamp: Lamp
    camera: Camera
    bar: Bar | None

    def shoot(self, placed: Sequence[tuple[Item, Pose]], offset: int, index: int) -> Scene:
        """The frame ``index``, with things in their poses, the belt moved by ``offset`` pixels."""
        canvas = self.belt.view(offset, self.size)
        ids = np.zeros(self.size, np.uint16)
        areas: dict[int, int] = {}
        for item, pose in sorted(placed, key=lambda p: (p[0].level, p[0].track_id)):
            patch = item.patch(pose, self.lamp)
            areas[item.track_id] = _paint(canvas, ids, patch, item.track_id, self.lamp.shadow)
        if self.bar is not None:
            _hang(canvas, ids, self.bar, self.belt.axis)
        image = self.camera.expose(canvas, Dice("frame", self.seed, index))
        return Scene(image, _truth(placed, ids, areas), ids, index)


def _paint(
    canvas: NDArray[np.uint8], ids: NDArray[np.uint16], patch: Patch, number: int, depth: float
) -> int:
    """Shadow, then colour; the pixels that the whole part covers, seen or not."""
    area = int(np.count_nonzero(patch.cover >= 128))
    height, width = ids.shape
    y0, x0 = max(0, patch.y), max(0, patch.x)
    y1 = min(height, patch.y + patch.cover.shape[0])
    x1 = min(width, patch.x + patch.cover.shape[1])
    if y1 <= y0 or x1 <= x0:
        return area
    at = (slice(y0, y1), slice(x0, x1))
    cut = (slice(y0 - patch.y, y1 - patch.y), slice(x0 - patch.x, x1 - patch.x))
    cover = patch.cover[cut]
    dark = 256 - ((patch.shadow[cut].astype(np.uint16) * round(depth * 256)) >> 8)
    ground: Any = (canvas[at] * dark[..., None]) >> 8
    share = cover.astype(np.uint16)[..., None]
    canvas[at] = (ground * (255 - share) + patch.colour[cut] * share + 127) // 255
    ids[at][cover >= 128] = number
    return area


def _hang(canvas: NDArray[np.uint8], ids: NDArray[np.uint16], bar: Bar, axis: int) -> None:
    """Draw the bar across the belt, with the shadow it throws to both sides."""
    view = canvas if axis == 1 else canvas.transpose(1, 0, 2)
    end = bar.start + bar.width
    for k in range(10):
        for column in (bar.start - 1 - k, end + k):
            if 0 <= column < view.shape[1]:
                keep = 150 + 10 * k
                view[:, column] = (view[:, column].astype(np.uint16) * keep) >> 8
    shade = 200 - np.abs(np.arange(bar.width) * 2 - bar.width * 2 // 3) * 110 // bar.width
    colour = shade[:, None] * np.array(bar.colour) // 200
    view[:, bar.start : end] = np.clip(colour, 0, 255).astype(np.uint8)
    (ids if axis == 1 else ids.T)[:, bar.start : end] = 0


def _truth(
    placed: Sequence[tuple[Item, Pose]], ids: NDArray[np.uint16], areas: dict[int, int]
) -> list[TrueObject]:
    seen = np.bincount(ids.ravel(), minlength=1 + max(areas, default=0))
    columns = np.asfortranarray(ids)  # the order in which COCO's RLE runs
    out = []
    for item, pose in sorted(placed, key=lambda p: p[0].track_id):
        number = item.track_id
        visible = seen[number] / max(1, areas[number])
        if item.label is None or visible < MIN_VISIBLE or seen[number] == 0:
            continue
        shape = shape_from_mask(columns == number)
        points = tuple(_keypoint(pose.at(*p), ids, number) for p in item.part.keypoints)
        if points:
            shape = Shape(shape.box, mask=shape.mask, keypoints=points)
        out.append(TrueObject(item.label, shape, number, round(float(visible), 4)))
    return out


def _keypoint(
    point: tuple[float, float], ids: NDArray[np.uint16], number: int
) -> tuple[float, float, float]:
    x, y = point
    height, width = ids.shape
    if not (0 <= x < width and 0 <= y < height):
        return x, y, 0.0
    return x, y, SEEN if ids[int(y), int(x)] == number else HIDDEN


def build_stage(
    seed: int, domain: Domain, size: tuple[int, int], *, moving: bool, bar: bool | None = None
) -> Stage:
    """Belt, lamp and camera of a scene; ``bar`` None leaves the gantry to chance."""
    scale = min(size[0] / 384, size[1] / 512)
    belt = lay(Dice(domain.name, "belt", seed), domain, size, scale, long=moving)
    lamp, camera = set_up(
        Dice(domain.name, "camera", seed), domain, size, scale, belt.axis, moving=moving
    )
    dice = Dice(domain.name, "gantry", seed)
    hung = None
    if dice.chance(domain.gantry) if bar is None else bar:
        length, width = size[belt.axis], int(dice.uniform(24, 42) * scale)
        start = int(dice.uniform(0.25, 0.7) * length)
        hung = Bar(start, width, dice.choice(((52, 54, 58), (150, 120, 40), (118, 122, 128))))
    return Stage(size, scale, _scene_key(domain, seed), belt, lamp, camera, hung)


def _scene_key(domain: Domain, seed: int) -> int:
    """Seed of a scene's frame noise."""
    return Dice(domain.name, "noise", seed).whole(0, 2**31 - 1)
