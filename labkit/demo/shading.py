"""From a part in a pose to pixels: metal under one lamp, its coverage and its soft shadow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit.demo.chance import Dice
from labkit.demo.relief import Grid, Part

__all__ = ["FINISHES", "SUB", "TURN", "Finish", "Lamp", "Patch", "Pose", "draw", "fixed"]

TURN = 1440
"""Steps of a full turn: poses are whole numbers, quarters of a degree."""

SUB = 16
"""Steps of a pixel: places are whole numbers, sixteenths."""


@dataclass(frozen=True, slots=True)
class Finish:
    """A surface: its colour, brightness of the flat, share of the highlight, brushing."""

    colour: tuple[int, int, int]
    level: float = 0.62
    gloss: float = 1.0
    brushed: float = 0.05


FINISHES = {
    "steel": Finish((168, 172, 178), 0.6, 1.0, 0.07),
    "zinc": Finish((206, 212, 220), 0.66, 1.2, 0.04),
    "brass": Finish((206, 164, 84), 0.62, 1.1, 0.05),
    "black": Finish((66, 66, 72), 0.55, 0.8, 0.03),
    "yellow zinc": Finish((200, 182, 112), 0.62, 1.0, 0.05),
    "copper": Finish((176, 118, 88), 0.6, 0.9, 0.06),
    "rubber": Finish((38, 36, 38), 0.6, 0.25, 0.02),
    "red rubber": Finish((132, 54, 44), 0.6, 0.25, 0.02),
    "plastic": Finish((196, 196, 190), 0.66, 0.3, 0.01),
}


@dataclass(frozen=True, slots=True)
class Lamp:
    """The light on the parts: direction towards it on the picture, highlights and shadows."""

    x: float
    y: float
    gloss: float
    shadow: float
    shadow_length: float


@dataclass(frozen=True, slots=True)
class Pose:
    """Place of a part's centre in sixteenths of a pixel, and its turn in quarters of a degree."""

    x: int
    y: int
    turn: int = 0

    def at(self, u: float, v: float) -> tuple[float, float]:
        """A point of the part in the frame's pixels."""
        cos, sin = rotation(self.turn)
        return self.x / SUB + u * cos - v * sin, self.y / SUB + u * sin + v * cos


@dataclass(frozen=True, slots=True)
class Patch:
    """A drawn part; ``x, y`` is the place of its corner in the frame, maybe outside.

    ``colour`` is ``(h, w, 3)``; ``cover`` and ``shadow`` are ``(h, w)``, all uint8.
    """

    x: int
    y: int
    colour: NDArray[np.uint8]
    cover: NDArray[np.uint8]
    shadow: NDArray[np.uint8]


def fixed(value: float, steps: int = 1 << 14) -> float:
    """Rounded to a grid, so that the last bit of a machine's ``sin`` cannot be seen."""
    return round(value * steps) / steps


@lru_cache(maxsize=TURN)
def rotation(turn: int) -> tuple[float, float]:
    """Cosine and sine of a turn."""
    angle = 2 * math.pi * (turn % TURN) / TURN
    return fixed(math.cos(angle)), fixed(math.sin(angle))


@lru_cache(maxsize=64)
def _ramp(finish: Finish) -> NDArray[np.uint8]:
    """Colour of every brightness 0..255: black, the finish's colour at 160, near white."""
    base = np.array(finish.colour, np.float64)
    dark, light = base * 0.06, base + (255 - base) * 0.86
    out = np.empty((256, 3))
    up = np.arange(161)[:, None] / 160
    out[:161] = dark + (base - dark) * up
    out[160:] = base + (light - base) * (np.arange(96)[:, None] / 95)
    return np.floor(out + 0.5).astype(np.uint8)


@lru_cache(maxsize=1)
def _brushing() -> Grid:
    """Fine streaks -1..1, ``(256, 256)``."""
    raw = Dice("brushing").bytes(256, 256).astype(np.float32)
    return (raw - 127.5) * np.float32(1 / 127.5)


def draw(part: Part, finish: Finish, pose: Pose, lamp: Lamp) -> Patch:
    """Draw one part; coverage is exact to the pixel, the shadow is soft."""
    import cv2

    soft = 1.2 + 0.05 * part.reach
    margin = math.ceil(lamp.shadow_length + 3 * soft) + 1
    cx, cy = pose.x / SUB, pose.y / SUB
    x0, y0 = math.floor(cx - part.reach) - margin, math.floor(cy - part.reach) - margin
    x1, y1 = math.ceil(cx + part.reach) + margin, math.ceil(cy + part.reach) + margin
    inner = (slice(margin - 1, y1 - y0 - margin + 1), slice(margin - 1, x1 - x0 - margin + 1))
    x = (np.arange(x0, x1)[inner[1]] + (0.5 - cx)).astype(np.float32)[None]
    y = (np.arange(y0, y1)[inner[0]] + (0.5 - cy)).astype(np.float32)[:, None]
    cos, sin = (np.float32(c) for c in rotation(pose.turn))
    u, v = x * cos + y * sin, y * cos - x * sin

    distance, height, tone = part.relief(u, v)
    cover: Any = np.zeros((y1 - y0, x1 - x0), np.uint8)
    cover[inner] = (np.clip(np.float32(0.5) - distance, 0, 1) * 255 + 0.5).astype(np.uint8)
    sheen = (x * np.float32(lamp.x) + y * np.float32(lamp.y)) * np.float32(0.3 / part.reach)
    colour = np.empty((*cover.shape, 3), np.uint8)
    if part.turned:  # grooves round the axis throw the light back as a bow tie
        square = sheen * sheen
        ahead = square * np.float32((part.reach / 0.3) ** 2) / (x * x + y * y + 1)
        tone = tone + (ahead * ahead - np.float32(0.35)) * np.float32(0.4 * part.turned)
    colour[inner] = _ramp(finish)[_brightness(finish, lamp, u, v, height, tone, sheen)]

    shift = (round(-lamp.x * lamp.shadow_length), round(-lamp.y * lamp.shadow_length))
    shadow = np.roll(cover, shift[::-1], (0, 1))  # the margin is wider than the shift
    shadow = cv2.GaussianBlur(shadow, (0, 0), fixed(soft, 16), borderType=cv2.BORDER_CONSTANT)
    return Patch(x0, y0, colour, cover, shadow)


def _brightness(
    finish: Finish, lamp: Lamp, u: Grid, v: Grid, height: Grid, tone: Grid, sheen: Grid
) -> NDArray[np.uint8]:
    """Lambert's term on the relief's slope, and a band of highlight where it faces the lamp."""
    slope = sheen.copy()
    slope[:, 1:-1] -= (height[:, 2:] - height[:, :-2]) * np.float32(0.5 * lamp.x)
    slope[1:-1] -= (height[2:] - height[:-2]) * np.float32(0.5 * lamp.y)
    slope = np.clip(slope, -1.1, 1.1)
    band = np.clip(1 - np.abs(slope - np.float32(0.42)) * np.float32(1 / 0.36), 0, 1)
    grain = _brushing()[(v * 2).astype(np.int32) & 255, (u * 0.25).astype(np.int32) & 255]
    lit = np.float32(finish.level) + slope * np.float32(0.36)
    lit = lit + band * band * np.float32(lamp.gloss * finish.gloss)
    lit = lit * tone + grain * np.float32(finish.brushed)
    pixels: NDArray[np.uint8] = (np.clip(lit, 0, 1) * 255).astype(np.uint8)
    return pixels
