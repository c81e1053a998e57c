"""Images from their bytes: size and orientation without decoding, and upright RGB pixels.

What becomes of the kinds of pixels that are not 8-bit RGB:

* 16-bit greyscale is divided by 257 and rounded, so that 65535 becomes 255 (12-bit data in 16-bit
  files therefore looks dark); 16-bit colour loses its low byte in Pillow;
* transparency is composited over white;
* palette, greyscale, bilevel, CMYK and YCbCr images are converted by Pillow, without colour
  management: an embedded ICC profile is not applied;
* 32-bit and floating point pixels are refused, since their range is not known;
* of an animation or a file of several pages the first picture counts.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from labkit.frames.errors import FrameError, reason_of
from labkit.frames.signatures import looks_complete, looks_like_image

__all__ = ["MAX_PIXELS", "ImageInfo", "decode", "probe", "to_jpeg", "to_png", "upright"]

MAX_PIXELS: Final = 178_956_970
"""Images (and videos) of more pixels are refused from their header, before memory is asked for.

It is Pillow's own limit, 2 * (2 ** 30 // 12): half a gigabyte of RGB.
"""

# a closed list: some of Pillow's other formats start a program (EPS) or match anything (TGA)
_FORMATS: Final = (
    *("JPEG", "PNG", "WEBP", "GIF", "BMP", "DIB"),  # JPEG opens MPO
    *("TIFF", "AVIF", "PPM", "JPEG2000", "QOI"),
)
_BROWSER_MIME: Final = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
    "AVIF": "image/avif",
}
_BROWSER_MODES: Final = {"1", "L", "P", "RGB"}
_MODES: Final = {"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr"}
_ORIENTATION: Final = 0x0112


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What the header says.

    Attributes
    ----------
    width, height : int
        Upright size in pixels.
    orientation : int
        EXIF orientation 1..8 of the stored pixels.
    mime : str or None
        Media type under which a browser shows these bytes as :func:`decode` would; None where the
        pixels have to be encoded again for that.
    """

    width: int
    height: int
    orientation: int
    mime: str | None


def probe(data: bytes) -> ImageInfo:
    """Size, orientation and type of an encoded image.

    Nothing is decoded, except where the end of the file looks cut off, and for the formats whose
    end cannot be checked cheaply (TIFF, PPM, JPEG 2000): there only decoding can tell.

    Raises
    ------
    FrameError
        Empty, truncated, not an image, over :data:`MAX_PIXELS`, or of a kind that is not read.
    """
    image = _open(data)
    orientation = _orientation(image, data)
    if not looks_complete(data, image.format or ""):
        _load(image)
    # Pillow turns TIFFs upright while loading them, and no other format
    left = _orientation(image, data) if image.format == "TIFF" else orientation
    width, height = image.size if left < 5 else image.size[::-1]
    return ImageInfo(width, height, orientation, _mime(image, data, orientation))


def decode(data: bytes) -> NDArray[np.uint8]:
    """Upright RGB pixels ``(height, width, 3)`` of an encoded image.

    Raises
    ------
    FrameError
        As :func:`probe`.
    """
    image = _open(data)
    _load(image)
    return upright(_to_rgb(image), _orientation(image, data))


def upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Turn stored pixels ``(h, w, 3)`` as an EXIF orientation 1..8 asks for; C-contiguous."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def to_png(pixels: NDArray[np.uint8]) -> bytes:
    """Lossless PNG of RGB pixels; quick rather than small."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=1)
    return out.getvalue()


def to_jpeg(pixels: NDArray[np.uint8]) -> bytes:
    """JPEG of RGB pixels at quality 95, colours not subsampled."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=95, subsampling=0)
    return out.getvalue()


def _bad(why: str) -> FrameError:
    return FrameError("This image cannot be read", why)


@cache
def _formats() -> tuple[str, ...]:
    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)  # AVIF may be built out


def _open(data: bytes) -> Image.Image:
    if not data:
        raise _bad("the file is empty (0 bytes)")
    too_large = f"it has more than {MAX_PIXELS // 1_000_000} megapixels, the limit for one image"
    try:
        image = Image.open(io.BytesIO(data), formats=_formats())
    except Image.DecompressionBombError as exc:
        raise _bad(too_large) from exc
    except UnidentifiedImageError as exc:
        if looks_like_image(data):
            raise _bad("its header is truncated or broken") from exc
        raise _bad("it is not an image of a kind that labkit reads") from exc
    except Exception as exc:  # a broken header makes Pillow raise nearly anything
        raise _bad(f"its header is truncated or broken: {reason_of(exc)}") from exc
    # Pillow's own check is off where somebody has set MAX_IMAGE_PIXELS to None, as Ultralytics does
    if image.width * image.height > MAX_PIXELS:
        raise _bad(too_large)
    if not (image.mode in _MODES or _is_16_bit(image)):
        raise _bad(f"its pixels are of the kind {image.mode!r}; convert it to 8 or 16 bits")
    return image


def _load(image: Image.Image) -> None:
    try:
        image.load()
    except Exception as exc:  # as above
        raise _bad(f"it is truncated or broken: {reason_of(exc)}") from exc


def _orientation(image: Image.Image, data: bytes) -> int:
    hints = (b"eXIf", b"Orientation", b"Raw profile type")
    if image.format == "PNG" and not any(hint in data for hint in hints):
        return 1  # Pillow would decode the whole image to look for a tag after the pixels
    try:
        value: Any = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - an unreadable tag does not spoil the pixels
        return 1
    return int(value) if value in range(1, 9) else 1


def _is_16_bit(image: Image.Image) -> bool:
    return image.mode.startswith("I;16") or (image.mode == "I" and image.format in {"PNG", "PPM"})


def _mime(image: Image.Image, data: bytes, orientation: int) -> str | None:
    """Media type of the bytes, where a browser shows what :func:`decode` gives."""
    name = image.format or ""
    if (
        image.mode not in _BROWSER_MODES
        or image.has_transparency_data
        or (name == "PNG" and data[24:25] == b"\x10")  # 16 bits a channel
        or (name != "MPO" and getattr(image, "is_animated", False))
        or (name not in {"JPEG", "MPO"} and orientation != 1)  # browsers turn only JPEGs
    ):
        return None
    return _BROWSER_MIME.get(name)


def _to_rgb(image: Image.Image) -> NDArray[np.uint8]:
    if _is_16_bit(image):
        wide = np.clip(np.asarray(image).astype(np.int64), 0, 65535)
        grey = ((wide + 128) // 257).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    try:
        if image.has_transparency_data:
            white = Image.new("RGBA", image.size, "white")
            white.alpha_composite(image.convert("RGBA"))
            image = white
        return np.array(image if image.mode == "RGB" else image.convert("RGB"))
    except (OSError, ValueError) as exc:
        raise _bad(reason_of(exc)) from exc
