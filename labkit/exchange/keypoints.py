"""Keypoints at the border: labkit's confidence 0..1 to COCO's visibility 0, 1, 2, and back."""

from __future__ import annotations

from collections.abc import Iterable

from labkit.core.errors import InputError
from labkit.core.skeleton import Limbs

__all__ = ["coco_limbs", "confidence", "to_visible", "visibility"]

VISIBLE = 0.5
"""From this confidence up a keypoint is written as visible (2), below it as hidden (1)."""

_CONFIDENCE = {0: 0.0, 1: 0.25, 2: 1.0}


def visibility(v: float) -> int:
    """COCO's flag: 0 not labelled, 1 labelled but hidden, 2 visible."""
    return 0 if v <= 0 else (2 if v >= VISIBLE else 1)


def confidence(flag: float) -> float:
    """The confidence that stands for a flag: 0, 0.25 or 1.

    Raises
    ------
    InputError
        The flag is not 0, 1 or 2.
    """
    if flag not in _CONFIDENCE:
        raise InputError(f"The visibility of a keypoint cannot be {flag:g}", "it is 0, 1 or 2")
    return _CONFIDENCE[int(flag)]


def coco_limbs(limbs: Limbs) -> list[list[int]]:
    """A category's ``skeleton``: limbs as COCO counts keypoints, from 1."""
    return [[a + 1, b + 1] for a, b in limbs]


def to_visible(points: Iterable[tuple[float, float, float]]) -> list[tuple[float, float, int]]:
    """``(x, y, flag)`` of each keypoint; one that is not labelled is ``(0, 0, 0)``, as in COCO."""
    flagged = [(float(x), float(y), visibility(v)) for x, y, v in points]
    return [(x, y, f) if f else (0.0, 0.0, 0) for x, y, f in flagged]
