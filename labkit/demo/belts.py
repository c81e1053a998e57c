"""Conveyor belts: materials that repeat along the belt, their colour and wear, rails beside them.

All in whole numbers; the resizing and blurring used is OpenCV's bit-exact kind (uint8).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit.demo.chance import Dice
from labkit.demo.domain import Domain
from labkit.demo.shading import fixed

__all__ = ["MATERIALS", "PERIOD", "Belt", "lay"]

PERIOD = 1024
"""Pixels after which a belt repeats, along and across."""

Bytes = NDArray[np.uint8]
Whole = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Belt:
    """A belt under one camera.

    ``texture`` is RGB uint8; it repeats along ``axis`` (1: it runs left and right, 0: up and
    down). ``rail`` is one rail's profile ``(thickness, 3)`` from its outer edge, or None.
    """

    texture: Bytes
    axis: int
    rail: Bytes | None

    def view(self, offset: int, size: tuple[int, int]) -> Bytes:
        """The picture ``(h, w, 3)`` of the belt after it moved by ``offset`` pixels."""
        height, width = size
        length = size[self.axis]
        at = np.arange(-offset, length - offset) % PERIOD
        if at[0] + length <= PERIOD:
            part: Any = slice(at[0], at[0] + length)
        else:
            part = at
        cut = self.texture[part, :width] if self.axis == 0 else self.texture[:height, part]
        out = np.array(cut[:height, :width])
        if self.rail is not None:
            sides = out if self.axis == 1 else out.transpose(1, 0, 2)
            thick = len(self.rail)
            sides[:thick] = self.rail[:, None]
            sides[-thick:] = self.rail[::-1, None]
            for k in range(6):  # the shadow at a rail's foot
                keep = 128 + 20 * k
                for row in (thick + k, -1 - thick - k):
                    sides[row] = (sides[row].astype(np.uint16) * keep) >> 8
        return out


def _clouds(dice: Dice, cells: int, stretch: int = 1) -> Whole:
    """Periodic smooth noise about 0, of amplitude near 64, with ``cells`` across the period."""
    import cv2

    along = max(4, cells // stretch)
    grid = np.pad(dice.bytes(cells, along), 1, mode="wrap")
    step, wide = PERIOD // cells, PERIOD // along
    big = cv2.resize(
        grid, (grid.shape[1] * wide, grid.shape[0] * step), interpolation=cv2.INTER_LINEAR_EXACT
    )
    middle = big[step : step + PERIOD, wide : wide + PERIOD]
    out: Whole = (middle.astype(np.int16) - 128) // 2
    return out


def _triangle(t: NDArray[Any], period: int) -> NDArray[Any]:
    """Triangle wave of whole numbers, 0 to ``period // 2``."""
    part = t % period
    out: NDArray[Any] = np.minimum(part, period - part)
    return out


def _axes() -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    across, along = np.mgrid[0:PERIOD, 0:PERIOD].astype(np.int32)
    return along, across


def _grain(dice: Dice, amplitude: int) -> Whole:
    """Fine speckle."""
    two = dice.bytes(2, PERIOD, PERIOD).astype(np.int16)
    out: Whole = (two[0] + two[1] - 255) * amplitude // 255
    return out


def _weave(dice: Dice) -> NDArray[Any]:
    x, y = _axes()
    diamonds = _triangle(x + y, 8) * _triangle(x - y, 8) * 3 // 2
    out: NDArray[Any] = diamonds - 6 + _grain(dice, 7) + _clouds(dice, 8) // 6
    return out


def _ribs(dice: Dice) -> NDArray[Any]:
    x, _ = _axes()
    at = x % 32
    ridge = np.where(at < 10, 26 - np.abs(at - 5) * 4, np.where(at < 14, -34, -8))
    return ridge + _grain(dice, 9) + _clouds(dice, 16, 4) // 5


def _rubber(dice: Dice) -> NDArray[Any]:
    return _grain(dice, 22) + _clouds(dice, 128) // 6 + _clouds(dice, 8) // 3


def _links(dice: Dice) -> NDArray[Any]:
    x, y = _axes()
    row = y // 32
    a, b = (x + 64 * (row % 2)) % 128, y % 32
    gap = (a < 3) | (b < 2)
    lip = (a == 3) | (b == 2)
    slot = (np.abs(a % 32 - 17) < 5) & (np.abs(b - 17) < 3)  # drain holes
    tone = np.where(gap, -48, np.where(lip, 20, np.where(slot, -34, 4)))
    return tone + _grain(dice, 6) + _clouds(dice, 16) // 6


def _worn(dice: Dice) -> NDArray[Any]:
    streaks = _clouds(dice, 256, 64) // 3 + _clouds(dice, 64, 16) // 3
    return streaks + _grain(dice, 10) + _clouds(dice, 8) // 4


MATERIALS: dict[str, Callable[[Dice], NDArray[Any]]] = {
    "weave": _weave,
    "ribs": _ribs,
    "rubber": _rubber,
    "links": _links,
    "worn": _worn,
}


@lru_cache(maxsize=16)
def _material(name: str) -> Bytes:
    """One material in grey about 128, ``(PERIOD, PERIOD)``: drawn once per process."""
    out: Bytes = np.clip(128 + MATERIALS[name](Dice("belt", name)), 0, 255).astype(np.uint8)
    return out


def _coloured(grey: Bytes, colour: tuple[int, int, int], contrast: float) -> Bytes:
    import cv2

    step = (np.arange(256) - 128)[:, None] * fixed(contrast * (0.4 + max(colour) / 320), 256)
    table = np.clip(np.floor(np.array(colour) + step + 0.5), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(cv2.merge([grey] * 3), table[None]))


def _wear(texture: Bytes, dice: Dice, marks: int, scale: float) -> None:
    """Scratches and stains, on the whole texture."""
    import cv2

    height, width = texture.shape[:2]
    for _ in range(marks):
        x, y = dice.whole(0, width - 1), dice.whole(0, height - 1)
        tone = dice.uniform(0.75, 1.2)
        colour = [int(min(255, c * tone)) for c in texture[y, x].tolist()]
        if dice.chance(0.6):
            end = (x + dice.whole(-90, 90), y + dice.whole(-14, 14))
            if dice.chance(0.3):
                end = (x + dice.whole(-30, 30), y + dice.whole(-60, 60))
            cv2.line(texture, (x, y), end, colour, dice.whole(1, 2), cv2.LINE_AA)
            continue
        r = int(dice.uniform(8, 40) * scale)
        x, y = min(max(x, r), width - r), min(max(y, r), height - r)
        spot: Any = np.zeros((2 * r, 2 * r), np.uint8)
        size = (max(2, r * 2 // 5), max(2, int(r * dice.uniform(0.2, 0.4))))
        cv2.ellipse(spot, (r, r), size, dice.whole(0, 179), 0, 360, dice.whole(30, 90), -1)
        spot = cv2.GaussianBlur(spot, (0, 0), fixed(1 + r * 0.12, 16))
        roi = texture[y - r : y + r, x - r : x + r]
        dark = 256 - spot[: roi.shape[0], : roi.shape[1], None].astype(np.uint16)
        roi[...] = (roi * dark) >> 8


def _rail(dice: Dice, scale: float) -> Bytes:
    """Profile of an aluminium guide, from the frame's edge inwards."""
    thick = max(6, int(dice.uniform(10, 22) * scale))
    base = dice.whole(120, 190)
    at = np.arange(thick) * 255 // thick
    tone = base + _triangle(at, 128) // 2 - 30
    tone[-2:] = base // 3
    tone[-3] = min(255, base + 50)
    out: Bytes = np.clip(tone[:, None] + np.array([-3, 0, 4]), 0, 255).astype(np.uint8)
    return out


def lay(dice: Dice, domain: Domain, size: tuple[int, int], scale: float, *, long: bool) -> Belt:
    """A belt for a scene: material, colour, wear and rails by chance.

    Parameters
    ----------
    dice : Dice
    domain : Domain
    size : (int, int)
        Height and width of the frame; at most ``PERIOD`` across the belt.
    scale : float
        The frame's size over 512 by 384.
    long : bool
        Whether the belt will move: then its whole period is made, not just what a frame shows.
    """
    axis = 1 if dice.chance(0.75) else 0
    name, usual = dice.choice(domain.belts)
    shade = dice.uniform(0.9, 1.1)
    red, green, blue = (int(c * shade * dice.uniform(0.96, 1.04)) for c in usual)
    height, width = size
    if long:
        height, width = (height, PERIOD) if axis == 1 else (PERIOD, width)
    # materials run along x; a belt that runs up and down is the same one turned
    across, along = (height, width) if axis == 1 else (width, height)
    y, x = dice.whole(0, PERIOD - across), 0 if long else dice.whole(0, PERIOD - along)
    grey = _material(name)[y : y + across, x : x + along]
    if dice.chance(0.5):
        grey = grey[::-1]
    grey = np.ascontiguousarray(grey if axis == 1 else grey.T)
    texture = _coloured(grey, (red, green, blue), dice.between(domain.belt_contrast))
    room = height * width / (size[0] * size[1])
    _wear(texture, dice, round(dice.between(domain.wear) * room), scale)
    rail = _rail(dice, scale) if dice.chance(domain.rails) else None
    return Belt(texture, axis, rail)
