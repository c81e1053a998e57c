"""Plain text for a terminal: names from data made harmless, rows made a table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

__all__ = ["Share", "cell", "safe", "table"]


class Share(float):
    """A rate 0..1, shown in percent."""


def safe(text: object) -> str:
    """Text in which every character is escaped that a terminal would obey instead of show.

    Control characters, line breaks, bidirectional marks and undecodable bytes of file names become
    backslash escapes; letters of every script stay.
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in str(text)
    )


def cell(value: object) -> str:
    """One value of a table: three significant decimals for floats, ``-`` for nothing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if isinstance(value, Share):
        return f"{value:.1%}"
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".") if abs(value) < 1e6 else f"{value:.3g}"
    return safe(value)


def table(rows: Iterable[Sequence[object]], header: Sequence[str]) -> str:
    """Aligned columns with a header; columns that hold only numbers are set to the right."""
    rows = [list(row) for row in rows]
    cells = [[cell(v) for v in row] for row in rows]
    numeric = [
        bool(rows) and all(v is None or isinstance(v, int | float) for v in column)
        for column in zip(*rows, strict=True)
    ] or [False] * len(header)
    widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]
    lines = []
    for line in [list(header), *cells]:
        parts = [
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, numeric, strict=True)
        ]
        lines.append("  ".join(parts).rstrip())
    return "\n".join(lines)
