"""``Project.retrack``: what depends on a correction is tracked again, and no more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from labkit.core.errors import InputError
from labkit.core.registry import unknown
from labkit.core.rows import shape_from_row
from labkit.core.tracks import Keyframe
from labkit.models.interactors.base import ImageSource
from labkit.models.trackers.base import Tracker
from labkit.runs.jobs import Job
from labkit.store.project import ProjectStore
from labkit.store.proposals import RunStore
from labkit.tracking.keyframes import RequestedTrack, TrackKeyframe, requested_tracks
from labkit.tracking.records import TrackRecord, known_seq, read_records
from labkit.tracking.route import FrameSequence, Route, passes, sequences, steps
from labkit.tracking.track import TrackRequest, start_track

__all__ = ["retrack_job"]


def retrack_job(
    project: ProjectStore,
    run: str,
    frames: Iterable[str] | None = None,
    *,
    tracker: str | Tracker | None = None,
    device: str | int | None = None,
    resume: bool = True,
    progress: str | Callable[[Job[str]], None] | None = "auto",
    source: ImageSource | None = None,
) -> Job[str]:
    """Start to track again what reviewers corrected in a track run; the result is a new run's id.

    Each corrected track is followed again from its earliest corrected frame: up to the next
    keyframe that the run had, or else to the end of its pass. All that was decided about the track
    on these frames is a keyframe. A rejected object has left the picture from that frame on, up to
    the next keyframe. The new run replaces the proposals of these tracks on these frames alone.

    Parameters
    ----------
    project : ProjectStore
    run : str
        A finished, or half-finished, track run.
    frames : iterable of str, optional
        Look at corrections on these frames only.
    tracker : str or Tracker, optional
        By default that of the run.
    device, resume, progress, source
        As in :func:`labkit.tracking.track_job`.

    Raises
    ------
    InputError
        The run has no tracks, or nothing was corrected.
    """
    project.check_writable("This project cannot take a new run")
    store = project.run(run)
    records = read_records(store.folder)
    if store.manifest.kind != "tracker" or records is None:
        raise InputError(f"Run {store.run_id!r} cannot be tracked again", "it is not a track run")
    chosen = _frames(project, frames)
    seq = project.ledger.last_seq()
    decided = _decided(project, store, records)
    found = sequences(project.frames(), [f for r in records for f in _frames_of(r)])
    tracks: list[RequestedTrack] = []
    routes: list[Route] = []
    for item in records:
        rows = decided[decided["track_id"] == item.track_id]
        sequence = found[item.keyframes[0].keyframe.frame_id]
        again = _again(item, rows, sequence, chosen)
        if again is not None:
            keyframes, way = again
            tracks += _requested_again(project, item, keyframes)
            routes.append(way)
    if not tracks:
        raise InputError(
            f"Nothing is to be tracked again in run {store.run_id!r}",
            "no object of it was edited, rejected or added since it was made",
        )
    ids = tuple(r.given for r in tracks if r.given is not None)
    request = TrackRequest(
        tracker=tracker if tracker is not None else str(store.manifest.params["tracker"]),
        tracks=tuple(tracks),
        routes=tuple(routes),
        steps=tuple(steps(passes(routes))),
        conf=store.manifest.conf,
        device=None if device is None else str(device),
        replaces=_replaced(project, ids),
        hides=ids,
        resume=bool(resume),
        part_size=store.manifest.part_size,
        seq=seq,
    )
    return start_track(project, request, progress, source)


def _requested_again(
    project: ProjectStore, item: TrackRecord, keyframes: Sequence[TrackKeyframe]
) -> list[RequestedTrack]:
    """The track as it is asked for again, its keyframes checked."""
    label = keyframes[-1].keyframe.label
    named = [
        replace(s, keyframe=replace(s.keyframe, track_id=item.track_id, label=label))
        for s in keyframes
    ]
    shown = [s.keyframe for s in named if not s.keyframe.outside]
    if shown:
        requested_tracks(project, shown)
    return [RequestedTrack(item.track_id, own=True, keyframes=tuple(named))]


def _frames(project: ProjectStore, frames: Iterable[str] | None) -> set[str] | None:
    if frames is None:
        return None
    names = {frames} if isinstance(frames, str) else set(frames)
    known = project.frames()["frame_id"].tolist()
    for name in names - set(known):
        raise unknown("frame", name, known)
    return names


def _frames_of(item: TrackRecord) -> set[str]:
    return {s.keyframe.frame_id for s in item.keyframes}


def _decided(
    project: ProjectStore, store: RunStore, records: Sequence[TrackRecord]
) -> pd.DataFrame:
    """What people decided about these tracks, in order; ``corrected``: since the run was made.

    An object that the run started from may have no track of its own: it has that of the run.
    """
    begun = {
        s.object_id: r.track_id for r in records for s in r.keyframes if s.object_id is not None
    }
    df = project.annotations([store.run_id])
    df = df[df["state"] != "proposed"]
    own = df["track_id"].astype("Int64")
    df = df.assign(track_id=own.fillna(df["object_id"].map(begun).astype("Int64")))
    df = df[df["track_id"].isin([r.track_id for r in records]).to_numpy(dtype=bool)]
    later = df["revision"] > known_seq(store.folder)
    mine = (df["run_id"] == store.run_id) & df["state"].isin(["edited", "rejected"])
    start = later & df["object_id"].isin(list(begun)) & (df["state"] != "accepted")
    added = later & (df["state"] == "added")
    return df.assign(corrected=(mine | start | added).to_numpy(dtype=bool)).sort_values("revision")


def _again(
    item: TrackRecord, rows: pd.DataFrame, sequence: FrameSequence, chosen: set[str] | None
) -> tuple[list[TrackKeyframe], Route] | None:
    """What of one track is tracked again, and its keyframes; None where nothing was corrected."""
    decided = _by_position(rows, sequence, item)
    old = {sequence.place[s.keyframe.frame_id]: s for s in item.keyframes}
    hits = (
        rows[rows["corrected"]]
        if chosen is None
        else rows[rows["corrected"] & rows["frame_id"].isin(chosen)]
    )
    corrected = sorted({sequence.place[f] for f in hits["frame_id"] if f in sequence.place})
    forward: list[tuple[int, int]] = []
    backward: tuple[int, int] | None = None
    for place in corrected:
        for first, last in _places(item.forward, sequence):
            if first <= place <= last:
                after = [p for p in old if place < p <= last and p not in corrected]
                stretch = (place, min(after, default=last))
                if forward and stretch[0] <= forward[-1][1]:
                    stretch = (forward[-1][0], max(forward[-1][1], stretch[1]))
                    forward.pop()
                forward.append(stretch)
    if item.backward is not None:
        first, last = _places([item.backward], sequence)[0]
        walked = [p for p in corrected if last <= p <= first]
        walked = [p for p in walked if not any(a <= p <= b for a, b in forward)]
        if walked:
            backward = (max(walked), last)
    if not forward and backward is None:
        return None
    keyframes = {
        place: anchor
        for place, anchor in {**old, **decided}.items()
        if any(a <= place <= b for a, b in forward)
        or (backward is not None and backward[1] <= place <= backward[0])
    }
    ordered = [keyframes[p] for p in sorted(keyframes)]
    return ordered, Route(sequence, keyframes, tuple(forward), backward)


def _places(stretches: Iterable[tuple[str, str]], sequence: FrameSequence) -> list[tuple[int, int]]:
    return [(sequence.place[a], sequence.place[b]) for a, b in stretches]


def _by_position(
    rows: pd.DataFrame, sequence: FrameSequence, item: TrackRecord
) -> dict[int, TrackKeyframe]:
    """Decisions as keyframes; where an object was rejected and another drawn, the drawn one."""
    out: dict[int, TrackKeyframe] = {}
    ordered = [*rows[rows["state"] == "rejected"].to_dict("records")]
    ordered += rows[rows["state"] != "rejected"].to_dict("records")
    for row in ordered:
        if row["frame_id"] in sequence.place:
            anchor = _decided_keyframe({str(k): v for k, v in row.items()}, item)
            out[sequence.place[row["frame_id"]]] = anchor
    return out


def _decided_keyframe(row: Mapping[str, Any], item: TrackRecord) -> TrackKeyframe:
    outside = row["state"] == "rejected"
    shape = None if outside else shape_from_row(row)
    keyframe = Keyframe(
        str(row["frame_id"]), item.track_id, str(row["label"]), shape, outside=outside
    )
    return TrackKeyframe(keyframe, 1.0, decided=not outside, object_id=str(row["object_id"]))


def _replaced(project: ProjectStore, ids: Sequence[int]) -> tuple[str, ...]:
    """Finished runs that hold any of these tracks."""
    out = []
    for manifest in project.runs():
        if manifest.kind != "tracker" or manifest.status != "finished":
            continue
        records = read_records(project.run(manifest.run_id).folder)
        if records is None or {r.track_id for r in records} & set(ids):
            out.append(manifest.run_id)
    return tuple(out)
