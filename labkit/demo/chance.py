"""Draws that are the same on every machine and with every version of numpy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

__all__ = ["Dice", "scene_seed"]

T = TypeVar("T")


def _words(*key: str | int) -> list[int]:
    return [crc32(k.encode()) if isinstance(k, str) else int(k) for k in key]


def scene_seed(*key: str | int) -> int:
    """A seed of 63 bits from names and whole numbers, so that two sets share no scene."""
    high, low = np.random.SeedSequence(_words(*key)).generate_state(2, np.uint32)
    return (int(high) << 31) | (int(low) >> 1)


class Dice:
    """An independent stream of draws for every key.

    numpy promises the bits of PCG64 for good but not what ``Generator.normal`` or ``.integers``
    make of them (NEP 19), so everything here comes from ``random()``, which is those bits.

    Parameters
    ----------
    *key : str or int
        Names and whole numbers from 0 up that name the stream.
    """

    def __init__(self, *key: str | int) -> None:
        self._rng = np.random.Generator(np.random.PCG64(_words(*key)))

    def uniform(self, low: float, high: float) -> float:
        """A number from ``low`` to ``high``."""
        return low + (high - low) * float(self._rng.random())

    def between(self, bounds: tuple[float, float]) -> float:
        """A number within a ``(low, high)`` pair."""
        return self.uniform(*bounds)

    def whole(self, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``, both included."""
        return low + int(float(self._rng.random()) * (high - low + 1))

    def chance(self, probability: float) -> bool:
        """True with that probability."""
        return float(self._rng.random()) < probability

    def choice(self, items: Sequence[T], weights: Sequence[float] | None = None) -> T:
        """One of the items, by weight where weights are given."""
        if weights is None:
            return items[self.whole(0, len(items) - 1)]
        remaining = float(self._rng.random()) * sum(weights)
        for item, weight in zip(items, weights, strict=True):
            remaining -= weight
            if remaining < 0:
                return item
        return items[-1]

    def bytes(self, *shape: int) -> NDArray[np.uint8]:
        """Bytes 0..255, all equally likely, of that shape."""
        raw = np.frombuffer(self._rng.bytes(int(np.prod(shape))), np.uint8)
        out: NDArray[np.uint8] = raw.reshape(shape)
        return out
