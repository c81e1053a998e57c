"""How each state looks on both canvases: colour, line and mark; and the font of tags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from labkit.core.types import State
from labkit.report.palette import STATES, hex_of
from labkit.widgets.messages import LookJson

__all__ = ["FONT", "LOOKS", "MANY", "ORDER", "Look", "looks_json"]

FONT: Final = "600 11px system-ui, sans-serif"
MANY: Final = 150
"""On a frame with more objects than this, only those wide enough are named."""

ORDER: Final[tuple[State, ...]] = ("rejected", "proposed", "accepted", "edited", "added")

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


def looks_json() -> dict[State, LookJson]:
    """The looks as the page gets them."""
    return {
        state: LookJson(
            color=look.color, dash=look.dash, double=look.double, mark=look.mark, word=look.word
        )
        for state, look in LOOKS.items()
    }
