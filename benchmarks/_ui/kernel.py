"""What runs in the notebook's kernel: an echo for the round trip, and clocks around calls."""

from __future__ import annotations

import functools
import time
from typing import Any

import psutil

__all__ = ["install", "keep_predicting"]

TARGET = "labkit-benchmark"
_times: dict[str, list[float]] = {}
_jobs: list[Any] = []


def install() -> None:
    """Answer the page on :data:`TARGET`; take the times of callbacks and of the model."""
    from IPython import get_ipython

    from labkit.models.interactors.segmenter import Segmenter
    from labkit.widgets.controller import Controller
    from labkit.widgets.glass import Glass

    _clock(Controller, "post")
    _clock(Glass, "_handle_custom_msg")
    _clock_model(Segmenter)
    manager = get_ipython().kernel.comm_manager
    manager.register_target(TARGET, _opened)


def _opened(comm: Any, _message: Any) -> None:
    def answer(message: Any) -> None:
        data = message["content"]["data"]
        comm.send({"id": data["id"], **_answers[data["ask"]](data)})

    comm.on_msg(answer)


def _clock(cls: type, name: str) -> None:
    inner = getattr(cls, name)
    if hasattr(inner, "__wrapped__"):
        return

    @functools.wraps(inner)
    def timed(*args: Any, **kwargs: Any) -> Any:
        start = time.perf_counter()
        try:
            return inner(*args, **kwargs)
        finally:
            _note(f"{cls.__name__}.{name}", start)

    setattr(cls, name, timed)


def _clock_model(cls: Any) -> None:
    def segment(self: Any, frame: Any, prompts: Any) -> Any:
        self._look(frame)  # the embedding is not the model's answer
        start = time.perf_counter()
        try:
            return self._interactor.segment(prompts)
        finally:
            _note("model", start)

    cls._segment = segment


def _note(name: str, start: float) -> None:
    _times.setdefault(name, []).append(1000 * (time.perf_counter() - start))


def _times_since(_data: Any) -> dict[str, Any]:
    """All times since the last call, in ms."""
    out = {name: list(values) for name, values in _times.items()}
    _times.clear()
    return {"times": out}


def _memory(_data: Any) -> dict[str, Any]:
    import ipywidgets

    return {
        "rss_mb": psutil.Process().memory_info().rss / 2**20,
        "widgets": len(ipywidgets.widgets.widget._instances),
    }


def keep_predicting(project: Any) -> None:
    """Run a detector over the project again and again, until the kernel ends."""
    from labkit.demo import embedded_weights

    def start(before: Any = None) -> None:
        if before is not None and before.state != "finished":
            return
        options = {"conf": 0.5, "wait": False, "resume": False, "progress": "silent"}
        job = project.predict(embedded_weights(), **options)
        _jobs.append(job)
        job.on_update(start)

    start()


def _running(_data: Any) -> dict[str, Any]:
    last = _jobs[-1]
    done = sum(job.progress.done for job in _jobs)
    return {"state": last.state, "done": done, "error": str(last.error or "")}


_answers = {
    "echo": lambda _data: {},
    "times": _times_since,
    "memory": _memory,
    "job": _running,
}
