"""COCO JSON: boxes, polygons, RLE masks and keypoints, provenance under the key ``labkit``.

Without splits ``annotations.json`` and ``images/``; with splits COCO's own layout,
``annotations/instances_<split>.json`` and ``images/<split>/``. Where the files of a dataset lie is
in :mod:`labkit.frames.datasets.coco`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.exchange.format import FORMATS, Format

if TYPE_CHECKING:
    from labkit.exchange.reader import DatasetReader
    from labkit.exchange.writer import DatasetWriter

__all__ = ["CocoFormat"]


@FORMATS.register("coco")
class CocoFormat(Format):
    """COCO's JSON for detection, segmentation and keypoints."""

    def write(self, out: DatasetWriter) -> None:
        """Write one JSON file per split; floats keep all their digits."""
        from labkit.exchange.coco.write import write_coco

        write_coco(out)

    def read(
        self, source: DatasetReader, *, images: Path | str | Sequence[Path | str] | None = None
    ) -> None:
        """Read a COCO JSON file, or a folder with one.

        In a folder the file is looked for in the folder itself, in ``annotations/``, or one per
        split as labkit and Roboflow write them.

        Parameters
        ----------
        images : path or sequence of paths, optional
            Where the images lie; by default beside the file, in ``images/`` and in the folder of
            the split.
        """
        from labkit.exchange.coco.read import read_coco

        given = [images] if isinstance(images, str | Path) else list(images or ())
        read_coco(source, [Path(place).expanduser() for place in given])
