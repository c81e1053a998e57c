"""Image files of an export, and the sizes of image files on the way in."""

from __future__ import annotations

import io
from pathlib import Path, PurePosixPath

from labkit.core.errors import InputError, LabkitError
from labkit.core.types import Frame, FrameFailure
from labkit.exchange.base import ExportBundle, ExportImage, ImageMode
from labkit.exchange.names import SUFFIXES
from labkit.frames.images import decode, probe, to_png
from labkit.frames.order import is_video

__all__ = ["ImageWriter", "image_size"]

_OF_MIME = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp", "image/bmp": ".bmp"}
_SIDEWAYS = frozenset({5, 6, 7, 8})  # EXIF orientations that swap width and height


def image_size(path: Path) -> tuple[int, int]:
    """Width and height of an image file, upright, from its header alone.

    Raises
    ------
    OSError
        The file cannot be read, or is not an image.
    """
    from PIL import Image

    try:
        with Image.open(path) as image:
            if image.format == "TIFF":  # whether Pillow has turned it depends on its version
                info = probe(path.read_bytes())
                return info.width, info.height
            width, height = image.size
            turned = image.getexif().get(0x0112, 1) in _SIDEWAYS
    except (LabkitError, ValueError, SyntaxError, Image.DecompressionBombError) as exc:
        raise OSError(str(exc)) from exc
    return (height, width) if turned else (width, height)


def _upright(data: bytes) -> tuple[bytes, str]:
    """The image turned as its EXIF says, without EXIF: JPEG at quality 95, others as PNG."""
    from PIL import Image, ImageOps

    with Image.open(io.BytesIO(data)) as image:
        jpeg = image.format in ("JPEG", "MPO")
        turned = ImageOps.exif_transpose(image)
        more = {"quality": 95, "subsampling": 0} if jpeg else {}
        out = io.BytesIO()
        icc = image.info.get("icc_profile")
        turned.save(out, "JPEG" if jpeg else "PNG", icc_profile=icc, **more)
    return out.getvalue(), ".jpg" if jpeg else ".png"


class ImageWriter:
    """Writes the images of one export and counts what a reader of its report should know.

    Parameters
    ----------
    bundle : ExportBundle
    mode : {'copy', 'link', 'none'}
        ``copy``: image files as they are; ``link``: symbolic links to the images (frames of
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
        """Write one image into ``folder`` and give its file name, or why it cannot be read."""
        frame = image.frame
        suffix = PurePosixPath(frame.uri).suffix.lower()
        plain = suffix in SUFFIXES and not is_video(frame)
        if self._mode == "none":
            return image.stem + (suffix if plain and frame.orientation == 1 else ".jpg")
        try:
            if self._mode == "link" and plain and frame.orientation == 1:
                source = self._checked(frame)
                (folder / (image.stem + suffix)).symlink_to(source)
                return image.stem + suffix
            data, suffix = self._content(frame, suffix if plain else "")
        except (OSError, ValueError, SyntaxError, LabkitError) as exc:
            if isinstance(exc, OSError) and exc.filename2 is not None:
                raise  # the link could not be made: that is not the frame's fault
            reason = " ".join(str(exc).split()) or type(exc).__name__
            return FrameFailure(frame.uri, reason, frame.frame_id)
        self._not_linked += self._mode == "link"
        (folder / (image.stem + suffix)).write_bytes(data)
        return image.stem + suffix

    def _checked(self, frame: Frame) -> Path:
        """The frame's own file, if it still is what was added."""
        path = self._bundle.path_of(frame).absolute()
        size = image_size(path)
        if size != (frame.width, frame.height):
            raise InputError(
                "This frame has changed",
                f"it was added as {frame.width} x {frame.height} and is {size[0]} x {size[1]} now",
            )
        return path

    def _content(self, frame: Frame, suffix: str) -> tuple[bytes, str]:
        """The bytes to write and the suffix they need; the file's own bytes where they will do."""
        if suffix and frame.orientation == 1:
            return self._checked(frame).read_bytes(), suffix
        if suffix:
            out = _upright(self._checked(frame).read_bytes())
            self._turned += 1
            return out
        encoded = self._bundle.reader.encoded(frame)
        if encoded.mime in _OF_MIME:
            return encoded.data, _OF_MIME[encoded.mime]
        return to_png(decode(encoded.data)), ".png"

    def notes(self) -> list[str]:
        """What became of the images, where they are not plain copies."""
        out = []
        if self._turned:
            out.append(
                f"{self._turned} images with an EXIF orientation were encoded again, upright"
            )
        if self._not_linked:
            out.append(f"{self._not_linked} frames could not be links and were written as files")
        return out
