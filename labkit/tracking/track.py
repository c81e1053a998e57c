"""``Project.track``: objects followed over frames, stored as a run that can be resumed."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from labkit.core.checks import count, unit
from labkit.core.errors import InputError
from labkit.core.types import Manifest
from labkit.frames import FrameReader
from labkit.models.interactors.base import ImageSource
from labkit.models.trackers import open_tracker
from labkit.models.trackers.base import Tracker, TrackerInfo
from labkit.runs.engine import Part, Spec, Step, listed, new_manifest, overlapping_runs, start
from labkit.runs.jobs import Job, JobContext
from labkit.store.project import ProjectStore
from labkit.store.proposals import RunStore
from labkit.tracking.keyframes import RequestedTrack, TrackKeyframe, requested_tracks
from labkit.tracking.propagate import Propagation
from labkit.tracking.records import TrackRecord, digest, read_records, record, write_records
from labkit.tracking.route import Direction, Route, passes, route, sequences, steps
from labkit.tracking.route import Step as TrackStep
from labkit.tracking.sessions import TrackName

__all__ = ["PART_SIZE", "TrackRequest", "start_track", "track_job"]

PART_SIZE = 16
"""Frames a part: what a kill can cost at most."""


@dataclass(frozen=True, eq=False)
class TrackRequest:
    """The checked arguments of one track run.

    Attributes
    ----------
    tracker : str or Tracker
    tracks : tuple of RequestedTrack
    routes : tuple of Route
        One a track.
    replaces : tuple of str
        Runs whose proposals on these frames do not count any more; ``hides``: of these tracks.
    seq : int
        The last decision of the ledger; what comes after it is a correction.
    """

    tracker: str | Tracker
    tracks: tuple[RequestedTrack, ...]
    routes: tuple[Route, ...]
    steps: tuple[TrackStep, ...]
    conf: float = 0.0
    device: str | None = None
    replaces: tuple[str, ...] = ()
    hides: tuple[int, ...] = ()
    resume: bool = True
    part_size: int = PART_SIZE
    seq: int = 0

    @property
    def frames(self) -> tuple[str, ...]:
        """The frames in the order of tracking."""
        return tuple(step.frame_id for step in self.steps)


def track_job(
    project: ProjectStore,
    objects: Any,
    tracker: str | Tracker = "sam2",
    to: str | int | None = None,
    *,
    direction: Direction = "auto",
    conf: float = 0.0,
    device: str | int | None = None,
    replace: bool = False,
    resume: bool = True,
    progress: str | Callable[[Job[str]], None] | None = "auto",
    part_size: int = PART_SIZE,
    source: ImageSource | None = None,
) -> Job[str]:
    """Start to follow objects in the background; the job's result is the run's id.

    Arguments are checked before this returns; the tracker is opened in the job. A call with the
    same objects, tracker and frames as a run that was killed, cancelled or failed continues that
    run at its first missing part. If such a run is finished, its id is the result at once.

    Parameters
    ----------
    project : ProjectStore
    objects : object ids, AnnotatedObjects, Keyframes, Tracks, or a DataFrame
        Proposals or annotations; those with one ``track_id`` are keyframes of one track, and a
        mapping of names to objects makes one track of each. A keyframe that a person has decided
        is not proposed again; a rejected object of a track says that it is outside on that frame.
    tracker : str or Tracker
        ``'sam2'``, ``'mil'``, ``'flow'``, weights of SAM2, or a tracker.
    to : str or int, optional
        The last frame, or a number of frames from the last keyframe (from the first one backward,
        where it is negative). By default the end of the video or folder.
    direction : {'auto', 'forward', 'backward', 'both'}
        ``auto`` goes where ``to`` lies.
    conf : float
        The score from which a reviewer is shown its proposals, 0..1.
    device : str or int, optional
    replace : bool
        What detectors propose on these frames does not count any more; other tracks stay.
    resume : bool
        Look for a run of this kind that is there already; False makes a new one.
    progress : str or callable or None
        See :func:`labkit.runs.jobs.attach`.
    part_size : int
        Frames a part.
    source : ImageSource, optional
        Where the pixels come from; by default :class:`labkit.frames.FrameReader`.

    Returns
    -------
    Job
        Frames that failed are in the run's manifest, ``failures``.

    Raises
    ------
    InputError
        Objects, a target or a direction that cannot be used; an unknown frame, object or label.
    """
    project.check_writable("This project cannot take a new run")
    seq = project.ledger.last_seq()
    tracks = requested_tracks(project, objects)
    ids = [s.keyframe.frame_id for t in tracks for s in t.keyframes]
    found = sequences(project.frames(), ids if not isinstance(to, str) else [*ids, to])
    if isinstance(to, str) and to not in found:
        project.frame(to)  # raises, with the nearest name
    routes = tuple(route(t.keyframes, found, to, direction) for t in tracks)
    ordered = tuple(steps(passes(routes)))
    frames = [s.frame_id for s in ordered]
    replaces = overlapping_runs(project, frames, lambda m: m.kind != "tracker") if replace else []
    request = TrackRequest(
        tracker,
        tuple(tracks),
        routes,
        ordered,
        unit("conf", conf),
        None if device is None else str(device),
        tuple(replaces),
        (),
        bool(resume),
        count("part_size", part_size),
        seq,
    )
    return start_track(project, request, progress, source)


def start_track(
    project: ProjectStore,
    request: TrackRequest,
    progress: str | Callable[[Job[str]], None] | None,
    source: ImageSource | None,
) -> Job[str]:
    """Start the job of a checked request."""
    name = request.tracker if isinstance(request.tracker, str) else request.tracker.info.name

    def plan(context: JobContext) -> tuple[Spec, Step]:
        return _plan(project, request, source, context)

    return start(project, f"track {name}", plan, progress)


# ---- in the job


def _plan(
    project: ProjectStore, request: TrackRequest, source: ImageSource | None, context: JobContext
) -> tuple[Spec, Step]:
    tracker = request.tracker
    if isinstance(tracker, str):
        context.update(message="opening the tracker")
        tracker = open_tracker(tracker, request.device, project=project.root)
    _check_kinds(tracker.info, request.tracks)
    asked = [
        record(t.given or 0, t.label, way)
        for t, way in zip(request.tracks, request.routes, strict=True)
    ]
    spec = Spec(_manifest(request, tracker.info, asked), request.frames, request.resume)
    return spec, _TrackStep(project, request, tracker, asked, source)


@dataclass(frozen=True, eq=False)
class _TrackStep(Step):
    """Propagates the keyframes of a request, those of an interrupted run as they are on disk."""

    project: ProjectStore
    request: TrackRequest
    tracker: Tracker
    asked: Sequence[TrackRecord]
    source: ImageSource | None

    def parts(self, run: RunStore, context: JobContext) -> Generator[Part]:
        """Yield the missing parts."""
        project, request = self.project, self.request
        records = read_records(run.folder)
        if records is None:
            records = _with_ids(project, run.run_id, request.tracks, self.asked)
            write_records(run.folder, records, request.seq)
        context.update(message=_sizes(request.steps))
        own = FrameReader(project.root)
        try:
            yield from Propagation(
                store=run,
                steps=request.steps,
                tracks=[TrackName(r.track_id, r.label) for r in records],
                frames={f.frame_id: f for f in project.iter_frames(dict.fromkeys(request.frames))},
                tracker=self.tracker,
                source=self.source or own,
                context=context,
            ).parts()
        finally:
            own.close()

    def summary(self, run: RunStore) -> str:
        """What the run found, in one line."""
        df = run.read()
        flagged = df["attributes"].str.contains('"drift"', regex=False).fillna(value=False)
        look = df.loc[flagged.astype(bool), "frame_id"].nunique()
        parts = [f"{run.manifest.proposals} proposals of {df['track_id'].nunique()} tracks"]
        if look:
            parts.append(f"{look} frames to look at")
        if sizes := _sizes(self.request.steps):
            parts.append(sizes)
        if failures := run.manifest.failures:
            parts.append(f"{len(failures)} frames failed: {listed(failures)}")
        return ", ".join(parts)


def _with_ids(
    project: ProjectStore,
    run_id: str,
    tracks: Sequence[RequestedTrack],
    asked: Sequence[TrackRecord],
) -> list[TrackRecord]:
    new = [k for k, t in enumerate(tracks) if not t.own]
    given = project.claim_tracks([tracks[k].given for k in new], run_id) if new else []
    ids = dict(zip(new, given, strict=True))
    return [replace(r, track_id=ids.get(k, r.track_id)) for k, r in enumerate(asked)]


def _manifest(request: TrackRequest, info: TrackerInfo, asked: Sequence[TrackRecord]) -> Manifest:
    params = {
        "tracker": request.tracker if isinstance(request.tracker, str) else info.name,
        "tracks": len(asked),
        "keyframes": sum(len(r.keyframes) for r in asked),
        "request": digest(asked),
        "memory": info.memory,
        **info.params,
    }
    return new_manifest(
        info.name,
        "tracker",
        params=params,
        versions=info.versions,
        licence=info.licence,
        weights_sha256=info.weights_sha256,
        task="track",
        conf=request.conf,
        replaces=request.replaces,
        tracks=request.hides,
        part_size=request.part_size,
        class_scores="top",
    )


def _check_kinds(info: TrackerInfo, tracks: Sequence[RequestedTrack]) -> None:
    for anchor in (s for t in tracks for s in t.keyframes if not s.keyframe.outside):
        kinds = _kinds(anchor)
        if not kinds & info.starts_from:
            raise InputError(
                f"The tracker {info.name!r} cannot start from {sorted(kinds)[-1]}",
                f"it starts from {', '.join(sorted(info.starts_from))}",
                "draw a box or a mask" if kinds == {"clicks"} else "use another tracker",
            )


def _kinds(anchor: TrackKeyframe) -> set[str]:
    """As what a keyframe can be understood; an outline can always stand for its box."""
    shape, prompts = anchor.keyframe.shape, anchor.keyframe.prompts
    kinds = set()
    if prompts is not None:
        kinds |= {"clicks"} if prompts.points or prompts.strokes else set()
        kinds |= {"box"} if prompts.box is not None else set()
        kinds |= {"mask", "box"} if prompts.mask is not None else set()
    if shape is not None:
        kinds |= {"box"}
        kinds |= {"mask"} if shape.mask is not None else set()
        kinds |= {"polygon"} if shape.polygons is not None else set()
    return kinds


def _sizes(ordered: Sequence[TrackStep]) -> str:
    """Where frames change their size within a pass_, in words."""
    changes = sum(a.pass_ is b.pass_ and a.segment != b.segment for a, b in pairwise(ordered))
    if not changes:
        return ""
    times = "once" if changes == 1 else f"{changes} times"
    return f"the frames change their size {times}: tracked in segments of equal size"
