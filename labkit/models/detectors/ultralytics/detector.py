"""Any Ultralytics weights as a detector: detect, segment, pose, oriented boxes.

The stages of Ultralytics' predictor are called one by one rather than ``predict()``: that way
labkit decides about batches, can cancel, and sees the raw class scores. Letterboxing, NMS and
scaling are Ultralytics' own functions, so the boxes equal those of ``predict()``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit.core.errors import LabkitError
from labkit.core.types import Frame, Proposal
from labkit.models.detectors.base import (
    DetectOptions,
    FrameResult,
    Image,
    ModelInfo,
    OutOfMemoryError,
)
from labkit.models.detectors.ultralytics.onnx import ParallelSession
from labkit.models.detectors.ultralytics.output import RawFrame, build_proposals
from labkit.models.ultralytics import ultralytics

__all__ = ["YoloDetector"]

_OOM_WORDS = (
    "out of memory",
    "can't allocate memory",
    "failed to allocate memory",
    "bad allocation",
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A letterboxed image: ``(3, h, w)`` float32 0..1 (CPU) or ``(h, w, 3)`` uint8."""

    pixels: NDArray[Any]
    frame_shape: tuple[int, int]


@dataclass
class YoloDetector:
    """Ultralytics weights; made by :func:`labkit.models.detectors.ultralytics.load.load`."""

    info: ModelInfo
    options: DetectOptions
    predictor: Any = field(repr=False)
    parallel: ParallelSession | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self._model = self.predictor.model
        self._on_cpu = getattr(self.predictor.device, "type", "cpu") == "cpu"
        wanted = self.options.classes
        self._classes = None if wanted is None else [self.info.labels.index(c) for c in wanted]

    def detect(self, images: Sequence[Image], frames: Sequence[Frame]) -> list[list[Proposal]]:
        """Proposals of every image, best score first, as the port ``Detector`` says."""
        raw = self.infer([self.prepare(image) for image in images])
        return [self.finish(r, f).proposals for r, f in zip(raw, frames, strict=True)]

    def prepare(self, image: Image) -> Prepared:
        """Letterbox one RGB image as Ultralytics does for a batch of one; any thread."""
        # each image alone: with others, its padding would depend on their shapes
        boxed = self.predictor.pre_transform([image])[0]
        if self._on_cpu:
            planes = np.ascontiguousarray(boxed.transpose(2, 0, 1))
            boxed = np.divide(planes, np.float32(255), dtype=np.float32)
        return Prepared(boxed, (image.shape[0], image.shape[1]))

    def infer(self, prepared: Sequence[Prepared]) -> list[RawFrame]:
        """Run the model and NMS; images of one input shape go together; the inference thread."""
        import torch

        groups: dict[tuple[int, ...], list[int]] = {}
        for k, item in enumerate(prepared):
            groups.setdefault(item.pixels.shape, []).append(k)
        out: list[RawFrame | None] = [None] * len(prepared)
        try:
            with torch.inference_mode():
                for members in groups.values():
                    batch = [prepared[k] for k in members]
                    for k, raw in zip(members, self._run(batch), strict=True):
                        out[k] = raw
        except LabkitError:
            raise
        except (RuntimeError, MemoryError) as exc:
            # ONNX Runtime's own exceptions are RuntimeErrors, too
            if isinstance(exc, MemoryError) or any(w in str(exc).lower() for w in _OOM_WORDS):
                raise OutOfMemoryError(str(exc).split("\n", 1)[0]) from exc
            raise
        return [raw for raw in out if raw is not None]

    def finish(self, raw: RawFrame, frame: Frame) -> FrameResult:
        """Masks as RLE, polygons, choices: numpy only, any thread."""
        return build_proposals(
            raw,
            frame.frame_id,
            self.info.labels,
            polygons=self.options.masks_to_polygons,
            overlap_choices=self.info.class_scores == "overlap",
        )

    def _run(self, batch: Sequence[Prepared]) -> list[RawFrame]:
        import torch

        if self.parallel is not None:
            outputs = self.parallel.run([b.pixels for b in batch])
        elif len(batch) == 1:
            outputs = [self._model(self._tensor(torch.from_numpy(batch[0].pixels)[None]))]
        else:
            pixels = torch.from_numpy(np.stack([b.pixels for b in batch]))
            outputs = [self._model(self._tensor(pixels))]
        size = batch[0].pixels.shape[1:] if self._on_cpu else batch[0].pixels.shape[:2]
        pairs = [pair for output in outputs for pair in self._split(output)]
        return [
            self._one(output, protos, (size[0], size[1]), b.frame_shape)
            for (output, protos), b in zip(pairs, batch, strict=True)
        ]

    def _tensor(self, pixels: Any) -> Any:
        """The model's input of the pixels that :meth:`prepare` made."""
        if self._on_cpu:
            return pixels.half() if self._model.fp16 else pixels
        pixels = pixels.to(self.predictor.device).permute(0, 3, 1, 2).contiguous()
        return (pixels.half() if self._model.fp16 else pixels.float()).div_(255)

    def _split(self, output: Any) -> list[tuple[Any, Any]]:
        """Split a batch's output by image: ``(1, 4 + nc + ..., n)``, and mask prototypes."""
        protos = None
        if self.info.task == "segment":
            # .pt gives ((out, protos), raw), an export (out, protos)
            first = output[0]
            nested = isinstance(first, (tuple, list))
            output, protos = (first[0], first[1]) if nested else (first, output[1])
        elif isinstance(output, (tuple, list)):
            output = output[0]
        return [
            (output[k : k + 1], None if protos is None else protos[k]) for k in range(len(output))
        ]

    def _one(
        self, output: Any, protos: Any, size: tuple[int, int], frame_shape: tuple[int, int]
    ) -> RawFrame:
        """NMS and scaling for one image; alone, as NMS over a batch stops at a time limit."""
        nms, ops = ultralytics("utils.nms"), ultralytics("utils.ops")
        nc, o = len(self.info.labels), self.options
        ends = self.info.class_scores == "overlap"
        kept, indices = nms.non_max_suppression(
            output,
            o.store_above,
            o.iou,
            classes=self._classes,
            max_det=o.max_det,
            nc=nc,
            end2end=ends,
            rotated=self.info.task == "obb",
            return_idxs=True,
        )
        rows, index = kept[0].float(), indices[0].view(-1).long()
        top = None if ends else _top_choices(output[0][4 : 4 + nc, index], rows[:, 5].long())
        boxes, rotated, keypoints, masks = rows[:, :4].clone(), None, None, None
        if self.info.task == "obb":
            boxes = ops.scale_boxes(size, boxes, frame_shape, xywh=True)
            rotated = _numpy(_cat([boxes, rows[:, -1:]]))
        else:
            boxes = ops.scale_boxes(size, boxes, frame_shape)
        if self.info.task == "pose":
            keypoints = rows[:, 6:].view(len(rows), *self._model.kpt_shape).clone()
            keypoints = _numpy(ops.scale_coords(size, keypoints, frame_shape))
        if protos is not None:
            masks = _mask_crops(ops, protos, rows[:, 6:], boxes, frame_shape)
        return RawFrame(
            frame_shape=frame_shape,
            boxes=_numpy(boxes),
            scores=_numpy(rows[:, 4]),
            classes=_numpy(rows[:, 5]).astype(np.intp),
            top=top,
            rotated=rotated,
            keypoints=keypoints,
            masks=masks,
        )


def _numpy(tensor: Any) -> NDArray[Any]:
    return np.asarray(tensor.float().cpu().numpy())


def _cat(tensors: list[Any]) -> Any:
    import torch

    return torch.cat(tensors, dim=-1)


def _top_choices(scores: Any, classes: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Classes and scores ``(n, 3)`` of the best three, the one that NMS chose first."""
    first = scores.t().float().clone()  # (n, nc)
    if not len(first):
        return np.zeros((0, 1), dtype=np.intp), np.zeros((0, 1), dtype=np.float32)
    first.scatter_(1, classes[:, None], 2.0)  # above every score: ties cannot take its place
    best = first.topk(min(3, first.shape[1]), dim=1).indices
    return best.cpu().numpy(), _numpy(scores.t().gather(1, best))


def _mask_crops(
    ops: Any, protos: Any, coefficients: Any, boxes: Any, shape: tuple[int, int], chunk: int = 32
) -> list[NDArray[np.uint8]]:
    """Masks inside their boxes only: whole frames of hundreds of objects would fill the memory."""
    crops: list[NDArray[np.uint8]] = []
    for start in range(0, len(boxes), chunk):
        part = boxes[start : start + chunk]
        masks = ops.process_mask_native(protos, coefficients[start : start + chunk], part, shape)
        corners = part.cpu().numpy()
        low, high = np.floor(corners[:, :2]).astype(int), np.ceil(corners[:, 2:]).astype(int)
        for mask, (x1, y1), (x2, y2) in zip(masks, low, high, strict=True):
            crops.append(mask[y1:y2, x1:x2].cpu().numpy().copy())
    return crops
