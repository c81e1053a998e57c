"""Contact sheets: the right size, every frame on it, nothing lost where a file is broken."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from labkit.core.errors import InputError
from labkit.core.types import AnnotatedObject, Shape
from labkit.report.sheet import Tile, contact_sheet, encode, render_tile, thumbnail


def jpeg(width: int, height: int) -> bytes:
    image = Image.new("RGB", (width, height), (200, 30, 30))
    image.paste((20, 20, 220), (0, 0, width // 2, height // 2))
    out = io.BytesIO()
    image.save(out, "JPEG")
    return out.getvalue()


def tile(name: str = "a.jpg", **given: object) -> Tile:
    objects = [AnnotatedObject("o", "f", "car", Shape(box=(100, 100, 300, 300)), state="accepted")]
    fields = {"picture": Image.new("RGB", (320, 240), (90, 90, 90)), "frame_size": (640, 480)}
    return Tile(**{"name": name, "objects": objects, **fields, **given})  # type: ignore[arg-type]


@pytest.mark.parametrize(("n", "columns", "across"), [(1, 4, 2), (3, 4, 3), (4, 4, 4), (9, 4, 4)])
def test_a_sheet_is_as_wide_as_its_columns_and_as_high_as_its_rows(
    n: int, columns: int, across: int
) -> None:
    size = (160, 120)
    sheet = contact_sheet([tile()] * n, columns=columns, tile_size=size)
    one = contact_sheet([tile()], columns=1, tile_size=size)
    assert sheet.width == across * (160 + 8) + 8
    rows = -(-n // across)
    two = contact_sheet([tile()] * 2, columns=1, tile_size=size)
    assert sheet.height == one.height + (rows - 1) * (two.height - one.height)


def test_every_tile_is_at_its_place() -> None:
    colours = [(250, 0, 0), (0, 250, 0), (0, 0, 250)]
    tiles = [tile(picture=Image.new("RGB", (320, 240), c), objects=()) for c in colours]
    sheet = np.asarray(contact_sheet(tiles, columns=3, tile_size=(160, 120)))
    for k, colour in enumerate(colours):
        left = 8 + k * 168
        column = sheet[:, left + 80]
        assert (column == colour).all(axis=1).sum() >= 118


def test_no_tiles_still_give_a_sheet_and_silly_sizes_do_not() -> None:
    assert contact_sheet([], title="empty").width > 100
    with pytest.raises(InputError):
        contact_sheet([tile()], columns=0)


def test_a_frame_without_a_picture_says_why() -> None:
    blank = render_tile(tile(picture=None), (320, 240))
    told = render_tile(tile(picture=None, problem="truncated"), (320, 240))
    assert blank.size == told.size == (320, 240)
    assert encode(blank) != encode(told)


@pytest.mark.parametrize("text", ["名前\n../../x", "'\"<>&", "\ud800", "x" * 3000, ""])
def test_names_and_reasons_are_only_text(text: str) -> None:
    sheet = contact_sheet([tile(text, reason=text, verdict=text, problem=text)], title=text)
    assert sheet.width > 0


def test_thumbnails_keep_proportions_and_fit() -> None:
    small = thumbnail(jpeg(2000, 1000), (320, 240))
    assert small.size == (320, 160)
    assert thumbnail(jpeg(100, 50), (320, 240)).size == (100, 50)


def test_turned_photos_are_upright() -> None:
    small = thumbnail(jpeg(800, 400), (320, 240), orientation=6)
    assert small.size == (120, 240)
    red, _, blue = small.getpixel((110, 10))  # the stored top left corner is at the top right
    assert blue > red
    for orientation in range(1, 9):
        upright = Image.open(io.BytesIO(jpeg(80, 40)))
        upright.getexif()[0x0112] = orientation
        from PIL import ImageOps

        want = ImageOps.exif_transpose(upright).convert("RGB")
        got = thumbnail(jpeg(80, 40), (320, 240), orientation)
        assert np.array_equal(np.asarray(got), np.asarray(want))


@pytest.mark.parametrize("data", [b"", b"not an image", jpeg(400, 300)[:300]])
def test_broken_bytes_are_refused_in_a_sentence(data: bytes) -> None:
    with pytest.raises(InputError, match="cannot be decoded"):
        thumbnail(data, (320, 240))


def test_png_and_jpeg() -> None:
    image = contact_sheet([tile()])
    assert encode(image)[:4] == b"\x89PNG"
    assert encode(image, "JPEG")[:2] == b"\xff\xd8"
