"""Image files of an export, and the sizes of image files on the way in."""

from __future__ import annotations

import io
from pathlib import Path, PurePosixPath

from labkit.core.errors import LabkitError
from labkit.core.types import Frame, FrameFailure
from labkit.exchange.base import ExportBundle, ExportImage, ImageMode
from labkit.exchange.names import SUFFIXES

__all__ = ["READABLE", "ImageWriter", "image_size"]

READABLE = SUFFIXES | {".avif", ".heic", ".jfif", ".jp2", ".mpo"}
"""Suffixes that a dataset's images may have on the way in."""

_OF_FORMAT = {"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "WEBP": ".webp", "TIFF": ".tif", "BMP": ".bmp"}
_SIDEWAYS = frozenset({5, 6, 7, 8})  # EXIF orientations that swap width and height


def image_size(path: Path) -> tuple[int, int]:
    """Width and height of an image file, upright, from its header alone.

    Raises
    ------
    OSError
        The file cannot be read or is no image.
    """
    from PIL import Image

    try:
        with Image.open(path) as image:
            width, height = image.size
            turned = image.getexif().get(0x0112, 1) in _SIDEWAYS
    except (ValueError, SyntaxError, Image.DecompressionBombError) as exc:
        raise OSError(str(exc)) from exc
    return (height, width) if turned else (width, height)


def _upright(data: bytes) -> tuple[bytes, str]:
    """The image turned as its EXIF says, without EXIF: JPEG at quality 95, others lossless."""
    from PIL import Image, ImageOps

    with Image.open(io.BytesIO(data)) as image:
        kind = image.format if image.format in ("JPEG", "MPO") else "PNG"
        turned = ImageOps.exif_transpose(image)
        out = io.BytesIO()
        icc = image.info.get("icc_profile")
        if kind == "PNG":
            turned.save(out, "PNG", icc_profile=icc)
            return out.getvalue(), ".png"
        turned.save(out, "JPEG", quality=95, subsampling=0, icc_profile=icc)
        return out.getvalue(), ".jpg"


def _suffix_of_content(data: bytes) -> str:
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        return _OF_FORMAT.get(str(image.format), ".jpg")


class ImageWriter:
    """Writes the images of one export and counts what a reader of its report should know.

    Parameters
    ----------
    bundle : ExportBundle
    mode : {'copy', 'link', 'none'}
        ``copy``: the encoded bytes as they are; ``link``: symbolic links to the images (frames of
        videos are written); ``none``: names only.

    Notes
    -----
    Labels are in pixels of the *upright* image, but not every reader applies EXIF orientation
    (pycocotools with PIL does not, OpenCV does). So an image with one is written upright.
    """

    def __init__(self, bundle: ExportBundle, mode: ImageMode) -> None:
        self._bundle, self._mode = bundle, mode
        self._turned = self._not_linked = 0

    def write(self, image: ExportImage, folder: Path) -> str | FrameFailure:
        """Write one image into ``folder``; its file name there, or why it cannot be read."""
        frame = image.frame
        suffix = PurePosixPath(frame.uri).suffix.lower()
        known = suffix in SUFFIXES
        guess = suffix if known else ".jpg"
        if self._mode == "none":
            return image.stem + guess
        if self._mode == "link" and known and frame.orientation == 1 and frame.time_s is None:
            source = self._bundle.path_of(frame).absolute()
            if not source.is_file():
                return FrameFailure(frame.uri, "the image file is missing")
            (folder / (image.stem + guess)).symlink_to(source)
            return image.stem + guess
        try:
            data, suffix = self._encoded(frame, suffix if known else None)
        except (OSError, ValueError, SyntaxError, LabkitError) as exc:
            return FrameFailure(frame.uri, " ".join(str(exc).split()) or type(exc).__name__)
        self._not_linked += self._mode == "link"
        (folder / (image.stem + suffix)).write_bytes(data)
        return image.stem + suffix

    def _encoded(self, frame: Frame, suffix: str | None) -> tuple[bytes, str]:
        data = self._bundle.reader.encoded(frame)
        if frame.time_s is None and frame.orientation != 1:
            self._turned += 1
            return _upright(data)
        return data, suffix or _suffix_of_content(data)

    def notes(self) -> list[str]:
        """What became of the images, where they are not plain copies."""
        out = []
        if self._turned:
            out.append(
                f"{self._turned} images with an EXIF orientation were written upright, encoded anew"
            )
        if self._not_linked:
            out.append(f"{self._not_linked} frames could not be links and were written as files")
        return out
