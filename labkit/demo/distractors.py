"""What lies on the belt besides: coins, O-rings, swarf, chips and pins, as reliefs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from labkit.demo.relief import Grid, Part, Relief, dome, radius, ramp, wave

__all__ = ["Chip", "Disc", "Pin", "Ring", "Swarf"]


@dataclass(frozen=True, slots=True)
class Disc(Part):
    """A coin: a rim and a worn relief, no hole."""

    radius: float
    phase: float

    turned: ClassVar[float] = 0.5

    def _relief(self, u: Grid, v: Grid) -> Relief:
        rad = radius(u, v)
        rim = self.radius * 0.86
        height = 0.7 * ramp(rad, rim - 1, rim + 1) - 0.5 * np.maximum(rad - self.radius + 1.5, 0)
        face = wave(u * np.float32(1 / (0.5 * self.radius)) + np.float32(self.phase))
        face = face * wave(v * np.float32(1 / (0.62 * self.radius)) + np.float32(0.3))
        height = height + 1.6 * np.minimum(face, 0.5) * (1 - ramp(rad, rim * 0.7, rim * 0.85))
        return Relief(rad - self.radius, height, 1 - 0.2 * (1 - ramp(np.abs(rad - rim), 0.3, 1.5)))


@dataclass(frozen=True, slots=True)
class Ring(Part):
    """An O-ring: thin, round in section."""

    radius: float
    half: float

    def _relief(self, u: Grid, v: Grid) -> Relief:
        off = radius(u, v) - (self.radius - self.half)
        return Relief(np.abs(off) - self.half, dome(off, self.half), np.ones_like(u))


@dataclass(frozen=True, slots=True)
class Swarf(Part):
    """A curl of turnings: an arc of a thin wavy strip. ``opening`` is where it ends, -1..1."""

    radius: float
    half: float
    opening: float

    def _relief(self, u: Grid, v: Grid) -> Relief:
        curl = wave((u + v * np.float32(0.6)) * np.float32(1 / (1.7 * self.half)))
        off = radius(u, v * np.float32(1.25)) - (self.radius - self.half)
        strip = np.abs(off) - self.half * (0.65 + 0.35 * curl)
        cut = u - self.opening * self.radius
        height = dome(off, self.half) + curl * np.float32(1.5)
        return Relief(np.maximum(strip, cut), height, 0.7 + 0.4 * curl)


@dataclass(frozen=True, slots=True)
class Chip(Part):
    """A flake: the inside of some half planes ``(nu, nv, distance)``."""

    radius: float
    sides: tuple[tuple[float, float, float], ...]
    tilt: tuple[float, float]

    def _relief(self, u: Grid, v: Grid) -> Relief:
        distance = radius(u, v) - self.radius
        for nu, nv, far in self.sides:
            distance = np.maximum(distance, u * np.float32(nu) + v * np.float32(nv) - far)
        height = u * np.float32(self.tilt[0]) + v * np.float32(self.tilt[1])
        return Relief(distance, height - 0.4 * np.maximum(distance + 1.5, 0), np.ones_like(u))


@dataclass(frozen=True, slots=True)
class Pin(Part):
    """A dowel: a bolt's shank without head or thread."""

    length: float
    half: float

    def _reach(self) -> float:
        return float(np.sqrt(self.length**2 / 4 + self.half**2))

    def _relief(self, u: Grid, v: Grid) -> Relief:
        a, end = np.abs(v), np.abs(u) - self.length / 2
        distance = np.maximum(end, a + 0.7 * np.maximum(end + 0.5 * self.half, 0) - self.half)
        tone = 1 - 0.2 * (1 - ramp(np.abs(end + 0.5 * self.half), 0.3, 1.4))
        return Relief(distance, dome(a, self.half) * np.float32(0.9), tone)
