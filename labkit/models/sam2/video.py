"""SAM2 over the frames of a video, one at a time, in memory that does not grow with the video.

``SAM2VideoPredictor`` loads a whole video and keeps what it computed for every frame.
:class:`VideoMemory` is given one image at a time and keeps what the model reads again: prompted
frames, the memories of the last ``num_maskmem`` frames and the last object pointers. The model's
own functions compute the rest, for many objects at once, so that the masks are the same.

One difference: the package divides a pointer's age by the length of the video where that is shorter
than ``max_obj_ptrs_in_encoder`` frames. Here the length is not known, and never counts.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labkit.core.errors import InputError
from labkit.models.base import Image, OutOfMemoryError

if TYPE_CHECKING:
    from sam2.modeling.sam2_base import SAM2Base
    from torch import Tensor

__all__ = ["Answer", "Clicks", "VideoMemory", "reach"]

_ENDLESS = 2**40
"""Stands for the number of frames."""

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_AT_ONCE = {"cpu": 8, "cuda": 64}


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
        """Whether clicks alone were given, which say what is wrong with a mask that is there."""
        return self.hint is None and not (self.labels > 1).any()


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


@dataclass(slots=True)
class _Memory:
    """What the model reads again of one object on one frame."""

    features: Tensor | None
    pointer: Tensor


@dataclass(slots=True)
class _Object:
    track_id: int
    keys: dict[int, bool] = field(default_factory=dict)  # position -> whether it is in the frame
    prompted: dict[int, _Memory] = field(default_factory=dict)
    recent: dict[int, _Memory] = field(default_factory=dict)
    last: tuple[int, Tensor] | None = None  # low-resolution logits of the latest position

    @property
    def layout(self) -> tuple[Any, ...]:
        """Objects of one layout go through the model together."""
        recent = sorted((t, m.features is None) for t, m in self.recent.items())
        return tuple(sorted(self.prompted)), tuple(recent)


def reach(model: SAM2Base) -> tuple[int, int]:
    """How many frames back the model reads memories, and object pointers."""
    memories = max(0, model.num_maskmem - 1) * max(1, model.memory_temporal_stride_for_eval)
    pointers = model.max_obj_ptrs_in_encoder - 1 if model.use_obj_ptrs_in_encoder else 0
    return memories, pointers


class VideoMemory:
    """Objects followed through one video, in one direction; the inference thread only.

    Parameters
    ----------
    model : SAM2Base
        From :func:`labkit.models.sam2.build.build`; computes in float32 on a processor and under
        ``autocast`` to bfloat16 on CUDA.
    width, height : int
        Size of all frames, pixels.
    backward : bool
        Positions fall.
    at_once : int, optional
        Objects that go through the model together; halved where memory runs out.
    """

    def __init__(
        self,
        model: SAM2Base,
        width: int,
        height: int,
        *,
        backward: bool = False,
        at_once: int | None = None,
    ) -> None:
        self.model, self.width, self.height, self.backward = model, width, height, backward
        self._at_once = at_once or _AT_ONCE.get(model.device.type, 8)
        if model.non_overlap_masks_for_mem_enc:  # the package asks for one object at a time, too
            self._at_once = 1
        self._objects: dict[int, _Object] = {}
        self._frame: tuple[int, Image, Any] | None = None
        self._codes: list[Tensor] | None = None

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
            The function gives the boolean mask ``(height, width)``; called when its turn comes, so
            that thousands of masks need not be there at once.
        """
        load = dict(masks)
        objects = [self._object(k) for k in load]

        def run(chunk: list[_Object]) -> tuple[list[_Memory], Answer]:
            tensors = [self._model_size(load[o.track_id]()) for o in chunk]
            return self._infer(position, image, chunk, masks=self._cat(tensors), prompted=True)

        return self._prompted(position, self._in_chunks(objects, run))

    def add_clicks(
        self, position: int, image: Image, clicks: Sequence[tuple[int, Clicks]]
    ) -> list[Answer]:
        """Point at objects on one frame.

        Clicks on an object that has been followed to this very frame correct its mask; everything
        else starts from the picture alone.
        """
        asked = dict(clicks)
        groups: dict[tuple[Any, ...], list[_Object]] = {}
        for track_id, given in asked.items():
            item = self._object(track_id)
            corrects = given.corrects and item.last is not None and item.last[0] == position
            goes_on = corrects and position in item.recent and bool(item.prompted)
            key = (len(given.labels), corrects or given.hint is not None, goes_on)
            groups.setdefault((*key, item.layout if goes_on else ()), []).append(item)
        done = []
        for (_, hinted, goes_on, _), objects in groups.items():

            def run(
                chunk: list[_Object], hinted: bool = hinted, goes_on: bool = goes_on
            ) -> tuple[list[_Memory], Answer]:
                given = [asked[o.track_id] for o in chunk]
                hints = [self._hint(o, g) for o, g in zip(chunk, given, strict=True)]
                return self._infer(
                    position,
                    image,
                    chunk,
                    points=self._points(given),
                    hints=self._cat(hints) if hinted else None,
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
        """Take masks, empty ones too, as if they had just been computed; prompted frames excepted.

        See :meth:`add_masks` for the parameters.
        """
        load = dict(masks)
        objects = [self._object(k) for k in load]

        def run(chunk: list[_Object]) -> tuple[list[_Memory], Answer]:
            tensors = [self._model_size(load[o.track_id]()) for o in chunk]
            return self._infer(position, image, chunk, masks=self._cat(tensors))

        wanted = [o for o in objects if position not in o.prompted]
        self._followed(position, self._in_chunks(wanted, run))

    # ---- the walk

    def step(self, position: int, image: Image) -> list[Answer]:
        """Follow all objects, those prompted on this very frame excepted, to the next frame."""
        groups: dict[tuple[Any, ...], list[_Object]] = {}
        for item in self._objects.values():
            if self._is_followed(item, position):
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
        _free_device(self.model)

    @property
    def nbytes(self) -> int:
        """Bytes of what is kept about the objects."""
        tensors = [item.last[1] for item in self._objects.values() if item.last is not None]
        for item in self._objects.values():
            for memory in (*item.prompted.values(), *item.recent.values()):
                tensors += [t for t in (memory.features, memory.pointer) if t is not None]
        return sum(t.element_size() * t.numel() for t in tensors)

    def masks(self, answer: Answer) -> Iterator[NDArray[np.bool_]]:
        """The masks of an answer, one by one, in the size of the frame."""
        import torch

        size = (self.height, self.width)
        for logits in answer.logits:
            with self._computing():
                full = torch.nn.functional.interpolate(logits[None].float(), size, mode="bilinear")
                found = (full[0, 0] > 0).cpu().numpy()
            yield found

    # ---- bookkeeping

    def _object(self, track_id: int) -> _Object:
        """The object of that number; a new one is not yet kept."""
        return self._objects.get(track_id) or _Object(track_id)

    def _is_followed(self, item: _Object, position: int) -> bool:
        """Whether its latest keyframe lies behind and shows it."""
        if self.backward:
            latest = min((t for t in item.keys if t >= position), default=None)
        else:
            latest = max((t for t in item.keys if t <= position), default=None)
        return latest is not None and latest != position and item.keys[latest]

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
        self._prune(position)
        return [answer for _, _, answer in done]

    def _prune(self, position: int) -> None:
        """Drop what no later position reads."""
        memories, pointers = reach(self.model)
        for item in self._objects.values():
            if item.last is not None and item.last[0] != position:
                item.last = None
            for t in list(item.recent):
                age = t - position if self.backward else position - t
                if not 0 <= age < max(memories, pointers):
                    del item.recent[t]
                elif age >= memories:
                    item.recent[t].features = None

    # ---- the model

    def _in_chunks(
        self, objects: list[_Object], run: Callable[[list[_Object]], tuple[list[_Memory], Answer]]
    ) -> list[_Done]:
        """Run over objects, fewer at once where memory runs out; nothing is kept on an error."""
        done: list[_Done] = []
        start = 0
        while start < len(objects):
            chunk = objects[start : start + self._at_once]
            try:
                memories, answer = run(chunk)
            except (RuntimeError, MemoryError) as exc:
                if not _is_out_of_memory(exc):
                    raise
                if len(chunk) == 1:
                    raise OutOfMemoryError(
                        f"Following {len(objects)} objects ran out of memory: "
                        f"{str(exc).splitlines()[0][:160]} "
                        "(follow fewer objects at once, or take a smaller model)"
                    ) from exc
                self._at_once = len(chunk) // 2
                _free_device(self.model)
                continue
            done.append((chunk, memories, answer))
            start += len(chunk)
        return done

    def _infer(
        self,
        position: int,
        image: Image,
        objects: list[_Object],
        *,
        points: dict[str, Tensor] | None = None,
        masks: Tensor | None = None,
        hints: Tensor | None = None,
        first: bool = False,
        prompted: bool = False,
    ) -> tuple[list[_Memory], Answer]:
        """One frame, several objects: what ``SAM2Base.track_step`` does, predicted IoU kept.

        ``first`` says that no memory is to be read; ``prompted``, that a person said so.
        """
        from torch.nn.functional import interpolate

        model, count = self.model, len(objects)
        with self._computing():
            feats, places, sizes = self._look(position, image)
            feats = [f.expand(-1, count, -1) for f in feats]
            _, found, _, _ = model._track_step(
                position,
                first or masks is not None,
                feats,
                [p.expand(-1, count, -1) for p in places],
                sizes,
                points,
                masks,
                {} if masks is not None else self._bank(objects),
                _ENDLESS,
                self.backward,
                hints,
            )
            _, _, ious, low, high, pointers, scores = found
            if prompted:
                high = interpolate(low, (model.image_size,) * 2, mode="bilinear")
            features, codes = model._encode_new_memory(feats, sizes, high, scores, prompted)
            self._codes = self._codes or [c[:1].clone() for c in codes]
            features = features.bfloat16()
            memories = [_Memory(features[k : k + 1], pointers[k : k + 1]) for k in range(count)]
            there = scores.float().sigmoid().flatten().cpu().numpy()
            quality = ious.float().amax(1).clamp(0, 1).cpu().numpy()
        return memories, Answer([o.track_id for o in objects], low, there, quality)

    def _look(self, position: int, image: Image) -> Any:
        """The encoder's maps of a frame, once for all objects."""
        if self._frame is not None and self._frame[0] == position and self._frame[1] is image:
            return self._frame[2]
        encoded = self.model.forward_image(self._pixels(image))
        self._frame = position, image, self.model._prepare_backbone_features(encoded)[1:]
        return self._frame[2]

    def _pixels(self, image: Image) -> Tensor:
        """Resized and normalised as ``sam2`` does it with the JPEGs of a folder."""
        import torch
        from PIL import Image as Pil

        if image.shape != (self.height, self.width, 3):
            size = " x ".join(str(v) for v in image.shape[1::-1])
            raise InputError(
                "This frame cannot be followed to",
                f"it is {size}, the frames before it {self.width} x {self.height}",
            )
        side = self.model.image_size
        small = torch.from_numpy(np.array(Pil.fromarray(image).resize((side, side))))
        mean, std = (torch.tensor(v, dtype=torch.float32)[:, None, None] for v in (_MEAN, _STD))
        pixels = small.permute(2, 0, 1).float().div_(255).sub_(mean).div_(std)
        return pixels[None].to(self.model.device)

    def _bank(self, objects: list[_Object]) -> dict[str, dict[int, dict[str, Any]]]:
        """Memories of objects of one layout, joined, in the form that the model reads."""
        return {
            "cond_frame_outputs": self._joined([o.prompted for o in objects]),
            "non_cond_frame_outputs": self._joined([o.recent for o in objects]),
        }

    def _joined(self, stores: list[dict[int, _Memory]]) -> dict[int, dict[str, Any]]:
        codes = [c.expand(len(stores), -1, -1, -1) for c in self._codes or ()]
        joined = {}
        for t in sorted(stores[0]):
            memories = [store[t] for store in stores]
            features = [m.features for m in memories if m.features is not None]
            joined[t] = {
                "maskmem_features": self._cat(features) if features else None,
                "maskmem_pos_enc": codes,
                "obj_ptr": self._cat([m.pointer for m in memories]),
            }
        return joined

    @staticmethod
    def _cat(tensors: Sequence[Tensor]) -> Tensor:
        import torch

        return tensors[0] if len(tensors) == 1 else torch.cat(list(tensors))

    def _points(self, given: Sequence[Clicks]) -> dict[str, Tensor]:
        import torch

        device, side = self.model.device, self.model.image_size
        points = torch.from_numpy(np.stack([g.points for g in given]).astype(np.float32))
        labels = torch.from_numpy(np.stack([g.labels for g in given]).astype(np.int32))
        points = points / torch.tensor([self.width, self.height]) * side
        return {"point_coords": points.to(device), "point_labels": labels.to(device)}

    def _hint(self, item: _Object, given: Clicks) -> Tensor:
        """Logits that go with clicks, ``(1, 1, h, w)``."""
        import torch

        side = self.model.image_size // 4
        if given.hint is None:
            logits = item.last[1] if item.last is not None else torch.zeros(1, 1, side, side)
        else:
            logits = torch.from_numpy(np.ascontiguousarray(given.hint))[None, None].float()
            logits = self._resized(logits * 20 - 10 if given.hint.dtype == bool else logits, side)
        return logits.to(self.model.device).clamp(-32, 32)

    def _model_size(self, mask: NDArray[Any]) -> Tensor:
        """A mask of the frame's size in that of the model's input, ``(1, 1, s, s)`` of 0 and 1."""
        import torch

        full = torch.from_numpy(np.ascontiguousarray(mask)).to(self.model.device)
        return (self._resized(full[None, None].float(), self.model.image_size) >= 0.5).float()

    @staticmethod
    def _resized(mask: Tensor, side: int) -> Tensor:
        from torch.nn.functional import interpolate

        if tuple(mask.shape[-2:]) == (side, side):
            return mask
        return interpolate(mask, (side, side), mode="bilinear", antialias=True)

    @contextlib.contextmanager
    def _computing(self) -> Iterator[None]:
        import torch

        half = self.model.device.type == "cuda"
        with torch.inference_mode(), torch.autocast("cuda", torch.bfloat16, enabled=half):
            yield


_Done = tuple[list[_Object], list[_Memory], Answer]


def _is_out_of_memory(exc: BaseException) -> bool:
    text = str(exc).lower()
    words = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(exc, MemoryError) or any(w in text for w in words)


def _free_device(model: SAM2Base) -> None:
    import torch

    if model.device.type == "cuda":
        torch.cuda.empty_cache()
