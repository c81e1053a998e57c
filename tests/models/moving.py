"""Clips of the embedded world with their truth, and walks over them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from labkit.core.geometry import paired_iou
from labkit.core.tracks import Keyframe, Tracked
from labkit.core.types import Shape
from labkit.demo import DAY, NIGHT, Scene, world

DOMAINS = {"day": DAY, "night": NIGHT}


@cache
def scenes(seed: int, frames: int = 20, domain: str = "day", **promised: int) -> tuple[Scene, ...]:
    """A clip, rendered once."""
    return tuple(world.clip(seed, DOMAINS[domain], frames, **promised))


def keyframes(scene: Scene, kind: str = "box", visible: float = 0.8) -> list[Keyframe]:
    """The scene's objects that are well in sight, as keyframes of one kind of shape."""
    return [
        Keyframe(f"f{scene.index}", o.track_id, o.label, as_kind(o.shape, kind))
        for o in scene.objects
        if o.visible >= visible
    ]


def as_kind(shape: Shape, kind: str) -> Shape:
    """A true shape with its mask, its keypoints, or its box alone."""
    if kind == "box":
        return Shape(shape.box)
    if kind == "mask":
        return Shape(shape.box, mask=shape.mask)
    return Shape(shape.box, mask=shape.mask if "mask" in kind else None, keypoints=shape.keypoints)


def walk(session, clip: Sequence[Scene], backward: bool = False) -> list[list[Tracked]]:
    """Step over all frames but the first one of the walk; results in the order of the walk."""
    order = clip[::-1] if backward else clip
    return [session.step(s.index, s.image) for s in order[1:]]


def iou_with_truth(results: Sequence[Sequence[Tracked]], clip: Sequence[Scene]) -> float:
    """Mean IoU of boxes over all frames and objects that are in the truth there; lost counts 0."""
    truth = {s.index: {o.track_id: o.shape.box for o in s.objects} for s in clip}
    out = []
    for scene, tracked in zip(clip[1:], results, strict=True):
        for one in tracked:
            box = truth[scene.index].get(one.track_id)
            if box is not None:
                out.append(0.0 if one.shape is None else paired_iou([one.shape.box], [box])[0])
    return float(np.mean(out))


def still_iou(clip: Sequence[Scene], first: Sequence[Keyframe]) -> float:
    """What keeping the first boxes still would give."""
    kept = [Tracked(k.track_id, k.shape, 1.0) for k in first]
    return iou_with_truth([kept] * (len(clip) - 1), clip)
