"""Prompts to masks: SAM2's prompt encoder and mask decoder, for one object or for thousands.

The result equals that of ``SAM2ImagePredictor.predict``. Only the work around the model differs:
many objects share one call, and masks are enlarged only where they are, not over the whole frame.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from labkit.core.errors import InputError
from labkit.core.geometry import decode_mask, encode_window
from labkit.core.prompts import Prompts
from labkit.core.types import Rle
from labkit.models.sam2.shared_decoder import decode_shared, suits

if TYPE_CHECKING:
    import torch
    from sam2.modeling.sam2_base import SAM2Base

    from labkit.models.sam2.embed import Sam2Embedding

__all__ = ["Decoded", "batches", "chunk_size", "decode", "enlarge", "enlarge_to_rle", "has_mask"]

_WHOLE = 0.2
"""If a mask covers more than this share of the frame, enlarging the whole frame is faster."""

_CPU_BYTES, _CPU_MOST, _CARD_MOST = 256 * 2**20, 12, 128


class Decoded(NamedTuple):
    """What the decoder says of a batch of objects.

    ``logits`` are ``(objects, masks, h, w)`` float32 at a quarter of the model's input, above 0 on
    the object; ``scores`` ``(objects, masks)`` are its idea of their IoU, 0..1.
    """

    logits: NDArray[np.float32]
    scores: NDArray[np.float32]


def batches(prompts: Sequence[Prompts]) -> Iterator[list[int]]:
    """Group prompts that can share a call: equally many points, all with a mask or none."""
    groups: defaultdict[tuple[int, bool, bool], list[int]] = defaultdict(list)
    for k, p in enumerate(prompts):
        groups[len(p.points), p.box is not None, has_mask(p)].append(k)
    yield from groups.values()


def chunk_size(model: SAM2Base) -> int:
    """Number of objects that are decoded at a time, by the memory of the device."""
    import torch

    decoder = model.sam_mask_decoder
    cells, width = model.sam_image_embedding_size**2, decoder.transformer_dim
    # about ten copies of the tokens of one object, and four of its finest map and its masks
    each = 4 * cells * (10 * width + 4 * 16 * (width // 8))
    if model.device.type != "cuda":
        return max(1, int(min(_CPU_MOST, _CPU_BYTES // each)))
    free, _ = torch.cuda.mem_get_info(model.device)
    return max(1, int(min(_CARD_MOST, free // 4 // each)))


def decode(
    model: SAM2Base,
    embedding: Sam2Embedding,
    prompts: Sequence[Prompts],
    size: tuple[int, int],
    *,
    several: bool,
) -> Decoded:
    """Masks of objects whose prompts are of one kind (see :func:`batches`), in one call.

    Parameters
    ----------
    model : SAM2Base
    embedding : Sam2Embedding
        Of the frame, on the model's device.
    prompts : sequence of Prompts
    size : (height, width)
        Of the frame.
    several : bool
        Whether to give the three masks of an ambiguous click, or the one mask.
    """
    encoder, count = model.sam_prompt_encoder, len(prompts)
    earlier = _masks(model, prompts)
    sparse, dense = encoder(points=_points(model, prompts, size), boxes=None, masks=earlier)
    if earlier is None and suits(model):
        masks, scores = decode_shared(model, embedding, sparse, several=several)
    else:
        masks, scores, _, _ = model.sam_mask_decoder(
            image_embeddings=embedding.image.expand(count, -1, -1, -1),
            image_pe=encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=several,
            repeat_image=False,
            high_res_features=list(embedding.finer) or None,
        )
    return Decoded(masks.float().cpu().numpy(), scores.float().cpu().numpy())


def _points(
    model: SAM2Base, prompts: Sequence[Prompts], size: tuple[int, int]
) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Corners of boxes (labels 2 and 3), then clicks, in pixels of the model's input."""
    import torch

    first = prompts[0]
    if first.box is None and not first.points:
        return None
    corners = (2, 3) if first.box is not None else ()
    xy = [[*_corners(p), *p.points] for p in prompts]
    labels = [[*corners, *p.labels] for p in prompts]
    scale = torch.tensor([model.image_size / size[1], model.image_size / size[0]])
    places = torch.tensor(xy, dtype=torch.float32) * scale
    return places.to(model.device), torch.tensor(labels, dtype=torch.int32, device=model.device)


def _corners(p: Prompts) -> tuple[tuple[float, float], ...]:
    return () if p.box is None else ((p.box[0], p.box[1]), (p.box[2], p.box[3]))


def has_mask(p: Prompts) -> bool:
    """Whether an earlier mask is among the prompts."""
    return p.logits is not None or p.mask is not None


def _masks(model: SAM2Base, prompts: Sequence[Prompts]) -> torch.Tensor | None:
    """Earlier masks as logits at the resolution that the prompt encoder takes."""
    import torch

    if not has_mask(prompts[0]):
        return None
    height, width = model.sam_prompt_encoder.mask_input_size
    out = np.empty((len(prompts), 1, height, width), np.float32)
    for k, p in enumerate(prompts):
        if p.logits is not None and p.logits.size == height * width:
            out[k, 0] = p.logits.reshape(height, width)
        elif p.mask is not None:
            out[k, 0] = _shrunk(p.mask, height, width)
        else:
            raise InputError(
                "These logits cannot be used",
                f"they are not {height} x {width}, so another model gave them",
                "give the mask",
            )
    return torch.from_numpy(out).to(model.device)


def _shrunk(mask: Rle, height: int, width: int) -> NDArray[np.float32]:
    """A mask as low-resolution logits, -10 to 10 by the share of each cell that it covers.

    The scale is that of ``sam2`` where a mask stands for the decoder's own output
    (``SAM2Base._use_mask_as_output``).
    """
    import torch
    from torch.nn import functional as nnf

    share = torch.from_numpy(decode_mask(mask).astype(np.float32))[None, None]
    share = nnf.interpolate(
        share, (height, width), mode="bilinear", align_corners=False, antialias=True
    )
    return (share[0, 0] * 20 - 10).numpy()


# ---- logits to masks of the frame's size


def enlarge(logits: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.bool_]:
    """One mask ``(h, w)`` at the frame's size ``(height, width)``: where logits exceed 0.

    Bilinear over pixel centres, as ``torch.nn.functional.interpolate(align_corners=False)``.
    """
    window = _window(logits, size)
    if window is None:
        return np.zeros(size, dtype=bool)
    part, (x, y) = window
    if part.shape == size:
        return part
    out = np.zeros(size, dtype=bool)
    out[y : y + part.shape[0], x : x + part.shape[1]] = part
    return out


def enlarge_to_rle(logits: NDArray[np.float32], size: tuple[int, int]) -> Rle:
    """As :func:`enlarge`, as COCO RLE; a small object costs what its box costs."""
    part, corner = _window(logits, size) or (np.zeros((0, 0), dtype=bool), (0, 0))
    return encode_window(part, corner, size[1], size[0])


def _window(
    logits: NDArray[np.float32], size: tuple[int, int]
) -> tuple[NDArray[np.bool_], tuple[int, int]] | None:
    """The smallest part of the frame outside of which no interpolated logit exceeds 0."""
    inside = logits > 0
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not len(rows):
        return None
    down, across = _Axis(logits.shape[0], size[0]), _Axis(logits.shape[1], size[1])
    top, bottom = down.reach(rows[0], rows[-1])
    left, right = across.reach(columns[0], columns[-1])
    if (bottom - top) * (right - left) > _WHOLE * size[0] * size[1]:
        import cv2

        return cv2.resize(logits, size[::-1], interpolation=cv2.INTER_LINEAR) > 0, (0, 0)
    y, vertical = down.weights(top, bottom)
    x, horizontal = across.weights(left, right)
    low = logits[y : y + vertical.shape[1], x : x + horizontal.shape[1]]
    return (vertical @ low) @ horizontal.T > 0, (left, top)


class _Axis(NamedTuple):
    """Bilinear enlargement of one axis from ``low`` cells to ``full`` pixels."""

    low: int
    full: int

    def reach(self, first: int, last: int) -> tuple[int, int]:
        """Pixels, end exclusive, to which the cells first..last contribute."""
        ratio = self.full / self.low
        start = int(np.floor((first - 0.5) * ratio - 0.5))
        stop = int(np.ceil((last + 1.5) * ratio - 0.5)) + 1
        return max(0, start), min(self.full, stop)

    def weights(self, start: int, stop: int) -> tuple[int, NDArray[np.float32]]:
        """First cell, and each pixel's share of each cell from there on."""
        place = (np.arange(start, stop, dtype=np.float64) + 0.5) * (self.low / self.full) - 0.5
        place = np.clip(place, 0, self.low - 1)
        cell = np.minimum(place.astype(int), self.low - 1)
        after = np.minimum(cell + 1, self.low - 1)
        base = int(cell[0])
        out = np.zeros((stop - start, int(after[-1]) - base + 1), np.float32)
        pixels = np.arange(stop - start)
        out[pixels, cell - base] = 1 - (place - cell)
        out[pixels, after - base] += place - cell
        return base, out
