"""Weights of the SAM family: which model a file name means, and how Ultralytics opens it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.core.errors import Argument, InputError, LabkitError, ModelUnavailableError
from labkit.models.ultralytics import ultralytics
from labkit.models.weights import Weights, resolve

__all__ = ["Family", "build_predictor", "check_overlap", "family_of", "find_weights"]

_OVERLAP = 0.75
"""Share of a model's parameters that its checkpoint has to hold; heads for video may be missing."""


@dataclass(frozen=True, slots=True)
class Family:
    """Weights of one kind: which file names, which predictor, at which input size."""

    pattern: str
    predictor: str
    imgsz: int
    licence: str


_FAMILIES = (
    Family(r"(mobile_sam|sam_[blh])\.pt", "Predictor", 1024, "Apache-2.0"),
    Family(r"sam2(\.1)?_[tsbl]\.pt", "SAM2Predictor", 1024, "Apache-2.0"),
    Family(r"sam3(\.\d)?\.pt", "SAM3Predictor", 1008, "SAM License"),
    Family(r"FastSAM-[sx]\.pt", "FastSAMPredictor", 1024, "AGPL-3.0"),
)


def family_of(weights: str) -> Family | None:
    """The family that a file name means; None if it means none."""
    name = Path(weights).name
    for family in _FAMILIES:
        if re.search(rf"(?:^|[^A-Za-z0-9]){family.pattern}$", name):
            return family
    return None


def find_weights(weights: str | Path, trust: bool, project: Path | None) -> Weights:
    """Find a file or fetch it, as :func:`labkit.models.weights.resolve` does."""
    try:
        return resolve(weights, trust=trust, project=project)
    except ModelUnavailableError as exc:
        if Path(weights).name == str(weights) == "sam3.pt" and not Path(weights).exists():
            raise ModelUnavailableError(
                "The weights 'sam3.pt' are not there",
                "Meta gives them only to those who ask",
                "ask at huggingface.co/facebook/sam3, and give the path of the file",
            ) from exc
        raise


def build_predictor(weights: Weights, family: Family, device: str | None, imgsz: int) -> Any:
    """Ultralytics' predictor with the weights in it; the inference thread.

    Raises
    ------
    ModelUnavailableError
        The file is not the model that its name says.
    InputError
        The device is not there.
    """
    fast = family.predictor == "FastSAMPredictor"
    overrides = {
        "mode": "predict",
        "task": "segment",
        "imgsz": imgsz,
        "model": str(weights.path),
        "device": device,
        "save": False,
        "verbose": False,
    }
    if fast:  # as in its authors' examples
        overrides |= {"conf": 0.4, "iou": 0.9, "retina_masks": True}
    try:
        module = ultralytics("models.fastsam" if fast else "models.sam.predict")
        predictor = getattr(module, family.predictor)(overrides=overrides)
        with _all_loaded(family):
            predictor.setup_model(str(weights.path) if fast else None, verbose=False)
        if fast and predictor.model.backend.model.task != "segment":
            raise ValueError("it is a model of another task")
    except (LabkitError, KeyboardInterrupt):
        raise
    except Exception as exc:  # any loader may raise anything on a file it cannot read
        raise _load_error(weights, device, exc) from exc
    return predictor


@contextmanager
def _all_loaded(family: Family) -> Iterator[None]:
    """Refuse a checkpoint of SAM3 that leaves parameters random.

    Ultralytics loads it with ``strict=False`` and ignores which keys were missing, so they are
    compared here while it loads.
    """
    if family.predictor != "SAM3Predictor":
        yield
        return
    kind = ultralytics("models.sam.build_sam3").SAM3Model
    own = kind.load_state_dict

    def load(model: Any, state: Any, *args: Any, **options: Any) -> Any:
        check_overlap(dict(model.named_parameters()), state)
        return own(model, state, *args, **options)

    kind.load_state_dict = load
    try:
        yield
    finally:
        kind.load_state_dict = own


def check_overlap(parameters: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Check that a state dict has a model's parameters by name, and in their shapes.

    Raises
    ------
    ValueError
        More than a quarter of them are missing: it is not a checkpoint of this model.
    """
    fits = sum(k in state and state[k].shape == v.shape for k, v in parameters.items())
    if fits < _OVERLAP * len(parameters):
        raise ValueError(
            f"it has {fits} of the model's {len(parameters)} parameters, and the others would be "
            "random"
        )


def _load_error(weights: Weights, device: str | None, exc: Exception) -> LabkitError:
    if isinstance(exc, ValueError) and "device" in str(exc).lower() and device is not None:
        return InputError(
            f"The device {device!r} cannot be used",
            "it is not there",
            "try " + Argument("device", "cpu"),
        )
    why = next((line.strip() for line in str(exc).splitlines() if line.strip()), type(exc).__name__)
    return ModelUnavailableError(
        f"{weights.path.name!r} cannot be opened as the model that its name says",
        why[:200],
        "its file name has to be the one that Ultralytics gives such weights",
    )
