"""What a detector is, what it says about itself, and the registry of all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from labkit.core.registry import Registry
from labkit.core.types import Frame, Proposal
from labkit.models.adapters import Adapter, fits

__all__ = [
    "DETECTORS",
    "DetectOptions",
    "Detector",
    "DetectorAdapter",
    "FrameResult",
    "Image",
    "KnownWeights",
    "ModelInfo",
    "OutOfMemoryError",
    "StagedDetector",
]

Image = NDArray[np.uint8]
"""RGB, upright, ``(height, width, 3)``."""


class OutOfMemoryError(MemoryError):
    """A batch did not fit: the caller may try a smaller one."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a run's manifest says about its model.

    Attributes
    ----------
    name : str
        File name of the weights without suffix, or the detector's own name.
    task : str
        ``detect``, ``segment``, ``pose`` or ``obb``.
    labels : tuple of str
        The model's classes in the order of its outputs.
    weights_sha256 : str or None
        None for a detector without weights.
    licence : str
        Licence of the weights; empty if they do not name one.
    versions : mapping
        Package → version of what computes the result.
    class_scores : str
        Where second and third choices come from: ``full`` (all classes of every box),
        ``one-to-many`` (the same, from the branch beside an end-to-end head), ``overlap`` (only the
        top class is known; overlapping boxes of other classes stand in) or ``top`` (none).
    params : mapping
        What else decides the result: image size, maximum number of boxes.
    batch : int
        Frames per batch by default.
    """

    name: str
    task: str
    labels: tuple[str, ...]
    weights_sha256: str | None = None
    licence: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    class_scores: str = "full"
    params: Mapping[str, Any] = field(default_factory=dict)
    batch: int = 1


@dataclass(frozen=True, slots=True)
class DetectOptions:
    """What the caller of a detector decides.

    Attributes
    ----------
    store_above : float
        Least score, 0..1; proposals above it are kept.
    iou : float
        Boxes of one class that overlap more are one object (NMS), 0..1.
    imgsz : int or (height, width), optional
        Size of the model's input in pixels; None for the one it was trained with.
    device : str, optional
        ``cpu``, ``0``, ``cuda:0``, ``mps`` ...; None for the best one available.
    classes : tuple of str or int, optional
        The model's labels that are wanted, or their numbers; None for all.
    masks_to_polygons : bool
        Also give every mask as polygons.
    max_det : int
        Greatest number of objects per frame; the best ones are kept.
    """

    store_above: float = 0.05
    iou: float = 0.7
    imgsz: int | tuple[int, int] | None = None
    device: str | None = None
    classes: tuple[str | int, ...] | None = None
    masks_to_polygons: bool = False
    max_det: int = 1000


@dataclass(frozen=True, slots=True)
class FrameResult:
    """A model's proposals on one frame, and what had to be dropped, by reason."""

    proposals: list[Proposal]
    dropped: Mapping[str, int] = field(default_factory=dict)


@runtime_checkable
class Detector(Protocol):
    """Image in, proposals out, under the model's own labels."""

    @property
    def info(self) -> ModelInfo:
        """What the model is."""
        ...

    def detect(self, images: Sequence[Image], frames: Sequence[Frame]) -> list[list[Proposal]]:
        """Proposals of every image, best score first, ``index`` counting from 0.

        Called in the inference thread. Raises :class:`OutOfMemoryError` where a smaller batch may
        help.
        """
        ...


@runtime_checkable
class StagedDetector(Detector, Protocol):
    """A detector that can prepare and finish frames while the model works on others."""

    def prepare(self, image: Image) -> Any:
        """Prepare one image for inference; any thread, without torch."""
        ...

    def infer(self, prepared: Sequence[Any]) -> list[Any]:
        """Run the model itself; the inference thread."""
        ...

    def finish(self, raw: Any, frame: Frame) -> FrameResult:
        """Make the proposals of one frame; any thread, without torch."""
        ...


class DetectorAdapter(Adapter):
    """Opens one family of detectors, under many names or from files."""

    def known(self) -> Sequence[KnownWeights]:
        """The names that it opens, described for people."""
        return ()

    def names(self) -> Sequence[str]:
        """Names that it opens, paths aside."""
        return [known.weights for known in self.known()]

    def open(self, found: Any, options: DetectOptions) -> Detector:
        """Open what :meth:`find` gave; the inference thread."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class KnownWeights:
    """A detector that can be used without a file of yours.

    Attributes
    ----------
    weights : str
        What ``Project.predict`` takes.
    title, what, labels, speed, licence : str
        For people.
    """

    weights: str
    title: str
    what: str = ""
    labels: str = ""
    speed: str = ""
    licence: str = ""


DetectorPlugin = Callable[[DetectOptions], Detector] | DetectorAdapter | type[DetectorAdapter]

DETECTORS: Registry[DetectorPlugin]
DETECTORS = Registry("detector", "detectors", fits)
"""Name → ``open(options: DetectOptions) -> Detector``, or a :class:`DetectorAdapter`."""
