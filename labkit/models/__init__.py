"""Models behind one interface: detectors, interactors, trackers, and the thread that runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labkit.models.budget import Memory

__all__ = ["memory", "release"]


def release() -> None:
    """Free every model and cache of this process; the next call opens them again."""
    from labkit.models.budget import release as free

    free()


def memory() -> Memory:
    """What models hold at the moment: memory of cards, cached embeddings, open models."""
    from labkit.models.budget import memory as look

    return look()
