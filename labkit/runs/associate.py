"""``Project.associate``: the detections of a run become tracks, stored as a run of their own."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from labkit.core.errors import InputError, NotFoundError
from labkit.core.types import FrameFailure, Manifest
from labkit.frames import FrameError, FrameReader
from labkit.frames.order import in_order
from labkit.models.trackers.association import Associator, AssociatorInfo, associator_info
from labkit.models.worker import Priority, worker
from labkit.runs.engine import Part, Spec, Step, listed, new_manifest, start
from labkit.runs.jobs import Job, JobContext
from labkit.runs.pipeline import Reader
from labkit.store.project import ProjectStore
from labkit.store.proposals import RunStore
from labkit.store.schema import PROPOSALS

__all__ = ["associate_job"]

_PART_SIZE = 64
_ALONE = "detections without track"


def associate_job(
    project: ProjectStore,
    run: str | None = None,
    *,
    with_: str = "bytetrack",
    params: Mapping[str, Any] | None = None,
    replace: bool = False,
    resume: bool = True,
    progress: str | Callable[[Job[str]], None] | None = "auto",
    reader: Reader | None = None,
) -> Job[str]:
    """Start to turn a run's detections into tracks; the job's result is the new run's id.

    The new run has the same objects with the same shapes, labels and scores, and ``track_id``, and
    ``kind`` ``tracker``. Each video or folder is a sequence of its own: a video in the order of its
    frames, a folder in the order of adding. Detections that no track takes keep no ``track_id``;
    the job's message and the manifest's ``counts`` say how many they are. All stored detections
    take part, from ``track_low_thresh`` up, and not only those above the run's ``conf``.

    It is quick, so a run that was killed begins again, with the same result.

    Parameters
    ----------
    project : ProjectStore
    run : str, optional
        A finished run; by default the newest that is not a tracker's.
    with_ : {'bytetrack', 'botsort'}
        BoT-SORT reads the frames to make up for a camera that moves; ByteTrack reads none.
    params : mapping, optional
        See :func:`labkit.models.trackers.association.associator_info`.
    replace : bool
        Show the new run's proposals instead of the old run's.
    resume : bool
        Look for a run of this kind that is there already; False makes a new one.
    progress : str or callable or None
        See :func:`labkit.runs.jobs.attach`.
    reader : Reader, optional
        Where the pixels come from; by default :class:`labkit.frames.FrameReader`.

    Raises
    ------
    InputError
        An unknown run, name or parameter, or a run that is not finished.
    StoreError
        The project is read-only.
    """
    project.check_writable("This project cannot take a new run")
    source = project.run(_newest(project) if run is None else run)
    if source.manifest.status != "finished":
        raise InputError(
            f"Run {source.run_id!r} cannot be associated",
            f"it is {source.manifest.status}",
            "call predict again to finish it",
        )
    info = associator_info(with_, params)

    def plan(_context: JobContext) -> tuple[Spec, Step]:
        sequences = _sequences(project, source.frame_ids)
        frames = tuple(frame for part in sequences for frame in part)
        spec = Spec(_manifest(source, info, bool(replace)), frames, bool(resume))
        return spec, _AssociateStep(project, source, info, sequences, reader)

    return start(project, f"associate {source.run_id} with {with_}", plan, progress)


def _newest(project: ProjectStore) -> str:
    runs = [m for m in project.runs() if m.status == "finished" and m.kind != "tracker"]
    if not runs:
        raise NotFoundError("This project has no finished run", remedy="use predict first")
    return runs[-1].run_id


# ---- in the job


@dataclass
class _Found:
    """What the association says, by row of the source's table."""

    tracks: NDArray[np.int64]
    unread: list[FrameFailure] = field(default_factory=list)

    @property
    def count(self) -> int:
        return int(self.tracks.max(initial=0))

    @property
    def alone(self) -> int:
        return int((self.tracks == 0).sum())


class _AssociateStep:
    """Goes through all frames first, then makes the parts: a track's number depends on them all."""

    def __init__(
        self,
        project: ProjectStore,
        source: RunStore,
        info: AssociatorInfo,
        sequences: Sequence[Sequence[str]],
        reader: Reader | None,
    ) -> None:
        self._project, self._source, self._info = project, source, info
        self._sequences, self._reader = sequences, reader
        self._found: _Found | None = None

    def parts(self, run: RunStore, context: JobContext) -> Generator[Part]:
        """Yield the missing parts."""
        table = self._source.table()
        own = FrameReader(self._project.root)
        try:
            self._found = _associate(
                self._project, self._sequences, table, self._info, self._reader or own, context
            )
        finally:
            own.close()
        yield from _parts(self._project, run, table, self._found)

    def counts(self) -> Mapping[str, int]:
        """Tracks, and detections that no track took."""
        assert self._found is not None  # asked after the parts
        return {"tracks": self._found.count, _ALONE: self._found.alone}

    def summary(self, run: RunStore) -> str:
        """Tracks, detections without one, and frames that could not be read."""
        counts = run.manifest.counts
        text = f"{counts.get('tracks', 0)} tracks"
        if alone := counts.get(_ALONE, 0):
            text += f", {alone} detections without one"
        unread = self._found.unread if self._found is not None else []
        if unread:
            text += f", {len(unread)} frames could not be read: {listed(unread)}"
        return text


def _manifest(source: RunStore, info: AssociatorInfo, replace: bool) -> Manifest:
    old = source.manifest
    return new_manifest(
        info.name,
        "tracker",
        weights_sha256=old.weights_sha256,
        task=old.task,
        conf=old.conf,
        store_above=old.store_above,
        params={"source": source.run_id, **info.params},
        label_map=old.label_map,
        label_rules=old.label_rules,
        versions=info.versions,
        replaces=[source.run_id] if replace else [],
        part_size=_PART_SIZE,
        class_scores=old.class_scores,
    )


def _sequences(project: ProjectStore, frame_ids: Sequence[str]) -> list[list[str]]:
    """The run's frames by group, each in order."""
    frames = project.frames()
    frames = in_order(frames[frames["frame_id"].isin(set(frame_ids))])
    groups = frames.groupby("group", sort=False)
    return [group["frame_id"].tolist() for _, group in groups]


def _associate(
    project: ProjectStore,
    sequences: Sequence[Sequence[str]],
    table: pa.Table,
    info: AssociatorInfo,
    reader: Reader,
    context: JobContext,
) -> _Found:
    names = ["x1", "y1", "x2", "y2"]
    boxes = np.column_stack([table[n].to_numpy() for n in names]).astype(np.float32)
    scores = table["score"].to_numpy()
    labels, _ = pd.factorize(np.asarray(table["label"].cast(pa.string()).to_pylist(), object))
    rows = _rows(table)
    found = _Found(np.zeros(len(table), np.int64))
    context.update(0, sum(len(s) for s in sequences))
    thread, done = worker(), 0
    for frames in sequences:
        associator = thread.call(Associator, info)
        first = found.count
        for frame_id in frames:
            context.check()
            image = _image(project, frame_id, reader, found) if info.needs_images else None
            at = rows.get(frame_id, np.empty(0, np.int64))
            task = thread.submit(
                associator.update,
                boxes[at],
                scores[at],
                labels[at],
                image,
                priority=Priority.TRACK,
            )
            found.tracks[at] = task.result()
            done += 1
            context.update(done)
        here = np.concatenate([rows.get(f, np.empty(0, np.int64)) for f in frames])
        _number(found.tracks, here, associator.confirmed, first)
    return found


def _rows(table: pa.Table) -> dict[str, NDArray[np.int64]]:
    """The rows of each frame, in order."""
    frames = pd.Series(table["frame_id"].cast(pa.string()).to_pylist(), dtype=object)
    return {str(k): np.sort(np.asarray(v)) for k, v in frames.groupby(frames).indices.items()}


def _image(project: ProjectStore, frame_id: str, reader: Reader, found: _Found) -> Any:
    """A frame's pixels; where it cannot be read, the camera is taken to stand still."""
    frame = project.frame(frame_id)
    try:
        return reader.read(frame)
    except FrameError as exc:
        found.unread.append(FrameFailure(frame.uri, exc.why or str(exc), frame_id))
        return None


def _number(
    tracks: NDArray[np.int64], rows: NDArray[np.int64], confirmed: frozenset[int], first: int
) -> None:
    """Number a sequence's tracks from ``first`` on, in the order in which they appear."""
    mine = tracks[rows]
    numbers: dict[int, int] = {}
    for track in mine.tolist():
        if track in confirmed and track not in numbers:
            numbers[track] = first + len(numbers) + 1
    tracks[rows] = [numbers.get(t, 0) for t in mine.tolist()]


def _parts(
    project: ProjectStore, store: RunStore, table: pa.Table, found: _Found
) -> Generator[Part]:
    """The parts that are missing, with track ids that no other run has."""
    rows = _rows(table)
    parts = {}
    for part in store.missing_parts():
        frames = [rows[f] for f in store.part_frames(part) if f in rows]
        parts[part] = np.concatenate([*frames, np.empty(0, np.int64)])
    first = _first_id(project, store, table, found)
    ids = np.where(found.tracks > 0, found.tracks + first - 1, 0)
    column = pa.array(ids, pa.int64(), mask=found.tracks == 0)
    at = table.schema.get_field_index("track_id")
    table = table.set_column(at, PROPOSALS.field("track_id"), column).select(PROPOSALS.names)
    for part, chosen in parts.items():
        yield Part(part, table.take(pa.array(chosen.astype(np.int64))))


def _first_id(project: ProjectStore, store: RunStore, table: pa.Table, found: _Found) -> int:
    """What track 1 is called: as in the parts that are there already, or the next free id."""
    written = store.table()
    written = written.filter(pc.is_valid(written["track_id"]))
    if len(written):
        frame, index = written["frame_id"][0].as_py(), written["index"][0].as_py()
        same = pc.and_(
            pc.equal(table["frame_id"].cast(pa.string()), frame), pc.equal(table["index"], index)
        )
        place = int(np.flatnonzero(same.to_numpy())[0])
        return int(written["track_id"][0].as_py()) - int(found.tracks[place]) + 1
    # by the run's id: killed before any part has a track, it gets the same ones again
    return project.claim_tracks([None] * found.count, store.run_id)[0] if found.count else 1
