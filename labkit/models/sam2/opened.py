"""SAM2 models that are open: each is built once a process and device, whoever asks for it.

Everything here is called in the inference thread, :func:`names` aside.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from labkit.models.sam2.build import build
from labkit.models.sam2.names import Sam2Files
from labkit.models.worker import worker

if TYPE_CHECKING:
    from sam2.modeling.sam2_base import SAM2Base

__all__ = ["close_all", "names", "open_model", "precision"]

_open: dict[tuple[str, str, str], tuple[Sam2Files, SAM2Base]] = {}


def open_model(files: Sam2Files, device: str) -> SAM2Base:
    """The image model of some files on a device, built where it is not open yet."""
    key = (files.sha256, str(files.config), device)
    held = _open.get(key)
    if held is None:
        model = build(files.config, files.weights, device)
        # as sam2's own build_sam2 does: a single mask that is not stable gives way to the best of
        # the three
        decoder = model.sam_mask_decoder
        decoder.dynamic_multimask_via_stability = True
        decoder.dynamic_multimask_stability_delta = 0.05
        decoder.dynamic_multimask_stability_thresh = 0.98
        held = _open[key] = (files, model)
        worker().on_release(close_all)
    return held[1]


def close_all() -> None:
    """Forget every model."""
    _open.clear()


def names() -> list[str]:
    """What is open; any thread."""
    return [f"{files.name} on {key[2]}" for key, (files, _) in list(_open.items())]


def precision(device: str) -> contextlib.AbstractContextManager[Any]:
    """Half precision (bfloat16) on CUDA, plain float32 elsewhere."""
    if not device.startswith("cuda"):
        return contextlib.nullcontext()
    import torch

    return torch.autocast("cuda", dtype=torch.bfloat16)
