"""How each state looks on both canvases: colour, line and mark; and the font of tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from labkit.core.types import State
from labkit.report.palette import STATES, hex_of

__all__ = [
    "FONT",
    "LOOKS",
    "MANY",
    "ORDER",
    "SKELETON",
    "Look",
    "limbs_of",
    "looks_json",
    "skeletons_json",
]

FONT: Final = "600 11px system-ui, sans-serif"
MANY: Final = 150
"""On a frame with more objects than this, only those wide enough are named."""

ORDER: Final[tuple[State, ...]] = ("rejected", "proposed", "accepted", "edited", "added")
SKELETON: Final = (
    *((15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7)),
    *((6, 8), (7, 9), (8, 10), (1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6)),
)
"""COCO's person skeleton over its 17 keypoints (cocodataset.org, category ``person``)."""


def limbs_of(label: str, count: int, skeletons: Mapping[str, Any]) -> Sequence[tuple[int, int]]:
    """The limbs to draw between so many keypoints of a label.

    Those of the label's own skeleton (``{"names": [...], "limbs": [...]}``) where it has that
    many names; else COCO's for 17 keypoints and a line for two.
    """
    own = skeletons.get(label)
    if own is not None and len(own["names"]) == count:
        return [(int(a), int(b)) for a, b in own["limbs"]]
    return SKELETON if count == 17 else ((0, 1),) if count == 2 else ()


_DASHES: Final = {"dashed": [7, 4], "dotted": [2, 3], "dashdot": [10, 3, 2, 3]}
_MARKS: Final = {
    "circle": "\u25cf",
    "check": "\u2713",
    "pencil": "\u270e",
    "cross": "\u2715",
    "plus": "+",
}


@dataclass(frozen=True, slots=True)
class Look:
    """The look of one state; ``dash`` in CSS pixels, empty for a solid line."""

    color: str
    dash: list[int]
    double: bool
    mark: str
    word: str


LOOKS: Final[dict[State, Look]] = {
    state: Look(
        hex_of(style.colour),
        _DASHES.get(style.line, []),
        style.line == "double",
        _MARKS[style.mark],
        "rejected" if state == "rejected" else style.word,
    )
    for state, style in STATES.items()
}


def looks_json() -> dict[str, Any]:
    """The looks as the browser gets them."""
    return {
        state: {name: getattr(look, name) for name in Look.__slots__}
        for state, look in LOOKS.items()
    }


def skeletons_json(skeletons: Mapping[str, Any]) -> dict[str, Any]:
    """A project's skeletons as the browser gets them: label → names and limbs."""
    return {
        label: {"names": list(own.names), "limbs": [list(limb) for limb in own.limbs]}
        for label, own in skeletons.items()
    }
