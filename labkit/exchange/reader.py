"""What a format is given to read into: images, their objects, and all that could not be used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from labkit.core.errors import InputError, LabkitError
from labkit.core.skeleton import Skeleton
from labkit.core.types import Attribute, Shape
from labkit.exchange.base import (
    ImportedDataset,
    ImportedImage,
    LabelledObject,
    Provenance,
    SizeLookup,
)
from labkit.exchange.images import image_size
from labkit.exchange.provenance import Sidecar, read_sidecar
from labkit.exchange.reports import Problem

__all__ = ["DatasetReader", "ImageLabels"]

_UNREADABLE = (LabkitError, OSError, ValueError, TypeError, LookupError, OverflowError)


@dataclass(slots=True, eq=False)
class ImageLabels:
    """An image of the dataset while its objects are collected; see :class:`ImportedImage`."""

    name: str
    width: int
    height: int
    path: Path | None = None
    frame_id: str | None = None
    labelled: bool = True
    complete: bool = True
    objects: list[LabelledObject] = field(default_factory=list)

    def add(
        self,
        label: str,
        shape: Shape,
        *,
        attributes: Iterable[Attribute] = (),
        track_id: int | None = None,
        score: float | None = None,
        provenance: Provenance | None = None,
    ) -> None:
        """Add an object.

        Parameters
        ----------
        label : str
            Its label in the dataset.
        shape : Shape
            In pixels of the upright image.
        attributes : iterable of Attribute
            Named properties.
        track_id : int, optional
            The number of its track.
        score : float, optional
            A model's score, 0..1.
        provenance : Provenance, optional
            Where an earlier export says that it comes from; in place of ``score``.
        """
        origin = provenance or Provenance(score=score)
        self.objects.append(LabelledObject(label, shape, tuple(attributes), track_id, origin))


class DatasetReader:
    """One import under way.

    Attributes
    ----------
    path : Path
        The file or folder that was named.
    root : Path
        The folder from which the names of images count: ``path``, or where ``path`` lies. A format
        may set it.
    size_of : callable
        Width and height of the project's frame of that name, None where it has none or several.
    skeletons : dict of str to Skeleton
        Label → its keypoints, where the dataset says what they are.
    """

    def __init__(self, path: Path, size_of: SizeLookup | None = None) -> None:
        self.path = path
        self.root = path if path.is_dir() else path.parent
        self.size_of: SizeLookup = size_of or (lambda _: None)
        self.skeletons: dict[str, Skeleton] = {}
        self._images: list[ImageLabels] = []
        self._by_name: dict[str, ImageLabels] = {}
        self._touched: list[ImageLabels] = []
        self._labels: dict[str, None] = {}
        self._problems: list[Problem] = []
        self._notes: list[str] = []
        self._sidecar: Sidecar | None = None

    @property
    def sidecar(self) -> Sidecar:
        """What ``frames.csv`` and ``provenance.csv`` of an earlier export say; empty without."""
        if self._sidecar is None:
            self._sidecar = read_sidecar(self.root)
            for text in self._sidecar.broken:
                self.problem(text.split(":")[0], text)
        return self._sidecar

    def image(
        self,
        name: str,
        *,
        path: Path | None = None,
        width: int | None = None,
        height: int | None = None,
    ) -> ImageLabels:
        """The image of that name; the first call adds it, as :meth:`new_image` does."""
        known = self._by_name.get(name)
        if known is None:
            return self.new_image(name, path=path, width=width, height=height)
        self._touched.append(known)
        return known

    def new_image(
        self,
        name: str,
        *,
        path: Path | None = None,
        width: int | None = None,
        height: int | None = None,
        frame_id: str | None = None,
        labelled: bool = True,
    ) -> ImageLabels:
        """Add an image.

        Parameters
        ----------
        name : str
            Its name relative to the dataset, with forward slashes.
        path : Path, optional
            Its file, which may be missing; by default the name in :attr:`root`.
        width, height : int, optional
            Pixels, upright; by default those of the file, else of the project's frame.
        frame_id : str, optional
            The id of the frame, where an earlier export wrote it.
        labelled : bool
            False where the dataset says nothing about this image.

        Raises
        ------
        InputError
            Its size is unknown.
        """
        named = self.root / name if path is None else path
        place = named if _is_file(named) else None
        known = self.sidecar.frame(name)
        if width is None or height is None:
            width, height = self._size(name, place, known and known[1:])
        image = ImageLabels(
            name, width, height, place, frame_id or (known and known[0]) or None, labelled
        )
        self._images.append(image)
        self._by_name.setdefault(name, image)
        self._touched.append(image)
        return image

    def label(self, name: str) -> None:
        """Name a label of the dataset; labels that objects have are added by themselves."""
        self._labels.setdefault(name)

    @contextmanager
    def attempt(
        self, file: str, line: int = 0, *, what: str = "", image: ImageLabels | None = None
    ) -> Iterator[None]:
        """List what cannot be read inside the block, and go on after it.

        The images that the block asked for count as incomplete then, and are not accepted.

        Parameters
        ----------
        file : str
            The name of the file that is read.
        line : int
            The number of the line, from 1; 0 for the whole file.
        what : str
            What is read, to begin the message with: ``annotation 12``.
        image : ImageLabels, optional
            The image to which it belongs.
        """
        outer, touched = self._touched, [] if image is None else [image]
        self._touched = touched
        try:
            yield
        except _UNREADABLE as exc:
            self.problem(file, f"{what}: {_reason(exc)}" if what else _reason(exc), line)
            for labels in touched:
                labels.complete = False
        finally:
            self._touched = outer

    def problem(self, file: str, reason: str, line: int = 0) -> None:
        """List something that cannot be used."""
        self._problems.append(Problem(file, line, reason))

    def note(self, text: str) -> None:
        """Add a line to the report."""
        self._notes.append(text)

    def dataset(self, name: str) -> ImportedDataset:
        """All that was read."""
        images = tuple(
            ImportedImage(
                i.name, i.width, i.height, tuple(i.objects), path=i.path, frame_id=i.frame_id,
                labelled=i.labelled, complete=i.complete,
            )
            for i in self._images
        )  # fmt: skip
        used = (item.label for image in images for item in image.objects)
        return ImportedDataset(
            name,
            tuple(dict.fromkeys((*self._labels, *used))),
            images,
            tuple(self._problems),
            tuple(self._notes),
            dict(self.skeletons),
        )

    def _size(self, name: str, path: Path | None, known: tuple[int, int] | None) -> tuple[int, int]:
        reason = "the image is missing, so its size and the labels' pixels are unknown"
        if path is not None:
            try:
                return image_size(path)
            except OSError as exc:
                reason = f"the image cannot be read: {exc}"
        size = known or self.size_of(name)
        if size is None:
            raise InputError(reason)
        return size


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _reason(exc: BaseException) -> str:
    if isinstance(exc, KeyError) and not isinstance(exc, LabkitError):
        return f"the field {exc} is missing"
    return str(exc) or type(exc).__name__
