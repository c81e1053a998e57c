"""Motion: a belt that runs at a constant speed, and what rides, turns and slides on it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from labkit.core.errors import InputError
from labkit.demo.chance import Dice
from labkit.demo.domain import LABELS, Domain
from labkit.demo.items import Item, new_item
from labkit.demo.scene import Scene, Stage, build_stage
from labkit.demo.shading import SUB, TURN, Pose

__all__ = ["Clip", "plan_clip"]

_TOP_SPEED = 16
"""Pixels per frame at 512 by 384; on a faster belt, frames would have nothing in common."""

_TOP = 1000
"""Level of what lies on top of everything else."""


@dataclass(frozen=True, slots=True)
class Track:
    """A thing's path: position along and across the belt at frame 0, and its motion per frame.

    ``along`` counts in the direction of travel, 0 at the edge where things enter, in pixels;
    ``slip`` and ``drift`` are sixteenths of a pixel per frame on top of the belt's own motion.
    """

    item: Item
    along: float
    across: float
    turn: int
    spin: int = 0
    slip: int = 0
    drift: int = 0


@dataclass(frozen=True, slots=True)
class Clip:
    """A whole clip, planned; frames are drawn one at a time, in any order."""

    stage: Stage
    tracks: tuple[Track, ...]
    speed: int
    forward: bool

    def frame(self, t: int) -> Scene:
        """The frame ``t``."""
        length = self.stage.size[self.stage.belt.axis]
        placed = []
        for track in self.tracks:
            along = round(track.along * SUB) + t * (self.speed * SUB + track.slip)
            across = round(track.across * SUB) + t * track.drift
            reach = round((track.item.part.reach + 2) * SUB)
            if not -reach < along < length * SUB + reach:
                track.item.forget()
                continue
            if not self.forward:
                along = length * SUB - along
            turn = (track.turn + t * track.spin) % TURN
            pose = (along, across) if self.stage.belt.axis == 1 else (across, along)
            placed.append((track.item, Pose(*pose, turn)))
        offset = t * self.speed * (1 if self.forward else -1)
        return self.stage.shoot(placed, offset, t)


def plan_clip(
    seed: int,
    domain: Domain,
    frames: int,
    size: tuple[int, int],
    leaves: int,
    enters: int,
    gantry: bool | None,
) -> Clip:
    """Lay out a clip: see :func:`labkit.demo.world.clip`."""
    stage = build_stage(seed, domain, size, moving=True, bar=gantry)
    dice = Dice(domain.name, "clip", seed)
    forward = dice.chance(0.5)
    usual = dice.uniform(0.85, 1.35) * stage.scale
    speed = max(1, round(dice.uniform(2, 6) * stage.scale))
    items = [
        new_item(dice, domain, dice.choice(LABELS), min(usual, stage.scale))
        for _ in range(leaves + enters)
    ]
    speed = _fast_enough(items, speed, frames, stage.scale)
    span = (frames - 1) * speed
    tracks = _promised(dice, stage, items[:leaves], span, forward, leaving=True)
    tracks += _promised(dice, stage, items[leaves:], span, forward, leaving=False)
    _fill(dice, domain, tracks, stage, usual, speed, frames)
    for number, track in enumerate(tracks, start=1):
        track.item.track_id = number
    return Clip(stage, tuple(tracks), speed, forward)


def _fast_enough(items: list[Item], speed: int, frames: int, scale: float) -> int:
    """The belt's speed, raised so that each of the items can pass an edge of the frame."""
    for item in items:
        speed = max(speed, math.ceil((2 * item.part.reach + 4) / max(1, frames - 1)))
    if items and speed > _TOP_SPEED * max(scale, 0.5):
        raise InputError(
            f"In {frames} frames nothing can enter or leave the picture",
            "the belt would have to jump",
            "take more frames, or promise no entries and exits",
        )
    return speed


def _promised(
    dice: Dice, stage: Stage, items: list[Item], span: int, forward: bool, *, leaving: bool
) -> list[Track]:
    """Things that are wholly in sight at one end of the clip and gone at the other."""
    axis = stage.belt.axis
    length, breadth = stage.size[axis], stage.size[1 - axis]
    if sum(2 * item.part.reach for item in items) > breadth:
        raise InputError(
            f"{len(items)} objects cannot pass an edge side by side",
            f"the belt is {breadth} pixels wide",
            "promise fewer, or take a larger size",
        )
    out, free = [], breadth - sum(2 * item.part.reach for item in items)
    across = 0.0
    for item in items:
        reach = item.part.reach
        item.level = _TOP  # nothing may cover what was promised
        across += free / (2 * len(items)) + reach
        low, high = reach + 1, length - reach - 1
        low = max(low, length + reach + 2 - span) if leaving else low
        high = high if leaving else min(high, span - reach - 2)
        along = dice.uniform(low, high)  # where it is while in sight
        for _ in range(32):
            if not _under_bar(stage, along, reach, forward):
                break
            along = dice.uniform(low, high)
        start = along if leaving else along - span
        out.append(Track(item, start, across, dice.whole(0, TURN - 1)))
        across += reach + free / (2 * len(items))
    return out


def _under_bar(stage: Stage, along: float, reach: float, forward: bool) -> bool:
    if stage.bar is None:
        return False
    place = along if forward else stage.size[stage.belt.axis] - along
    return stage.bar.start - reach < place < stage.bar.start + stage.bar.width + reach


def _fill(
    dice: Dice,
    domain: Domain,
    tracks: list[Track],
    stage: Stage,
    usual: float,
    speed: int,
    frames: int,
) -> None:
    """Cover the whole stretch of belt that will be seen, evenly, with parts and distractors."""
    axis = stage.belt.axis
    length, breadth = stage.size[axis], stage.size[1 - axis]
    stretch = length + (frames - 1) * speed
    labels: list[str | None] = []
    for count, kind in ((domain.objects, True), (domain.distractors, False)):
        number = dice.uniform(*count) * stretch / length
        number -= len(tracks) if kind else 0
        labels += [dice.choice(LABELS) if kind else None for _ in range(round(max(0, number)))]
    slots = list(range(len(labels)))
    near = _Near(tracks)
    for label in labels:
        slot = slots.pop(dice.whole(0, len(slots) - 1))
        item = new_item(dice, domain, label, usual)
        item.level = dice.whole(0, _TOP - 1)
        allowed = 0.6 if dice.chance(0.2) else 1.02
        best, best_gap = (0.0, 0.0), -1.0
        for _ in range(12):
            along = length - stretch * (slot + dice.uniform(-0.4, 1.4)) / len(labels)
            across = dice.uniform(0.5 * item.part.reach, breadth - 0.5 * item.part.reach)
            gap = near.gap(along, across, item.part.reach)
            if gap > best_gap:
                best, best_gap = (along, across), gap
            if gap >= allowed:
                break
        near.add(*best, item.part.reach)
        tracks.append(_set_off(dice, item, best, speed, frames, breadth))


class _Near:
    """Places that are taken, by stretches of the belt, so that long clips are laid out quickly."""

    _STRETCH = 256

    def __init__(self, tracks: list[Track]) -> None:
        self._taken: dict[int, list[tuple[float, float, float]]] = {}
        for track in tracks:
            self.add(track.along, track.across, track.item.part.reach)

    def add(self, along: float, across: float, reach: float) -> None:
        self._taken.setdefault(int(along // self._STRETCH), []).append((along, across, reach))

    def gap(self, along: float, across: float, reach: float) -> float:
        """Distance to the nearest, over the sum of both reaches; 9 where none is near."""
        here = int(along // self._STRETCH)
        near = (o for k in (here - 1, here, here + 1) for o in self._taken.get(k, ()))
        ratios = (math.hypot(along - a, across - b) / (reach + r) for a, b, r in near)
        return min(ratios, default=9.0)


def _set_off(
    dice: Dice, item: Item, place: tuple[float, float], speed: int, frames: int, breadth: int
) -> Track:
    """Give a thing its own motion; it is at its place halfway through the clip."""
    spin = slip = drift = 0
    manner = dice.choice(("rides", "turns", "held", "drifts"), (5, 2.5, 1.5, 1))
    if manner != "rides":
        spin = dice.choice((-1, 1)) * dice.whole(1, 12)
    if manner == "held":
        slip = -round(dice.uniform(0.2, 0.7) * speed * SUB)
    if manner == "drifts":
        most = max(1, min(10, breadth * SUB // (4 * frames)))
        drift = dice.choice((-1, 1)) * dice.whole(1, most)
    half = (frames - 1) / (2 * SUB)
    start = (place[0] - half * slip, place[1] - half * drift)
    return Track(item, *start, dice.whole(0, TURN - 1), spin, slip, drift)
