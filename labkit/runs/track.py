"""``Project.track``: objects followed over frames, stored as a run that can be resumed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from labkit._version import __version__
from labkit.core.errors import InputError
from labkit.core.types import Manifest
from labkit.frames import FrameReader
from labkit.models.interactors.base import ImageSource
from labkit.models.trackers.base import Tracker, TrackerInfo
from labkit.models.worker import worker
from labkit.runs.arguments import count, unit
from labkit.runs.claim import claim
from labkit.runs.jobs import Job, JobContext
from labkit.runs.progress import attach
from labkit.runs.track_file import Record, digest, read_records, record, write_records
from labkit.runs.track_input import Seed, Wanted, wanted_tracks
from labkit.runs.track_plan import Direction, Route, Step, legs, route, sequences, steps
from labkit.runs.track_walk import Named, TrackWalk
from labkit.store.project import ProjectStore
from labkit.store.proposals import RunStore

__all__ = ["PART_SIZE", "TrackRequest", "start", "track", "track_job"]

PART_SIZE = 16
"""Frames a part: what a kill can cost at most."""


@dataclass(frozen=True, eq=False)
class TrackRequest:
    """The checked arguments of one track run.

    Attributes
    ----------
    tracker : str or Tracker
    tracks : tuple of Wanted
    routes : tuple of Route
        One a track.
    replaces : tuple of str
        Runs whose proposals on these frames do not count any more; ``hides``: of these tracks.
    seq : int
        The last decision of the ledger; what comes after it is a correction.
    """

    tracker: str | Tracker
    tracks: tuple[Wanted, ...]
    routes: tuple[Route, ...]
    walk: tuple[Step, ...]
    conf: float = 0.0
    device: str | None = None
    replaces: tuple[str, ...] = ()
    hides: tuple[int, ...] = ()
    resume: bool = True
    part_size: int = PART_SIZE
    seq: int = 0

    @property
    def frames(self) -> tuple[str, ...]:
        """The frames in the order of walking."""
        return tuple(step.frame_id for step in self.walk)


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
    same objects, tracker and frames as a run that was killed, cancelled or failed goes on with that
    run at its first missing part; where such a run is finished, its id is the result at once.

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
        See :func:`labkit.runs.progress.attach`.
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
    tracks = wanted_tracks(project, objects)
    ids = [s.keyframe.frame_id for t in tracks for s in t.seeds]
    found = sequences(project.frames(), ids if not isinstance(to, str) else [*ids, to])
    if isinstance(to, str) and to not in found:
        project.frame(to)  # raises, with the nearest name
    routes = tuple(route(t.seeds, found, to, direction) for t in tracks)
    walk = tuple(steps(legs(routes)))
    there = {s.frame_id for s in walk}
    replaces = [
        m.run_id
        for m in project.runs()
        if replace and m.status == "finished" and m.kind != "tracker"
        if there & set(project.run(m.run_id).frame_ids)
    ]
    request = TrackRequest(
        tracker,
        tuple(tracks),
        routes,
        walk,
        unit("conf", conf),
        None if device is None else str(device),
        tuple(replaces),
        (),
        bool(resume),
        count("part_size", part_size),
        seq,
    )
    return start(project, request, progress, source)


def track(project: ProjectStore, objects: Any, **options: Any) -> str:
    """Follow objects over frames and give the run's id; the options are :func:`track_job`'s."""
    return track_job(project, objects, **options).result()


def start(
    project: ProjectStore,
    request: TrackRequest,
    progress: str | Callable[[Job[str]], None] | None,
    source: ImageSource | None,
) -> Job[str]:
    """Start the job of a checked request."""
    tracker = request.tracker
    name = tracker if isinstance(tracker, str) else tracker.info.name

    def work(context: JobContext) -> str:
        return _work(project, request, source, context)

    job: Job[str] = Job(work, f"track {name}")
    attach(job, progress)
    return job.start()


# ---- in the job


def _work(
    project: ProjectStore, request: TrackRequest, source: ImageSource | None, context: JobContext
) -> str:
    tracker = request.tracker
    if isinstance(tracker, str):
        from labkit.models.trackers import open_tracker

        context.update(message="opening the tracker")
        tracker = worker().call(open_tracker, tracker, request.device)
    _check_kinds(tracker.info, request.tracks)
    context.check()
    asked = [
        record(t.given or 0, t.label, way)
        for t, way in zip(request.tracks, request.routes, strict=True)
    ]
    store, lock = claim(project, _manifest(request, tracker.info, asked), request)
    if store.manifest.status == "finished":
        lock.release()
        context.update(message=f"done before: {summary(store, request.walk)}")
        return store.run_id
    own = FrameReader(project.root)
    try:
        records = read_records(store.folder)
        if records is None:
            records = _with_ids(project, store.run_id, request.tracks, asked)
            write_records(store.folder, records, request.seq)
        walk = TrackWalk(
            store=store,
            steps=request.walk,
            tracks=[Named(r.track_id, r.label) for r in records],
            frames={f.frame_id: f for f in project.iter_frames(dict.fromkeys(request.frames))},
            tracker=tracker,
            source=own if source is None else source,
            context=context,
        )
        context.update(message=_sizes(request.walk))
        walk.run()
    finally:
        own.close()
        lock.release()
    context.update(message=summary(store, request.walk))
    return store.run_id


def _with_ids(
    project: ProjectStore, run_id: str, tracks: Sequence[Wanted], asked: Sequence[Record]
) -> list[Record]:
    new = [k for k, t in enumerate(tracks) if not t.own]
    given = project.claim_tracks([tracks[k].given for k in new], run_id) if new else []
    ids = dict(zip(new, given, strict=True))
    return [replace(r, track_id=ids.get(k, r.track_id)) for k, r in enumerate(asked)]


def _manifest(request: TrackRequest, info: TrackerInfo, asked: Sequence[Record]) -> Manifest:
    params = {
        "tracker": request.tracker if isinstance(request.tracker, str) else info.name,
        "tracks": len(asked),
        "keyframes": sum(len(r.seeds) for r in asked),
        "request": digest(asked),
        "memory": info.memory,
        **({"licence": info.licence} if info.licence else {}),
        **info.params,
    }
    return Manifest(
        run_id="",
        model=info.name,
        kind="tracker",
        weights_sha256=info.weights_sha256,
        task="track",
        conf=request.conf,
        store_above=0.0,
        params=json.loads(json.dumps(params)),  # as it is read back, to be compared
        versions={"labkit": __version__, **info.versions},
        replaces=request.replaces,
        tracks=request.hides,
        part_size=request.part_size,
        class_scores="top",
    )


def _check_kinds(info: TrackerInfo, tracks: Sequence[Wanted]) -> None:
    for seed in (s for t in tracks for s in t.seeds if not s.keyframe.outside):
        kinds = _kinds(seed)
        if not kinds & info.starts_from:
            raise InputError(
                f"The tracker {info.name!r} cannot start from {sorted(kinds)[-1]}",
                f"it starts from {', '.join(sorted(info.starts_from))}",
                "draw a box or a mask" if kinds == {"clicks"} else "use another tracker",
            )


def _kinds(seed: Seed) -> set[str]:
    """As what a keyframe can be understood; an outline can always stand for its box."""
    shape, prompts = seed.keyframe.shape, seed.keyframe.prompts
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


def _sizes(walk: Sequence[Step]) -> str:
    """Where frames change their size within a leg, in words."""
    changes = sum(a.leg is b.leg and a.segment != b.segment for a, b in pairwise(walk))
    if not changes:
        return ""
    times = "once" if changes == 1 else f"{changes} times"
    return f"the frames change their size {times}: tracked in segments of equal size"


def summary(store: RunStore, walk: Sequence[Step]) -> str:
    """What a run found, in one line."""
    done = store.manifest
    df = store.read()
    flagged = df["attributes"].str.contains('"drift"', regex=False).fillna(value=False)
    look = df.loc[flagged.astype(bool), "frame_id"].nunique()
    parts = [f"{done.proposals} proposals of {df['track_id'].nunique()} tracks"]
    if look:
        parts.append(f"{look} frames to look at")
    if _sizes(walk):
        parts.append(_sizes(walk))
    if done.failures:
        listed = "; ".join(f"{f.uri}: {f.reason}" for f in done.failures[:5])
        more = f"; and {len(done.failures) - 5} more" if len(done.failures) > 5 else ""
        parts.append(f"{len(done.failures)} frames failed: {listed}{more}")
    return ", ".join(parts)
