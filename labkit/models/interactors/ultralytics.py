"""SAM, MobileSAM, SAM2, SAM3 and FastSAM through Ultralytics' own predictors, by weights' name."""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from labkit.core.errors import Argument, InputError, LabkitError, ModelUnavailableError
from labkit.core.geometry import encode_mask
from labkit.core.prompts import MaskProposal, Prompts
from labkit.core.types import Frame
from labkit.models.budget import holds_models, in_chunks
from labkit.models.interactors.base import (
    INTERACTORS,
    ImageSource,
    Interactor,
    InteractorAdapter,
    InteractorInfo,
    PromptKind,
)
from labkit.models.ultralytics import ultralytics
from labkit.models.weights import Weights, resolve

__all__ = [
    "NAMES",
    "FastSam",
    "Sam",
    "UltralyticsSam",
    "check_overlap",
    "handles",
    "open_weights",
]

_TAKES: frozenset[PromptKind] = frozenset({"points", "negative points", "box"})
_OVERLAP = 0.75
"""Share of a model's parameters that its checkpoint has to hold; heads for video may be missing."""
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
"""The names that can be opened without a file. Files whose names end like them, or like
Ultralytics' own SAM2 weights (``sam2.1_b.pt``), can be opened, too."""


def handles(weights: str | Path) -> bool:
    """Whether a file name says that these are weights for this adapter."""
    return _family(str(weights)) is not None


@INTERACTORS.register("ultralytics-sam")
class UltralyticsSam(InteractorAdapter):
    """Opens the SAM family by :data:`NAMES`, or a file whose name ends like one of them."""

    files: ClassVar[str] = f"files that are named like {', '.join(NAMES)}"

    def can_open(self, name: str) -> bool:
        """Whether the file name says so."""
        return handles(name)

    def names(self) -> Sequence[str]:
        """The names that Ultralytics publishes."""
        return NAMES

    def find(self, name: str, *, trust: bool = False, project: Path | None = None) -> Weights:
        """Fetch the file where Ultralytics publishes it, and check that it may be opened."""
        return _found(name, trust, project)

    def open(self, found: Weights, source: ImageSource, device: str | None) -> Interactor:
        """Open the weights; the inference thread."""
        return open_weights(found, source, device)


def open_weights(
    weights: Weights, source: ImageSource, device: str | None = None, imgsz: int | None = None
) -> Interactor:
    """Open weights; the inference thread.

    Parameters
    ----------
    weights : Weights
        Of a file whose name ends like one of :data:`NAMES`.
    source : ImageSource
        Gives the pixels of frames.
    device : str, optional
        ``cpu``, ``cuda:0``, ``mps``; the best there is by default.
    imgsz : int, optional
        Side of the model's input, pixels; the one of its training by default.

    Raises
    ------
    ModelUnavailableError
        It is not such a model (exit code 3).
    InputError
        The device is not there.
    """
    family = _family(weights.path.name)
    if family is None:
        raise ModelUnavailableError(
            f"{weights.path.name!r} is no interactor's weights",
            f"Ultralytics opens {', '.join(NAMES)} and names that end like them",
        )
    kind = FastSam if family.predictor == "FastSAMPredictor" else Sam
    open_it = partial(_predictor, weights, family, device, imgsz or family.imgsz)
    predictor = open_it()  # errors belong to whoever opens
    info = _info(weights, family, str(predictor.device), kind)
    holds_models(_names, _release)
    return kind(info, source, open_it, predictor)


def _predictor(weights: Weights, family: _Family, device: str | None, imgsz: int) -> Any:
    fast = family.predictor == "FastSAMPredictor"
    overrides = {
        "mode": "predict",
        "task": "segment",
        "imgsz": imgsz,
        "model": str(weights.path),
        "device": device,
        "save": False,
        "verbose": False,
    }
    if fast:  # as in its authors' examples
        overrides |= {"conf": 0.4, "iou": 0.9, "retina_masks": True}
    try:
        module = ultralytics("models.fastsam" if fast else "models.sam.predict")
        predictor = getattr(module, family.predictor)(overrides=overrides)
        with _all_loaded(family):
            predictor.setup_model(str(weights.path) if fast else None, verbose=False)
        if fast and predictor.model.backend.model.task != "segment":
            raise ValueError("it is a model of another task")
    except (LabkitError, KeyboardInterrupt):
        raise
    except Exception as exc:  # any loader may raise anything on a file it cannot read
        raise _load_error(weights, device, exc) from exc
    return predictor


@contextmanager
def _all_loaded(family: _Family) -> Iterator[None]:
    """Refuse a checkpoint of SAM3 that leaves parameters random.

    Ultralytics loads it with ``strict=False`` and looks at nothing that came of it, so the keys of
    both sides are looked at here, while it does.
    """
    if family.predictor != "SAM3Predictor":
        yield
        return
    kind = ultralytics("models.sam.build_sam3").SAM3Model
    own = kind.load_state_dict

    def load(model: Any, state: Any, *args: Any, **options: Any) -> Any:
        check_overlap(dict(model.named_parameters()), state)
        return own(model, state, *args, **options)

    kind.load_state_dict = load
    try:
        yield
    finally:
        kind.load_state_dict = own


def check_overlap(parameters: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Check that a state dict has a model's parameters by name, and in their shapes.

    Raises
    ------
    ValueError
        More than a quarter of them are missing: it is not a checkpoint of this model.
    """
    fits = sum(k in state and state[k].shape == v.shape for k, v in parameters.items())
    if fits < _OVERLAP * len(parameters):
        raise ValueError(
            f"it has {fits} of the model's {len(parameters)} parameters, and the others would be "
            "random"
        )


_open: weakref.WeakSet[_Adapter] = weakref.WeakSet()


def _names() -> list[str]:
    """What is open; any thread."""
    opened = (a.info for a in list(_open) if a.predictor is not None)
    return list(dict.fromkeys(f"{info.name} on {info.device}" for info in opened))


def _release() -> None:
    """Forget models and features; whoever asks again opens and computes again."""
    for adapter in list(_open):
        adapter.forget()


class _Adapter:
    """What both kinds share: the model, which can be forgotten, and whose frame it looks at."""

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
        """Compute the frame's features, once for a frame (and its filters) in a row."""
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
        """Let go of the model and of what it knows about the frame; the next call opens again."""
        self.predictor = self._seen = None

    def _look(self, image: Any) -> None:
        raise NotImplementedError

    def _ready(self) -> None:
        if self._frame is None:
            raise InputError("There is nothing to segment", "no frame has been set")
        if self.predictor is None:
            self.set_frame(self._frame)


class Sam(_Adapter):
    """SAM, MobileSAM, SAM2 and SAM3: an encoder pass a frame, a decoder pass an answer."""

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
        """The best mask of each object; boxes alone go through the decoder together."""
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
        found, rows = self.predictor.inference_features(
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
        """The best mask of each object; an empty one with score 0 where nothing fits."""
        nothing = np.zeros(self._size, dtype=bool)
        return [
            _packed(next(iter(self.segment(p)), MaskProposal(nothing, 0.0, p))) for p in prompts
        ]

    def forget(self) -> None:
        """Let go of the model and of the objects that it found."""
        super().forget()
        self._all = None


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


def _packed(answer: MaskProposal) -> MaskProposal:
    """The same answer with its mask as RLE."""
    return MaskProposal(answer.rle, answer.score, answer.prompts)


def _load_error(weights: Weights, device: str | None, exc: Exception) -> LabkitError:
    if isinstance(exc, ValueError) and "device" in str(exc).lower() and device is not None:
        return InputError(
            f"The device {device!r} cannot be used",
            "it is not there",
            "try " + Argument("device", "cpu"),
        )
    why = next((line.strip() for line in str(exc).splitlines() if line.strip()), type(exc).__name__)
    return ModelUnavailableError(
        f"{weights.path.name!r} cannot be opened as the model that its name says",
        why[:200],
        "its file name has to be the one that Ultralytics gives such weights",
    )
