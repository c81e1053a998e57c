"""What detectors look for: hex nuts, washers and bolts, as reliefs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from labkit.demo.relief import Grid, Part, Points, Relief, dome, radius, ramp, wave

__all__ = ["Bolt", "Nut", "Washer"]

_HEX = 0.8660254
"""Half the width across flats of a hexagon, over its radius."""


@dataclass(frozen=True, slots=True)
class Nut(Part):
    """A hex nut from above: ``radius`` to its corners, ``hole`` and ``chamfer`` as parts of it."""

    radius: float
    hole: float
    chamfer: float
    insert: bool

    turned: ClassVar[float] = 0.55

    def _relief(self, u: Grid, v: Grid) -> Relief:
        flat, hole = self.radius * _HEX, self.radius * self.hole
        rad = radius(u, v)
        a = np.abs(v)
        outside = np.maximum(a, np.abs(u) * np.float32(_HEX) + a * np.float32(0.5)) - flat
        distance = np.maximum(outside, hole - rad)
        # the turned chamfer cuts the corners down outside a circle; a countersink leads in
        corner = np.maximum(rad - flat * self.chamfer, 0)
        sink = np.maximum(hole * 1.28 - rad, 0)
        height = -0.75 * corner - 0.8 * sink - 0.5 * np.maximum(outside + 1.6, 0)
        ring = np.abs(rad - flat * self.chamfer)
        tone = 1 - 0.22 * (1 - ramp(ring, 0.3, 1.5)) - 0.35 * (1 - ramp(rad, hole, hole * 1.16))
        if self.insert:  # the nylon collar of a lock nut
            tone = tone - 0.3 * (1 - ramp(np.abs(rad - hole * 1.2), hole * 0.12, hole * 0.2))
        return Relief(distance, height, tone)


@dataclass(frozen=True, slots=True)
class Washer(Part):
    """A flat or, with a ``split``, a spring washer; ``hole`` as part of ``radius``."""

    radius: float
    hole: float
    split: bool

    turned: ClassVar[float] = 0.9

    def _relief(self, u: Grid, v: Grid) -> Relief:
        hole, rad = self.radius * self.hole, radius(u, v)
        distance = np.maximum(rad - self.radius, hole - rad)
        height = -0.55 * np.maximum(distance + max(1.6, self.radius * 0.07), 0)
        tone = 1 - 0.25 * (1 - ramp(np.abs(distance), 0.4, 1.6))
        if self.split:
            gap = np.maximum(-u, np.abs(v + u * np.float32(0.25)) - max(1.0, self.radius * 0.07))
            distance = np.maximum(distance, -gap)
            height = height + v * ramp(u, 0, self.radius) * np.float32(0.2)
        return Relief(distance, height, tone)


@dataclass(frozen=True, slots=True)
class Bolt(Part):
    """A bolt on its side, its head (``hex``, ``socket``, ``pan`` or ``flange``) at ``u < 0``.

    Lengths in pixels: of the whole, of the head, half widths of head and shank, pitch of the
    thread and where it begins along the shank (0..1).
    """

    length: float
    head: str
    head_length: float
    head_half: float
    shank_half: float
    pitch: float
    thread: float

    def _reach(self) -> float:
        return float(np.sqrt(self.length**2 / 4 + self.head_half**2))

    def _keypoints(self) -> Points:
        """Centre of the head, and the tip (1.5 pixels inside)."""
        half = self.length / 2
        return ((self.head_length / 2 - half, 0.0), (half - 1.5, 0.0))

    def _relief(self, u: Grid, v: Grid) -> Relief:
        half, a = self.length / 2, np.abs(v)
        neck = self.head_length - half
        along = u + half  # from the head's face
        point = np.maximum(u - (half - 0.6 * self.shank_half), 0)  # the tip is turned down
        shank = np.maximum(np.maximum(u - half, neck - 1 - u), a + 0.8 * point - self.shank_half)
        head = self._head(along, a)
        distance = np.minimum(shank, head)
        run = neck + self.thread * (half - neck)
        groove = wave((u + v * np.float32(0.18)) * np.float32(1 / self.pitch)) * (u > run)
        height = dome(a, self.shank_half) * np.float32(0.9) + groove * np.float32(0.9)
        tone = 1 - np.float32(0.42) * (1 - groove) * (u > run)
        tone = tone * (1 - 0.3 * (1 - ramp(u - neck, 0.0, 2.5)))
        on_head = head <= shank
        top, shade = self._head_surface(along, v, a)
        return Relief(
            distance,
            np.where(on_head, top, height).astype(np.float32),
            np.where(on_head, shade, tone).astype(np.float32),
        )

    def _head(self, along: Grid, a: Grid) -> Grid:
        length, half = self.head_length, self.head_half
        box = np.maximum(np.maximum(-along, along - length), a - half)
        outside: Grid
        if self.head == "pan":  # a dome: half an ellipse
            t = (length - along) * np.float32(half / length)
            outside = np.maximum(along - length, radius(t, a) - half)
        elif self.head == "flange":
            hexagon = np.maximum(box, a - half * 0.8)
            plate = np.maximum(np.abs(along - length * 0.86) - length * 0.14, a - half)
            outside = np.minimum(hexagon, plate)
        else:
            corner = np.maximum(a - half * 0.72, 0) * np.float32(0.35)
            outside = np.maximum(box, corner - along)
        return outside

    def _head_surface(self, along: Grid, v: Grid, a: Grid) -> tuple[Grid, Grid]:
        half, length = self.head_half, self.head_length
        edge = np.minimum(along, length - along)
        tone = 1 - 0.2 * (1 - ramp(edge, 0.2, 1.6))
        if self.head == "socket":  # knurled
            knurl = wave(v * np.float32(1 / max(2.4, half * 0.2)))
            return dome(a, half) * np.float32(0.8), tone * (0.78 + 0.3 * knurl)
        if self.head == "pan":
            return dome(a, half) * np.float32(0.7) - 0.3 * np.maximum(length - along, 0), tone
        facet = half * (0.4 if self.head == "flange" else 0.5)
        line = 1 - 0.3 * (1 - ramp(np.abs(a - facet), 0.2, 1.3))
        slope = np.maximum(a - facet, 0) * np.float32(-0.7)
        return slope - 0.4 * np.maximum(1.8 - edge, 0), tone * line
