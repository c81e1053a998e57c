"""Ultralytics' predictors of the SAM family as interactors."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from labkit.core.errors import InputError
from labkit.core.geometry import encode_mask
from labkit.core.prompts import MaskProposal, Prompts
from labkit.core.types import Frame
from labkit.models.budget import in_chunks
from labkit.models.interactors.base import ImageSource, InteractorInfo, PromptKind

__all__ = ["TAKES", "FastSam", "Sam", "open_names", "release"]

TAKES: frozenset[PromptKind] = frozenset({"points", "negative points", "box"})
"""Prompts that all of them understand."""

_AT_ONCE = 40_000_000
"""Pixels of the masks that are decoded in one call: 160 MB as floats."""

_open: weakref.WeakSet[_Adapter] = weakref.WeakSet()


def open_names() -> list[str]:
    """What is open; any thread."""
    opened = (a.info for a in list(_open) if a.predictor is not None)
    return list(dict.fromkeys(f"{info.name} on {info.device}" for info in opened))


def release() -> None:
    """Forget models and features; the next call opens and computes them again."""
    for adapter in list(_open):
        adapter.forget()


class _Adapter:
    """What both kinds share: the model, which can be released, and the frame it looks at."""

    several = True

    def __init__(
        self,
        info: InteractorInfo,
        source: ImageSource,
        open_it: Callable[[], Any],
        predictor: Any = None,
    ) -> None:
        self._info, self._source, self._open_it = info, source, open_it
        self.predictor = predictor
        self._frame: Frame | None = None
        self._seen: tuple[str, str] | None = None
        self._size = (0, 0)
        _open.add(self)

    @property
    def info(self) -> InteractorInfo:
        """What it is."""
        return self._info

    def set_frame(self, frame: Frame) -> None:
        """Compute the frame's features, unless frame and filters are those of the last call."""
        source = self._source
        now = getattr(source, "now", None)
        source = now() if now is not None else source
        seen = (frame.frame_id, getattr(source, "key", ""))
        if seen == self._seen:
            return
        image = source.read(frame)
        self._frame = self._seen = None  # a failure leaves no frame behind
        self._size = image.shape[0], image.shape[1]
        if self.predictor is None:
            self.predictor = self._open_it()
        # Ultralytics reads arrays as BGR
        in_chunks([np.ascontiguousarray(image[..., ::-1])], 1, self._look_at)
        self._frame, self._seen = frame, seen

    def _look_at(self, images: Sequence[Any]) -> list[bool]:
        self._look(images[0])
        return [True]

    def forget(self) -> None:
        """Release the model and what it knows about the frame; the next call opens it again."""
        self.predictor = self._seen = None

    def _look(self, image: Any) -> None:
        raise NotImplementedError

    def _ready(self) -> None:
        if self._frame is None:
            raise InputError("There is nothing to segment", "no frame has been set")
        if self.predictor is None:
            self.set_frame(self._frame)


class Sam(_Adapter):
    """SAM, MobileSAM, SAM2 and SAM3: one encoder pass per frame, one decoder pass per answer."""

    def _look(self, image: Any) -> None:
        self.predictor.set_image(image)

    def segment(self, prompts: Prompts) -> list[MaskProposal]:
        """Masks of one object, best first: three for a click, one where more is known."""
        self._ready()
        several = len(prompts.points) == 1 and prompts.box is None
        ((masks, scores),) = in_chunks(
            [prompts], 1, lambda one: [self._decode(_points(one[0]), _boxes(one), several)]
        )
        order = np.argsort(-scores, kind="stable")
        return [MaskProposal(masks[k], float(scores[k]), prompts) for k in order]

    def segment_many(self, prompts: Sequence[Prompts]) -> list[MaskProposal]:
        """The best mask of each object; prompts that are only boxes are decoded together."""
        self._ready()
        if not all(p.box is not None and not p.points for p in prompts):
            return [_packed(self.segment(each)[0]) for each in prompts]
        return in_chunks(prompts, max(1, _AT_ONCE // (self._size[0] * self._size[1])), self._boxed)

    def _boxed(self, prompts: Sequence[Prompts]) -> list[MaskProposal]:
        masks, scores = self._decode(None, _boxes(prompts), several=False)
        # as RLE: thousands of them are held at once
        return [
            MaskProposal(encode_mask(mask), float(score), each)
            for mask, score, each in zip(masks, scores, prompts, strict=True)
        ]

    def _decode(self, points: Any, boxes: Any, several: bool) -> tuple[Any, Any]:
        """Masks ``(n, height, width)`` bool and scores ``(n,)`` 0..1."""
        masks, rows = self.predictor.inference_features(
            self.predictor.features,
            self._size,
            bboxes=boxes,
            points=None if points is None else points[0],
            labels=None if points is None else points[1],
            multimask_output=several,
        )
        return masks.cpu().numpy(), rows[:, 4].float().cpu().numpy().clip(0, 1)


class FastSam(_Adapter):
    """FastSAM: all objects of a frame are found at once, and prompts choose among them."""

    def _look(self, image: Any) -> None:
        self.predictor.set_prompts({})
        self._all = self.predictor(image)[0]

    def segment(self, prompts: Prompts) -> list[MaskProposal]:
        """The objects under the clicks, or the one that fits the box best; there may be none."""
        self._ready()
        chosen = [self._all]
        points = _points(prompts)
        # one after the other: Ultralytics takes what fits the box OR the points
        if points is not None:
            chosen = self.predictor.prompt(chosen, points=points[0][0], labels=points[1][0])
        if prompts.box is not None and len(chosen[0]):
            chosen = self.predictor.prompt(chosen, bboxes=_boxes([prompts]))
        result = chosen[0]
        if not len(result):
            return []
        masks = result.masks.data.cpu().numpy().astype(bool)
        scores = result.boxes.conf.float().cpu().numpy()
        order = np.argsort(-scores, kind="stable")
        return [MaskProposal(masks[k], float(scores[k]), prompts) for k in order]

    def segment_many(self, prompts: Sequence[Prompts]) -> list[MaskProposal]:
        """The best mask of each object; an empty one with score 0 if nothing fits."""
        nothing = np.zeros(self._size, dtype=bool)
        return [
            _packed(next(iter(self.segment(p)), MaskProposal(nothing, 0.0, p))) for p in prompts
        ]

    def forget(self) -> None:
        """Release the model and the objects that it found."""
        super().forget()
        self._all = None


def _points(prompts: Prompts) -> tuple[Any, Any] | None:
    """Points ``(1, n, 2)`` and labels ``(1, n)`` of one object; None without points."""
    if not prompts.points:
        return None
    return np.array([prompts.points], np.float32), np.array([prompts.labels], np.int32)


def _boxes(prompts: Sequence[Prompts]) -> Any:
    """Boxes ``(n, 4)``; None where there are none."""
    boxes = [p.box for p in prompts if p.box is not None]
    return np.array(boxes, np.float32) if boxes else None


def _packed(answer: MaskProposal) -> MaskProposal:
    """The same answer with its mask as RLE."""
    return MaskProposal(answer.rle, answer.score, answer.prompts)
