"""What a page is made of: sections of texts, tables, figures and galleries; and words for numbers.

Plain data: only the template knows HTML, and it escapes every string in here.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

__all__ = [
    "NONE",
    "Block",
    "Card",
    "Figure",
    "Gallery",
    "Section",
    "Table",
    "Text",
    "count",
    "data_uri",
    "duration",
    "number",
    "percent",
    "plural",
    "with_interval",
]


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph; a ``note`` is set apart, a ``warning`` is hard to overlook."""

    text: str
    kind: Literal["text", "note", "warning"] = "text"


@dataclass(frozen=True, slots=True)
class Table:
    """A table of strings; the first cell of a row is its header, ``numbers`` are set right."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: frozenset[int] = frozenset()
    more: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture as a data URI, with a text for those who cannot see it."""

    source: str
    alt: str
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """A frame in a gallery."""

    source: str
    alt: str
    name: str
    verdict: str = ""
    reason: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Gallery:
    """Frames beside each other."""

    title: str
    cards: Sequence[Card]


NONE = "\N{EN DASH}"
"""What stands where there is no value."""

Block = Text | Table | Figure | Gallery


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page with a heading; ``anchor`` is its id."""

    anchor: str
    title: str
    blocks: Sequence[Block] = field(default_factory=tuple)


def data_uri(data: bytes, mime: str) -> str:
    """The bytes as a ``data:`` URI."""
    return f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"


def _bad(value: float | None) -> bool:
    return value is None or not math.isfinite(value)


def count(value: float | None) -> str:
    """``1234`` as ``'1,234'``; a dash where there is none."""
    return NONE if value is None or _bad(value) else f"{value:,.0f}"


def number(value: float | None, digits: int = 2) -> str:
    """``0.875`` as ``'0.88'``; a dash where there is none."""
    return NONE if value is None or _bad(value) else f"{value:.{digits}f}"


def plural(n: int, one: str, many: str = "") -> str:
    """``'1 frame'``, ``'2 frames'``."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def percent(value: float | None, digits: int = 1) -> str:
    """``0.123`` as ``'12.3 %'``; a dash where there is none."""
    return NONE if value is None or _bad(value) else f"{100 * value:.{digits}f} %"


def with_interval(value: float | None, lo: float | None, hi: float | None) -> str:
    """``'12.3 % (8.1-18.0)'``."""
    if value is None or _bad(value):
        return NONE
    if lo is None or hi is None or _bad(lo) or _bad(hi):
        return percent(value)
    return f"{percent(value)} ({100 * lo:.1f}{NONE}{100 * hi:.1f})"


def duration(seconds: float | None) -> str:
    """``'6.2 s'``, ``'4 min 10 s'``, ``'3 h 05 min'``."""
    if seconds is None or _bad(seconds):
        return NONE
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes:02d} min"
