"""What the first and the last bytes of an image file tell, without a decoder."""

from __future__ import annotations

__all__ = ["looks_complete", "looks_like_image"]

_MAGIC = (
    b"\xff\xd8\xff",  # JPEG
    b"\x89PNG\r\n\x1a\n",
    b"GIF87a",
    b"GIF89a",
    b"BM",
    b"II*\0",  # TIFF, both byte orders, and BigTIFF
    b"MM\0*",
    b"II+\0",
    b"MM\0+",
    b"\0\0\0\x0cjP  ",  # JPEG 2000, boxed and bare
    b"\xff\x4f\xff\x51",
    b"qoif",
)
_AVIF_BRANDS = (b"avif", b"avis", b"mif1")


def looks_like_image(head: bytes) -> bool:
    """Whether a file that begins like this claims to be an image of a kind that is read."""
    return (
        head.startswith(_MAGIC)
        or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")
        or (head[4:8] == b"ftyp" and head[8:12] in _AVIF_BRANDS)
        or (head[:1] == b"P" and head[1:2] in b"1234567" and head[2:3].isspace())
    )


def looks_complete(data: bytes, name: str) -> bool:
    """Whether the end of an image file is there.

    Parameters
    ----------
    data : bytes
        The whole file.
    name : str
        Pillow's name of its format.

    Returns
    -------
    bool
        False where the end is missing, and for formats whose end cannot be told cheaply: the
        caller then has to decode to know.
    """
    if name in {"JPEG", "MPO"}:
        start = _jpeg_scan(data)
        return start > 0 and data.rfind(b"\xff\xd9", start) > 0
    if name == "PNG":
        return data.rfind(b"IEND") > 0
    if name == "GIF":
        return data.endswith(b";")
    if name == "WEBP":
        return int.from_bytes(data[4:8], "little") + 8 <= len(data)
    if name == "BMP":
        return 0 < int.from_bytes(data[2:6], "little") <= len(data)
    if name == "AVIF":
        return _boxes_end(data) == len(data)
    return False


def _jpeg_scan(data: bytes) -> int:
    """Where the entropy-coded data of the main picture begin, 0 if nowhere.

    An EXIF thumbnail is a JPEG with an end of its own, so the segments before are stepped over.
    Behind this offset the bytes FF D9 can be nothing but an end: data bytes FF are stuffed.
    """
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        if marker == 0x01 or 0xD0 <= marker <= 0xD7:  # no length
            at += 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        at += 2 + length
        if marker == 0xDA:
            return at
    return 0


def _boxes_end(data: bytes) -> int:
    """Where the last top-level box of an ISO base media file ends, by the boxes' own sizes."""
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size == 0:
            return len(data)
        if size < 8:
            return -1
        at += size
    return at
