"""YOLO: ``data.yaml``, ``images/<split>/``, ``labels/<split>/`` with a text file per image.

Detect, segment, pose and oriented boxes, as Ultralytics reads them. A label file has no room for
provenance: it lies beside, in ``provenance.csv`` and ``frames.csv``. Where the files of a dataset
lie is in :mod:`labkit.frames.datasets.yolo`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from labkit.exchange.format import FORMATS, Format
from labkit.exchange.yolo.shapes import Task

if TYPE_CHECKING:
    from labkit.exchange.reader import DatasetReader
    from labkit.exchange.writer import DatasetWriter

__all__ = ["YoloFormat"]


@FORMATS.register("yolo")
class YoloFormat(Format):
    """Text labels with a ``data.yaml``, as Ultralytics trains on them."""

    only_split: ClassVar[str] = "train"
    sidecar: ClassVar[bool] = True

    def write(self, out: DatasetWriter, *, task: Task | None = None) -> None:
        """Write ``data.yaml`` and a label file per image.

        Parameters
        ----------
        task : {'detect', 'segment', 'pose', 'obb'}, optional
            What is written of each object; by default what most of them have.
        """
        from labkit.exchange.yolo.write import write_yolo

        write_yolo(out, task)

    def read(
        self,
        source: DatasetReader,
        *,
        task: Task | None = None,
        names: Sequence[str] | Mapping[int, str] | None = None,
    ) -> None:
        """Read a ``data.yaml``, or a folder with images and labels.

        Parameters
        ----------
        task : {'detect', 'segment', 'pose', 'obb'}, optional
            What the labels are; by default what ``data.yaml`` says, else what the columns say.
        names : sequence or mapping of str, optional
            Class names in order, where no ``data.yaml`` or ``classes.txt`` gives them.
        """
        from labkit.exchange.yolo.read import read_yolo

        read_yolo(source, task, names)
