"""Active time: what a person spent on each frame, idle time left out."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable

from labkit.core.errors import InputError

__all__ = ["ActiveTimer", "SimulatedClock"]


class SimulatedClock:
    """A clock that stands still until it is moved; scripted reviewers use it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Seconds since it was made."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


class ActiveTimer:
    """Adds up the time between a reviewer's actions on one frame.

    A gap longer than ``idle_after`` is idle time and left out as a whole, which is how CVAT
    counts working time. May be called from any thread.

    Parameters
    ----------
    idle_after : float
        Seconds, above 0.
    clock : callable
        Returns seconds; monotonic.
    """

    def __init__(
        self, idle_after: float = 60.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if not idle_after > 0:
            raise InputError("The idle limit must be above 0 seconds", f"{idle_after!r}")
        self.idle_after, self.clock = idle_after, clock
        self._active: dict[str, float] = defaultdict(float)
        self._frame: str | None = None
        self._last = clock()
        self._total = 0.0
        self._lock = threading.RLock()

    @property
    def total(self) -> float:
        """Active seconds on all frames since it was made."""
        return self._total

    def touch(self) -> None:
        """Note an action: a key, a click, a pointer that moves."""
        with self._lock:
            now = self.clock()
            gap, self._last = now - self._last, now
            if self._frame is not None and 0 < gap <= self.idle_after:
                self._active[self._frame] += gap
                self._total += gap

    def enter(self, frame_id: str) -> None:
        """Start counting for another frame."""
        with self._lock:
            self.touch()
            self._frame = frame_id

    def take(self, frame_id: str) -> float:
        """Active seconds on a frame since they were last taken; starts again at 0."""
        with self._lock:
            self.touch()
            return self._active.pop(frame_id, 0.0)

    def give_back(self, frame_id: str, seconds: float) -> None:
        """Return seconds whose decision could not be saved."""
        with self._lock:
            self._active[frame_id] += seconds
