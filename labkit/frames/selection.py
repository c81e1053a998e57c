"""Which frames of a video are taken: ``every``, ``start`` and ``stop``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np

from labkit.core.errors import Argument, InputError
from labkit.frames.errors import FrameError

__all__ = ["Selection"]


@dataclass(frozen=True, slots=True)
class Selection:
    """A part of a video. Whole numbers count frames, numbers with a point are seconds.

    Attributes
    ----------
    every : int or float
        ``30``: each 30th frame from the first one taken; ``0.5``: the first frame of each half
        second.
    start, stop : int or float, optional
        From ``start`` on and before ``stop``: ``90`` is the frame of index 90, ``3.0`` a time,
        counted from the video's first frame.

    Raises
    ------
    InputError
        A value is not finite, negative, or leaves nothing to take.
    """

    every: float = 1
    start: float | None = None
    stop: float | None = None

    def __post_init__(self) -> None:
        for name in ("every", "start", "stop"):
            value = getattr(self, name)
            if value is None and name != "every":
                continue
            number = isinstance(value, Real) and not isinstance(value, bool)
            if not number or not math.isfinite(value) or value < 0:
                raise InputError(
                    Argument(name, value) + " cannot be used",
                    "it has to be a number of frames (whole) or of seconds (with a point), from 0",
                )
        if self.every == 0:
            raise InputError(
                Argument("every", 0) + " cannot be used", "it would take each frame without end"
            )
        if (
            self.start is not None
            and self.stop is not None
            and _whole(self.start) == _whole(self.stop)
            and self.stop <= self.start
        ):
            raise InputError(
                Argument("start", self.start)
                + " and "
                + Argument("stop", self.stop)
                + " cannot be used",
                "nothing lies between",
            )

    def of(self, times: Sequence[float] | Sequence[None]) -> list[int]:
        """Select indices of frames, in a video whose frames have these times in seconds.

        Raises
        ------
        FrameError
            Seconds were asked of a video without timestamps.
        """
        clock: np.ndarray | None = None
        if times and times[0] is not None:
            clock = np.array(times, dtype=np.float64)
            clock -= clock[0]
        first = self._index(self.start, clock, 0)
        end = min(self._index(self.stop, clock, len(times)), len(times))
        if _whole(self.every):
            return list(range(first, end, int(self.every)))
        if first >= end:
            return []
        ticks = (_clock(clock)[first:end] - _clock(clock)[first]) / self.every
        step = np.floor(ticks + 1e-9)  # 0.3 / 0.1 is a little below 3
        taken = np.flatnonzero(np.diff(step, prepend=-1.0) > 0) + first
        return [int(k) for k in taken]

    @staticmethod
    def _index(value: float | None, clock: np.ndarray | None, default: int) -> int:
        if value is None:
            return default
        if _whole(value):
            return int(value)
        return int(np.searchsorted(_clock(clock), value - 1e-9))


def _whole(value: object) -> bool:
    return isinstance(value, Integral)  # numpy's integers too


def _clock(clock: np.ndarray | None) -> np.ndarray:
    if clock is None:
        raise FrameError(
            "This video cannot be cut by seconds",
            "its frames have no timestamps; give start, stop and every as whole numbers of frames",
        )
    return clock
