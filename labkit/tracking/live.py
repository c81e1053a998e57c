"""A live run: a tracker carries objects beside a reviewer, and each frame is one part of the run.

Live runs of earlier sessions are shown again (:func:`show_earlier`).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from labkit.core.drift import DriftWatch, attributes
from labkit.core.errors import LabkitError
from labkit.core.rows import object_from_row
from labkit.core.shapes import fit_shape
from labkit.core.tracks import Keyframe, Tracked
from labkit.core.types import (
    AnnotatedObject,
    Attribute,
    Frame,
    FrameFailure,
    Manifest,
    Proposal,
    Shape,
)
from labkit.core.visibility import TRACKED_BY
from labkit.models.detectors.base import Image
from labkit.models.interactors.base import ImageSource
from labkit.models.trackers.base import Tracker, TrackSession
from labkit.models.worker import Priority, worker
from labkit.runs.engine import OpenRun, Part, Spec, close_abandoned, new_manifest
from labkit.store.columns import proposals_table
from labkit.store.project import ProjectStore
from labkit.store.proposals import RunStore, proposals_dataframe
from labkit.store.tracks import Hidden

__all__ = ["LiveRequest", "LiveRun", "ShowsProposals", "in_worker", "show_earlier"]


def in_worker(function: Any, *args: Any) -> Any:
    """Call in the inference thread, behind clicks and before everything else, and wait."""
    return worker().submit(function, *args, priority=Priority.TRACK).result()


@dataclass(frozen=True, slots=True)
class LiveRequest:
    """Who is followed by whom.

    Attributes
    ----------
    session, reviewer : str
    frame_id : str
        The frame from which the objects come.
    tracks : tuple of int
    replaces : tuple of str
        Runs that proposed these tracks on later frames; those proposals do not count any more.
    """

    session: str
    reviewer: str
    frame_id: str
    tracks: tuple[int, ...]
    replaces: tuple[str, ...] = ()


def _manifest(tracker: Tracker, request: LiveRequest) -> Manifest:
    info = tracker.info
    return new_manifest(
        info.name,
        "tracker",
        params={
            "follow": True,
            "session": request.session,
            "reviewer": request.reviewer,
            "from": request.frame_id,
            "followed": list(request.tracks),
            **info.params,
        },
        versions=info.versions,
        licence=info.licence,
        weights_sha256=info.weights_sha256,
        task="track",
        replaces=sorted(request.replaces),
        tracks=sorted(request.tracks) if request.replaces else (),
        part_size=1,
    )


class LiveRun:
    """Objects carried by one tracker session, from one frame of a sequence to the next.

    Parameters
    ----------
    project : ProjectStore
    source : ImageSource
    tracker : Tracker
    request : LiveRequest
        What the run's manifest says of it.
    sequence : sequence of str
        Frame ids of the whole sequence.
    start : int
        Place of the frame from which the objects come.
    """

    def __init__(
        self,
        project: ProjectStore,
        source: ImageSource,
        tracker: Tracker,
        request: LiveRequest,
        sequence: Sequence[str],
        start: int,
    ) -> None:
        self.project, self.source, self.tracker = project, source, tracker
        self.sequence, self.start, self.head = list(sequence), start, start
        self.size: tuple[int, int] | None = None
        self.used: dict[tuple[int, int], Shape | None] = {}
        self.said: dict[tuple[int, int], Shape | None] = {}
        spec = Spec(
            _manifest(tracker, request),
            tuple(self.sequence[start + 1 :]),
            slug=f"follow-{tracker.info.name}",
        )
        self._run = OpenRun.create(project, spec)
        self._session: TrackSession | None = None
        self._tracks: set[int] = set()
        self._watch = DriftWatch()

    @property
    def run_id(self) -> str:
        """The run that holds what the tracker said."""
        return self._run.store.run_id

    def takes(self, frame: Frame) -> bool:
        """Whether a frame has the size that this run is made for."""
        return self.size is None or self.size == (frame.width, frame.height)

    def advance(
        self, frame: Frame, ahead: Frame, labels: Mapping[int, str], shapes: Mapping[int, Shape]
    ) -> tuple[list[AnnotatedObject], str]:
        """Carry all tracks one frame on, and write what the tracker says as a part of the run.

        Parameters
        ----------
        frame, ahead : Frame
            Where the tracks are, and the next frame.
        labels : mapping of int to str
            Of each track that is to be carried.
        shapes : mapping of int to Shape
            Where they stand on ``frame``; one that is out of sight is missing.

        Returns
        -------
        objects : list of AnnotatedObject
            As a session that is begun later would read them.
        note : str
            Why the next frame could not be read; empty where it could.

        Raises
        ------
        LabkitError
            A corrected frame cannot be read; nothing was written.
        """
        at = self.head
        keyframes = [
            Keyframe(frame.frame_id, track, labels[track], shape)
            for track, shape in shapes.items()
            if track not in self._tracks or shape != self.said.get((track, at))
        ]
        image = self.source.read(frame) if keyframes else None
        failures, tracked, note = [], [], ""
        try:
            following = self.source.read(ahead)
        except LabkitError as exc:
            failures = [FrameFailure(ahead.uri, str(exc), ahead.frame_id)]
            note, following = str(exc), None
        tracked = in_worker(self._step, at, frame, image, keyframes, following)
        proposals = self._proposals(tracked, ahead, labels)
        self._run.write(Part(at - self.start, proposals, failures))
        self.head = at + 1
        objects = _objects(self.run_id, proposals)
        now = {o.track_id: o.shape for o in objects}
        for track in labels:
            self.used[track, at] = shapes.get(track)
            self.said[track, at + 1] = now.get(track)
        return objects, note

    def _step(
        self,
        at: int,
        frame: Frame,
        image: Image | None,
        keyframes: Sequence[Keyframe],
        following: Image | None,
    ) -> list[Tracked]:
        if self._session is None:
            self.size = (frame.width, frame.height)
            self._session = self.tracker.open(frame.width, frame.height)
        if image is not None:
            self._session.prompt(at, image, keyframes)
            self._tracks |= {k.track_id for k in keyframes}
            for k in keyframes:
                self._watch.note(Tracked(k.track_id, k.shape, 1.0), at, again=True)
        return [] if following is None else self._session.step(at + 1, following)

    def _proposals(
        self, tracked: Sequence[Tracked], frame: Frame, labels: Mapping[int, str]
    ) -> list[Proposal]:
        out: list[Proposal] = []
        for one in tracked:
            if one.track_id not in labels or one.shape is None:
                continue
            try:
                shape = fit_shape(one.shape, frame)
            except LabkitError:
                continue  # it has left the frame
            score = min(max(float(one.score), 0.0), 1.0)
            found = self._watch.look(replace(one, shape=shape), self.head + 1)
            signals = (Attribute(n, float(v)) for n, v in one.signals.items() if math.isfinite(v))
            said = (Attribute(TRACKED_BY, self.tracker.info.name), *signals, *attributes(found))
            label = labels[one.track_id]
            out.append(
                Proposal(
                    frame.frame_id,
                    len(out),
                    label,
                    score,
                    shape,
                    attributes=said,
                    track_id=one.track_id,
                )
            )
        return out

    def drop(self, track: int) -> None:
        """Carry one track no longer."""
        if self._session is not None and track in self._tracks:
            in_worker(self._session.drop, track)
        self._tracks.discard(track)

    def finish(self) -> None:
        """Free the tracker and close the run."""
        session, self._session = self._session, None
        try:
            if session is not None:
                in_worker(session.close)
        finally:
            self._run.close()


def _objects(run_id: str, proposals: Sequence[Proposal]) -> list[AnnotatedObject]:
    """Proposals with the rounding that they have in Parquet."""
    rows: list[dict[str, Any]] = proposals_table(proposals).to_pylist()
    ids = (f"{run_id}/{p.frame_id}/{p.index}" for p in proposals)
    return [
        object_from_row({**row, "object_id": i, "run_id": run_id})
        for i, row in zip(ids, rows, strict=True)
    ]


# ---- live runs of earlier sessions


class ShowsProposals(Protocol):
    """What :func:`show_earlier` needs of a review session."""

    @property
    def project(self) -> ProjectStore:
        """The project."""
        ...

    @property
    def reviewer(self) -> str:
        """Who decides."""
        ...

    @property
    def scope(self) -> str:
        """``shared`` or ``own``."""
        ...

    @property
    def order(self) -> list[str]:
        """The frames of the queue, in order."""
        ...

    def add_proposals(
        self, frame_id: str, objects: Sequence[AnnotatedObject], tracks: Iterable[int] = ()
    ) -> None:
        """Show proposals of a frame, and no earlier ones of these tracks."""
        ...


def show_earlier(session: ShowsProposals) -> None:
    """Show what earlier sessions followed, on the frames of this session's queue.

    Runs whose process has died are closed first. In a session of scope ``own`` only what the same
    person followed is shown.
    """
    project = session.project
    close_abandoned(project, lambda manifest: manifest.is_live)
    stores = [RunStore(project.root / "runs" / m.run_id) for m in project.runs()]
    kept = [s for s in stores if s.manifest.status in ("finished", "running")]
    live = [s for s in kept if s.manifest.is_live]
    if not live:
        return
    hidden, queue = Hidden(kept), set(session.order)
    for store in live:
        if session.scope == "own" and store.manifest.params.get("reviewer") != session.reviewer:
            continue
        objects = _by_frame(hidden, store)
        for frame_id in store.done_frames() & queue:
            tracks: Sequence[int] = store.manifest.tracks
            session.add_proposals(frame_id, objects.get(frame_id, []), tracks)


def _by_frame(hidden: Hidden, store: RunStore) -> dict[str, list[AnnotatedObject]]:
    rows = proposals_dataframe([hidden.keep(store.run_id, store.table())]).to_dict("records")
    out: dict[str, list[AnnotatedObject]] = defaultdict(list)
    for row in rows:
        o = object_from_row({str(k): v for k, v in row.items()})
        out[o.frame_id].append(o)
    return out
