"""SAM2 as a tracker: masks, polygons, boxes and clicks on some frames, masks on the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from labkit.core.errors import InputError
from labkit.core.geometry import decode_mask, encode_mask, polygons_to_mask, shape_from_mask
from labkit.core.prompts import Prompts
from labkit.core.tracks import Keyframe, Tracked
from labkit.core.types import Rle, Shape
from labkit.models.detectors.base import Image
from labkit.models.sam2.bank import reach
from labkit.models.sam2.build import best_device
from labkit.models.sam2.names import FILES, SUFFIXES, Sam2Files, find, is_sam2, known
from labkit.models.sam2.opened import video_model
from labkit.models.sam2.tensors import Clicks
from labkit.models.sam2.video import Answer, VideoMemory
from labkit.models.trackers.base import TRACKERS, TrackerAdapter, TrackerInfo, TrackSession

__all__ = ["Sam2", "Sam2Session", "Sam2Tracker"]

_HELP = "Follows masks, polygons, boxes or clicks as masks, forward, backward, between keyframes."


@TRACKERS.register("sam2")
class Sam2(TrackerAdapter):
    """Opens SAM2 models by name (see :func:`labkit.models.sam2.names.known`) or from a file."""

    files: ClassVar[str] = FILES

    def can_open(self, name: str) -> bool:
        """Whether the name or path may be that of a SAM2 model."""
        return is_sam2(name) or Path(name).suffix.lower() in SUFFIXES

    def names(self) -> Sequence[str]:
        """The models that are known by name."""
        return known()

    def find(self, name: str, *, trust: bool = False, project: Path | None = None) -> Sam2Files:
        """Fetch the weights where that is needed; reading them runs no code."""
        del trust, project
        return find(name)

    def open(self, found: Sam2Files, device: str | None) -> Sam2Tracker:
        """Open the model; the inference thread."""
        return Sam2Tracker(found, best_device(device))


class Sam2Tracker:
    """SAM2 that follows objects; the model is shared by all that use the same weights.

    It does not hold the model: after :func:`labkit.models.release` the next step opens it again.

    Parameters
    ----------
    files : Sam2Files
    device : str
        A torch device.
    """

    def __init__(self, files: Sam2Files, device: str) -> None:
        self._model = partial(video_model, files, device)
        model = self._model()  # so that errors are raised here
        self.info = TrackerInfo(
            name=files.name,
            starts_from=frozenset({"mask", "polygon", "box", "clicks"}),
            gives="mask",
            memory=max(reach(model)),
            sees_ahead=True,
            needs_weights=True,
            device=device,
            help=_HELP,
            weights_sha256=files.sha256,
            licence=files.licence,
            versions={package: version(package) for package in ("sam2", "torch")},
            params={"image_size": model.image_size, "num_maskmem": model.num_maskmem},
        )

    def open(self, width: int, height: int, *, backward: bool = False) -> TrackSession:
        """Begin a pass over frames of one size."""
        return Sam2Session(VideoMemory(self._model, width, height, backward=backward))


class Sam2Session:
    """One pass of SAM2; see :class:`labkit.models.trackers.base.TrackSession`.

    An object is followed from its first keyframe, in the direction of the pass, until it is dropped
    or a keyframe says that it is outside. Clicks on a frame that has been reached correct the mask
    found there.

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
        starts = {k.track_id: _asked(k, *size) for k in keyframes}
        clicks = [(t, g) for t, g in starts.items() if isinstance(g, Clicks)]
        masks = [(t, _decoder(g)) for t, g in starts.items() if isinstance(g, Rle)]
        outside = [t for t, g in starts.items() if g is None]
        answers = self.memory.add_clicks(position, image, clicks) if clicks else []
        results = {t.track_id: t for t in self._tracked(answers)}
        if masks:
            self.memory.add_masks(position, image, masks)
        self.memory.leave(position, outside)
        for track_id, what in starts.items():
            if isinstance(what, Rle):
                sure = {"object_score": 1.0, "iou": 1.0}
                results[track_id] = Tracked(track_id, shape_from_mask(what), 1.0, sure)
            elif what is None:
                results[track_id] = Tracked(track_id, None, 1.0)
        return [results[track_id] for track_id in starts]

    def recall(self, position: int, image: Image, tracked: Sequence[Tracked]) -> None:
        """Take an earlier result as if just computed; positions in the order of the pass."""
        masks = [(t.track_id, _decoder(self._mask(t))) for t in tracked]
        if masks:
            self.memory.recall(position, image, masks)

    def step(self, position: int, image: Image) -> list[Tracked]:
        """Follow all objects to the next frame, except those prompted on this very frame.

        Raises
        ------
        InputError
            The image has another size.
        OutOfMemoryError
            Not even one object at once can be followed.
        """
        return list(self._tracked(self.memory.step(position, image)))

    def drop(self, track_id: int) -> None:
        """Stop following one object."""
        self.memory.drop(track_id)

    def close(self) -> None:
        """Free the memory."""
        self.memory.close()

    def _tracked(self, answers: Iterable[Answer]) -> Iterable[Tracked]:
        for answer in answers:
            signals = zip(answer.object_score.tolist(), answer.iou.tolist(), strict=True)
            masks = self.memory.masks(answer)
            for track_id, (sight, iou), mask in zip(answer.track_ids, signals, masks, strict=True):
                seen = sight > 0.5 and bool(mask.any())
                yield Tracked(
                    track_id,
                    shape_from_mask(mask) if seen else None,
                    min(1.0, max(0.0, sight * iou)),
                    {"object_score": sight, "iou": iou},
                )

    def _mask(self, tracked: Tracked) -> Rle:
        """The mask of an earlier result; an empty one if the object was out of sight."""
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
    assert key.shape is not None  # Keyframe guarantees it
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
        assert prompts.mask is not None  # check() guarantees it
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
