"""Colours that colour-blind readers can tell apart, and how each state of an object looks.

The palette is Okabe and Ito's (jfly.uni-koeln.de/color, 2008). Colour is never the only sign of
a state: each also has its own line style and mark.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from labkit.core.types import State

__all__ = ["INK", "OKABE_ITO", "STATES", "Colour", "StateStyle", "hex_of", "ink_on"]

Colour = tuple[int, int, int]
Line = Literal["solid", "dashed", "dotted", "double", "dashdot"]
Mark = Literal["circle", "check", "pencil", "cross", "plus"]

OKABE_ITO: Final[Mapping[str, Colour]] = MappingProxyType(
    {
        "black": (0, 0, 0),
        "orange": (230, 159, 0),
        "sky": (86, 180, 233),
        "green": (0, 158, 115),
        "yellow": (240, 228, 66),
        "blue": (0, 114, 178),
        "vermillion": (213, 94, 0),
        "purple": (204, 121, 167),
    }
)

INK: Final[Colour] = (27, 31, 36)
"""Text on a light background."""


@dataclass(frozen=True, slots=True)
class StateStyle:
    """How objects of one state are drawn.

    Attributes
    ----------
    colour : tuple of int
        RGB, 0..255.
    line : str
        Style of the outline.
    mark : str
        The sign in the object's tag.
    word : str
        What a caption says.
    """

    colour: Colour
    line: Line
    mark: Mark
    word: str


STATES: Final[Mapping[State, StateStyle]] = MappingProxyType(
    {
        "proposed": StateStyle(OKABE_ITO["sky"], "dashed", "circle", "proposed"),
        "accepted": StateStyle(OKABE_ITO["green"], "solid", "check", "accepted"),
        "edited": StateStyle(OKABE_ITO["orange"], "double", "pencil", "edited"),
        "rejected": StateStyle(OKABE_ITO["vermillion"], "dotted", "cross", "removed"),
        "added": StateStyle(OKABE_ITO["purple"], "dashdot", "plus", "added"),
    }
)


def hex_of(colour: Colour) -> str:
    """``(0, 158, 115)`` as ``'#009e73'``."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _luminance(colour: Colour) -> float:
    """Relative luminance 0..1 of an sRGB colour (WCAG 2.2)."""
    parts = [c / 255 for c in colour]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def ink_on(colour: Colour) -> Colour:
    """Near-black or white, whichever has the greater contrast on ``colour`` (WCAG 2.2)."""
    light = _luminance(colour)
    on_white = 1.05 / (light + 0.05)
    on_ink = (light + 0.05) / (_luminance(INK) + 0.05)
    return INK if on_ink >= on_white else (255, 255, 255)
