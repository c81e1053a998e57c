"""One thread for all that reaches a session: work comes from any thread, and is done in order."""

from __future__ import annotations

import itertools
import logging
import queue
import threading
from collections.abc import Callable
from enum import IntEnum
from typing import Final

__all__ = ["Inbox", "Rank", "Work"]

log = logging.getLogger(__name__)

Work = Callable[[], None]

_CLOSE_S: Final = 10.0


class Rank(IntEnum):
    """What is done first where several kinds of work wait."""

    GESTURE = 0
    PICTURE = 1
    LOOK = 2
    LAST = 3


class Inbox:
    """Does work on a thread of its own: by rank, and within a rank in the order of arrival.

    Handlers of messages run on whichever thread ipykernel chooses and have to return at once, so
    they only put their work here. Gestures are decided in the order in which they were made.
    """

    def __init__(self) -> None:
        self._waiting: queue.PriorityQueue[tuple[int, int, Work | None]] = queue.PriorityQueue()
        self._order = itertools.count()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False

    def put(self, work: Work, rank: Rank = Rank.GESTURE) -> None:
        """Have this done soon; any thread. After :meth:`close` it is dropped."""
        with self._guard:
            if self._closed:
                return
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="labkit-inbox", daemon=True)
                self._thread.start()
            self._waiting.put((rank, next(self._order), work))

    def close(self) -> None:
        """Do what has arrived, take nothing more, and end the thread."""
        with self._guard:
            self._closed = True
            thread, self._thread = self._thread, None
            if thread is not None:
                self._waiting.put((Rank.LAST, next(self._order), None))
        if thread is not None and thread is not threading.current_thread():
            thread.join(_CLOSE_S)

    def _run(self) -> None:
        while (work := self._waiting.get()[2]) is not None:
            try:
                work()
            except Exception:
                log.exception("the reviewer could not do its work")
