"""A panel's desk: one thread that does its work and writes its widgets.

Handlers run on whichever thread ipykernel chooses and have to return at once: they put work on the
desk. What is put there under one key replaces what still waits under it, so that a slider that
moves asks once. Widgets are written from the desk alone.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable, Hashable

__all__ = ["Desk"]

log = logging.getLogger(__name__)

Work = Callable[[], None]


class Desk:
    """A thread that is started by the first work and ended by :meth:`close`.

    Parameters
    ----------
    on_error : callable, optional
        Told, on the desk's thread, of what work raised.
    """

    def __init__(self, on_error: Callable[[Exception], None] | None = None) -> None:
        self._on_error = on_error
        self._ready = threading.Condition()
        self._waiting: dict[Hashable, tuple[float, Work]] = {}
        self._regular: dict[Hashable, float] = {}
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None
        self._busy = self._closed = False

    def post(self, work: Work, key: Hashable | None = None, after: float = 0.0) -> None:
        """Do this soon; any thread.

        Parameters
        ----------
        work : callable
        key : hashable, optional
            Newest wins: what waits under this key is forgotten, and its place in time kept.
        after : float
            Seconds to wait for something newer of this key.
        """
        due = time.monotonic() + after
        with self._ready:
            if self._closed:
                return
            name = ("once", next(self._numbers)) if key is None else key
            held = self._waiting.get(name)
            self._waiting[name] = (min(due, held[0]) if held else due, work)
            self._start()
            self._ready.notify_all()

    def every(self, seconds: float, work: Work, key: Hashable) -> None:
        """Do this now and repeat it, until :meth:`stop` or :meth:`close`."""

        def again() -> None:
            try:
                work()
            finally:
                with self._ready:
                    if key in self._regular and not self._closed:
                        self._waiting.setdefault(key, (time.monotonic() + seconds, again))

        with self._ready:
            if key in self._regular:
                return
            self._regular[key] = seconds
        self.post(again, key)

    def stop(self, key: Hashable) -> None:
        """Stop what is repeated under this key."""
        with self._ready:
            self._regular.pop(key, None)
            self._waiting.pop(key, None)

    def settle(self, timeout: float = 10.0) -> bool:
        """Wait until nothing is due; False where that takes longer than ``timeout``."""
        end = time.monotonic() + timeout
        with self._ready:
            while self._busy or any(name not in self._regular for name in self._waiting):
                left = end - time.monotonic()
                if left <= 0:
                    return False
                self._ready.wait(min(left, 0.05))
        return True

    def close(self) -> None:
        """Forget what waits and end the thread."""
        with self._ready:
            self._closed = True
            self._waiting.clear()
            self._regular.clear()
            self._ready.notify_all()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="labkit-panel", daemon=True)
            self._thread.start()

    def _next(self) -> Work | None:
        with self._ready:
            self._busy = False
            while not self._closed:
                self._ready.notify_all()
                if not self._waiting:
                    self._ready.wait()
                    continue
                name = min(self._waiting, key=lambda k: self._waiting[k][0])
                left = self._waiting[name][0] - time.monotonic()
                if left <= 0:
                    self._busy = True
                    return self._waiting.pop(name)[1]
                self._ready.wait(left)
        return None

    def _run(self) -> None:
        while (work := self._next()) is not None:
            try:
                work()
            except Exception as exc:
                log.info("a panel could not do its work", exc_info=True)
                if self._on_error is not None:
                    self._on_error(exc)
