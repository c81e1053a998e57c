"""What passes between a project and a format: objects and images on their way out and in.

A format knows neither projects nor ledgers. How one is written is in
:mod:`labkit.exchange.format`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from labkit.core.skeleton import Skeleton
from labkit.core.types import Attribute, Frame, Shape
from labkit.exchange.reports import Problem

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "EncodedFrame",
    "EncodedFrames",
    "ExportBundle",
    "ExportImage",
    "ImageMode",
    "ImportedDataset",
    "ImportedImage",
    "LabelledObject",
    "Provenance",
    "SizeLookup",
]

ImageMode = Literal["copy", "link", "none"]

SizeLookup = Callable[[str], "tuple[int, int] | None"]
"""Width and height of an image by its name, for files that do not say it; None if unknown."""


class EncodedFrame(Protocol):
    """The bytes of an image file: ``labkit.frames.Encoded``."""

    @property
    def data(self) -> bytes:
        """The file's content."""
        ...

    @property
    def mime(self) -> str:
        """``image/jpeg``, ``image/png``, ..."""
        ...


class EncodedFrames(Protocol):
    """Who gives the encoded bytes of a frame: ``labkit.frames.FrameReader``."""

    def encoded(self, frame: Frame) -> EncodedFrame:
        """The frame as a JPEG, PNG, ... file."""
        ...


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a label comes from.

    Attributes
    ----------
    object_id : str or None
        The project's id of the object.
    run : str or None
        The run that proposed it, None where a person added it.
    score : float or None
        The proposal's score, 0..1.
    reviewer : str or None
        Who decided last.
    verdict : str
        ``accepted``, ``edited``, ``added``, or ``none`` for a proposal that nobody decided on.
    scripted : bool
        True where no person was behind the decision.
    time : str or None
        When it was decided, ISO 8601, UTC.
    """

    object_id: str | None = None
    run: str | None = None
    score: float | None = None
    reviewer: str | None = None
    verdict: str = "none"
    scripted: bool = False
    time: str | None = None


@dataclass(frozen=True, slots=True)
class LabelledObject:
    """One object of a dataset, on its way out or in; geometry in pixels of the upright image."""

    label: str
    shape: Shape
    attributes: tuple[Attribute, ...] = ()
    track_id: int | None = None
    provenance: Provenance = Provenance()


@dataclass(frozen=True, slots=True)
class ExportImage:
    """One frame to be exported.

    Attributes
    ----------
    frame : Frame
        Its size and where it comes from.
    stem : str
        File name without suffix: unique in the export, safe on every file system.
    split : str
        Name of its split; empty where the export has none.
    objects : tuple of LabelledObject
        Empty for a background.
    verdict : str
        ``accepted``, or ``none`` where nobody accepted the frame.
    reviewer, time : str or None
        Who accepted it, and when.
    scripted : bool
        True where no person was behind that.
    file : str
        Its image file, relative to the export, with forward slashes: ``images/train/a.jpg``.
    """

    frame: Frame
    stem: str
    split: str
    objects: tuple[LabelledObject, ...]
    verdict: str
    reviewer: str | None
    time: str | None
    scripted: bool
    file: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class ExportBundle:
    """All that is to be exported, and nothing else.

    Attributes
    ----------
    project : str
        The project's name.
    labels : tuple of str
        The project's labels in order: their position is the class id.
    frames : DataFrame
        ``FRAMES`` columns plus ``stem``, ``split``, ``verdict``, ``reviewer``, ``time``,
        ``scripted``; one row per frame to export, in the project's order.
    annotations : DataFrame
        ``ANNOTATION_COLUMNS``; the objects of these frames to export.
    splits : tuple of str
        Names of the splits in order; empty for an export without.
    skeletons : Mapping
        The keypoints of those labels that have any.
    reader : EncodedFrames
        Gives the image files of frames that are not files of their own.
    path_of : callable
        The absolute path of a frame's file.
    on_progress : callable, optional
        Called as ``on_progress(done, total)`` before each frame; what it raises cancels the export.
    """

    project: str
    labels: tuple[str, ...]
    frames: pd.DataFrame
    annotations: pd.DataFrame
    splits: tuple[str, ...]
    skeletons: Mapping[str, Skeleton]
    reader: EncodedFrames
    path_of: Callable[[Frame], Path]
    on_progress: Callable[[int, int], None] | None = None

    def images(self) -> Iterator[ExportImage]:
        """The frames with their objects, one at a time."""
        from labkit.exchange.rows import export_images

        return export_images(self)


@dataclass(frozen=True, slots=True)
class ImportedImage:
    """One image of a dataset with its objects.

    Attributes
    ----------
    name : str
        Its name relative to the dataset, with forward slashes.
    width, height : int
        Pixels, upright.
    objects : tuple of LabelledObject
        Empty for a background.
    path : Path or None
        The image file, None where it is missing.
    frame_id : str or None
        The id of the frame, where an earlier export of labkit wrote it.
    labelled : bool
        False where the dataset says nothing about it (no label file), as opposed to 'holds none'.
    complete : bool
        False where some of its labels could not be read.
    """

    name: str
    width: int
    height: int
    objects: tuple[LabelledObject, ...] = ()
    path: Path | None = None
    frame_id: str | None = None
    labelled: bool = True
    complete: bool = True


@dataclass(frozen=True, slots=True)
class ImportedDataset:
    """What a format read: images, label names in order, and all that it could not use."""

    format: str
    labels: tuple[str, ...]
    images: tuple[ImportedImage, ...]
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    skeletons: Mapping[str, Skeleton] = field(default_factory=dict)
