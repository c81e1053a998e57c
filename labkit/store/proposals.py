"""Runs on disk: a manifest and immutable Parquet parts, each written whole or not at all."""

from __future__ import annotations

import dataclasses
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from labkit.core.errors import InputError, StoreError, store_error
from labkit.core.types import FrameFailure, Manifest, Proposal
from labkit.store.columns import proposals_table
from labkit.store.files import write_atomic, write_lock
from labkit.store.schema import PROPOSAL_COLUMNS, PROPOSALS

__all__ = ["RunStore", "proposals_dataframe", "read_manifest", "run_number"]

_FAILURES, _DROPPED = b"labkit.failures", b"labkit.dropped"


def run_number(folder: Path) -> int:
    """The number in the name of a run's folder, 0 for any other folder."""
    match = re.match(r"r(\d+)", folder.name)
    return int(match[1]) if match else 0


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]+", "-", text).strip("-")[:40] or "run"


def proposals_dataframe(tables: Sequence[pa.Table]) -> pd.DataFrame:
    """Proposals of several runs as one DataFrame with ``PROPOSAL_COLUMNS``; names categorical."""
    if tables:
        table = pa.concat_tables(tables).unify_dictionaries()
    else:
        extra = [pa.field("object_id", pa.string()), pa.field("run_id", PROPOSALS.field(0).type)]
        table = pa.schema([*extra, *PROPOSALS]).empty_table()
    df: pd.DataFrame = table.select(list(PROPOSAL_COLUMNS)).to_pandas(
        types_mapper={pa.int64(): pd.Int64Dtype(), pa.string(): pd.StringDtype()}.get
    )
    df["object_id"] = df["object_id"].astype("str" if pd.__version__ >= "3" else "object")
    for name in ("mask_counts", "attributes"):
        df[name] = df[name].astype(object).where(df[name].notna(), None)
    return df


class RunStore:
    """One run's folder: ``run.json``, ``frames.txt`` and ``part-*.parquet``.

    Part ``k`` covers frames ``k * part_size`` to ``(k + 1) * part_size`` of the run's list. A
    part on disk is complete; a killed run continues at the first missing one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = read_manifest(folder)

    @classmethod
    def create(
        cls, project_root: Path, manifest: Manifest, frame_ids: Iterable[str], slug: str = ""
    ) -> RunStore:
        """Make a run's folder with the next free number and an identity that never changes.

        Parameters
        ----------
        project_root : Path
            The project's folder.
        manifest : Manifest
            Its ``run_id``, ``created`` and ``frames`` are filled in.
        frame_ids : iterable of str
            The frames in the order in which parts cover them.
        slug : str
            Goes into the id, for people; by default the model's name.
        """
        ids = list(frame_ids)
        if manifest.part_size < 1:
            raise InputError("A part needs at least one frame", f"part_size={manifest.part_size}")
        runs = project_root / "runs"
        with write_lock(project_root):
            runs.mkdir(exist_ok=True)
            number = max(map(run_number, runs.iterdir()), default=0) + 1
            run_id = f"r{number:04d}-{_slug(slug or manifest.model)}"
            folder = runs / run_id
            folder.mkdir()
            text = "\n".join(ids).encode("ascii")
            write_atomic(folder / "frames.txt", lambda f: f.write(text))
            filled = dataclasses.replace(
                manifest,
                run_id=run_id,
                frames=len(ids),
                created=datetime.now(UTC).isoformat(timespec="seconds"),
            )
            _write_manifest(folder, filled)
        return cls(folder)

    @cached_property
    def frame_ids(self) -> list[str]:
        """The frames in the order in which parts cover them."""
        try:
            return (self.folder / "frames.txt").read_text("ascii").split()
        except OSError as exc:
            raise store_error(f"Cannot read the frames of run {self.run_id!r}", exc) from exc

    @property
    def run_id(self) -> str:
        """The run's id, ``r0001-model``."""
        return self.manifest.run_id

    @property
    def n_parts(self) -> int:
        """How many parts the whole run has."""
        return -(-len(self.frame_ids) // self.manifest.part_size)

    def part_frames(self, part: int) -> list[str]:
        """The frame ids that a part covers."""
        size = self.manifest.part_size
        return self.frame_ids[part * size : (part + 1) * size]

    def _part_path(self, part: int) -> Path:
        return self.folder / f"part-{part:06d}.parquet"

    def missing_parts(self) -> list[int]:
        """Parts that are not written yet, in order."""
        return [k for k in range(self.n_parts) if not self._part_path(k).exists()]

    def write_part(
        self,
        part: int,
        proposals: Sequence[Proposal] | pa.Table,
        failures: Sequence[FrameFailure] = (),
        dropped: Mapping[str, int] | None = None,
    ) -> None:
        """Write one part atomically, with its failures and dropped counts in its metadata.

        The same content gives the same bytes. A part that exists is never written again.
        """
        if self._part_path(part).exists():
            raise StoreError(f"Part {part} of run {self.run_id!r} exists", "runs are immutable")
        table = proposals if isinstance(proposals, pa.Table) else proposals_table(proposals)
        table = table.cast(PROPOSALS).replace_schema_metadata(
            {
                _FAILURES: json.dumps([dataclasses.astuple(f) for f in failures]),
                _DROPPED: json.dumps(dict(sorted((dropped or {}).items()))),
            }
        )
        write_atomic(self._part_path(part), lambda f: pq.write_table(table, f, compression="zstd"))

    def finish(self, status: str = "finished", counts: Mapping[str, int] | None = None) -> Manifest:
        """Add up the parts and close the run with a status of :class:`labkit.core.types.Manifest`.

        ``counts`` replace those of before, where any are given. A frame that failed twice, on a
        walk there and back, is listed once.
        """
        failures: list[FrameFailure] = []
        dropped: Counter[str] = Counter()
        rows = 0
        for part in range(self.n_parts):
            if not self._part_path(part).exists():
                continue
            meta = pq.read_metadata(self._part_path(part))
            rows += meta.num_rows
            failures += [FrameFailure(*f) for f in json.loads(meta.metadata[_FAILURES])]
            dropped.update(json.loads(meta.metadata[_DROPPED]))
        self.manifest = dataclasses.replace(
            self.manifest,
            status=status,
            proposals=rows,
            failures=tuple(dict.fromkeys(failures)),
            dropped=dict(sorted(dropped.items())),
            counts=self.manifest.counts if counts is None else dict(counts),
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        _write_manifest(self.folder, self.manifest)
        return self.manifest

    def try_lock(self) -> FileLock | None:
        """The lock of whoever works on this run, None where somebody else has it."""
        lock = FileLock(self.folder / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return None
        return lock

    def discard(self) -> Manifest:
        """Mark a run as discarded: it stays on disk and is shown only where it is named.

        Raises
        ------
        InputError
            A process is working on it now.
        """
        lock = self.try_lock()
        if lock is None:
            raise InputError(
                f"Run {self.run_id!r} cannot be discarded", "it is being worked on", "cancel it"
            )
        with lock:
            return self.finish("discarded")

    def failed_frames(self) -> set[str]:
        """Ids of the frames that the model could not do."""
        return {f.frame_id for f in self.manifest.failures if f.frame_id}

    def done_frames(self) -> set[str]:
        """Ids of the frames that are written, and that the model could do."""
        written = (k for k in range(self.n_parts) if self._part_path(k).exists())
        return {f for k in written for f in self.part_frames(k)} - self.failed_frames()

    def read_part(self, part: int) -> tuple[pd.DataFrame, list[FrameFailure]]:
        """The proposals of one written part with ``PROPOSAL_COLUMNS``, and its failures."""
        table = self._table([part], None)
        meta = pq.read_metadata(self._part_path(part)).metadata
        failures = [FrameFailure(*f) for f in json.loads(meta[_FAILURES])]
        return proposals_dataframe([table]), failures

    def table(self, min_score: float | None = None) -> pa.Table:
        """All written parts as one Arrow table with ``object_id`` and ``run_id``."""
        return self._table(range(self.n_parts), min_score)

    def _table(self, wanted: Iterable[int], min_score: float | None) -> pa.Table:
        paths = [p for k in wanted if (p := self._part_path(k)).exists()]
        keep = (
            None if min_score is None else pc.field("score") >= pa.scalar(min_score, pa.float32())
        )
        try:
            parts = [pq.read_table(p, schema=PROPOSALS, filters=keep) for p in paths]
        except (OSError, pa.ArrowInvalid) as exc:
            raise store_error(f"Cannot read the proposals of run {self.run_id!r}", exc) from exc
        table = pa.concat_tables([PROPOSALS.empty_table(), *parts]).replace_schema_metadata(None)
        names = table["frame_id"].cast(pa.string())
        index = table["index"].cast(pa.string())
        ids = pc.binary_join_element_wise(pa.scalar(self.run_id), names, index, "/")
        run = pa.DictionaryArray.from_arrays(
            pa.array([0] * len(table), pa.int32()), pa.array([self.run_id])
        )
        return table.add_column(0, "run_id", run).add_column(0, "object_id", ids)

    def read(self, min_score: float | None = None) -> pd.DataFrame:
        """The run's proposals with ``PROPOSAL_COLUMNS``, from a score up."""
        return proposals_dataframe([self.table(min_score)])


def read_manifest(folder: Path) -> Manifest:
    """What ``run.json`` in a run's folder says."""
    try:
        data = json.loads((folder / "run.json").read_text("utf-8"))
        data["failures"] = tuple(FrameFailure(**f) for f in data["failures"])
        return Manifest(**data)
    except (OSError, ValueError, TypeError, KeyError) as exc:
        raise StoreError(f"Run {folder.name!r} cannot be read", str(exc)) from exc


def _write_manifest(folder: Path, manifest: Manifest) -> None:
    data: dict[str, Any] = dataclasses.asdict(manifest)
    text = json.dumps(data, indent=2, ensure_ascii=False).encode()
    write_atomic(folder / "run.json", lambda f: f.write(text))
