"""The verbs of exchange: ``export``, ``import_annotations`` and ``read_labels``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

from labkit.core.errors import Argument, InputError
from labkit.core.registry import unknown
from labkit.exchange.base import EncodedFrames, ImageMode, ImportedDataset, SizeLookup
from labkit.exchange.bundle import gather
from labkit.exchange.format import Format, open_format
from labkit.exchange.importing import Importer
from labkit.exchange.matching import FrameMatcher
from labkit.exchange.options import checked
from labkit.exchange.reader import DatasetReader
from labkit.exchange.reports import ExportReport, ImportAs, ImportReport
from labkit.exchange.splits import SplitBy
from labkit.exchange.target import export_target
from labkit.exchange.writer import DatasetWriter
from labkit.frames import FrameReader
from labkit.frames.errors import reason_of

if TYPE_CHECKING:
    import pandas as pd

    from labkit.store import ProjectStore

__all__ = ["export", "import_annotations", "read_dataset", "read_labels"]

_EXPORT: Final = ("include", "split", "seed", "by", "images", "run", "reviewer")
_IMPORT: Final = ("as_", "reviewer", "label_map")


def export(
    project: ProjectStore,
    format: str | Format | type[Format],
    out: str | Path,
    *,
    include: str = "human",
    split: Mapping[str, float] | None = None,
    seed: int = 0,
    by: SplitBy = "auto",
    images: ImageMode = "copy",
    run: str | Sequence[str] | None = None,
    reviewer: str | None = None,
    reader: EncodedFrames | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    **options: object,
) -> ExportReport:
    """Export what people have decided as a dataset.

    Parameters
    ----------
    project : ProjectStore
    format : str or Format
        ``yolo``, ``coco``, another registered name, or a format itself.
    out : str or Path
        A new or empty folder, or one that holds an earlier export of labkit, which is replaced
        in one move when the new one is complete.
    include : {'human', 'scripted', 'all'}
        ``human`` (also called ``decided``): the frames that a person has accepted, with their
        accepted, edited and added objects; without any they are backgrounds. ``scripted``: those
        that a script has accepted, too. ``all``: the other frames, too, with the undecided
        proposals from their run's ``conf`` up. The provenance marks both. Frames on the
        hand-label list are never exported.
    split : dict, optional
        Split → share, adding up to 1: ``{'train': 0.8, 'val': 0.2}``.
    seed : int
        Of the split.
    by : {'auto', 'group', 'frame'}
        See :func:`labkit.exchange.splits.assign_splits`.
    images : {'copy', 'link', 'none'}
        Copies, symbolic links, or only labels.
    run : str or sequence of str, optional
        Whose undecided proposals ``include='all'`` exports; by default those of the newest run
        that detected on a frame. Decisions count whatever run they were made on.
    reviewer : str, optional
        Export what this person has decided, and nobody else.
    reader : EncodedFrames, optional
        Who reads frames; the project's own by default.
    on_progress : callable, optional
        Called as ``on_progress(done, total)``; what it raises cancels the export.
    **options
        The format's own: ``task`` for YOLO.

    Raises
    ------
    InputError
        Arguments are unknown, there is nothing to export, or ``out`` holds something else.
    StoreError
        ``out`` cannot be written; what was there is unchanged.
    """
    name, chosen = open_format(format)
    if images not in get_args(ImageMode):
        raise unknown("choice for images", images, list(get_args(ImageMode)))
    own = checked(chosen.write, name, options, _EXPORT)
    reader = reader or FrameReader(project.root)
    gathered = gather(project, reader, include, split, seed, by, on_progress, run, reviewer)
    target, about = Path(out).expanduser(), {
        "format": name,
        "project": project.name,
        "include": include,
        "split": dict(split or {}),
        "seed": seed,
        "by": by,
        "run": run,
        "reviewer": reviewer,
        "options": {"images": images, **own},
    }  # fmt: skip
    with export_target(target, about) as folder:
        with DatasetWriter(gathered.bundle, folder, chosen, images) as writer:
            write: Callable[..., None] = chosen.write
            write(writer, **own)
        report = writer.report(name)
        if not report.frames:
            first = report.failures[0] if report.failures else None
            why = f"{first.uri}: {first.reason}" if first else "it would hold no frame"
            raise InputError("Nothing was exported", why)
        about["files"] = list(report.files)
    notes = (*gathered.notes, *report.notes)
    return replace(report, out=target, hand=gathered.hand, notes=notes)


def read_dataset(
    format: str | Format | type[Format],
    path: str | Path,
    *,
    size_of: SizeLookup | None = None,
    **options: object,
) -> ImportedDataset:
    """Read a dataset, without any project.

    Parameters
    ----------
    format : str or Format
        ``yolo``, ``coco``, another registered name, or a format itself.
    path : str or Path
        The dataset.
    size_of : callable, optional
        Width and height of an image by its name, for images that are missing.
    **options
        The format's own: ``task``, ``names`` for YOLO; ``images`` for COCO.

    Raises
    ------
    InputError
        There is no such dataset. What cannot be used of it is listed in the result.
    """
    name, chosen = open_format(format)
    own = checked(chosen.read, name, options, _IMPORT)
    place = Path(path).expanduser()
    source = DatasetReader(place, size_of)
    read: Callable[..., None] = chosen.read
    try:
        read(source, **own)
    except (OSError, ValueError) as exc:  # also what is no text, or no JSON
        raise InputError(f"{str(place)!r} cannot be read as {name}", reason_of(exc)) from exc
    return source.dataset(name)


def _importer(
    project: ProjectStore,
    format: str | Format | type[Format],
    path: str | Path,
    label_map: Mapping[str, str | None] | None,
    options: Mapping[str, Any],
) -> Importer:
    matcher = FrameMatcher(project.frames())
    dataset = read_dataset(format, path, size_of=matcher.size_of, **options)
    return Importer(project, dataset, matcher, label_map)


def import_annotations(
    project: ProjectStore,
    format: str | Format | type[Format],
    path: str | Path,
    *,
    as_: ImportAs = "proposals",
    reviewer: str | None = None,
    label_map: Mapping[str, str | None] | None = None,
    **options: object,
) -> ImportReport:
    """Bring the labels of a dataset to the frames of a project.

    Images are found among the project's frames by the id that an export of labkit wrote, by
    their content, or by their name; those not found are listed, add them first.

    Parameters
    ----------
    project : ProjectStore
    format : str or Format
        ``yolo``, ``coco``, another registered name, or a format itself.
    path : str or Path
        The dataset.
    as_ : {'proposals', 'decisions'}
        ``proposals``: a run of kind ``import``, to be reviewed. ``decisions``: each object is
        added and its frame accepted, with the tool ``import:<format>``; frames that have
        decisions already are left alone.
    reviewer : str, optional
        Who answers for imported decisions. Without a name they are marked as scripted.
    label_map : dict, optional
        Dataset label → project label; None drops it. Labels that neither it nor the project
        knows are dropped and counted. A project without labels takes the dataset's.
    **options
        The format's own: ``task``, ``names`` for YOLO; ``images`` for COCO.

    Raises
    ------
    InputError
        There is no such dataset, or nothing in it fits the project.
    StoreError
        The project cannot be written.
    """
    if as_ not in get_args(ImportAs):
        raise unknown("choice for as_", as_, list(get_args(ImportAs)))
    if reviewer is not None and as_ == "proposals":
        raise InputError(
            "A reviewer was named", "proposals have none", "use " + Argument("as_", "decisions")
        )
    project.check_writable("Nothing can be imported")
    place = Path(path).expanduser()
    importer = _importer(project, format, place, label_map, options)
    if as_ == "proposals":
        return importer.as_proposals(place)
    return importer.as_decisions(place, reviewer)


def read_labels(
    project: ProjectStore,
    format: str | Format | type[Format],
    path: str | Path,
    *,
    label_map: Mapping[str, str | None] | None = None,
    **options: object,
) -> pd.DataFrame:
    """The labels of a dataset on the project's frames, without storing anything.

    Matching, ``label_map`` and ``options`` are those of :func:`import_annotations`.

    Returns
    -------
    DataFrame
        ``PROPOSAL_COLUMNS``, score 1 where the dataset has none, ``run_id`` 'labels': ground
        truth for a scripted reviewer or an evaluation.
    """
    return _importer(project, format, path, label_map, options).as_table()
