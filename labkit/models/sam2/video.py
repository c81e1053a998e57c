"""SAM2 over the frames of a video, one at a time, in memory that does not grow with the video.

``SAM2VideoPredictor`` loads a whole video and keeps what it computed for every frame.
:class:`VideoMemory` is given one image at a time and keeps what the model reads again: prompted
frames, the memories of the last ``num_maskmem`` frames and the last object pointers. The model's
own functions compute the rest, for many objects at once, so that the masks are the same.

One difference: the package divides a pointer's age by the length of the video where that is shorter
than ``max_obj_ptrs_in_encoder`` frames. Here the length is not known, and is not used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labkit.core.errors import InputError
from labkit.models.detectors.base import Image, OutOfMemoryError
from labkit.models.sam2.bank import Followed, Memory, bank, bytes_each, reach
from labkit.models.sam2.tensors import (
    Clicks,
    cat,
    computing,
    free_bytes,
    free_device,
    hint,
    is_out_of_memory,
    pixels,
    points,
    resized_mask,
)

if TYPE_CHECKING:
    from sam2.modeling.sam2_base import SAM2Base
    from torch import Tensor

__all__ = ["Answer", "VideoMemory"]

_ENDLESS = 2**40
"""Stands for the number of frames."""

_AT_ONCE = {"cpu": 8, "cuda": 64}


@dataclass(frozen=True, slots=True)
class Answer:
    """Some objects on one frame.

    Attributes
    ----------
    track_ids : list of int
    logits : Tensor, (n, 1, h, w)
        Masks in the model's low resolution, positive on the object.
    object_score, iou : ndarray, (n,)
        That the object is there, and the predicted IoU of its mask, both 0..1.
    """

    track_ids: list[int]
    logits: Tensor
    object_score: NDArray[np.float32]
    iou: NDArray[np.float32]


class VideoMemory:
    """Objects followed through one video, in one direction; the inference thread only.

    Parameters
    ----------
    open_model : callable
        Gives the model, as from :func:`labkit.models.sam2.build.build`; it is asked at every step,
        so that a session keeps no model open. The model computes in float32 on a processor and
        under ``autocast`` to bfloat16 on CUDA.
    width, height : int
        Size of all frames, pixels.
    backward : bool
        Positions fall.
    at_once : int, optional
        Objects that go through the model together; halved where memory runs out.
    """

    def __init__(
        self,
        open_model: Callable[[], SAM2Base],
        width: int,
        height: int,
        *,
        backward: bool = False,
        at_once: int | None = None,
    ) -> None:
        self._open_model, self.backward = open_model, backward
        self.width, self.height = width, height
        model = self.model
        self._device = str(model.device.type)
        self._at_once = at_once or _AT_ONCE.get(self._device, 8)
        if model.non_overlap_masks_for_mem_enc:  # the package asks for one object at a time, too
            self._at_once = 1
        self._objects: dict[int, Followed] = {}
        self._frame: tuple[int, Image, Any] | None = None
        self._codes: list[Tensor] | None = None

    @property
    def model(self) -> SAM2Base:
        """The model; the inference thread."""
        return self._open_model()

    # ---- prompts

    def add_masks(
        self, position: int, image: Image, masks: Sequence[tuple[int, Callable[[], NDArray[Any]]]]
    ) -> list[Answer]:
        """Say where objects are on one frame.

        Parameters
        ----------
        position : int
        image : ndarray
            Its pixels.
        masks : sequence of (track id, function)
            The function gives the boolean mask ``(height, width)``; it is called when its turn
            comes, so that thousands of masks need not exist at once.
        """
        load = dict(masks)
        self._make_room(load)
        objects = [self._object(k) for k in load]

        def run(chunk: list[Followed]) -> tuple[list[Memory], Answer]:
            tensors = [resized_mask(self.model, load[o.track_id]()) for o in chunk]
            return self._infer(position, image, chunk, masks=cat(tensors), prompted=True)

        return self._prompted(position, self._in_chunks(objects, run))

    def add_clicks(
        self, position: int, image: Image, clicks: Sequence[tuple[int, Clicks]]
    ) -> list[Answer]:
        """Point at objects on one frame.

        Clicks on an object that has been followed to this very frame correct its mask; everything
        else starts from the image only.
        """
        asked = dict(clicks)
        self._make_room(asked)
        groups: dict[tuple[Any, ...], list[Followed]] = {}
        for track_id, given in asked.items():
            item = self._object(track_id)
            corrects = given.corrects and item.last is not None and item.last[0] == position
            goes_on = corrects and position in item.recent and bool(item.prompted)
            key = (len(given.labels), corrects or given.hint is not None, goes_on)
            groups.setdefault((*key, item.layout if goes_on else ()), []).append(item)
        done = []
        for (_, hinted, goes_on, _), objects in groups.items():

            def run(
                chunk: list[Followed], hinted: bool = hinted, goes_on: bool = goes_on
            ) -> tuple[list[Memory], Answer]:
                prompts = [asked[o.track_id] for o in chunk]
                hints = [
                    hint(self.model, g, None if o.last is None else o.last[1])
                    for o, g in zip(chunk, prompts, strict=True)
                ]
                return self._infer(
                    position,
                    image,
                    chunk,
                    pointed=points(self.model, prompts, self.width, self.height),
                    hints=cat(hints) if hinted else None,
                    first=not goes_on,
                    prompted=True,
                )

            done += self._in_chunks(objects, run)
        return self._prompted(position, done)

    def leave(self, position: int, track_ids: Sequence[int]) -> None:
        """Say that objects are not in the frame from this position on."""
        for track_id in track_ids:
            item = self._object(track_id)
            item.keys[position] = False
            item.prompted.pop(position, None)
            self._objects[track_id] = item

    def recall(
        self, position: int, image: Image, masks: Sequence[tuple[int, Callable[[], NDArray[Any]]]]
    ) -> None:
        """Take masks, also empty ones, as if just computed, except on prompted frames.

        See :meth:`add_masks` for the parameters.
        """
        load = dict(masks)
        objects = [self._object(k) for k in load]

        def run(chunk: list[Followed]) -> tuple[list[Memory], Answer]:
            tensors = [resized_mask(self.model, load[o.track_id]()) for o in chunk]
            return self._infer(position, image, chunk, masks=cat(tensors))

        wanted = [o for o in objects if position not in o.prompted]
        self._followed(position, self._in_chunks(wanted, run))

    # ---- the pass

    def step(self, position: int, image: Image) -> list[Answer]:
        """Follow all objects to the next frame, except those prompted on this very frame."""
        groups: dict[tuple[Any, ...], list[Followed]] = {}
        for item in self._objects.values():
            if item.is_followed(position, self.backward):
                groups.setdefault(item.layout, []).append(item)
        done = []
        for objects in groups.values():
            done += self._in_chunks(objects, lambda chunk: self._infer(position, image, chunk))
        return self._followed(position, done)

    def drop(self, track_id: int) -> None:
        """Forget an object."""
        self._objects.pop(track_id, None)

    def close(self) -> None:
        """Forget everything."""
        self._objects, self._frame, self._codes = {}, None, None
        free_device(self._device)

    @property
    def nbytes(self) -> int:
        """Bytes of what is kept about the objects."""
        return sum(item.nbytes for item in self._objects.values())

    def masks(self, answer: Answer) -> Iterator[NDArray[np.bool_]]:
        """The masks of an answer, one by one, in the size of the frame."""
        import torch

        size = (self.height, self.width)
        for logits in answer.logits:
            with computing(self.model):
                full = torch.nn.functional.interpolate(logits[None].float(), size, mode="bilinear")
                mask = (full[0, 0] > 0).cpu().numpy()
            yield mask

    # ---- bookkeeping

    def _object(self, track_id: int) -> Followed:
        """The object of that number; a new one is not yet kept."""
        return self._objects.get(track_id) or Followed(track_id)

    def _make_room(self, track_ids: Iterable[int]) -> None:
        """Refuse more objects than fit into memory, before the system ends the process."""
        count = len({*self._objects, *track_ids})
        needed, free = count * bytes_each(self.model) - self.nbytes, free_bytes(self.model)
        if needed > 0.9 * free:
            raise OutOfMemoryError(
                f"{count} objects do not fit into memory: they need {needed / 1e9:.1f} GB more, "
                f"{free / 1e9:.1f} GB are free (follow fewer objects at once, or take a smaller "
                "model)"
            )

    def _prompted(self, position: int, done: list[_Done]) -> list[Answer]:
        for objects, memories, answer in done:
            for item, memory, logits in zip(objects, memories, answer.logits, strict=True):
                item.keys[position] = True
                item.prompted[position] = memory
                item.recent.pop(position, None)
                item.last = position, logits[None]
                self._objects[item.track_id] = item
        return [answer for _, _, answer in done]

    def _followed(self, position: int, done: list[_Done]) -> list[Answer]:
        for objects, memories, answer in done:
            for item, memory, logits in zip(objects, memories, answer.logits, strict=True):
                item.recent[position] = memory
                item.last = position, logits[None]
                self._objects[item.track_id] = item
        for item in self._objects.values():
            item.prune(position, reach(self.model), backward=self.backward)
        return [answer for _, _, answer in done]

    # ---- the model

    def _in_chunks(
        self, objects: list[Followed], run: Callable[[list[Followed]], tuple[list[Memory], Answer]]
    ) -> list[_Done]:
        """Run over objects, fewer at once if memory runs out; after an error nothing is kept."""
        done: list[_Done] = []
        start = 0
        while start < len(objects):
            chunk = objects[start : start + self._at_once]
            try:
                memories, answer = run(chunk)
            except (RuntimeError, MemoryError) as exc:
                if not is_out_of_memory(exc):
                    raise
                if len(chunk) == 1:
                    why = next(iter(str(exc).splitlines()), "no more is available")[:160]
                    raise OutOfMemoryError(
                        f"Following {len(objects)} objects ran out of memory: {why} "
                        "(follow fewer objects at once, or take a smaller model)"
                    ) from exc
                self._at_once = len(chunk) // 2
                free_device(self._device)
                continue
            done.append((chunk, memories, answer))
            start += len(chunk)
        return done

    def _infer(
        self,
        position: int,
        image: Image,
        objects: list[Followed],
        *,
        pointed: dict[str, Tensor] | None = None,
        masks: Tensor | None = None,
        hints: Tensor | None = None,
        first: bool = False,
        prompted: bool = False,
    ) -> tuple[list[Memory], Answer]:
        """One frame, several objects: what ``SAM2Base.track_step`` does, predicted IoU kept.

        ``first`` says that no memory is to be read; ``prompted``, that a person said so.
        """
        from torch.nn.functional import interpolate

        model, count = self.model, len(objects)
        first = first or masks is not None
        with computing(model):
            feats, places, sizes = self._look(position, image)
            feats = [f.expand(-1, count, -1) for f in feats]
            _, output, _, _ = model._track_step(
                position,
                first,
                feats,
                [p.expand(-1, count, -1) for p in places],
                sizes,
                pointed,
                masks,
                {} if first else bank(objects, self._codes or []),
                _ENDLESS,
                self.backward,
                hints,
            )
            _, _, ious, low, high, pointers, scores = output
            if prompted:
                high = interpolate(low, (model.image_size,) * 2, mode="bilinear")
            features, codes = model._encode_new_memory(feats, sizes, high, scores, prompted)
            self._codes = self._codes or [c[:1].clone() for c in codes]
            features = features.bfloat16()
            memories = [Memory(features[k : k + 1], pointers[k : k + 1]) for k in range(count)]
            presence = scores.float().sigmoid().flatten().cpu().numpy()
            quality = ious.float().amax(1).clamp(0, 1).cpu().numpy()
        return memories, Answer([o.track_id for o in objects], low, presence, quality)

    def _look(self, position: int, image: Image) -> Any:
        """The encoder's maps of a frame, once for all objects."""
        if self._frame is not None and self._frame[0] == position and self._frame[1] is image:
            return self._frame[2]
        if image.shape != (self.height, self.width, 3):
            size = " x ".join(str(v) for v in image.shape[1::-1])
            raise InputError(
                "This frame cannot be followed to",
                f"it is {size}, the frames before it {self.width} x {self.height}",
            )
        encoded = self.model.forward_image(pixels(self.model, image))
        self._frame = position, image, self.model._prepare_backbone_features(encoded)[1:]
        return self._frame[2]


_Done = tuple[list[Followed], list[Memory], Answer]
