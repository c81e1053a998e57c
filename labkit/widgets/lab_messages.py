"""What passes between the kernel and labkit's JupyterLab extension, in JSON.

``extensions/labkit-lab/src/messages.ts`` is made from this module, as
:mod:`labkit.widgets.messages` says.
"""

from __future__ import annotations

from typing import TypedDict

__all__ = ["Identity", "JobStatus", "KernelStatus"]


class JobStatus(TypedDict):
    """A job that runs; ``total`` is 0 while it is not known."""

    name: str
    state: str
    done: int
    total: int


class KernelStatus(TypedDict):
    """What the status bar shows of a kernel.

    ``done`` and ``total`` count frames of the queue that was opened last, null where there is
    none; ``used`` and ``card`` are bytes of all cards, null where torch uses no card.
    """

    done: int | None
    total: int | None
    jobs: list[JobStatus]
    used: int | None
    card: int | None


class Identity(TypedDict):
    """Who is in front of a page."""

    username: str
    name: str
