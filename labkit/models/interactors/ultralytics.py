"""SAM, MobileSAM, SAM2, SAM3 and FastSAM through Ultralytics' own predictors, by weights' name."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from labkit.core.errors import InputError, LabkitError, ModelUnavailableError
from labkit.core.prompts import MaskProposal, Prompts
from labkit.core.types import Frame
from labkit.models.base import OutOfMemoryError
from labkit.models.interactors.base import (
    INTERACTORS,
    ImageSource,
    Interactor,
    InteractorInfo,
    PromptKind,
)
from labkit.models.weights import Weights, resolve
from labkit.models.yolo_import import ultralytics

__all__ = ["NAMES", "FastSam", "Sam", "handles", "open_weights"]

_TAKES: frozenset[PromptKind] = frozenset({"points", "negative points", "box"})
_AT_ONCE = 40_000_000
"""Pixels of the masks that are decoded in one call: 160 MB as floats."""


@dataclass(frozen=True, slots=True)
class _Family:
    """Weights of one kind: which file names, which predictor, at which input size."""

    pattern: str
    predictor: str
    imgsz: int
    licence: str


_FAMILIES = (
    _Family(r"(mobile_sam|sam_[blh])\.pt", "Predictor", 1024, "Apache-2.0"),
    _Family(r"sam2(\.1)?_[tsbl]\.pt", "SAM2Predictor", 1024, "Apache-2.0"),
    _Family(r"sam3(\.\d)?\.pt", "SAM3Predictor", 1008, "SAM License"),
    _Family(r"FastSAM-[sx]\.pt", "FastSAMPredictor", 1024, "AGPL-3.0"),
)

NAMES = ("sam_b.pt", "sam_l.pt", "mobile_sam.pt", "sam3.pt", "FastSAM-s.pt", "FastSAM-x.pt")
"""The names in the registry. Files whose names end like them, or like Ultralytics' own SAM2
weights (``sam2.1_b.pt``), can be opened, too."""


def handles(weights: str | Path) -> bool:
    """Whether a file name says that these are weights for this adapter."""
    return _family(str(weights)) is not None


def open_weights(
    weights: str | Path,
    source: ImageSource,
    device: str | None = None,
    *,
    trust: bool = False,
    project: Path | None = None,
    imgsz: int | None = None,
) -> Interactor:
    """Open weights by name or path; the inference thread.

    Parameters
    ----------
    weights : str or Path
        One of :data:`NAMES`, or a file whose name ends like one of them.
    source : ImageSource
        Gives the pixels of frames.
    device : str, optional
        ``cpu``, ``cuda:0``, ``mps``; the best there is by default.
    trust, project
        As for :func:`labkit.models.weights.resolve`.
    imgsz : int, optional
        Side of the model's input, pixels; the one of its training by default.

    Raises
    ------
    ModelUnavailableError
        Not there, not trusted, or not such a model (exit code 3).
    InputError
        The device is not there.
    """
    family = _family(str(weights))
    if family is None:
        raise ModelUnavailableError(
            f"{str(weights)!r} is no interactor's weights",
            f"Ultralytics opens {', '.join(NAMES)} and names that end like them",
        )
    found = _found(weights, trust, project)
    overrides = {
        "mode": "predict",
        "task": "segment",
        "imgsz": imgsz or family.imgsz,
        "model": str(found.path),
        "device": device,
        "save": False,
        "verbose": False,
    }
    kind = FastSam if family.predictor == "FastSAMPredictor" else Sam
    if kind is FastSam:  # as in its authors' examples
        overrides |= {"conf": 0.4, "iou": 0.9, "retina_masks": True}
    try:
        module = ultralytics("models.fastsam" if kind is FastSam else "models.sam.predict")
        predictor = getattr(module, family.predictor)(overrides=overrides)
        predictor.setup_model(str(found.path) if kind is FastSam else None, verbose=False)
        if kind is FastSam and predictor.model.backend.model.task != "segment":
            raise ValueError("it is a model of another task")
    except (LabkitError, KeyboardInterrupt):
        raise
    except Exception as exc:  # any loader may raise anything on a file it cannot read
        raise _load_error(found, device, exc) from exc
    return kind(_info(found, family, str(predictor.device), kind), source, predictor)


class _Adapter:
    """What both kinds share: whose frame it is, and errors of the device."""

    several = False

    def __init__(self, info: InteractorInfo, source: ImageSource, predictor: Any) -> None:
        self._info, self._source, self.predictor = info, source, predictor
        self._seen: tuple[str, str] | None = None
        self._size = (0, 0)

    @property
    def info(self) -> InteractorInfo:
        """What it is."""
        return self._info

    def set_frame(self, frame: Frame) -> None:
        """Compute the frame's features, once for a frame (and its filters) in a row."""
        source = self._source
        now = getattr(source, "now", None)
        source = now() if now is not None else source
        seen = (frame.frame_id, getattr(source, "key", ""))
        if seen == self._seen:
            return
        image = source.read(frame)
        self._seen = None  # a failure leaves no frame behind
        self._size = image.shape[0], image.shape[1]
        # Ultralytics reads arrays as BGR
        _guarded(self._look, np.ascontiguousarray(image[..., ::-1]))
        self._seen = seen

    def _look(self, image: Any) -> None:
        raise NotImplementedError

    def _ready(self) -> None:
        if self._seen is None:
            raise InputError("There is nothing to segment", "no frame has been set")


class Sam(_Adapter):
    """SAM, MobileSAM, SAM2 and SAM3: an encoder pass a frame, a decoder pass an answer."""

    several = True

    def _look(self, image: Any) -> None:
        self.predictor.set_image(image)

    def segment(self, prompts: Prompts) -> list[MaskProposal]:
        """Masks of one object, best first: three for a click, one where more is known."""
        self._ready()
        several = len(prompts.points) == 1 and prompts.box is None
        masks, scores = self._decode(_points(prompts), _boxes([prompts]), several)
        order = np.argsort(-scores, kind="stable")
        return [MaskProposal(masks[k], float(scores[k]), prompts) for k in order]

    def segment_many(self, prompts: Sequence[Prompts]) -> list[MaskProposal]:
        """The best mask of each object; boxes alone go through the decoder together."""
        self._ready()
        if not all(p.box is not None and not p.points for p in prompts):
            return [self.segment(each)[0] for each in prompts]
        at_once = max(1, _AT_ONCE // (self._size[0] * self._size[1]))
        out: list[MaskProposal] = []
        for start in range(0, len(prompts), at_once):
            part = prompts[start : start + at_once]
            masks, scores = self._decode(None, _boxes(part), several=False)
            out += [
                MaskProposal(mask, float(score), each)
                for mask, score, each in zip(masks, scores, part, strict=True)
            ]
        return out

    def _decode(self, points: Any, boxes: Any, several: bool) -> tuple[Any, Any]:
        """Masks ``(n, height, width)`` bool and scores ``(n,)`` 0..1."""
        found, rows = _guarded(
            self.predictor.inference_features,
            self.predictor.features,
            self._size,
            bboxes=boxes,
            points=None if points is None else points[0],
            labels=None if points is None else points[1],
            multimask_output=several,
        )
        return found.cpu().numpy(), rows[:, 4].float().cpu().numpy().clip(0, 1)


class FastSam(_Adapter):
    """FastSAM: all objects of a frame are found at once, and prompts choose among them."""

    several = True

    def _look(self, image: Any) -> None:
        self.predictor.set_prompts({})
        self._all = self.predictor(image)[0]

    def segment(self, prompts: Prompts) -> list[MaskProposal]:
        """The objects under the clicks, or the one that fits the box best; maybe none."""
        self._ready()
        chosen = [self._all]
        points = _points(prompts)
        # one after the other: Ultralytics takes what fits the box OR the points
        if points is not None:
            chosen = _guarded(
                self.predictor.prompt, chosen, points=points[0][0], labels=points[1][0]
            )
        if prompts.box is not None and len(chosen[0]):
            chosen = _guarded(self.predictor.prompt, chosen, bboxes=_boxes([prompts]))
        result = chosen[0]
        if not len(result):
            return []
        masks = result.masks.data.cpu().numpy().astype(bool)
        scores = result.boxes.conf.float().cpu().numpy()
        order = np.argsort(-scores, kind="stable")
        return [MaskProposal(masks[k], float(scores[k]), prompts) for k in order]

    def segment_many(self, prompts: Sequence[Prompts]) -> list[MaskProposal]:
        """The best mask of each object; an empty one with score 0 where nothing fits."""
        nothing = np.zeros(self._size, dtype=bool)
        return [next(iter(self.segment(p)), MaskProposal(nothing, 0.0, p)) for p in prompts]


def _family(weights: str) -> _Family | None:
    name = Path(weights).name
    for family in _FAMILIES:
        if re.search(rf"(?:^|[^A-Za-z0-9]){family.pattern}$", name):
            return family
    return None


def _found(weights: str | Path, trust: bool, project: Path | None) -> Weights:
    try:
        return resolve(weights, trust=trust, project=project)
    except ModelUnavailableError as exc:
        if Path(weights).name == str(weights) == "sam3.pt" and not Path(weights).exists():
            raise ModelUnavailableError(
                "The weights 'sam3.pt' are not there",
                "Meta gives them only to those who ask",
                "ask at huggingface.co/facebook/sam3, and give the path of the file",
            ) from exc
        raise


def _info(weights: Weights, family: _Family, device: str, kind: type[_Adapter]) -> InteractorInfo:
    versions = {}
    for package in ("ultralytics-opencv-headless", "ultralytics", "torch"):
        try:
            versions[package.removesuffix("-opencv-headless")] = version(package)
        except PackageNotFoundError:
            continue
    return InteractorInfo(
        name=weights.path.name,
        takes=_TAKES,
        needs_weights=True,
        device=device,
        several=kind.several,
        help="Click on the object, on the background where it is too much, or draw a box.",
        weights_sha256=weights.sha256,
        licence=family.licence,
        versions=versions,
    )


def _points(prompts: Prompts) -> tuple[Any, Any] | None:
    """Points ``(1, n, 2)`` and labels ``(1, n)`` of one object; None without points."""
    if not prompts.points:
        return None
    return np.array([prompts.points], np.float32), np.array([prompts.labels], np.int32)


def _boxes(prompts: Sequence[Prompts]) -> Any:
    """Boxes ``(n, 4)``; None where there are none."""
    boxes = [p.box for p in prompts if p.box is not None]
    return np.array(boxes, np.float32) if boxes else None


def _guarded(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a model; memory that is not there is said in labkit's own error."""
    import torch

    try:
        return call(*args, **kwargs)
    except torch.OutOfMemoryError as exc:
        raise OutOfMemoryError(str(exc)) from exc


def _load_error(weights: Weights, device: str | None, exc: Exception) -> LabkitError:
    if isinstance(exc, ValueError) and "device" in str(exc).lower() and device is not None:
        return InputError(
            f"The device {device!r} cannot be used", "it is not there", "try device='cpu'"
        )
    why = next((line.strip() for line in str(exc).splitlines() if line.strip()), type(exc).__name__)
    return ModelUnavailableError(
        f"{weights.path.name!r} cannot be opened as the model that its name says",
        why[:200],
        "its file name has to be the one that Ultralytics gives such weights",
    )


for _name in NAMES:
    INTERACTORS.register(_name)(partial(open_weights, _name))
