"""The truth of the world as tables, keyed by the frames' content, so that a project can find it.

Beside every set of files that the world writes lies a ``*truth.parquet``. Its rows carry
``frame_id``, which depends on a file's content and a frame's index alone, so files and truth may be
moved and renamed; frames without any object are listed in the file's metadata.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from labkit.core.errors import InputError, NotFoundError
from labkit.core.types import Attribute, Proposal
from labkit.demo.scene import Scene, TrueObject
from labkit.store import ProjectStore
from labkit.store.columns import proposals_table
from labkit.store.files import write_atomic
from labkit.store.proposals import proposals_dataframe

__all__ = ["RUN_ID", "TRUTH", "gather_truth", "rows_of", "truth", "truth_table", "write_truth"]

TRUTH = "truth.parquet"
"""Name of the truth in a folder of stills; that of ``a.mp4`` is ``a.truth.parquet``."""

RUN_ID = "truth"
"""Run that the rows of the truth carry."""

_FRAMES = b"labkit_frames"


def rows_of(frame_id: str, objects: Sequence[TrueObject]) -> list[Proposal]:
    """A scene's objects as proposals that are certain."""
    return [
        Proposal(
            frame_id,
            index,
            o.label,
            1.0,
            o.shape,
            attributes=(Attribute("visible", o.visible),),
            track_id=o.track_id,
        )
        for index, o in enumerate(objects)
    ]


def _dataframe(table: pa.Table) -> pd.DataFrame:
    ids = [
        f"{RUN_ID}/{frame}/{index}"
        for frame, index in zip(
            table["frame_id"].to_pylist(), table["index"].to_pylist(), strict=True
        )
    ]
    run = pa.array([RUN_ID] * len(ids), pa.string()).dictionary_encode()
    return proposals_dataframe(
        [table.add_column(0, "run_id", run).add_column(0, "object_id", pa.array(ids, pa.string()))]
    )


def truth_table(scenes: Iterable[Scene], frame_ids: Sequence[str]) -> pd.DataFrame:
    """The objects of some scenes, one row each.

    Parameters
    ----------
    scenes : iterable of Scene
    frame_ids : sequence of str
        The ``frame_id`` of each scene, in the same order.

    Returns
    -------
    DataFrame
        ``PROPOSAL_COLUMNS`` with run ``truth`` and score 1; ``attributes`` holds ``visible``.
    """
    pairs = zip(frame_ids, scenes, strict=True)
    return _dataframe(
        proposals_table([row for k, scene in pairs for row in rows_of(k, scene.objects)])
    )


def write_truth(path: Path, scenes: Sequence[list[Proposal]], frame_ids: Sequence[str]) -> None:
    """Write a truth file: the rows, and all the frames that it speaks of."""
    table = proposals_table([row for rows in scenes for row in rows])
    table = table.replace_schema_metadata({_FRAMES: json.dumps(list(frame_ids)).encode()})
    write_atomic(path, lambda file: pq.write_table(table, file, compression="zstd"))


def truth(
    project: ProjectStore,
    frame_ids: Iterable[str] | None = None,
    *,
    places: Iterable[str | Path] = (),
) -> pd.DataFrame:
    """The truth for a project's frames, for tests, benchmarks and scripted reviewers.

    Parameters
    ----------
    project : ProjectStore
        Its frames come from :func:`write_stills`, :func:`write_video` or :func:`write_coco`.
    frame_ids : iterable of str, optional
        For which frames; by default all.
    places : iterable of path, optional
        Further truth files, or folders of them. Folders with the project's frames and the
        project's own folder are always searched.

    Returns
    -------
    DataFrame
        As :func:`truth_table`, in the order of the project's frames.

    Raises
    ------
    NotFoundError
        Some of the frames are not of the world, or their truth file is gone.
    InputError
        A truth file cannot be read.
    """
    table, order = _collect(project, frame_ids, places)
    out = _dataframe(table)
    rank = out["frame_id"].astype(object).map(order)
    return out.iloc[rank.argsort(kind="stable")].reset_index(drop=True)


def gather_truth(project: ProjectStore, path: Path) -> int:
    """Write the truth for all of a project's frames into one file, for benchmarks and tests.

    The file is one that :func:`truth` reads, with ``pandas.read_parquet`` as well.

    Parameters
    ----------
    project : ProjectStore
    path : Path
        ``*truth.parquet``; replaced when it is there.

    Returns
    -------
    int
        Objects written.
    """
    table, order = _collect(project, None, ())
    table = table.replace_schema_metadata({_FRAMES: json.dumps(list(order)).encode()})
    write_atomic(path, lambda file: pq.write_table(table, file, compression="zstd"))
    return int(table.num_rows)


def _collect(
    project: ProjectStore, frame_ids: Iterable[str] | None, places: Iterable[str | Path]
) -> tuple[pa.Table, dict[str, int]]:
    """The rows of the frames wanted, and each frame's place in the project."""
    wanted = project.frames()
    if frame_ids is not None:
        wanted = wanted[wanted["frame_id"].isin(list(frame_ids))]
    order = {str(k): n for n, k in enumerate(wanted["frame_id"])}
    folders = {project.root / Path(uri).parent for uri in wanted["uri"].unique()}
    tables: list[pa.Table] = []
    frame_ids_with_truth: set[str] = set()
    for path in _files([project.root, *sorted(folders), *(Path(p) for p in places)]):
        table, frames = _read(path)
        new = set(frames) - frame_ids_with_truth
        if new & order.keys():
            keep = [k in new and k in order for k in table["frame_id"].to_pylist()]
            tables.append(table.filter(pa.array(keep, pa.bool_())).replace_schema_metadata(None))
        frame_ids_with_truth |= new
    missing = [k for k in order if k not in frame_ids_with_truth]
    if missing:
        raise NotFoundError(
            f"There is no truth for {len(missing)} of {len(order)} frames",
            f"{missing[0]} is in no *{TRUTH} beside the frames or in the project",
            "name the file's folder in places=, or the frames in frame_ids=",
        )
    return pa.concat_tables(tables or [proposals_table([])]).unify_dictionaries(), order


def _files(places: Iterable[Path]) -> list[Path]:
    paths: dict[Path, None] = {}
    for place in places:
        files = sorted(place.glob(f"*{TRUTH}")) if place.is_dir() else [place]
        paths.update((f, None) for f in files)
    return list(paths)


def _read(path: Path) -> tuple[pa.Table, list[str]]:
    try:
        table: Any = pq.read_table(path)
        return table, json.loads(table.schema.metadata[_FRAMES])
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as exc:
        raise InputError(
            f"The truth {path.name!r} cannot be read",
            str(exc).splitlines()[0] if str(exc) else repr(exc),
            "write the scenes again",
        ) from exc
