"""A frame's embedding: what SAM2's image encoder makes of it, once for all prompts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labkit.models.detectors.base import Image

if TYPE_CHECKING:
    import torch
    from sam2.modeling.sam2_base import SAM2Base

__all__ = ["Sam2Embedding", "embed"]

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's pixels, as in ``sam2.utils.transforms``."""


@dataclass(frozen=True, slots=True, eq=False)
class Sam2Embedding:
    """What the mask decoder reads of a frame.

    Attributes
    ----------
    image : tensor, (1, c, h, w)
        At stride 16, ``no_mem_embed`` added as for a single image.
    finer : tuple of tensor
        At the strides 4 and 8; empty for a model without high-resolution features.
    """

    image: torch.Tensor
    finer: tuple[torch.Tensor, ...]

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(t.numel() * t.element_size() for t in (self.image, *self.finer))

    @property
    def device(self) -> str:
        """Where they are."""
        return str(self.image.device)

    def to(self, device: str) -> Sam2Embedding:
        """The same on another device."""
        return Sam2Embedding(self.image.to(device), tuple(t.to(device) for t in self.finer))


def embed(model: SAM2Base, image: Image) -> Sam2Embedding:
    """Encode one image, as ``SAM2ImagePredictor.set_image`` does, for a model of any size.

    Parameters
    ----------
    model : SAM2Base
    image : ndarray of uint8, (height, width, 3)
        RGB.
    """
    pixels = _input(image, model.image_size).to(model.device)
    out: Any = model.forward_image(pixels)
    _, features, _, sizes = model._prepare_backbone_features(out)
    if model.directly_add_no_mem_embed:
        features[-1] = features[-1] + model.no_mem_embed
    maps = [
        f.permute(1, 2, 0).reshape(1, -1, *size) for f, size in zip(features, sizes, strict=True)
    ]
    return Sam2Embedding(maps[-1], tuple(maps[:-1]))


def _input(image: Image, size: int) -> torch.Tensor:
    """The model's input: resized to a square, normalised, ``(1, 3, size, size)``."""
    import torch
    from torch.nn import functional as nnf

    x = torch.from_numpy(image.transpose(2, 0, 1).copy()).float().div_(255)[None]
    x = nnf.interpolate(x, (size, size), mode="bilinear", align_corners=False, antialias=True)
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (_MEAN, _STD))
    return (x - mean) / std
