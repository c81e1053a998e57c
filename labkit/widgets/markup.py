"""Tables and lines as HTML, with everything escaped: names from data are text."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

__all__ = ["columns_text", "escape", "line", "table"]

NONE = "\u2013"


def escape(value: object) -> str:
    """Text for HTML."""
    return html.escape(NONE if value is None else str(value))


def line(text: object, kind: str = "") -> str:
    """One paragraph; ``kind`` is one of our own words, such as ``dim`` or ``error``."""
    return f'<p class="lkp-line lkp-{kind or "plain"}">{escape(text)}</p>' if text else ""


def table(
    head: Sequence[object], rows: Iterable[Sequence[object]], numbers: Iterable[int] = ()
) -> str:
    """A table; the columns numbered in ``numbers`` stand to the right.

    A column without a name has an empty cell over it, and no heading that says nothing.
    """
    right = frozenset(numbers)

    def cells(row: Sequence[object], tag: str) -> str:
        return "".join(
            f"<{t}{' class=lkp-number' if k in right else ''}>{escape(v)}</{t}>"
            for k, v in enumerate(row)
            for t in ([tag] if v != "" else ["td"])
        )

    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return (
        f'<table class="lkp-table"><thead><tr>{cells(head, "th")}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )


def columns_text(row: Sequence[object], widths: Sequence[int]) -> str:
    """One line for a list in a font of fixed width; a negative width stands to the right.

    The last column takes what is left where its width is 0. No-break spaces, since lists fold
    others.
    """
    parts = []
    for value, width in zip(row, widths, strict=True):
        text = " ".join(str(value).split())
        if width and len(text) > abs(width):
            text = text[: abs(width) - 1] + "\u2026"
        parts.append(text.rjust(-width) if width < 0 else text.ljust(width))
    return "  ".join(parts).rstrip().replace(" ", "\u00a0")
