"""Images: what is read of them without decoding, and which pixels come out."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, ImageOps, features

from labkit.frames import MAX_PIXELS, FrameError
from labkit.frames.images import decode, probe, to_jpeg, to_png, upright
from labkit.frames.signatures import looks_complete

PHOTO = np.random.default_rng(0).integers(0, 255, (40, 56, 3), dtype=np.uint8)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def with_orientation(kind: str, orientation: int, pixels: np.ndarray = PHOTO) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(Image.fromarray(pixels), kind, exif=exif)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_all_orientations_equal_pillows_exif_transpose(kind: str, orientation: int) -> None:
    data = with_orientation(kind, orientation)
    expected = np.array(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))
    pixels = decode(data)
    assert np.array_equal(pixels, expected)
    info = probe(data)
    assert (info.height, info.width) == pixels.shape[:2]
    assert info.orientation == orientation


@settings(deadline=None)
@given(st.integers(1, 8), st.integers(1, 9), st.integers(1, 9))
def test_upright_is_exif_transpose_at_any_size(orientation: int, width: int, height: int) -> None:
    pixels = np.arange(width * height * 3, dtype=np.uint8).reshape(height, width, 3)
    image = Image.open(io.BytesIO(with_orientation("PNG", orientation, pixels)))
    turned = upright(pixels, orientation)
    assert np.array_equal(turned, np.array(ImageOps.exif_transpose(image)))
    assert turned.flags.c_contiguous


@pytest.mark.parametrize("value", [0, 9, 77])
def test_an_orientation_that_does_not_exist_turns_nothing(value: int) -> None:
    info = probe(with_orientation("JPEG", value))
    assert (info.width, info.height, info.orientation) == (56, 40, 1)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_16_bit_grey_is_divided_by_257(kind: str) -> None:
    wide = np.array([[0, 1, 128, 129, 257, 32768, 65406, 65407, 65535]], dtype=np.uint16)
    data = b"P5\n9 1\n65535\n" + wide.astype(">u2").tobytes()
    pixels = decode(data if kind == "PPM" else encoded(Image.fromarray(wide), kind))
    assert pixels[0, :, 0].tolist() == [0, 0, 0, 1, 1, 128, 254, 255, 255]
    assert (pixels == pixels[..., :1]).all()


def test_16_bit_colour_png_is_read_and_not_passed_on() -> None:
    row = b"\0" + struct.pack(">3H", 65535, 32768, 0)
    data = png(1, 1, zlib.compress(row), depth=16)
    assert decode(data)[0, 0].tolist() == [255, 128, 0]
    assert probe(data).mime is None


def png(width: int, height: int, body: bytes, depth: int = 8) -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        crc = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", crc)

    head = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK"])
def test_other_modes_come_out_as_rgb(mode: str) -> None:
    image = Image.fromarray(PHOTO).convert(mode)
    data = encoded(image, "TIFF" if mode == "CMYK" else "PNG")
    assert np.array_equal(decode(data), np.array(image.convert("RGB")))


def test_transparency_is_composited_over_white() -> None:
    rgba = np.dstack([np.full((4, 3, 3), 100, np.uint8), np.full((4, 3), 255, np.uint8)])
    rgba[0, :, 3], rgba[1, :, 3] = 0, 51
    pixels = decode(encoded(Image.fromarray(rgba), "PNG"))
    assert pixels[0].tolist() == [[255, 255, 255]] * 3
    assert pixels[1].tolist() == [[224, 224, 224]] * 3  # 0.2 * 100 + 0.8 * 255
    assert pixels[2].tolist() == [[100, 100, 100]] * 3


def test_a_transparent_palette_colour_is_white() -> None:
    image = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
    image.putpalette([10, 20, 30, 40, 50, 60])
    data = encoded(image, "PNG", transparency=0)
    assert decode(data)[0].tolist() == [[255, 255, 255], [40, 50, 60]]
    assert probe(data).mime is None


def test_floating_point_pixels_are_refused_with_a_remedy() -> None:
    with pytest.raises(FrameError, match="convert it to 8 or 16 bits"):
        probe(encoded(Image.fromarray(np.ones((4, 4), np.float32)), "TIFF"))


@pytest.mark.parametrize("limit", [Image.MAX_IMAGE_PIXELS, None])
def test_a_bomb_is_refused_from_its_header(monkeypatch: pytest.MonkeyPatch, limit: object) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)  # Ultralytics sets it to None
    monkeypatch.setattr(ImageFile.ImageFile, "load", pytest.fail)
    bomb = png(20_000, 15_000, zlib.compress(bytes(1000)))
    for read in (probe, decode):
        with pytest.raises(FrameError, match=f"more than {MAX_PIXELS // 10**6} megapixels"):
            read(bomb)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF"])
def test_probing_what_browsers_show_decodes_nothing(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encoded(Image.fromarray(PHOTO), kind)
    monkeypatch.setattr(ImageFile.ImageFile, "load", pytest.fail)
    info = probe(data)
    assert (info.width, info.height, info.mime) == (56, 40, f"image/{kind.lower()}")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.7, 0.97])
def test_a_cut_file_is_refused_in_one_line(kind: str, share: float) -> None:
    data = encoded(Image.fromarray(PHOTO), kind)
    with pytest.raises(FrameError) as caught:
        probe(data[: int(len(data) * share)])
    assert "\n" not in str(caught.value)
    assert caught.value.why


@settings(deadline=None, max_examples=40)
@given(st.floats(0, 1))
def test_a_photo_cut_anywhere_is_noticed_although_its_thumbnail_is_whole(share: float) -> None:
    data = photo_with_thumbnail()
    cut = data[: int(share * (len(data) - 3))]
    with pytest.raises(FrameError):
        probe(cut)


def photo_with_thumbnail() -> bytes:
    thumbnail = to_jpeg(PHOTO[:8, :8])
    plain = encoded(Image.fromarray(PHOTO), "JPEG")
    segment = b"Exif\0\0" + thumbnail
    length = struct.pack(">H", len(segment) + 2)
    return plain[:2] + b"\xff\xe1" + length + segment + plain[2:]


def test_bytes_behind_the_end_of_a_jpeg_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    data = photo_with_thumbnail() + bytes(100_000)  # as phones append films
    monkeypatch.setattr(ImageFile.ImageFile, "load", pytest.fail)
    assert probe(data).width == 56


def test_a_jpeg_without_its_end_marker_alone_is_read_if_pillow_can() -> None:
    data = encoded(Image.fromarray(PHOTO), "JPEG")[:-2] + b"\0\0"
    assert not looks_complete(data, "JPEG")
    try:
        expected = np.array(Image.open(io.BytesIO(data)))
    except OSError:
        with pytest.raises(FrameError):
            probe(data)
    else:
        assert probe(data).width == 56
        assert np.array_equal(decode(data), expected)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_damaged_bytes_raise_nothing_but_a_frame_error(data: st.DataObject) -> None:
    kinds = ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM"]
    kind = data.draw(st.sampled_from(kinds + ["AVIF"] * features.check("avif")))
    damaged = bytearray(encoded(Image.fromarray(PHOTO[:8, :8]), kind))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at] = data.draw(st.integers(0, 255))
    for read in (probe, decode):
        with contextlib.suppress(FrameError):
            read(bytes(damaged))


def test_text_is_no_image() -> None:
    with pytest.raises(FrameError, match="not an image"):
        probe(b"hello\n")


def test_animations_and_turned_pngs_are_not_handed_to_the_browser() -> None:
    frames = [Image.fromarray(np.full((8, 8, 3), v, np.uint8)) for v in (10, 200)]
    film = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert probe(film).mime is None
    assert np.array_equal(decode(film), np.full((8, 8, 3), 10))
    assert probe(with_orientation("PNG", 6)).mime is None
    assert probe(with_orientation("JPEG", 6)).mime == "image/jpeg"


def test_png_is_lossless_and_jpeg_near() -> None:
    smooth = np.array(Image.fromarray(PHOTO).resize((200, 150)))
    assert np.array_equal(decode(to_png(smooth)), smooth)
    assert np.abs(decode(to_jpeg(smooth)).astype(int) - smooth).mean() < 3


@pytest.mark.data
def test_real_photos_come_out_as_pillow_gives_them(coco128: Path) -> None:
    for path in sorted((coco128 / "images").glob("*.jpg"))[:20]:
        with Image.open(path) as image:
            assert np.array_equal(decode(path.read_bytes()), np.array(image.convert("RGB")))
