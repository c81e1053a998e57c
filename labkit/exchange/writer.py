"""What a format is given to write: the images of an export, one at a time, and a folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from labkit.core.errors import InputError
from labkit.core.skeleton import Skeleton
from labkit.core.types import FrameFailure
from labkit.exchange.base import ExportBundle, ExportImage, ImageMode, LabelledObject
from labkit.exchange.images import ImageWriter
from labkit.exchange.provenance import SidecarWriter
from labkit.exchange.reports import ExportReport

if TYPE_CHECKING:
    import pandas as pd

    from labkit.exchange.format import Format

__all__ = ["DatasetWriter"]


class DatasetWriter:
    """One export under way.

    Attributes
    ----------
    folder : Path
        The folder of the export, empty at the start.
    project : str
        The project's name.
    labels : tuple of str
        The project's labels in order: their position is the class id.
    skeletons : Mapping of str to Skeleton
        The keypoints of those labels that have any.
    annotations : DataFrame
        All objects of the export (``ANNOTATION_COLUMNS``), for a format that has to know
        something of all of them before the first image.
    splits : tuple of str
        The splits in order. Where none were asked for, the format's ``only_split``.
    was_split : bool
        Whether splits were asked for.
    shapes : str
        What kind of shapes is written; set by a format that writes only one kind.
    """

    def __init__(
        self, bundle: ExportBundle, folder: Path, kind: Format, images: ImageMode = "copy"
    ) -> None:
        self.folder = folder
        self.project: str = bundle.project
        self.labels: tuple[str, ...] = bundle.labels
        self.skeletons: Mapping[str, Skeleton] = bundle.skeletons
        self.annotations: pd.DataFrame = bundle.annotations
        self.splits: tuple[str, ...] = bundle.splits or (kind.only_split,)
        self.was_split = bool(bundle.splits)
        self.shapes = ""
        self._bundle, self._kind = bundle, kind
        self._images = ImageWriter(bundle, images)
        self._sidecar: SidecarWriter | None = None
        self._stack = ExitStack()
        self._begun = False
        self._left_out = 0
        self._frames: Counter[str] = Counter()
        self._objects = self._backgrounds = 0
        self._failures: list[FrameFailure] = []
        self._files: list[str] = []
        self._notes: list[str] = []

    def __enter__(self) -> Self:
        for split in self.splits:
            (self.folder / self._kind.image_folder / split).mkdir(parents=True, exist_ok=True)
        if self._kind.sidecar:
            self._sidecar = self._stack.enter_context(SidecarWriter(self.folder))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def images(self) -> Iterator[ExportImage]:
        """The images of the export, each written to its place before it is handed out.

        A frame whose image cannot be read is listed in the report and left out.
        """
        if self._begun:
            raise RuntimeError("the images of an export can be gone through only once")
        self._begun = True
        for image in self._bundle.images():
            split = image.split or self._kind.only_split
            folder = "/".join(part for part in (self._kind.image_folder, split) if part)
            name = self._images.write(image, self.folder / folder)
            if isinstance(name, FrameFailure):
                self._failures.append(name)
                continue
            self._left_out = 0
            written = replace(image, split=split, file=f"{folder}/{name}")
            yield written
            if self._sidecar is not None:
                self._sidecar.frame(written.file, image)
            count = len(image.objects) - self._left_out
            self._frames[image.split] += 1
            self._objects += count
            self._backgrounds += count == 0

    def file(self, name: str) -> Path:
        """The place of a file that a reader of the dataset opens first; the report names it.

        Parameters
        ----------
        name : str
            Relative to the export: ``data.yaml``, ``annotations/instances_val.json``.
        """
        place = self.folder / name
        if not place.resolve().is_relative_to(self.folder.resolve()):
            raise InputError(f"{name!r} cannot be written", "it lies outside the export's folder")
        place.parent.mkdir(parents=True, exist_ok=True)
        self._files.append(name)
        return place

    def leave_out(self) -> None:
        """Count one object of the image at hand as not written."""
        self._left_out += 1

    def note(self, text: str) -> None:
        """Add a line to the report: what was left out, changed or could not be held."""
        self._notes.append(text)

    def record(self, item: LabelledObject, label_file: str, line: int) -> None:
        """Write where a label comes from to ``provenance.csv`` (formats with ``sidecar``).

        Parameters
        ----------
        item : LabelledObject
            The object.
        label_file : str
            The file that holds it, relative to the export.
        line : int
            The number of its line there, from 1.
        """
        assert self._sidecar is not None, "the format has no sidecar"
        self._sidecar.object(label_file, line, item)

    def report(self, name: str) -> ExportReport:
        """What was written, left out and could not be held."""
        return ExportReport(
            format=name,
            out=self.folder,
            files=tuple(self._files),
            task=self.shapes,
            frames=self._frames.total(),
            objects=self._objects,
            backgrounds=self._backgrounds,
            splits={s: self._frames[s] for s in self._bundle.splits},
            failures=tuple(self._failures),
            notes=(*self._notes, *self._images.notes()),
        )
