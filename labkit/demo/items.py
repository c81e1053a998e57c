"""Things with a surface and a number, rolled from a seed."""

from __future__ import annotations

from dataclasses import dataclass, field

from labkit.demo.chance import Dice
from labkit.demo.distractors import Chip, Disc, Pin, Ring, Swarf
from labkit.demo.domain import DISTRACTORS, Domain
from labkit.demo.parts import Bolt, Nut, Washer
from labkit.demo.relief import Part
from labkit.demo.shading import FINISHES, SUB, TURN, Finish, Lamp, Patch, Pose, draw

__all__ = ["Item", "new_item"]

_SURFACES = {
    "chip": ("steel", "plastic", "black", "copper"),
    "swarf": ("steel", "zinc", "brass"),
    "coin": ("copper", "zinc", "brass"),
    "o-ring": ("rubber", "rubber", "red rubber"),
    "pin": ("steel", "black", "zinc"),
}


@dataclass(slots=True)
class Item:
    """A thing on the belt. ``label`` is None for distractors; higher ``level`` lies on top."""

    part: Part
    finish: Finish
    label: str | None
    track_id: int = 0
    level: int = 0
    _drawn: tuple[Pose, Patch] | None = field(default=None, repr=False)

    def patch(self, pose: Pose, lamp: Lamp) -> Patch:
        """Drawn in that pose; a thing that rides on the belt without turning is drawn once."""
        x, y = pose.x // SUB, pose.y // SUB
        key = Pose(pose.x % SUB, pose.y % SUB, pose.turn % TURN)
        if self._drawn is None or self._drawn[0] != key:
            self._drawn = (key, draw(self.part, self.finish, key, lamp))
        drawn = self._drawn[1]
        return Patch(drawn.x + x, drawn.y + y, drawn.colour, drawn.cover, drawn.shadow)

    def forget(self) -> None:
        """Let go of the drawing: the thing is out of sight."""
        self._drawn = None


def new_item(dice: Dice, domain: Domain, label: str | None, size: float) -> Item:
    """A part with that label, or a distractor; ``size`` times as large as usual."""
    if label is not None:
        finish = FINISHES[dice.choice(*zip(*domain.finishes, strict=True))]
        return Item(_roll(label, dice, size), finish, label)
    kind = dice.choice(DISTRACTORS, (2, 1.5, 1.2, 1.2, 1.2))
    return Item(_roll(kind, dice, size), FINISHES[dice.choice(_SURFACES[kind])], None)


def _bolt(dice: Dice, m: float) -> Bolt:
    length = min(max(dice.uniform(50, 88) * m, 44), 90)
    half = length * dice.uniform(0.075, 0.115)
    head = dice.choice(("hex", "socket", "pan", "flange"), (4, 2, 2, 1.5))
    wide = {"hex": 1.85, "socket": 1.6, "pan": 1.9, "flange": 2.2}[head]
    long = {"hex": 1.35, "socket": 1.9, "pan": 1.2, "flange": 1.6}[head]
    pitch, thread = max(2.8, half * 0.5), dice.choice((0.08, dice.uniform(0.2, 0.55)))
    return Bolt(length, head, half * long, half * wide, half, pitch, thread)


def _chip(dice: Dice, m: float) -> Chip:
    radius = dice.uniform(10, 24) * m
    directions = ((1, 0.2), (0.3, 1), (-0.9, 0.5), (-0.6, -0.8), (0.5, -0.9))
    sides = tuple(
        (nu, nv, radius * dice.uniform(0.35, 0.9)) for nu, nv in directions if dice.chance(0.85)
    )
    return Chip(radius, sides, (dice.uniform(-0.5, 0.5), dice.uniform(-0.5, 0.5)))


def _roll(kind: str, dice: Dice, m: float) -> Part:
    """A part of that kind with random proportions, ``m`` times the usual size."""
    if kind == "nut":
        radius = min(max(dice.uniform(16, 32) * m, 13.5), 45)
        return Nut(radius, dice.uniform(0.4, 0.54), dice.uniform(0.9, 1.02), dice.chance(0.2))
    if kind == "washer":
        radius = min(max(dice.uniform(14, 32) * m, 12.5), 44)
        return Washer(radius, dice.uniform(0.42, 0.62), dice.chance(0.18))
    if kind == "bolt":
        return _bolt(dice, m)
    if kind == "coin":
        return Disc(dice.uniform(14, 28) * m, dice.uniform(0, 1))
    if kind == "o-ring":
        radius = dice.uniform(14, 30) * m
        return Ring(radius, max(1.6, radius * dice.uniform(0.08, 0.15)))
    if kind == "pin":
        length = dice.uniform(32, 70) * m
        return Pin(length, max(2.5, length * dice.uniform(0.07, 0.12)))
    if kind == "swarf":
        radius = dice.uniform(12, 26) * m
        return Swarf(radius, max(1.6, radius * dice.uniform(0.1, 0.2)), dice.uniform(-0.3, 0.7))
    return _chip(dice, m)
