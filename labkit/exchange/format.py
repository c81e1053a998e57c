"""The port: what a format has to say, and the registry of formats.

A format is a class with two methods. ``write`` goes through the images of a
:class:`~labkit.exchange.writer.DatasetWriter` and writes each one's objects; ``read`` tells a
:class:`~labkit.exchange.reader.DatasetReader` what it finds. Everything else is done for it: which
frames and objects are exported, splits, file names, copying and linking images, progress, the
report, matching images with frames, and writing proposals or decisions.

Keyword-only arguments of the two methods are the format's own options. They are checked, and they
are options of ``labkit export`` and ``labkit import``; their help comes from the docstring.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from labkit.core.errors import InputError
from labkit.core.registry import Registry

if TYPE_CHECKING:
    from labkit.exchange.reader import DatasetReader
    from labkit.exchange.writer import DatasetWriter

__all__ = ["FORMATS", "Format", "open_format"]


class Format:
    """A dataset format. The first line of the class's docstring is its description.

    Attributes
    ----------
    image_folder : str
        The folder of the images in an export; each split has a folder in it.
    only_split : str
        What the only folder in it is called where no split was asked for; empty for none.
    sidecar : bool
        True where the format's own files have no room for where a label comes from. Then
        ``frames.csv`` and ``provenance.csv`` are written beside them, and read again.
    """

    image_folder: ClassVar[str] = "images"
    only_split: ClassVar[str] = ""
    sidecar: ClassVar[bool] = False

    def write(self, out: DatasetWriter) -> None:
        """Write a dataset; without it the format can only be read."""
        raise InputError("This format can only be imported", "it has no method write")

    def read(self, source: DatasetReader) -> None:
        """Read a dataset; without it the format can only be written.

        What cannot be used is listed (:meth:`~labkit.exchange.reader.DatasetReader.attempt`) and
        never stops the rest.
        """
        raise InputError("This format can only be exported", "it has no method read")


def _is_format(item: object) -> bool:
    return isinstance(item, Format) or (isinstance(item, type) and issubclass(item, Format))


FORMATS: Registry[Format | type[Format]] = Registry("format", "formats", _is_format)
"""Formats by name; more come by entry points of the group ``labkit.formats``."""


def open_format(what: str | Format | type[Format]) -> tuple[str, Format]:
    """A format and its name, from a registered name, a class or an object.

    Raises
    ------
    NotFoundError
        No format is called so; the message lists those that there are.
    InputError
        It is not a :class:`Format`.
    """
    item = FORMATS[what] if isinstance(what, str) else what
    if not _is_format(item):
        raise InputError(
            f"{what!r} is not a format", remedy="derive it from labkit.exchange.Format"
        )
    made = item() if isinstance(item, type) else item
    return what if isinstance(what, str) else _name_of(made), made


def _name_of(made: Format) -> str:
    """The name under which a format is registered, else that of its class."""
    kinds = {name: FORMATS[name] for name in FORMATS}
    names = [name for name, item in kinds.items() if item in (made, type(made))]
    return names[0] if names else type(made).__name__
