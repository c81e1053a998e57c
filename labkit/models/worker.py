"""The one inference thread of a process: every model call goes through it, most urgent first."""

from __future__ import annotations

import contextlib
import itertools
import queue
import sys
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, TypeVar

__all__ = ["InferenceWorker", "Priority", "worker"]

T = TypeVar("T")


class Priority(IntEnum):
    """A lower value goes first."""

    CLICK = 0
    TRACK = 1
    PREFETCH = 2
    BATCH = 3


@dataclass(order=True, slots=True)
class _Task:
    priority: int
    number: int
    call: Callable[[], Any] = field(compare=False)
    future: Future[Any] = field(compare=False)
    key: Hashable | None = field(default=None, compare=False)


class InferenceWorker:
    """A thread that runs calls by priority, and first come, first served within one.

    The thread is started by the first call, is a daemon, and runs everything in
    ``torch.inference_mode`` once torch has been imported.
    """

    def __init__(self, name: str = "labkit-inference") -> None:
        self._name = name
        self._tasks: queue.PriorityQueue[_Task] = queue.PriorityQueue()
        self._numbers = itertools.count()
        self._newest: dict[Hashable, Future[Any]] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._releases: list[Callable[[], None]] = []

    def submit(
        self,
        function: Callable[..., T],
        *args: Any,
        priority: Priority = Priority.BATCH,
        replace_key: Hashable | None = None,
        **kwargs: Any,
    ) -> Future[T]:
        """Queue a call; its result or exception arrives in the future.

        Parameters
        ----------
        function, *args, **kwargs
            What to call.
        priority : Priority
        replace_key : hashable, optional
            Newest wins: a call of the same key that still waits is cancelled.
        """
        future: Future[T] = Future()
        with self._lock:
            if replace_key is not None:
                older = self._newest.get(replace_key)
                if older is not None:
                    older.cancel()  # has no effect on one that already runs
                self._newest[replace_key] = future
            task = _Task(
                int(priority),
                next(self._numbers),
                lambda: function(*args, **kwargs),
                future,
                replace_key,
            )
            self._tasks.put(task)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
        return future

    def call(
        self,
        function: Callable[..., T],
        *args: Any,
        priority: Priority = Priority.BATCH,
        **kwargs: Any,
    ) -> T:
        """Submit and wait; called from the inference thread itself, it just calls."""
        if threading.current_thread() is self._thread:
            return function(*args, **kwargs)
        return self.submit(function, *args, priority=priority, **kwargs).result()

    def on_release(self, function: Callable[[], None]) -> None:
        """Register what frees a model or a cache; :meth:`release` calls it, once each."""
        with self._lock:
            if function not in self._releases:
                self._releases.append(function)

    def release(self) -> Future[None]:
        """Free models and caches, after what is already queued at higher priority."""
        return self.submit(self.free, priority=Priority.PREFETCH)

    def free(self) -> None:
        """Call what was registered to free models and caches; the inference thread."""
        with self._lock:
            functions = list(self._releases)
        for function in functions:
            function()

    def _run(self) -> None:
        while True:
            task = self._tasks.get()
            if not task.future.set_running_or_notify_cancel():
                continue
            try:
                with _inference_mode():
                    result = task.call()
            except BaseException as exc:  # noqa: BLE001  whoever waits gets it
                task.future.set_exception(exc)
            else:
                task.future.set_result(result)
            finally:
                self._forget(task)
                del task  # or its images would live until the next call

    def _forget(self, task: _Task) -> None:
        if task.key is None:
            return
        with self._lock:
            if self._newest.get(task.key) is task.future:
                del self._newest[task.key]


def _inference_mode() -> contextlib.AbstractContextManager[Any]:
    torch = sys.modules.get("torch")
    mode = getattr(torch, "inference_mode", None)  # missing while torch is half imported
    return mode() if mode is not None else contextlib.nullcontext()


_worker: InferenceWorker | None = None
_worker_lock = threading.Lock()


def worker() -> InferenceWorker:
    """Return the inference thread of this process."""
    global _worker
    with _worker_lock:
        if _worker is None:
            _worker = InferenceWorker()
        return _worker
