"""A bar that follows a job, and a line beside it."""

from __future__ import annotations

from typing import Any

import ipywidgets

from labkit.runs import Job

__all__ = ["bar_of", "show_bar"]

_STYLES = {"finished": "success", "failed": "danger", "cancelled": "warning"}


def bar_of(width: str = "220px") -> ipywidgets.IntProgress:
    """An empty bar."""
    bar = ipywidgets.IntProgress(layout=ipywidgets.Layout(width=width, flex="0 0 auto"))
    bar.add_class("lkp-bar")
    return bar


def show_bar(bar: ipywidgets.IntProgress, job: Job[Any]) -> None:
    """Show how far a job is, in hundredths: what looks the same sends nothing."""
    p = job.progress
    part = p.done / p.total if p.total else 1.0 if job.state == "finished" else 0.0
    bar.value = round(100 * min(part, 1.0))
    bar.bar_style = _STYLES.get(job.state, "info")
