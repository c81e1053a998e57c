"""From the lit world to the picture: the lamp's fall-off, lens, shutter, sensor, tone curve."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit.demo.chance import Dice
from labkit.demo.domain import Domain
from labkit.demo.shading import Lamp, fixed

__all__ = ["Camera", "set_up"]

Bytes = NDArray[np.uint8]
_SLACK = 64
_TENTHS = 10


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera and its lamp, for all frames of a scene.

    ``light`` is ``(h, w, 3)`` uint8 with 128 for neutral; ``curve`` a table ``(1, 256, 3)``;
    ``smear`` the shutter's window ``(x, y)`` in pixels; ``noise`` in tenths of a grey level.
    """

    light: Bytes
    curve: Bytes
    blur: float
    smear: tuple[int, int]
    noise: int

    def expose(self, world: Bytes, dice: Dice) -> Bytes:
        """One frame of the lit world, ``(h, w, 3)`` uint8; ``dice`` are that frame's."""
        import cv2

        # a product of bytes times 2**-7 is exact in float32, so this rounds alike everywhere
        out: Any = cv2.multiply(world, self.light, scale=1 / 128)
        if self.blur >= 0.3:
            out = cv2.GaussianBlur(out, (0, 0), self.blur)
        if self.smear != (1, 1):
            out = cv2.blur(out, self.smear)
        out = cv2.LUT(out, self.curve)
        if self.noise:
            up, down = _noise(self.noise, *out.shape[:2])
            y, x = dice.whole(0, _SLACK - 1), dice.whole(0, _SLACK - 1)
            cut = (slice(y, y + out.shape[0]), slice(x, x + out.shape[1]))
            if dice.chance(0.5):
                up, down = down, up
            out = cv2.subtract(cv2.add(out, up[cut]), down[cut])
        return np.asarray(out)


@lru_cache(maxsize=8)
def _noise(tenths: int, height: int, width: int) -> tuple[Bytes, Bytes]:
    """Upward and downward part of a sensor's noise, a little larger than the frame.

    The sum of six bytes stands in for a normal draw; most of it is common to the colours.
    """
    dice = Dice("noise", tenths)
    shape = (height + _SLACK, width + _SLACK)
    grey = sum(dice.bytes(*shape).astype(np.int32) for _ in range(6)) - 765
    own = sum(dice.bytes(*shape, 3).astype(np.int32) for _ in range(3)) - 382
    # standard deviations: 181 of six bytes, 128 of three
    level = (np.asarray(grey)[..., None] * 5 * tenths + np.asarray(own) * 3 * tenths) // (
        181 * 5 * _TENTHS
    )
    up, down = np.clip(level, 0, 255), np.clip(-level, 0, 255)
    return up.astype(np.uint8), down.astype(np.uint8)


def _light(dice: Dice, domain: Domain, size: tuple[int, int], lamp: Lamp) -> Bytes:
    """Fall-off away from the lamp and towards the corners."""
    height, width = size
    x = (np.arange(width) * 2 + 1 - width)[None] / width
    y = (np.arange(height) * 2 + 1 - height)[:, None] / height
    gradient, vignette = dice.between(domain.gradient), dice.between(domain.vignette)
    centre = (dice.uniform(-0.3, 0.3), dice.uniform(-0.3, 0.3))
    fall = 1 + fixed(gradient) * 0.7 * (x * lamp.x + y * lamp.y)
    fall = fall - fixed(vignette) * 0.5 * ((x - centre[0]) ** 2 + (y - centre[1]) ** 2)
    level = fixed(dice.between(domain.light)) * fall[..., None] * np.array(domain.light_colour)
    gains: NDArray[np.uint8] = np.clip(np.floor(level * 128 + 0.5), 0, 255).astype(np.uint8)
    return gains


def _curve(gamma: float) -> Bytes:
    """A power law, the same for the three colours."""
    values = [math.floor(255 * fixed((k / 255) ** fixed(gamma), 1 << 20) + 0.5) for k in range(256)]
    return np.repeat(np.array(values, np.uint8)[None, :, None], 3, axis=2)


def set_up(
    dice: Dice, domain: Domain, size: tuple[int, int], scale: float, axis: int, *, moving: bool
) -> tuple[Lamp, Camera]:
    """The lamp over a scene and the camera that sees it.

    Parameters
    ----------
    dice : Dice
    domain : Domain
    size : (int, int)
        Height and width of the frame.
    scale : float
        The frame's size over 512 by 384.
    axis : int
        Along which the belt runs, and the shutter smears.
    moving : bool
        Whether the belt moves; a still of a domain without motion blur is sharp.
    """
    angle = dice.uniform(0, 2 * math.pi)
    lamp = Lamp(
        fixed(math.cos(angle)),
        fixed(math.sin(angle)),
        fixed(dice.between(domain.gloss)),
        dice.between(domain.shadow),
        dice.between(domain.shadow_length) * scale,
    )
    light = _light(dice, domain, size, lamp)
    curve = _curve(dice.between(domain.gamma))
    blur = fixed(dice.between(domain.blur) * scale, 16)
    smear = 1 + math.floor(dice.between(domain.motion_blur) * scale + 0.5)
    smear += int(moving and smear > 1)
    window = (smear, 1) if axis == 1 else (1, smear)
    # few levels, so that a process keeps few noise tables
    low, high = domain.noise
    noise = round(_TENTHS * (low + (high - low) * dice.whole(0, 3) / 3))
    return lamp, Camera(light, curve, blur, window, noise)
