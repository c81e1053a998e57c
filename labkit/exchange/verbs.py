"""The two verbs: ``export`` and ``import_annotations``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from labkit.core.errors import Argument, InputError
from labkit.core.registry import unknown
from labkit.exchange.base import FORMATS, IMAGES, EncodedFrames
from labkit.exchange.bundle import gather
from labkit.exchange.importing import Importer
from labkit.exchange.matching import FrameMatcher
from labkit.exchange.reports import ExportReport, ImportAs, ImportReport
from labkit.exchange.splits import SplitBy
from labkit.exchange.target import export_target
from labkit.frames import FrameReader

if TYPE_CHECKING:
    import pandas as pd

    from labkit.store import ProjectStore

__all__ = ["export", "import_annotations", "read_labels"]


def _options(call: Callable[..., Any], name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Options that a format knows; None means its default, an unknown one is refused."""
    parameters = inspect.signature(call).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return {k: v for k, v in given.items() if v is not None}
    known = [p.name for p in parameters.values() if p.kind is p.KEYWORD_ONLY]
    known = [n for n in known if n != "size_of"]
    for key, value in given.items():
        if value is not None and key not in known:
            raise unknown(f"option of the format {name}", key, known)
    return {k: v for k, v in given.items() if v is not None}


def _default_reader(project: ProjectStore) -> EncodedFrames:
    return FrameReader(project.root)


def export(
    project: ProjectStore,
    format: str,
    out: str | Path,
    *,
    include: str = "human",
    split: Mapping[str, float] | None = None,
    seed: int = 0,
    by: SplitBy = "auto",
    images: str = "copy",
    reader: EncodedFrames | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    **options: Any,
) -> ExportReport:
    """Export what people have decided as a dataset.

    Parameters
    ----------
    project : ProjectStore
    format : str
        ``yolo`` or ``coco``.
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
        Copies, symbolic links, or labels alone.
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
        ``out`` cannot be written; what was there is as it was.
    """
    chosen = FORMATS[format]
    if images not in IMAGES:
        raise unknown("choice for images", images, list(IMAGES))
    options = _options(chosen.export, format, {"images": images, **options})
    reader = reader or _default_reader(project)
    gathered = gather(project, reader, include, split, seed, by, on_progress)
    target, about = Path(out).expanduser(), {
        "format": format,
        "project": project.name,
        "include": include,
        "split": dict(split or {}),
        "seed": seed,
        "by": by,
        "options": options,
    }  # fmt: skip
    with export_target(target, about) as folder:
        report = chosen.export(gathered.bundle, folder, **options)
        if not report.frames:
            first = report.failures[0] if report.failures else None
            why = f"{first.uri}: {first.reason}" if first else "it would hold no frame"
            raise InputError("Nothing was exported", why)
        about["files"] = list(report.files)
    notes = (*gathered.notes, *report.notes)
    return replace(report, out=target, hand=gathered.hand, notes=notes)


def _importer(
    project: ProjectStore,
    name: str,
    path: Path,
    label_map: Mapping[str, str | None] | None,
    options: Mapping[str, Any],
) -> Importer:
    chosen = FORMATS[name]
    known = _options(chosen.read, name, options)
    matcher = FrameMatcher(project.frames())
    dataset = chosen.read(path, size_of=matcher.size_of, **known)
    return Importer(project, dataset, matcher, label_map)


def import_annotations(
    project: ProjectStore,
    format: str,
    path: str | Path,
    *,
    as_: ImportAs = "proposals",
    reviewer: str | None = None,
    label_map: Mapping[str, str | None] | None = None,
    **options: Any,
) -> ImportReport:
    """Bring the labels of a dataset to the frames of a project.

    Images are found among the project's frames by the id that an export of labkit wrote, by
    their content, or by their name; those not found are listed, add them first.

    Parameters
    ----------
    project : ProjectStore
    format : str
        ``yolo`` or ``coco``.
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
    format: str,
    path: str | Path,
    *,
    label_map: Mapping[str, str | None] | None = None,
    **options: Any,
) -> pd.DataFrame:
    """The labels of a dataset on the project's frames, without storing anything.

    Matching, ``label_map`` and ``options`` are those of :func:`import_annotations`.

    Returns
    -------
    DataFrame
        ``PROPOSAL_COLUMNS``, score 1 where the dataset has none, ``run_id`` 'labels': ground
        truth for a scripted reviewer or an evaluation.
    """
    return _importer(project, format, Path(path).expanduser(), label_map, options).as_table()
