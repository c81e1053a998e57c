"""Interactors: an image and prompts become masks.

A new interactor is one module, here or in a package of its own, and one registration; see
``docs/how-to/add-an-interactor.md``.
"""

from __future__ import annotations

from pathlib import Path

from labkit.models.adapters import known_names, open_model
from labkit.models.interactors import gestures, grabcut, sam2, scissors, ultralytics
from labkit.models.interactors.base import INTERACTORS, ImageSource, Interactor
from labkit.models.worker import Priority

__all__ = ["INTERACTORS", "interactor_names", "open_interactor"]

del gestures, grabcut, sam2, scissors, ultralytics  # imported only to be registered


def open_interactor(
    name: str | Path,
    source: ImageSource,
    device: str | int | None = None,
    *,
    trust: bool = False,
    project: Path | None = None,
    priority: Priority = Priority.BATCH,
) -> Interactor:
    """Open an interactor; any thread. What it gives is used in the inference thread.

    Parameters
    ----------
    name : str or Path
        The name of a registered interactor (``sam2``, ``dextr``, ``scissors`` ...) or of an entry
        point of the group ``labkit.interactors``, a model or checkpoint
        (``facebook/sam2.1-hiera-large``, ``sam2-nano``, ``mobile_sam.pt``), or a gesture over one
        (``dextr:sam2-nano``).
    source : ImageSource
        Gives the pixels.
    device : str or int, optional
        ``cpu``, ``cuda:0``, ``0``, ``mps``; the best one available by default.
    trust, project
        For files that can run code when they are opened, as for
        :func:`labkit.models.weights.resolve`. SAM2's own are read without that danger.
    priority : Priority
        How urgently the inference thread opens it.

    Raises
    ------
    NotFoundError
        No interactor has this name; the message lists the known and the nearest.
    ModelUnavailableError
        The weights are not there, are not trusted, or cannot be opened by any adapter.
    InputError
        The device is not there.
    """
    place = None if device is None else str(device)
    opened: Interactor = open_model(
        INTERACTORS, name, source, place, trust=trust, project=project, priority=priority
    )
    return opened


def interactor_names() -> list[str]:
    """Names that :func:`open_interactor` knows, files aside."""
    return known_names(INTERACTORS)
