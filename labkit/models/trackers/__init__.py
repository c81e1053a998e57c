"""Trackers: shapes on some frames become shapes on the others."""

from __future__ import annotations

from labkit.models.trackers import flow, mil  # noqa: F401  register themselves
from labkit.models.trackers.base import TRACKERS, Tracker

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
    ModelUnavailableError
        There is no such tracker, or its weights cannot be had.
    InputError
        A package or the device is missing.
    """
    if name in TRACKERS:
        return TRACKERS[name](device)
    from labkit.models.trackers.sam2 import open_sam2

    return open_sam2(name, device)
