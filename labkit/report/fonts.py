"""Fonts for text on pictures: one that holds the text's script, where the machine has one.

DejaVu Sans comes with matplotlib, so there is always a font. Scripts that it lacks (Chinese,
Devanagari ...) are looked for among the system's fonts; where none has them, their characters
are drawn as DejaVu's empty boxes. Nothing here ever fails because of what a label says.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

__all__ = ["clean", "family_for", "font_for", "shorten"]


def clean(text: object) -> str:
    """One printable line: newlines, control characters and lone surrogates become spaces."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())


def shorten(text: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    """The text, or as much of it as ``width`` pixels hold, with an ellipsis."""
    if font.getlength(text) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if font.getlength(text[:middle].rstrip() + "…") <= width:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + "…" if low else ""


@lru_cache(maxsize=1)
def _shipped() -> dict[bool, Path]:
    import matplotlib as mpl

    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    return {False: folder / "DejaVuSans.ttf", True: folder / "DejaVuSans-Bold.ttf"}


@lru_cache(maxsize=256)
def _coverage(path: Path) -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(str(path)).get_charmap())
    except (OSError, RuntimeError, ValueError):
        return frozenset()  # a broken font on this machine covers nothing


@lru_cache(maxsize=256)
def _path_for(missing: frozenset[int], bold: bool) -> Path:
    """The font that holds most of the characters which DejaVu lacks."""
    from matplotlib.font_manager import fontManager

    best, most = _shipped()[bold], 0
    for path in sorted({Path(entry.fname) for entry in fontManager.ttflist}):
        if path.name.startswith("LastResort"):
            continue  # it has a glyph for everything, and says nothing with it
        held = len(missing & _coverage(path))
        if held > most:
            best, most = path, held
            if held == len(missing):
                break
    return best


@lru_cache(maxsize=64)
def _load(path: Path, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(path), size)


def font_for(text: str, size: float, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """A font of ``size`` pixels that holds as much of ``text`` as any font here does."""
    shipped = _shipped()[bold]
    missing = frozenset(map(ord, text)) - _coverage(shipped) - {32}
    path = _path_for(missing, bold) if missing else shipped
    try:
        return _load(path, max(1, round(size)))
    except OSError:
        return _load(shipped, max(1, round(size)))


def family_for(texts: Iterable[str]) -> list[str]:
    """Font families for matplotlib that together hold the texts: DejaVu Sans, and one more."""
    from matplotlib.ft2font import FT2Font

    shipped = _shipped()[False]
    missing = frozenset(ord(c) for text in texts for c in text) - _coverage(shipped)
    path = _path_for(missing, bold=False) if missing else shipped
    return ["DejaVu Sans"] if path == shipped else ["DejaVu Sans", FT2Font(str(path)).family_name]
