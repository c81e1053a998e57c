"""SAM, MobileSAM, SAM2, SAM3 and FastSAM through Ultralytics' own predictors, by weights' name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import ClassVar

from labkit.core.errors import ModelUnavailableError
from labkit.models.budget import holds_models
from labkit.models.interactors.base import (
    INTERACTORS,
    ImageSource,
    Interactor,
    InteractorAdapter,
    InteractorInfo,
)
from labkit.models.interactors.ultralytics.sam import TAKES, FastSam, Sam, open_names, release
from labkit.models.interactors.ultralytics.weights import (
    Family,
    build_predictor,
    family_of,
    find_weights,
)
from labkit.models.weights import Weights

__all__ = ["NAMES", "UltralyticsSam", "handles", "open_weights"]

NAMES = ("sam_b.pt", "sam_l.pt", "mobile_sam.pt", "sam3.pt", "FastSAM-s.pt", "FastSAM-x.pt")
"""The names that can be opened without a file. Files whose names end like them, or like
Ultralytics' own SAM2 weights (``sam2.1_b.pt``), can be opened, too."""


def handles(weights: str | Path) -> bool:
    """Whether a file name says that these are weights for this adapter."""
    return family_of(str(weights)) is not None


@INTERACTORS.register("ultralytics-sam")
class UltralyticsSam(InteractorAdapter):
    """Opens the SAM family by :data:`NAMES`, or a file whose name ends like one of them."""

    files: ClassVar[str] = f"files that are named like {', '.join(NAMES)}"

    def can_open(self, name: str) -> bool:
        """Whether the file name says so."""
        return handles(name)

    def names(self) -> Sequence[str]:
        """The names that Ultralytics publishes."""
        return NAMES

    def find(self, name: str, *, trust: bool = False, project: Path | None = None) -> Weights:
        """Fetch the file where Ultralytics publishes it, and check that it may be opened."""
        return find_weights(name, trust, project)

    def open(self, found: Weights, source: ImageSource, device: str | None) -> Interactor:
        """Open the weights; the inference thread."""
        return open_weights(found, source, device)


def open_weights(
    weights: Weights, source: ImageSource, device: str | None = None, imgsz: int | None = None
) -> Interactor:
    """Open weights; the inference thread.

    Parameters
    ----------
    weights : Weights
        Of a file whose name ends like one of :data:`NAMES`.
    source : ImageSource
        Gives the pixels of frames.
    device : str, optional
        ``cpu``, ``cuda:0``, ``mps``; the best one available by default.
    imgsz : int, optional
        Side of the model's input, pixels; the one of its training by default.

    Raises
    ------
    ModelUnavailableError
        It is not such a model (exit code 3).
    InputError
        The device is not there.
    """
    family = family_of(weights.path.name)
    if family is None:
        raise ModelUnavailableError(
            f"{weights.path.name!r} is not a file of the SAM family",
            f"Ultralytics opens {', '.join(NAMES)} and names that end like them",
        )
    kind = FastSam if family.predictor == "FastSAMPredictor" else Sam
    build = partial(build_predictor, weights, family, device, imgsz or family.imgsz)
    predictor = build()  # an error is raised here, and not at the first click
    info = _info(weights, family, str(predictor.device), kind)
    holds_models(open_names, release)
    return kind(info, source, build, predictor)


def _info(
    weights: Weights, family: Family, device: str, kind: type[Sam] | type[FastSam]
) -> InteractorInfo:
    versions = {}
    for package in ("ultralytics-opencv-headless", "ultralytics", "torch"):
        try:
            versions[package.removesuffix("-opencv-headless")] = version(package)
        except PackageNotFoundError:
            continue
    return InteractorInfo(
        name=weights.path.name,
        takes=TAKES,
        needs_weights=True,
        device=device,
        several=kind.several,
        help="Click on the object, on the background where it is too much, or draw a box.",
        weights_sha256=weights.sha256,
        licence=family.licence,
        versions=versions,
    )
