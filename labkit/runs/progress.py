"""Showing a job's progress: a bar in a terminal or notebook, plain lines elsewhere, or nothing."""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Callable
from typing import IO, Any, Literal

from labkit.core.errors import Argument, InputError
from labkit.core.registry import nearest
from labkit.runs.jobs import Job

__all__ = ["ProgressKind", "attach", "detect_kind"]

ProgressKind = Literal["auto", "bar", "notebook", "plain", "silent"]
_FRONT_ENDS = ("JPY_SESSION_NAME", "VSCODE_", "COLAB_")
_KINDS = ("auto", "bar", "notebook", "plain", "silent")


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
    """tqdm's bar; its notebook widget where it can be had."""

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
