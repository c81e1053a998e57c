"""GrabCut (Rother, Kolmogorov & Blake, 2004): colours inside and outside, cut where they differ."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from labkit.core.errors import InputError
from labkit.core.geometry import decode_mask
from labkit.core.prompts import Prompts, Stroke
from labkit.models.detectors.base import Image
from labkit.models.interactors.base import INTERACTORS, InteractorInfo
from labkit.models.interactors.classical import Classical, opencv_versions

__all__ = ["GrabCut"]

_ROUNDS = 3
"""Iterations; with more of them, objects of the drawn world are lost."""

_LOST = 0.25
"""Share of a box below which its object counts as lost."""

_CORE = 0.4
"""Radius of a lost object's sure middle, where the box reaches to 1."""

_MOST = 300_000
"""A crop with more pixels than this is made smaller."""

_COLOURS = 5
"""Gaussians of each colour model: fewer pixels than that cannot be learned from."""

Labels = NDArray[np.uint8]
Window = tuple[int, int, int, int]


@INTERACTORS.register("grabcut")
class GrabCut(Classical):
    """A box, an earlier mask or strokes, refined by what the colours say.

    Outside of a box is background, unless a positive stroke or click says otherwise. Only the box
    and a margin around it are looked at, in a smaller size where they have over 300,000 pixels.
    Where the colours leave nearly nothing of a box, its middle is taken for the object, and it is
    cut again. The same prompts on the same frame give the same mask.
    """

    info: ClassVar[InteractorInfo] = InteractorInfo(
        name="grabcut",
        takes=frozenset({"points", "negative points", "box", "mask", "strokes"}),
        help="Draw a box around the object, then stroke what was missed or is too much.",
        versions=opencv_versions(),
    )

    def _mask(self, image: Image, prompts: Prompts) -> NDArray[np.bool_]:
        height, width = image.shape[:2]
        strokes = _strokes(prompts, max(3.0, min(height, width) / 200))
        earlier = None if prompts.mask is None else decode_mask(prompts.mask)
        box = _box(prompts, strokes, earlier, width, height)
        x1, y1, x2, y2 = window = _window(box, strokes, width, height)
        shrink = min(1.0, float(np.sqrt(_MOST / ((x2 - x1) * (y2 - y1)))))
        crop = _resized(image[y1:y2, x1:x2], shrink)
        labels = _labels(crop.shape[:2], window, shrink, box, prompts.box is not None, earlier)
        for stroke in strokes:
            _draw(labels, stroke, window, shrink)
        # an earlier mask or a stroke says where the object is; a box alone may lose it
        lost = _LOST if earlier is None and not any(s.positive for s in strokes) else 0.0
        inside = _cut(_calm(crop), labels, lost)
        mask = np.zeros((height, width), dtype=bool)
        mask[y1:y2, x1:x2] = _enlarged(inside, (y2 - y1, x2 - x1))
        return mask


def _strokes(prompts: Prompts, width: float) -> list[Stroke]:
    """Strokes and, after them, clicks as dots."""
    dots = [
        Stroke((point,), bool(label), width)
        for point, label in zip(prompts.points, prompts.labels, strict=True)
    ]
    return [*prompts.strokes, *dots]


def _box(
    prompts: Prompts,
    strokes: list[Stroke],
    earlier: NDArray[np.bool_] | None,
    width: int,
    height: int,
) -> Window:
    """Where the object may be: the box, or around the earlier mask, or the whole frame."""
    if prompts.box is not None:
        x1, y1, x2, y2 = prompts.box
        low, high = np.floor([x1, y1]), np.ceil([x2, y2])
    elif earlier is not None and earlier.any():
        ys, xs = np.nonzero(earlier)
        low, high = np.array([xs.min(), ys.min()]), np.array([xs.max(), ys.max()]) + 1
        grown = np.ceil((high - low) * 0.1)
        low, high = low - grown, high + grown
    elif {stroke.positive for stroke in strokes} == {True, False}:
        return 0, 0, width, height
    else:
        raise InputError(
            "GrabCut cannot start",
            "it needs a box, an earlier mask, or strokes on the object and on the background",
        )
    low, high = np.clip(low, 0, [width, height]), np.clip(high, 0, [width, height])
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _window(box: Window, strokes: list[Stroke], width: int, height: int) -> Window:
    """The box and what is stroked as object, with a margin that shows background."""
    corners = np.array(box, dtype=np.float64).reshape(2, 2)
    positive = [np.array(s.points) for s in strokes if s.positive and s.points]
    points = np.concatenate([corners, *positive])
    low, high = points.min(axis=0), points.max(axis=0)
    margin = np.maximum(16, (high - low) * 0.5)
    low, high = np.floor(low - margin).clip(0), np.ceil(high + margin)
    return int(low[0]), int(low[1]), min(width, int(high[0])), min(height, int(high[1]))


def _resized(pixels: Image, shrink: float) -> Image:
    import cv2

    if shrink == 1:
        return np.ascontiguousarray(pixels)
    height, width = pixels.shape[:2]
    size = max(1, round(width * shrink)), max(1, round(height * shrink))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _labels(
    size: tuple[int, int],
    window: Window,
    shrink: float,
    box: Window,
    sure: bool,
    earlier: NDArray[np.bool_] | None,
) -> Labels:
    """What is known before the first round; outside of a box that a person drew it is sure."""
    import cv2

    labels = np.full(size, cv2.GC_BGD if sure else cv2.GC_PR_BGD, dtype=np.uint8)
    shift = np.array([window[0], window[1], window[0], window[1]])
    x1, y1, x2, y2 = np.round((np.array(box) - shift) * shrink).astype(int)
    x2, y2 = max(x2, x1 + 1), max(y2, y1 + 1)
    inside = labels[y1:y2, x1:x2]
    inside[:] = cv2.GC_PR_FGD
    if earlier is not None and earlier.any():
        part = earlier[window[1] : window[3], window[0] : window[2]].astype(np.uint8)
        small = cv2.resize(part, size[::-1], interpolation=cv2.INTER_NEAREST)
        inside[small[y1:y2, x1:x2] == 0] = cv2.GC_PR_BGD
    return labels


def _draw(labels: Labels, stroke: Stroke, window: Window, shrink: float) -> None:
    import cv2

    if not stroke.points:
        return
    colour = int(cv2.GC_FGD if stroke.positive else cv2.GC_BGD)
    shifted = (np.array(stroke.points) - np.array(window[:2])) * shrink
    points = np.floor(shifted).astype(np.int32)
    wide = max(1, round(stroke.width * shrink))
    if len(points) == 1:
        cv2.circle(labels, tuple(points[0].tolist()), max(1, wide // 2), colour, cv2.FILLED)
    else:
        cv2.polylines(labels, [points], False, colour, wide)


def _calm(crop: Image) -> Image:
    """Colours as people tell them apart, without texture and noise; edges stay."""
    import cv2

    smooth = cv2.bilateralFilter(np.ascontiguousarray(crop), 5, 30, 3)
    return np.asarray(cv2.cvtColor(smooth, cv2.COLOR_RGB2LAB), dtype=np.uint8)


def _cut(crop: Image, labels: Labels, lost: float) -> NDArray[np.bool_]:
    """Run GrabCut; where there is too little to learn from, what is known so far."""
    import cv2

    if _object(labels).all():  # a box around everything: its rim may be background
        for rim in (labels[:1], labels[-1:], labels[:, :1], labels[:, -1:]):
            rim[rim == cv2.GC_PR_FGD] = cv2.GC_PR_BGD
    start = _object(labels)
    if min(start.sum(), (~start).sum()) < _COLOURS:
        return start
    again = labels.copy()
    inside = _rounds(crop, labels)
    if inside.sum() >= lost * start.sum():
        return inside
    again[_middle(start) & (again == cv2.GC_PR_FGD)] = cv2.GC_FGD
    return _rounds(crop, again)


def _rounds(crop: Image, labels: Labels) -> NDArray[np.bool_]:
    import cv2

    cv2.setRNGSeed(0)  # the colour models start from k-means
    inside, outside = np.zeros((1, 65)), np.zeros((1, 65))
    whole = (0, 0, 0, 0)  # not looked at where there are labels
    cv2.grabCut(crop, labels, whole, outside, inside, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    return _object(labels)


def _object(labels: Labels) -> NDArray[np.bool_]:
    import cv2

    return np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD))


def _middle(start: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """An ellipse in the middle of what may be the object."""
    ys, xs = np.nonzero(start)
    low, high = np.array([ys.min(), xs.min()]), np.array([ys.max(), xs.max()]) + 1
    y, x = np.ogrid[: start.shape[0], : start.shape[1]]
    (cy, cx), (ry, rx) = (low + high) / 2 - 0.5, (high - low) / 2
    return np.asarray(((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 < _CORE**2, dtype=bool)


def _enlarged(inside: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    import cv2

    if inside.shape == size:
        return inside
    soft = cv2.resize(inside.astype(np.float32), size[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(soft > 0.5, dtype=bool)
