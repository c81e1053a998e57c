"""The jobs of this process, what models hold in memory, and the button that frees it."""

from __future__ import annotations

from typing import Any

import ipywidgets
import psutil

from labkit.models import memory, release
from labkit.runs import Job, jobs
from labkit.widgets.markup import line, table
from labkit.widgets.panel import Panel, button, row, title
from labkit.widgets.progress import bar_of, show_bar

__all__ = ["JobsPanel", "job_line", "memory_rows"]

_BEAT_S = 0.5
_MOST = 12


class JobsPanel(Panel):
    """Every job of this process, the newest first, with its progress and a way to cancel it.

    Closing the page ends no job; opened again, the panel finds them all.

    Examples
    --------
    >>> panel = lk.JobsPanel()
    >>> panel.title
    'Jobs'
    >>> panel.close()
    """

    title = "Jobs"

    def __init__(self) -> None:
        super().__init__()
        self.release = button("Release memory", "Free every model and cache; jobs open them again")
        self.release.on_click(lambda _b: self.desk.post(self._release, "release"))
        self._rows: dict[str, _Row] = {}
        self._list = ipywidgets.VBox(layout=ipywidgets.Layout(width="100%"))
        self._memory = ipywidgets.HTML(layout=ipywidgets.Layout(flex="1 1 300px"))
        self.build(title("Jobs"), self._list, title("Memory"), row(self._memory, self.release))
        self.refresh()

    def watch(self) -> None:
        """Look at the jobs twice a second."""
        self.desk.every(_BEAT_S, self.refresh, "watch")

    def refresh(self) -> None:
        """Show how things are; what has not changed sends nothing."""
        found = jobs()[::-1][:_MOST]
        for job in found:
            if job.id not in self._rows:
                self._rows[job.id] = _Row(job)
            self._rows[job.id].refresh()
        self._rows = {job.id: self._rows[job.id] for job in found}
        boxes = tuple(r.box for r in self._rows.values())
        if boxes != self._list.children or not boxes:
            empty = ipywidgets.HTML(line("No job has been started in this kernel yet.", "dim"))
            self._list.children = boxes or (self._list.children or (empty,))
        self._memory.value = table(("what", "held"), memory_rows(), numbers=(1,))

    def _release(self) -> None:
        Job(lambda _context: release(), "release memory").start()
        self.refresh()

    def static_text(self) -> str:
        """How many jobs there are, and how many of them run."""
        found = jobs()
        running = sum(not job.done for job in found)
        return f"{len(found)} jobs, {running} of them running"

    def static_html(self) -> str:
        """The jobs as a table."""
        rows = [(job.name, job.state, job_line(job)) for job in jobs()[::-1][:_MOST]]
        head = ("job", "state", "progress")
        return line(self.static_text()) + table(head, rows) + table(("memory", ""), memory_rows())


class _Row:
    """One job."""

    def __init__(self, job: Job[Any]) -> None:
        self.job = job
        self._words = ipywidgets.HTML(layout=ipywidgets.Layout(flex="1 1 260px"))
        self._bar = bar_of("180px")
        self.cancel = button("Cancel", "Stop within one batch; what is finished is kept")
        self.cancel.on_click(lambda _b: job.cancel())
        self.box = row(self._words, self._bar, self.cancel)
        self.box.add_class("lkp-job")

    def refresh(self) -> None:
        """Show how far it is."""
        job = self.job
        stopping = job.cancelled.is_set() and not job.done
        state = "stopping" if stopping else job.state
        kind = {"failed": "error", "finished": "good"}.get(state, "plain")
        said = job_line(job)
        self._words.value = line(f"{job.name}: {state}", kind) + line(said, "dim")
        show_bar(self._bar, job)
        if self.cancel.disabled is not (job.done or stopping):
            self.cancel.disabled = job.done or stopping


def job_line(job: Job[Any]) -> str:
    """How far a job is, or what went wrong, in one line."""
    if job.error is not None and job.state == "failed":
        return str(job.error).splitlines()[0] if str(job.error) else repr(job.error)
    p = job.progress
    parts = [f"{p.done} of {p.total}"] if p.total else []
    if not job.done and p.rate is not None and p.eta_s is not None:
        parts.append(f"{p.rate:.1f} per second, {p.eta_s:.0f} s left")
    if p.message:
        parts.append(p.message)
    return ", ".join(parts)


def memory_rows() -> list[tuple[str, str]]:
    """What is held, as (what, how much)."""
    held = memory()
    rows = [("this process", _size(psutil.Process().memory_info().rss))]
    rows += [(c.device, f"{_size(c.used)} used, {_size(c.free)} free") for c in held.devices]
    looked = held.embeddings_device + held.embeddings_host
    rows.append(("frames looked at (embeddings)", _size(looked)))
    rows.append(("open models", ", ".join(held.models) or "none"))
    return rows


def _size(count: int) -> str:
    return f"{count / 2**20:,.0f} MB" if count < 2**30 else f"{count / 2**30:.1f} GB"
