"""What runs in the notebook's kernel: an echo for the round trip, and clocks around calls."""

from __future__ import annotations

import functools
import sys
import time
from typing import Any

import psutil

__all__ = ["install"]

TARGET = "labkit-benchmark"
_times: dict[str, list[float]] = {}


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


def _job(_data: Any) -> dict[str, Any]:
    job = sys.modules["__main__"].__dict__.get("job")
    if job is None:
        return {"state": "none", "done": 0, "error": ""}
    return {"state": job.state, "done": job.progress.done, "error": str(job.error or "")}


_answers = {
    "echo": lambda _data: {},
    "times": _times_since,
    "memory": _memory,
    "job": _job,
}
