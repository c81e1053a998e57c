"""Things as signed distance and relief, so that any pose of them is drawn exactly.

Only ``+ - * /``, ``sqrt``, ``min``, ``max`` and ``floor`` are used on arrays: IEEE 754 fixes their
results, whereas ``sin`` or ``exp`` of numpy differ in the last bit between processors.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Grid", "Part", "Points", "Relief", "dome", "radius", "ramp", "wave"]

Grid = NDArray[np.float32]
Points = tuple[tuple[float, float], ...]


class Relief(NamedTuple):
    """A part at some pixels: each ``(h, w)`` float32.

    ``distance`` to the outline in pixels, negative inside; ``height`` in pixels; ``tone``, a
    factor of brightness.
    """

    distance: Grid
    height: Grid
    tone: Grid


class Part(ABC):
    """One thing in its own coordinates: ``u`` along it, ``v`` across, the origin at its centre."""

    __slots__ = ()
    turned: ClassVar[float] = 0.0
    """How much its face shows the lathe, 0..1."""

    @property
    def reach(self) -> float:
        """Radius of a circle round the origin that holds it, pixels."""
        return self._reach()

    @property
    def keypoints(self) -> Points:
        """Its keypoints ``(u, v)``; none for most."""
        return self._keypoints()

    def relief(self, u: Grid, v: Grid) -> Relief:
        """Outline, height and tone at pixels ``u``, ``v``, each ``(h, w)``."""
        return self._relief(u, v)

    def _reach(self) -> float:
        return float(self.radius)  # type: ignore[attr-defined]

    def _keypoints(self) -> Points:
        return ()

    @abstractmethod
    def _relief(self, u: Grid, v: Grid) -> Relief: ...


def wave(t: Grid) -> Grid:
    """Triangle wave of period 1: 0 at whole numbers, 1 halfway."""
    part = t - np.floor(t)
    out: Grid = 1 - np.abs(2 * part - 1)
    return out


def ramp(t: Grid, low: float, high: float) -> Grid:
    """0 up to ``low``, 1 from ``high``, straight between."""
    out: Grid = np.clip((t - low) * np.float32(1 / (high - low)), 0, 1)
    return out


def radius(u: Grid, v: Grid) -> Grid:
    """Distance from the origin."""
    out: Grid = np.sqrt(u * u + v * v)
    return out


def dome(distance: Grid, half: float) -> Grid:
    """Height of a round bar of that half width at a distance from its axis."""
    out: Grid = np.sqrt(np.maximum(np.float32(half * half) - distance * distance, 0))
    return out
