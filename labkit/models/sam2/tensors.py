"""Images, masks and clicks as the tensors that SAM2 takes, and where they are computed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labkit.models.detectors.base import Image

if TYPE_CHECKING:
    from sam2.modeling.sam2_base import SAM2Base
    from torch import Tensor

__all__ = [
    "Clicks",
    "cat",
    "computing",
    "free_bytes",
    "free_device",
    "hint",
    "is_out_of_memory",
    "pixels",
    "points",
    "resized_mask",
]

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class Clicks:
    """What was pointed at on one frame, for one object.

    Attributes
    ----------
    points : ndarray, (n, 2)
        Pixels of the frame; a box is its two corners, first.
    labels : ndarray of int, (n,)
        1 positive, 0 negative, 2 and 3 a box's top left and bottom right corner.
    hint : ndarray or None
        An earlier mask of the object, ``(h, w)``: logits of the model's low resolution, or a
        boolean mask of the frame's size.
    """

    points: NDArray[np.float32]
    labels: NDArray[np.int32]
    hint: NDArray[Any] | None = None

    @property
    def corrects(self) -> bool:
        """Whether only clicks were given, which correct an existing mask."""
        return self.hint is None and not (self.labels > 1).any()


def pixels(model: SAM2Base, image: Image) -> Tensor:
    """Resized and normalised as ``sam2`` does it with the JPEGs of a folder: ``(1, 3, s, s)``."""
    import torch
    from PIL import Image as Pil

    side = model.image_size
    small = torch.from_numpy(np.array(Pil.fromarray(image).resize((side, side))))
    mean, std = (torch.tensor(v, dtype=torch.float32)[:, None, None] for v in (_MEAN, _STD))
    values = small.permute(2, 0, 1).float().div_(255).sub_(mean).div_(std)
    return values[None].to(model.device)


def points(model: SAM2Base, clicks: Sequence[Clicks], width: int, height: int) -> dict[str, Tensor]:
    """Clicks of several objects, equally many each, on a frame of ``width`` by ``height``."""
    import torch

    places = torch.from_numpy(np.stack([g.points for g in clicks]).astype(np.float32))
    labels = torch.from_numpy(np.stack([g.labels for g in clicks]).astype(np.int32))
    places = places / torch.tensor([width, height]) * model.image_size
    return {"point_coords": places.to(model.device), "point_labels": labels.to(model.device)}


def hint(model: SAM2Base, clicks: Clicks, last: Tensor | None) -> Tensor:
    """Logits that go with clicks, ``(1, 1, h, w)``: given with them, or else the last ones."""
    import torch

    side = model.image_size // 4
    if clicks.hint is None:
        logits = last if last is not None else torch.zeros(1, 1, side, side)
    else:
        logits = torch.from_numpy(np.ascontiguousarray(clicks.hint))[None, None].float()
        logits = _resized(logits * 20 - 10 if clicks.hint.dtype == bool else logits, side)
    return logits.to(model.device).clamp(-32, 32)


def resized_mask(model: SAM2Base, mask: NDArray[Any]) -> Tensor:
    """A mask of the frame's size in that of the model's input, ``(1, 1, s, s)`` of 0 and 1."""
    import torch

    full = torch.from_numpy(np.ascontiguousarray(mask)).to(model.device)
    return (_resized(full[None, None].float(), model.image_size) >= 0.5).float()


def _resized(mask: Tensor, side: int) -> Tensor:
    from torch.nn.functional import interpolate

    if tuple(mask.shape[-2:]) == (side, side):
        return mask
    return interpolate(mask, (side, side), mode="bilinear", antialias=True)


def cat(tensors: Sequence[Tensor]) -> Tensor:
    """One tensor of several, along the first axis."""
    import torch

    return tensors[0] if len(tensors) == 1 else torch.cat(list(tensors))


@contextlib.contextmanager
def computing(model: SAM2Base) -> Iterator[None]:
    """No gradients; bfloat16 on CUDA, float32 elsewhere."""
    import torch

    half = model.device.type == "cuda"
    with torch.inference_mode(), torch.autocast("cuda", torch.bfloat16, enabled=half):
        yield


def is_out_of_memory(exc: BaseException) -> bool:
    """Whether an error says that memory ran out, of a card or of the machine."""
    text = str(exc).lower()
    words = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(exc, MemoryError) or any(w in text for w in words)


def free_bytes(model: SAM2Base) -> int:
    """Bytes that are still free where the model computes."""
    import psutil
    import torch

    if model.device.type != "cuda":
        return int(psutil.virtual_memory().available)
    reserve = torch.cuda.memory_reserved(model.device) - torch.cuda.memory_allocated(model.device)
    return int(torch.cuda.mem_get_info(model.device)[0] + reserve)


def free_device(kind: str) -> None:
    """Give back what torch holds in reserve on a kind of device: ``cuda``."""
    import torch

    if kind == "cuda":
        torch.cuda.empty_cache()
