"""When a tracked object may have been lost: pure rules over what the tracker says and where it is.

A flag means that a person should look at the frame, not that it is wrong.

========== =========================================================================================
``score``  the tracker's confidence that the object is there is below 0.5 (``object_score``; where
           it gives none, the score below 0.3)
``iou``    the mask's predicted IoU is below 0.6
``area``   the area is below half or above twice the median of the last 8 frames
``jump``   the centre moved by more than half the box's diagonal since the last frame
``return`` the points inside, followed back, miss where they came from by more than 5 % of the
           diagonal, and by more than 2 pixels (forward-backward error)
``keypoints`` one of its points has a confidence below 0.3
``agreement`` between two keyframes, the boxes of the walks from either one have an IoU below 0.5
``size``   the frames change their size here, so the tracker began again
``unread`` the keyframe's own frame could not be read, so the tracker began on this one
========== =========================================================================================
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median

from labkit.core.geometry import polygon_area
from labkit.core.tracks import Tracked
from labkit.core.types import Attribute, Rle, Shape

__all__ = ["DriftRules", "DriftWatch", "area_of", "attributes", "drift"]


@dataclass(frozen=True, slots=True)
class DriftRules:
    """The thresholds.

    Attributes
    ----------
    object_score, score, iou, keypoints, agreement : float
        Flagged below, 0..1.
    area : float
        Flagged where the area is this many times the usual one, or its inverse.
    jump : float
        Flagged above, in box diagonals a frame.
    return_share, return_px : float
        Flagged above both: share of the diagonal, pixels.
    window : int
        Frames that say what is usual.
    """

    object_score: float = 0.5
    score: float = 0.3
    iou: float = 0.6
    area: float = 2.0
    jump: float = 0.5
    return_share: float = 0.05
    return_px: float = 2.0
    keypoints: float = 0.3
    agreement: float = 0.5
    window: int = 8


@dataclass(frozen=True, slots=True)
class Seen:
    """Where an object was at an earlier step; ``area`` is None where only its box is known."""

    step: int
    box: tuple[float, float, float, float]
    area: float | None


def area_of(shape: Shape) -> float:
    """Area in square pixels: of the mask, else the polygons, else the box."""
    if shape.mask is not None:
        return _mask_area(shape.mask)
    if shape.polygons is not None:
        return sum(polygon_area(ring) for ring in shape.polygons)
    return _box_area(shape.box)


def _mask_area(mask: Rle) -> float:
    from pycocotools import mask as coco

    data = {"size": [mask.height, mask.width], "counts": mask.counts.encode("ascii")}
    return float(coco.area(data))


def drift(now: Tracked, seen: list[Seen], step: int, rules: DriftRules) -> dict[str, float]:
    """Reasons to look at an object, each with the number behind it.

    Parameters
    ----------
    now : Tracked
    seen : list of Seen
        The same object at earlier steps, oldest first.
    step : int
        The number of this frame in the walk.
    rules : DriftRules

    Returns
    -------
    dict
        Empty where nothing is amiss, or the object is not in sight.
    """
    if now.shape is None:
        return {}
    out: dict[str, float] = {}
    signals = now.signals
    if "object_score" in signals:
        if signals["object_score"] < rules.object_score:
            out["score"] = signals["object_score"]
    elif now.score < rules.score:
        out["score"] = now.score
    for name in ("iou", "keypoints", "agreement"):
        if name in signals and signals[name] < getattr(rules, name):
            out[name] = signals[name]
    diagonal = _diagonal(now.shape.box)
    back = signals.get("forward_backward", 0.0)
    if back > max(rules.return_share * diagonal, rules.return_px):
        out["return"] = back
    before = list(seen)
    if before:
        ratio = _growth(now.shape, before)
        if not 1 / rules.area <= ratio <= rules.area:
            out["area"] = ratio
        last = before[-1]
        way = math.dist(_centre(now.shape.box), _centre(last.box)) / max(1, step - last.step)
        size = max(diagonal, _diagonal(last.box))
        if way > rules.jump * size:
            out["jump"] = way / size
    return out


def _growth(shape: Shape, before: list[Seen]) -> float:
    """Its area over the usual one; of the boxes, where a mask would be compared with a box."""
    areas = [s.area for s in before if s.area is not None]
    if _outlined(shape) and len(areas) == len(before):
        now, usual = area_of(shape), median(areas)
    else:
        now, usual = _box_area(shape.box), median(_box_area(s.box) for s in before)
    return now / usual if usual > 0 else math.inf


def _outlined(shape: Shape) -> bool:
    return shape.mask is not None or shape.polygons is not None


def _box_area(box: tuple[float, float, float, float]) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _diagonal(box: tuple[float, float, float, float]) -> float:
    return math.hypot(box[2] - box[0], box[3] - box[1])


def _centre(box: tuple[float, float, float, float]) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


@dataclass(slots=True)
class DriftWatch:
    """What is usual for each track, as the walk goes on; a function of its last steps alone."""

    rules: DriftRules = field(default_factory=DriftRules)
    _seen: dict[int, deque[Seen]] = field(default_factory=dict)

    def look(self, now: Tracked, step: int) -> dict[str, float]:
        """The reasons to look at a tracked object; it then counts as seen."""
        found = drift(now, list(self._recent(now.track_id, step)), step, self.rules)
        self.note(now, step)
        return found

    def note(self, now: Tracked, step: int, *, again: bool = False) -> None:
        """Take an object as seen; ``again`` at a keyframe, before which nothing counts."""
        if again:
            self._seen.pop(now.track_id, None)
        if now.shape is not None:
            area = area_of(now.shape) if _outlined(now.shape) else None
            seen = Seen(step, now.shape.box, area)
            self._recent(now.track_id, step).append(seen)

    def clear(self) -> None:
        """Forget everything: the frames have another size, or are of another walk."""
        self._seen.clear()

    def _recent(self, track_id: int, step: int) -> deque[Seen]:
        seen = self._seen.setdefault(track_id, deque())
        while seen and seen[0].step < step - self.rules.window:
            seen.popleft()
        return seen


def attributes(found: Mapping[str, float]) -> tuple[Attribute, ...]:
    """``("drift", reason)`` for each reason, and the number behind it as ``drift_<reason>``."""
    out: list[Attribute] = []
    for reason, number in found.items():
        out.append(Attribute("drift", reason))
        if math.isfinite(number):
            out.append(Attribute(f"drift_{reason}", round(float(number), 4)))
    return tuple(out)
