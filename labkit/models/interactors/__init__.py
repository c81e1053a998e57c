"""Interactors: an image and prompts become masks."""

from __future__ import annotations

from labkit.models.interactors import grabcut, scissors, ultralytics
from labkit.models.interactors.base import INTERACTORS, ImageSource, Interactor

__all__ = ["open_interactor"]

_ = grabcut, scissors  # they register themselves


def open_interactor(name: str, source: ImageSource, device: str | None = None) -> Interactor:
    """Open an interactor by its name in the registry, or by its weights; the inference thread."""
    if name not in INTERACTORS and ultralytics.handles(name):
        return ultralytics.open_weights(name, source, device)
    return INTERACTORS[name](source, device)
