"""Long work in the background: state, progress, cancel, result, error; and how it is shown."""

from __future__ import annotations

import asyncio
import importlib
import itertools
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import IO, Any, Generic, Literal, TypeVar

from labkit.core.errors import Argument, CancelledError, InputError, LabkitError
from labkit.core.registry import nearest

__all__ = [
    "Job",
    "JobContext",
    "JobState",
    "Progress",
    "ProgressKind",
    "attach",
    "detect_kind",
    "jobs",
]

T = TypeVar("T")

JobState = Literal["queued", "running", "finished", "failed", "cancelled"]

ProgressKind = Literal["auto", "bar", "notebook", "plain", "silent"]

_FRONT_ENDS = ("JPY_SESSION_NAME", "VSCODE_", "COLAB_")
_KINDS = ("auto", "bar", "notebook", "plain", "silent")
_log = logging.getLogger("labkit")
_ids = itertools.count(1)
_jobs: list[Job[Any]] = []
_jobs_lock = threading.Lock()
_KEPT = 50


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is.

    Attributes
    ----------
    done, total : int
        Units of work, frames for a run; ``total`` is 0 while it is not known.
    message : str
        What it is doing, or has to say.
    rate : float or None
        Units a second since the work began in this process.
    eta_s : float or None
        Seconds to go at that rate.
    """

    done: int = 0
    total: int = 0
    message: str = ""
    rate: float | None = None
    eta_s: float | None = None


class JobContext:
    """What the work of a job is given: where to report, and whether to stop."""

    def __init__(self, report: Callable[[Progress], None], cancelled: threading.Event) -> None:
        self.cancelled = cancelled
        self._report = report
        self._progress = Progress()
        self._began: tuple[float, int] | None = None

    def update(
        self, done: int | None = None, total: int | None = None, message: str | None = None
    ) -> None:
        """Report progress; cheap, and throttled before anybody hears of it."""
        now = time.monotonic()
        p = self._progress
        done = p.done if done is None else done
        total = p.total if total is None else total
        if self._began is None and total:
            self._began = (now, done)  # what an earlier process did says nothing about the rate
        rate = eta = None
        if self._began is not None and done > self._began[1] and now > self._began[0]:
            rate = (done - self._began[1]) / (now - self._began[0])
            eta = (total - done) / rate
        text = p.message if message is None else message
        self._progress = Progress(done, total, text, rate, eta)
        self._report(self._progress)

    def check(self) -> None:
        """Raise :class:`CancelledError` when the job has been cancelled."""
        if self.cancelled.is_set():
            raise CancelledError("The work was cancelled", "", "call it again to go on")


class Job(Generic[T]):
    """Work in a thread of its own.

    ``job.wait()`` in scripts, ``await job`` in notebooks. Callbacks run in the job's thread, at
    most ten times a second and once at the end.

    Parameters
    ----------
    work : callable
        Takes a :class:`JobContext` and returns the result.
    name : str
        For people.
    """

    def __init__(self, work: Callable[[JobContext], T], name: str = "job") -> None:
        self.id = f"job-{next(_ids)}"
        self.name = name
        self.cancelled = threading.Event()
        self._work = work
        self._future: Future[T] = Future()
        self._lock = threading.Lock()
        self._state: JobState = "queued"
        self._progress = Progress()
        self._callbacks: list[Callable[[Job[T]], None]] = []
        self._last_call = 0.0
        self._thread = threading.Thread(target=self._run, name=f"labkit-{self.id}", daemon=True)
        with _jobs_lock:
            _jobs.append(self)
            over = [j for j in _jobs if j.done][: max(0, len(_jobs) - _KEPT)]
            for old in over:
                _jobs.remove(old)

    def __repr__(self) -> str:
        p = self.progress
        return f"<Job {self.id} {self.name!r} {self.state} {p.done}/{p.total or '?'}>"

    def start(self) -> Job[T]:
        """Start the work; returns the job itself."""
        self._thread.start()
        return self

    @property
    def state(self) -> JobState:
        """``queued``, ``running``, ``finished``, ``failed`` or ``cancelled``."""
        return self._state

    @property
    def done(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self._state in ("finished", "failed", "cancelled")

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return self._progress

    @property
    def error(self) -> BaseException | None:
        """What ended it early, or None."""
        return self._future.exception() if self._future.done() else None

    def cancel(self) -> None:
        """Ask it to stop; it does within one batch, and keeps what is finished."""
        self.cancelled.set()

    def wait(self, timeout: float | None = None) -> Job[T]:
        """Wait for the end (or ``timeout`` seconds) without raising what the work raised.

        An interrupt (Ctrl+C, the notebook's stop button) cancels the job, waits until it has put
        its things away, and is raised again.
        """
        try:
            self._join(timeout)
        except KeyboardInterrupt:
            self.cancel()
            self._join(60.0)
            raise
        return self

    def result(self, timeout: float | None = None) -> T:
        """Wait, then give the result or raise what the work raised."""
        self.wait(timeout)
        if not self._future.done():
            raise TimeoutError(f"{self.name} has not finished after {timeout} s")
        return self._future.result()

    def on_update(self, callback: Callable[[Job[T]], None]) -> Job[T]:
        """Call a function with the job at every update, and once at the end (at once if over)."""
        with self._lock:
            if not self.done:
                self._callbacks.append(callback)
                return self
        self._call([callback])
        return self

    def __await__(self) -> Generator[Any, None, T]:
        return asyncio.wrap_future(self._future).__await__()

    def _join(self, timeout: float | None) -> None:
        # in short steps: a plain join cannot be interrupted on every platform
        end = None if timeout is None else time.monotonic() + timeout
        while self._thread.is_alive() or not self._future.done():
            left = 0.2 if end is None else min(0.2, end - time.monotonic())
            if left <= 0:
                return
            if self._thread.is_alive():
                self._thread.join(left)
            else:
                time.sleep(min(left, 0.01))

    def _run(self) -> None:
        self._future.set_running_or_notify_cancel()
        self._state = "running"
        state: JobState = "failed"
        error: BaseException | None = None
        try:
            result = self._work(JobContext(self._report, self.cancelled))
            state = "finished"
        except CancelledError as exc:
            state, error = "cancelled", exc
        except BaseException as exc:  # noqa: BLE001  it belongs to whoever asks for the result
            error = exc
            if not isinstance(exc, LabkitError):
                _log.exception("%s failed", self.name)
        with self._lock:
            self._state = state
            callbacks, self._callbacks = self._callbacks, []
        self._call(callbacks)
        if error is None:
            self._future.set_result(result)
        else:
            self._future.set_exception(error)

    def _report(self, progress: Progress) -> None:
        same = replace(progress, message=self._progress.message) == progress
        self._progress = progress
        now = time.monotonic()
        if same and now - self._last_call < 0.1:
            return
        self._last_call = now
        with self._lock:
            callbacks = list(self._callbacks)
        self._call(callbacks)

    def _call(self, callbacks: list[Callable[[Job[T]], None]]) -> None:
        for callback in callbacks:
            try:
                callback(self)
            except Exception:  # noqa: BLE001  a display that broke must not stop the work
                _log.exception("a progress callback of %s failed", self.name)


def jobs() -> list[Job[Any]]:
    """The jobs of this process, oldest first; of those that ended, the last fifty.

    Examples
    --------
    >>> job = p.predict("yolo-nano", conf=0.4, progress=None, wait=False)
    >>> lk.jobs()[-1] is job, job.result()
    (True, 'r0002-yolo_nano')
    """
    with _jobs_lock:
        return list(_jobs)


# ---- showing it


def detect_kind(stream: IO[str] | None = None) -> str:
    """``notebook``, ``bar`` or ``plain``, after where the process runs.

    A kernel without a front end gets plain lines: papermill and nbconvert show no widget, and
    store every change of one in the notebook. They leave no trace of their own, while Jupyter's
    server names the session to the kernel, and VS Code and Colab set variables of theirs.
    """
    if any(name.startswith("PAPERMILL") for name in os.environ):
        return "plain"
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if getattr(shell, "kernel", None) is not None:
        seen = any(name.startswith(_FRONT_ENDS) for name in os.environ)
        return "notebook" if seen else "plain"
    stream = stream if stream is not None else sys.stderr
    return "bar" if stream is not None and stream.isatty() else "plain"


def attach(
    job: Job[Any],
    kind: str | bool | Callable[[Job[Any]], None] | None = "auto",
    *,
    stream: IO[str] | None = None,
    every: int | None = None,
) -> Job[Any]:
    """Show a job's progress.

    Parameters
    ----------
    job : Job
    kind : {'auto', 'bar', 'notebook', 'plain', 'silent'} or callable or None
        A callable is called with the job; None and False are ``silent``.
    stream : file, optional
        Where bars (standard error by default) and lines (standard output) go.
    every : int, optional
        Units between two plain lines; by default a twentieth of the total, or ten seconds.
    """
    if callable(kind):
        return job.on_update(kind)
    name = "silent" if kind is None or kind is False else "auto" if kind is True else str(kind)
    if name not in _KINDS:
        near = nearest(name, list(_KINDS))
        raise InputError(
            Argument("progress", kind) + " is unknown",
            f"known are {', '.join(_KINDS)} or a function",
            f"did you mean {near!r}?" if near else "",
        )
    if name == "auto":
        name = detect_kind(stream)
    if name == "plain":
        return job.on_update(_Lines(stream, every))
    if name in ("bar", "notebook"):
        return job.on_update(_Bar(notebook=name == "notebook", stream=stream))
    return job


class _Lines:
    """One line every so many units: readable in a log file and in a stored notebook."""

    def __init__(self, stream: IO[str] | None, every: int | None) -> None:
        self._stream, self._every = stream, every
        self._last_done, self._last_time, self._message = -1, 0.0, ""

    def __call__(self, job: Job[Any]) -> None:
        p, now = job.progress, time.monotonic()
        step = self._every or max(1, p.total // 20)
        due = p.done - self._last_done >= step or now - self._last_time >= 10.0
        due = due and p.done != self._last_done and 0 < p.done < p.total
        said = bool(p.message) and p.message != self._message and p.done < max(1, p.total)
        if not (due or said or job.done):
            return
        self._last_done, self._last_time, self._message = p.done, now, p.message
        text = f"{job.name}: {p.done}/{p.total or '?'}"
        if p.rate is not None and not job.done:
            text += f", {p.rate:.1f}/s, {p.eta_s:.0f} s to go"
        text += f", {job.state}" if job.done else ""
        text += f" ({p.message})" if p.message else ""
        stream = self._stream if self._stream is not None else sys.stdout
        stream.write(text + "\n")
        stream.flush()


class _Bar:
    """tqdm's bar; its notebook widget where there is one."""

    def __init__(self, *, notebook: bool, stream: IO[str] | None) -> None:
        self._notebook, self._stream = notebook, stream
        self._bar: Any = None

    def __call__(self, job: Job[Any]) -> None:
        p = job.progress
        if self._bar is None:
            if not p.total:
                return
            module = importlib.import_module("tqdm.auto" if self._notebook else "tqdm")
            self._bar = module.tqdm(total=p.total, initial=p.done, desc=job.name, file=self._stream)
        self._bar.total = p.total
        self._bar.update(p.done - self._bar.n)
        if p.message:
            self._bar.set_postfix_str(p.message, refresh=False)
        if job.done:
            self._bar.close()
