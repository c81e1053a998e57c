"""Trackers: shapes on some frames become shapes on the others."""

from __future__ import annotations

from pathlib import Path

from labkit.core.registry import unknown
from labkit.models.sam2.names import SUFFIXES, is_sam2, known
from labkit.models.trackers import flow, mil  # noqa: F401  register themselves
from labkit.models.trackers.base import TRACKERS, Tracker
from labkit.models.trackers.sam2 import open_sam2

__all__ = ["open_tracker"]


def open_tracker(name: str, device: str | None = None) -> Tracker:
    """Open a tracker: one of the registry, or SAM2 under a name or path of its weights.

    Parameters
    ----------
    name : str
        ``sam2-nano``, ``facebook/sam2.1-hiera-tiny``, a checkpoint with its YAML beside it, or a
        name of :data:`labkit.models.trackers.base.TRACKERS`.
    device : str, optional
        A torch device; None for the best one there is.

    Raises
    ------
    NotFoundError
        There is no such tracker.
    ModelUnavailableError
        Its weights cannot be had.
    InputError
        A package or the device is missing.
    """
    if name in TRACKERS:
        return TRACKERS[name](device)
    if not is_sam2(name) and Path(name).suffix.lower() not in SUFFIXES:
        raise unknown("tracker", name, [*TRACKERS.names(), *known()])
    return open_sam2(name, device)
