"""The contact sheet: thumbnails of frames with their objects, reason and verdict."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from PIL import Image, ImageDraw

from labkit.core.errors import InputError
from labkit.core.skeleton import Skeleton
from labkit.core.types import AnnotatedObject, Proposal
from labkit.report.drawing import draw_objects
from labkit.report.fonts import clean, font_for, shorten
from labkit.report.palette import INK, STATES
from labkit.report.strokes import draw_mark

__all__ = ["Tile", "contact_sheet", "encode", "render_tile", "thumbnail"]

_MUTED = (87, 96, 106)
_EMPTY = (234, 237, 240)
_ALERT = (168, 56, 0)
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes pixels with an EXIF orientation upright."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One frame of a contact sheet.

    Attributes
    ----------
    name : str
        The frame's name.
    picture : PIL image or None
        The frame or a reduced picture of it; None where it could not be read.
    frame_size : (int, int)
        Width and height of the frame, which the objects' pixels refer to.
    objects : sequence of AnnotatedObject or Proposal
    reason : str
        Why the frame is here: the queue's rule and reason.
    verdict : str
        What was decided, in words.
    problem : str
        Why the frame could not be read or predicted; '' where nothing is wrong.
    flagged : bool
        A person should look here: the tile is framed, and ``reason`` stands out.
    skeletons : mapping
        Label → the limbs between its keypoints.
    """

    name: str
    picture: Image.Image | None
    frame_size: tuple[int, int]
    objects: Sequence[AnnotatedObject | Proposal] = ()
    reason: str = ""
    verdict: str = ""
    problem: str = ""
    flagged: bool = False
    skeletons: Mapping[str, Skeleton] = field(default_factory=dict)


def thumbnail(data: bytes, size: tuple[int, int], orientation: int = 1) -> Image.Image:
    """Decode an encoded image at about the size that is needed.

    JPEGs are decoded at a half, a quarter or an eighth of their size where that is enough, which
    costs a fraction of a whole decode.

    Parameters
    ----------
    data : bytes
        An 8-bit image, as :meth:`labkit.frames.FrameReader.encoded` gives it.
    size : (int, int)
        Greatest width and height of the result, in pixels.
    orientation : int, default 1
        EXIF orientation 1..8 that makes the stored pixels upright.

    Raises
    ------
    InputError
        The bytes are not an image.
    """
    limit = size if orientation < 5 else (size[1], size[0])
    try:
        with Image.open(io.BytesIO(data)) as opened:
            opened.draft("RGB", limit)
            small = opened.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as exc:
        raise InputError("This picture cannot be decoded", str(exc)) from exc
    small.thumbnail(limit, Image.Resampling.LANCZOS)
    turn = _TURNS.get(orientation)
    return small if turn is None else small.transpose(turn)


def render_tile(tile: Tile, size: tuple[int, int], *, tags: bool = True) -> Image.Image:
    """The tile's picture with its objects, at most ``size`` pixels; a grey field without one."""
    if tile.picture is None:
        return _placeholder(tile.problem or "no picture", size)
    picture = tile.picture.convert("RGB")
    ratio = min(size[0] / picture.width, size[1] / picture.height)
    if ratio < 1:
        picture = picture.copy()
        picture.thumbnail(size, Image.Resampling.LANCZOS)
    return draw_objects(
        picture, tile.objects, frame_size=tile.frame_size, tags=tags, skeletons=tile.skeletons
    )


def _placeholder(text: str, size: tuple[int, int]) -> Image.Image:
    image = Image.new("RGB", size, _EMPTY)
    draw = ImageDraw.Draw(image)
    words, px = clean(text), max(11.0, 0.045 * size[0])
    font = font_for(words, px)
    side = size[1] / 5
    left, top = (size[0] - side) / 2, size[1] / 2 - side
    draw_mark(draw, "cross", (left, top, left + side, top + side), _ALERT, side * 0.12)
    words = shorten(words, font, size[0] * 0.92)
    draw.text((size[0] / 2, size[1] / 2 + px), words, INK, font, anchor="mm")
    return image


def contact_sheet(
    tiles: Sequence[Tile],
    *,
    title: str = "",
    columns: int = 4,
    tile_size: tuple[int, int] = (320, 240),
) -> Image.Image:
    """A grid of tiles with a title and a legend of the states.

    Parameters
    ----------
    tiles : sequence of Tile
        From left to right, row by row; may be empty.
    title : str
        The line on top.
    columns : int, default 4
        Tiles in a row; fewer tiles make a narrower sheet, down to two.
    tile_size : (int, int), default (320, 240)
        The field of each picture, in pixels; pictures keep their proportions in it.

    Returns
    -------
    PIL.Image.Image
        Mode RGB, ``columns * (tile + gap) + gap`` pixels wide.
    """
    if columns < 1 or min(tile_size) < 32:
        raise InputError(
            "This contact sheet cannot be drawn",
            f"columns is {columns}, tile_size {tile_size}",
            "at least one column of tiles of 32 pixels",
        )
    columns = max(min(columns, len(tiles)), min(columns, 2))
    width, height = tile_size
    gap, px = max(8, width // 20), max(11, width // 24)
    reasons = any(clean(tile.reason) for tile in tiles)
    text_height = round((6 if reasons else 3.3) * px)
    top = round(gap + (2.2 * px if title else 0) + 2 * px)
    rows = -(-len(tiles) // columns)
    sheet = Image.new(
        "RGB",
        (columns * (width + gap) + gap, top + gap + max(rows, 1) * (height + text_height + gap)),
        (255, 255, 255),
    )
    draw = ImageDraw.Draw(sheet)
    _header(draw, clean(title), sheet.width, gap, px)
    for k, tile in enumerate(tiles):
        left = gap + (k % columns) * (width + gap)
        upper = top + gap + (k // columns) * (height + text_height + gap)
        _tile_onto(sheet, draw, tile, (left, upper), tile_size, px)
    if not tiles:
        draw.text((gap, top + gap), "No frames.", _MUTED, font_for("", px))
    return sheet


def _tile_onto(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    tile: Tile,
    corner: tuple[int, int],
    size: tuple[int, int],
    px: int,
) -> None:
    left, upper = corner
    width, height = size
    draw.rectangle((left, upper, left + width - 1, upper + height - 1), _EMPTY)
    picture = render_tile(tile, size)
    sheet.paste(
        picture, (left + (width - picture.width) // 2, upper + (height - picture.height) // 2)
    )
    if tile.flagged:
        rim = max(3, px // 3)
        around = (left - rim, upper - rim, left + width - 1 + rim, upper + height - 1 + rim)
        draw.rectangle(around, outline=_ALERT, width=rim)
    lines = [(tile.name, True, INK)]
    lines.append((tile.problem, False, _ALERT) if tile.problem else (tile.verdict, False, INK))
    loud = _ALERT if tile.flagged else _MUTED
    lines += [(line, False, loud) for line in _two_lines(clean(tile.reason), px, width)]
    for k, (text, bold, colour) in enumerate(line for line in lines if line[0]):
        words = clean(text)
        font = font_for(words, px, bold=bold)
        at = (left, upper + height + 0.5 * px + k * 1.35 * px)
        draw.text(at, shorten(words, font, width), colour, font)


def _two_lines(text: str, px: int, width: int) -> list[str]:
    """The text broken once, between two words, where it is too long."""
    font = font_for(text, px)
    words = text.split()
    for k in range(len(words), 0, -1):
        first = " ".join(words[:k])
        if font.getlength(first) <= width:
            return [first, " ".join(words[k:])]
    return [text]


def _header(draw: ImageDraw.ImageDraw, title: str, width: int, gap: int, px: int) -> None:
    top: float = gap
    if title:
        font = font_for(title, 1.5 * px, bold=True)
        draw.text((gap, top), shorten(title, font, width - 2 * gap), INK, font)
        top += 2.2 * px
    left: float = gap
    font = font_for("", px)
    for style in STATES.values():
        if left + 1.4 * px + font.getlength(style.word) > width - gap:
            break
        draw.rounded_rectangle((left, top, left + 1.2 * px, top + 1.2 * px), px * 0.2, style.colour)
        sign = (left + 0.25 * px, top + 0.25 * px, left + 0.95 * px, top + 0.95 * px)
        draw_mark(draw, style.mark, sign, INK, px * 0.14)
        draw.text((left + 1.6 * px, top + 0.6 * px), style.word, INK, font, anchor="lm")
        left += 3.2 * px + font.getlength(style.word)


def encode(image: Image.Image, kind: str = "PNG", quality: int = 82) -> bytes:
    """The image as PNG or JPEG bytes."""
    out = io.BytesIO()
    options = {"optimize": True} if kind == "PNG" else {"quality": quality, "optimize": True}
    image.save(out, kind, **options)
    return out.getvalue()
