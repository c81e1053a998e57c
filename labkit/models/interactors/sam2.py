"""SAM2 as an interactor: clicks, boxes and earlier masks become masks."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from labkit.core.errors import InputError
from labkit.core.prompts import MaskProposal, Prompts
from labkit.core.types import Frame
from labkit.models.budget import in_chunks
from labkit.models.embeddings import EmbeddingKey, embeddings
from labkit.models.interactors.base import (
    INTERACTORS,
    ImageSource,
    InteractorAdapter,
    InteractorInfo,
)
from labkit.models.sam2 import decode, opened
from labkit.models.sam2.build import best_device
from labkit.models.sam2.embed import Sam2Embedding, embed
from labkit.models.sam2.names import FILES, Sam2Files, find, is_sam2, known

if TYPE_CHECKING:
    from sam2.modeling.sam2_base import SAM2Base

__all__ = ["Sam2", "Sam2Interactor"]

_HELP = "Click on the object, click away what is too much, or draw a box around it."


@INTERACTORS.register("sam2")
class Sam2(InteractorAdapter):
    """Opens SAM2 models by name (see :func:`labkit.models.sam2.names.known`) or from a file."""

    files: ClassVar[str] = FILES

    def can_open(self, name: str) -> bool:
        """Whether the name or path is that of a SAM2 model."""
        return is_sam2(name)

    def names(self) -> Sequence[str]:
        """The models that are known by name."""
        return known()

    def find(self, name: str, *, trust: bool = False, project: Path | None = None) -> Sam2Files:
        """Fetch the weights where that is needed; reading them runs no code."""
        del trust, project
        return find(name)

    def open(self, found: Sam2Files, source: ImageSource, device: str | None) -> Sam2Interactor:
        """Open the model; the inference thread."""
        place = best_device(device)
        opened.image_model(found, place)  # so that errors are raised here
        return Sam2Interactor(found, source, place)


class Sam2Interactor:
    """SAM2 over frames; model and embeddings are shared by all that use the same weights.

    It holds neither: after :func:`labkit.models.release` the next call opens and computes again.

    Parameters
    ----------
    files : Sam2Files
    source : ImageSource
        If it has an attribute ``key``, that names the filters through which frames are seen.
    device : str
        A torch device.
    """

    def __init__(self, files: Sam2Files, source: ImageSource, device: str) -> None:
        self.files, self._source, self._device = files, source, device
        self._frame: Frame | None = None
        self._info = InteractorInfo(
            name=files.name,
            takes=frozenset({"points", "negative points", "box", "mask"}),
            needs_weights=True,
            device=device,
            several=True,
            help=_HELP,
            weights_sha256=files.sha256,
            licence=files.licence,
            versions={"sam2": version("sam2"), "torch": version("torch")},
        )

    @property
    def info(self) -> InteractorInfo:
        """What it is."""
        return self._info

    def set_frame(self, frame: Frame) -> None:
        """Set the frame; its embedding is computed unless it is cached."""
        self._embedding(frame)
        self._frame = frame

    def look_ahead(self, frame: Frame) -> None:
        """Compute a frame's embedding in advance."""
        self._embedding(frame)

    def segment(self, prompts: Prompts) -> list[MaskProposal]:
        """Masks of one object, best first: three for a single click, else one."""
        ((masks, scores),) = in_chunks([prompts], 1, self._decode_all)
        size = (self._looking.height, self._looking.width)
        kept = masks.clip(-32, 32)  # what the model takes back, as sam2's own predictor gives it
        return [
            MaskProposal(decode.enlarge(masks[k], size), float(scores[k]), prompts, kept[k : k + 1])
            for k in np.argsort(-scores, kind="stable")
        ]

    def segment_many(self, prompts: Sequence[Prompts]) -> list[MaskProposal]:
        """The best mask of each object; masks are held as RLE, logits are not kept."""
        out: list[MaskProposal | None] = [None] * len(prompts)
        size = decode.chunk_size(self._model())
        for group in decode.batches(prompts):
            masks = in_chunks([prompts[k] for k in group], size, self._best)
            for k, one in zip(group, masks, strict=True):
                out[k] = one
        return [one for one in out if one is not None]

    # ---- in the inference thread

    @property
    def _looking(self) -> Frame:
        if self._frame is None:
            raise InputError("There is nothing to segment", "no frame has been set")
        return self._frame

    def _model(self) -> SAM2Base:
        return opened.image_model(self.files, self._device)

    def _embedding(self, frame: Frame) -> Sam2Embedding:
        key = EmbeddingKey(frame.sha256, self.files.sha256, str(getattr(self._source, "key", "")))
        cache = embeddings()
        held: Sam2Embedding | None = cache.get(key, self._device)
        if held is None:
            image = self._source.read(frame)
            (held,) = in_chunks([image], 1, self._encode)
            cache.put(key, held)
        return held

    def _encode(self, images: Sequence[np.ndarray]) -> list[Sam2Embedding]:
        with opened.precision(self._device):
            return [embed(self._model(), image) for image in images]

    def _decode_all(self, prompts: Sequence[Prompts]) -> list[tuple[np.ndarray, np.ndarray]]:
        frame, first = self._looking, prompts[0]
        single = first.box is None and len(first.points) == 1 and not decode.has_mask(first)
        embedding = self._embedding(frame)
        with opened.precision(self._device):
            masks, scores = decode.decode(
                self._model(), embedding, prompts, (frame.height, frame.width), several=single
            )
        return list(zip(masks, scores, strict=True))

    def _best(self, prompts: Sequence[Prompts]) -> list[MaskProposal]:
        size = (self._looking.height, self._looking.width)
        out = []
        for p, (masks, scores) in zip(prompts, self._decode_all(prompts), strict=True):
            k = int(scores.argmax())
            out.append(MaskProposal(decode.enlarge_to_rle(masks[k], size), float(scores[k]), p))
        return out
