"""SAM2 as a tracker: masks, polygons, boxes and clicks on some frames, masks on the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labkit.core.errors import InputError
from labkit.core.geometry import decode_mask, encode_mask, polygons_to_mask, shape_from_mask
from labkit.core.prompts import Prompts
from labkit.core.tracks import Keyframe, Tracked
from labkit.core.types import Rle, Shape
from labkit.models.detectors.base import Image
from labkit.models.sam2.bank import reach
from labkit.models.sam2.names import Sam2Files, find
from labkit.models.sam2.tensors import Clicks
from labkit.models.sam2.video import Answer, VideoMemory
from labkit.models.trackers.base import TrackerInfo, TrackSession
from labkit.models.worker import worker

if TYPE_CHECKING:
    from sam2.modeling.sam2_base import SAM2Base

__all__ = ["Sam2Session", "Sam2Tracker", "open_sam2"]

_HELP = "Follows masks, polygons, boxes or clicks as masks, forward, backward, between keyframes."


def open_sam2(name: str, device: str | None = None) -> Sam2Tracker:
    """Open SAM2 weights as a tracker.

    Parameters
    ----------
    name : str
        As :func:`labkit.models.sam2.names.find` takes it.
    device : str, optional
        A torch device; None for the best one there is.

    Raises
    ------
    ModelUnavailableError
        The model is not there, or its weights are not of its YAML.
    InputError
        The device is not there, or ``sam2`` is not installed.
    """
    files = find(name)
    model, place = worker().call(_load, files, device)
    info = TrackerInfo(
        name=files.name,
        starts_from=frozenset({"mask", "polygon", "box", "clicks"}),
        gives="mask",
        memory=max(reach(model)),
        sees_ahead=True,
        needs_weights=True,
        device=place,
        help=_HELP,
        weights_sha256=files.sha256,
        licence=files.licence,
        versions={package: version(package) for package in ("sam2", "torch")},
        params={"image_size": model.image_size, "num_maskmem": model.num_maskmem},
    )
    return Sam2Tracker(model, info)


def _load(files: Sam2Files, device: str | None) -> tuple[SAM2Base, str]:
    from labkit.models.sam2.build import best_device, build

    place = best_device(device)
    model = build(files.config, files.weights, place)
    if files.config.parents[1].name == "configs":
        _as_published(model)
    return model, place


def _as_published(model: SAM2Base) -> None:
    """What ``build_sam2_video_predictor`` adds to the package's own YAMLs.

    Its filling of small holes is left out: it needs an extension that is compiled for CUDA.
    """
    model.binarize_mask_from_pts_for_mem_enc = True
    decoder = model.sam_mask_decoder
    decoder.dynamic_multimask_via_stability = True
    decoder.dynamic_multimask_stability_delta = 0.05
    decoder.dynamic_multimask_stability_thresh = 0.98


class Sam2Tracker:
    """A SAM2 model that follows objects.

    Parameters
    ----------
    model : SAM2Base
        From :func:`labkit.models.sam2.build.build`.
    info : TrackerInfo
    """

    def __init__(self, model: SAM2Base, info: TrackerInfo) -> None:
        self.model, self.info = model, info

    def open(self, width: int, height: int, *, backward: bool = False) -> TrackSession:
        """Begin a walk over frames of one size."""
        return Sam2Session(VideoMemory(self.model, width, height, backward=backward))


class Sam2Session:
    """One walk of SAM2; see :class:`labkit.models.trackers.base.TrackSession`.

    An object is followed from its first keyframe in walking direction until it is dropped or said
    to be outside. Clicks on a frame that it has been followed to correct the mask found there.

    Parameters
    ----------
    memory : VideoMemory
    """

    def __init__(self, memory: VideoMemory) -> None:
        self.memory = memory

    def prompt(self, position: int, image: Image, keyframes: Sequence[Keyframe]) -> list[Tracked]:
        """Learn what objects look like on one frame, and give their shapes there.

        A mask or polygon is given back as it is; boxes and clicks become masks.

        Raises
        ------
        InputError
            A keyframe cannot be used; nothing has been learned then.
        OutOfMemoryError
        """
        size = self.memory.width, self.memory.height
        given = {k.track_id: _asked(k, *size) for k in keyframes}
        clicks = [(t, g) for t, g in given.items() if isinstance(g, Clicks)]
        masks = [(t, _decoder(g)) for t, g in given.items() if isinstance(g, Rle)]
        outside = [t for t, g in given.items() if g is None]
        answers = self.memory.add_clicks(position, image, clicks) if clicks else []
        found = {t.track_id: t for t in self._tracked(answers)}
        if masks:
            self.memory.add_masks(position, image, masks)
        self.memory.leave(position, outside)
        for track_id, what in given.items():
            if isinstance(what, Rle):
                sure = {"object_score": 1.0, "iou": 1.0}
                found[track_id] = Tracked(track_id, shape_from_mask(what), 1.0, sure)
            elif what is None:
                found[track_id] = Tracked(track_id, None, 1.0)
        return [found[track_id] for track_id in given]

    def recall(self, position: int, image: Image, tracked: Sequence[Tracked]) -> None:
        """Take an earlier result as if it had just been computed; positions in walking order."""
        masks = [(t.track_id, _decoder(self._mask(t))) for t in tracked]
        if masks:
            self.memory.recall(position, image, masks)

    def step(self, position: int, image: Image) -> list[Tracked]:
        """Follow all objects, those prompted on this very frame excepted, to the next frame.

        Raises
        ------
        InputError
            The image has another size.
        OutOfMemoryError
            Not even one object at once can be followed.
        """
        return list(self._tracked(self.memory.step(position, image)))

    def drop(self, track_id: int) -> None:
        """Follow one object no longer."""
        self.memory.drop(track_id)

    def close(self) -> None:
        """Free the memory."""
        self.memory.close()

    def _tracked(self, answers: Iterable[Answer]) -> Iterable[Tracked]:
        for answer in answers:
            signals = zip(answer.object_score.tolist(), answer.iou.tolist(), strict=True)
            masks = self.memory.masks(answer)
            for track_id, (there, iou), mask in zip(answer.track_ids, signals, masks, strict=True):
                seen = there > 0.5 and bool(mask.any())
                yield Tracked(
                    track_id,
                    shape_from_mask(mask) if seen else None,
                    min(1.0, max(0.0, there * iou)),
                    {"object_score": there, "iou": iou},
                )

    def _mask(self, tracked: Tracked) -> Rle:
        """The mask of an earlier result; an empty one where the object was out of sight."""
        width, height = self.memory.width, self.memory.height
        if tracked.shape is None:
            return encode_mask(np.zeros((height, width), bool))
        what = f"The earlier result of track {tracked.track_id} cannot be used"
        return _as_mask(tracked.shape, width, height, what)


def _decoder(rle: Rle) -> Callable[[], NDArray[np.bool_]]:
    return lambda: decode_mask(rle)


def _asked(key: Keyframe, width: int, height: int) -> Clicks | Rle | None:
    """What a keyframe says, checked: clicks, a mask, or None for 'outside'."""
    if key.outside:
        return None
    what = f"The keyframe of track {key.track_id} cannot be used"
    if key.prompts is not None and (key.shape is None or not key.prompts.empty):
        return _from_prompts(key.prompts, width, height, what)
    assert key.shape is not None  # Keyframe sees to it
    if key.shape.mask is None and not key.shape.polygons:
        return _from_prompts(Prompts(box=key.shape.box), width, height, what)
    return _visible(_as_mask(key.shape, width, height, what), what)


def _from_prompts(prompts: Prompts, width: int, height: int, what: str) -> Clicks | Rle:
    try:
        prompts.check(width, height)
    except InputError as exc:
        raise InputError(what, exc.why or exc.what) from exc
    if prompts.strokes:
        raise InputError(what, "strokes are not understood here", "use clicks, a box or a mask")
    if not prompts.points and prompts.box is None:
        assert prompts.mask is not None  # check() has seen to it
        return _visible(prompts.mask, what)
    corners = () if prompts.box is None else (prompts.box[:2], prompts.box[2:])
    labels = (2, 3)[: len(corners)]
    hint: NDArray[Any] | None = None
    if prompts.logits is not None:
        hint = prompts.logits.reshape(prompts.logits.shape[-2:])
    elif prompts.mask is not None:
        hint = decode_mask(prompts.mask)
    return Clicks(
        np.array([*corners, *prompts.points], np.float32).reshape(-1, 2),
        np.array([*labels, *prompts.labels], np.int32),
        hint,
    )


def _as_mask(shape: Shape, width: int, height: int, what: str) -> Rle:
    """The mask of a shape: its own, its polygons', or else its filled box."""
    if shape.mask is not None:
        if (shape.mask.width, shape.mask.height) != (width, height):
            size = f"{shape.mask.width} x {shape.mask.height}"
            raise InputError(what, f"its mask is {size}, the frame {width} x {height}")
        return shape.mask
    x1, y1, x2, y2 = shape.box
    rings = shape.polygons or ((x1, y1, x2, y1, x2, y2, x1, y2),)
    if any(len(ring) < 6 or len(ring) % 2 or not np.isfinite(ring).all() for ring in rings):
        raise InputError(what, "its polygon needs at least three finite points")
    return polygons_to_mask(rings, width, height)


def _visible(mask: Rle, what: str) -> Rle:
    """The mask, if any pixel of it is set."""
    from pycocotools import mask as coco

    data = {"size": [mask.height, mask.width], "counts": mask.counts.encode("ascii")}
    if not coco.area(data):
        raise InputError(what, "it covers no pixel of the frame")
    return mask
