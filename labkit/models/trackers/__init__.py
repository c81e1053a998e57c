"""Trackers: shapes on some frames become shapes on the others.

A new tracker is one module, here or in a package of its own, and one registration; see
``docs/how-to/add-a-tracker.md``.
"""

from __future__ import annotations

from pathlib import Path

from labkit.models.adapters import known_names, open_model
from labkit.models.trackers import flow, linear, mil, sam2
from labkit.models.trackers.base import TRACKERS, Tracker
from labkit.models.worker import Priority

__all__ = ["TRACKERS", "open_tracker", "tracker_names"]

del flow, linear, mil, sam2  # imported only to be registered


def open_tracker(
    name: str | Path,
    device: str | int | None = None,
    *,
    trust: bool = False,
    project: Path | None = None,
    priority: Priority = Priority.BATCH,
) -> Tracker:
    """Open a tracker; any thread. What it gives is used in the inference thread.

    Parameters
    ----------
    name : str or Path
        The name of a registered tracker (``flow``, ``mil``, ``linear``) or of an entry point of
        the group ``labkit.trackers``, or SAM2 under a name or path of its weights (``sam2-nano``,
        ``facebook/sam2.1-hiera-tiny``, a checkpoint with its YAML beside it).
    device : str or int, optional
        A torch device; None for the best one available.
    trust, project
        For files that can run code when they are opened, as for
        :func:`labkit.models.weights.resolve`. SAM2's own are read without that danger.
    priority : Priority
        How urgently the inference thread opens it.

    Raises
    ------
    NotFoundError
        No tracker has this name; the message lists the known and the nearest.
    ModelUnavailableError
        The weights are not there, are not trusted, or cannot be opened by any adapter.
    InputError
        A package or the device is missing.
    """
    place = None if device is None else str(device)
    opened: Tracker = open_model(
        TRACKERS, name, place, trust=trust, project=project, priority=priority
    )
    return opened


def tracker_names() -> list[str]:
    """Names that :func:`open_tracker` knows, files aside."""
    return known_names(TRACKERS)
