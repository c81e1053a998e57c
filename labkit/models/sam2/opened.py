"""SAM2 models that are open: weights are read once per process and device.

An interactor and a tracker want different settings of the same model. Each gets a model of its own
whose parameters are the same tensors. Everything here is called in the inference thread,
:func:`names` aside.
"""

from __future__ import annotations

import contextlib
import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labkit.models.budget import holds_models
from labkit.models.sam2.build import build
from labkit.models.sam2.names import Sam2Files

if TYPE_CHECKING:
    from sam2.modeling.sam2_base import SAM2Base

__all__ = ["close_all", "image_model", "names", "precision", "video_model"]


@dataclass(slots=True)
class _Open:
    """Weights that have been read, and the models that share them."""

    files: Sam2Files
    base: SAM2Base
    image: SAM2Base | None = None
    video: SAM2Base | None = None


_open: dict[tuple[str, str, str], _Open] = {}


def image_model(files: Sam2Files, device: str) -> SAM2Base:
    """The model of some files on a device, for prompts on images; opened where it is not open."""
    held = _weights(files, device)
    if held.image is None:
        held.image = _twin(held.base)
        _stable(held.image)  # as sam2's own build_sam2 does
    return held.image


def video_model(files: Sam2Files, device: str) -> SAM2Base:
    """The same for following objects through a video."""
    held = _weights(files, device)
    if held.video is None:
        held.video = _twin(held.base)
        if files.config.parents[1].name == "configs":  # one of the package's own YAMLs
            _as_published(held.video)
    return held.video


def close_all() -> None:
    """Forget every model."""
    _open.clear()


def names() -> list[str]:
    """What is open; any thread."""
    return [f"{held.files.name} on {key[2]}" for key, held in list(_open.items())]


def precision(device: str) -> contextlib.AbstractContextManager[Any]:
    """Half precision (bfloat16) on CUDA, plain float32 elsewhere."""
    if not device.startswith("cuda"):
        return contextlib.nullcontext()
    import torch

    return torch.autocast("cuda", dtype=torch.bfloat16)


def _weights(files: Sam2Files, device: str) -> _Open:
    key = (files.sha256, str(files.config), device)
    if key not in _open:
        _open[key] = _Open(files, build(files.config, files.weights, device))
        holds_models(names, close_all)
    return _open[key]


def _twin(model: SAM2Base) -> SAM2Base:
    """A model of the same tensors, with settings of its own."""
    tensors = [*model.parameters(), *model.buffers()]
    return copy.deepcopy(model, {id(tensor): tensor for tensor in tensors})


def _stable(model: SAM2Base) -> None:
    """A single mask that is not stable gives way to the best of the three."""
    decoder = model.sam_mask_decoder
    decoder.dynamic_multimask_via_stability = True
    decoder.dynamic_multimask_stability_delta = 0.05
    decoder.dynamic_multimask_stability_thresh = 0.98


def _as_published(model: SAM2Base) -> None:
    """What ``build_sam2_video_predictor`` adds to the package's own YAMLs.

    Its filling of small holes is left out: it needs an extension that is compiled for CUDA.
    """
    model.binarize_mask_from_pts_for_mem_enc = True
    _stable(model)
