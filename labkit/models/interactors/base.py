"""What an interactor is, what it says about itself, and the registry of all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from labkit.core.prompts import MaskProposal, Prompts
from labkit.core.registry import Registry
from labkit.core.types import Frame
from labkit.models.adapters import Adapter, fits
from labkit.models.detectors.base import Image

__all__ = [
    "INTERACTORS",
    "ImageSource",
    "Interactor",
    "InteractorAdapter",
    "InteractorInfo",
    "LooksAhead",
    "PromptKind",
]

PromptKind = Literal["points", "negative points", "box", "mask", "strokes"]


class ImageSource(Protocol):
    """Gives the pixels that a model sees: a ``FrameReader``, or one with filters over it."""

    def read(self, frame: Frame) -> Image:
        """RGB, upright; raises ``FrameError`` with the reason."""
        ...


@dataclass(frozen=True, slots=True)
class InteractorInfo:
    """What an interactor is.

    Attributes
    ----------
    name : str
        As in the registry, or the weights' name.
    takes : frozenset of PromptKind
        Prompts that it understands.
    min_points : int
        Least number of points; 0 if a box or strokes are enough.
    needs_weights : bool
    device : str
        Where it computes: ``cpu``, ``cuda:0``, ``mps``.
    several : bool
        Whether one click is answered by several masks, best first.
    help : str
        One sentence for people that says how it is used.
    weights_sha256, licence, versions
        As in :class:`labkit.models.detectors.base.ModelInfo`.
    """

    name: str
    takes: frozenset[PromptKind]
    min_points: int = 0
    needs_weights: bool = False
    device: str = "cpu"
    several: bool = False
    help: str = ""
    weights_sha256: str | None = None
    licence: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)


class Interactor(Protocol):
    """Image and prompts in, masks out. Everything is called in the inference thread."""

    @property
    def info(self) -> InteractorInfo:
        """What it is."""
        ...

    def set_frame(self, frame: Frame) -> None:
        """Set the frame that later prompts are about."""
        ...

    def segment(self, prompts: Prompts) -> list[MaskProposal]:
        """Masks of one object, best first; the prompts have been checked by the caller."""
        ...

    def segment_many(self, prompts: Sequence[Prompts]) -> list[MaskProposal]:
        """The best mask of each of many objects of the frame."""
        ...


@runtime_checkable
class LooksAhead(Protocol):
    """An interactor that can prepare a frame before the first click on it."""

    def look_ahead(self, frame: Frame) -> None:
        """Compute in advance what depends only on the frame; the inference thread."""
        ...


class InteractorAdapter(Adapter):
    """Opens one family of interactors, under many names or from files."""

    def open(self, found: Any, source: ImageSource, device: str | None) -> Interactor:
        """Open what :meth:`find` gave; the inference thread."""
        raise NotImplementedError


InteractorPlugin = (
    Callable[[ImageSource, str | None], Interactor] | InteractorAdapter | type[InteractorAdapter]
)

INTERACTORS: Registry[InteractorPlugin]
INTERACTORS = Registry("interactor", "interactors", fits)
"""Name → ``open(source: ImageSource, device: str | None) -> Interactor``, or an adapter."""
