"""One walk of a tracker beside a reviewer: a run that grows by a part with every frame."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from filelock import FileLock

from labkit._version import __version__
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
from labkit.store.columns import proposals_table
from labkit.store.project import ProjectStore
from labkit.store.proposals import RunStore

__all__ = ["Ride", "follow_manifest", "in_worker", "sequence_of"]


def in_worker(function: Any, *args: Any) -> Any:
    """Call in the inference thread, behind clicks and before everything else, and wait."""
    return worker().submit(function, *args, priority=Priority.TRACK).result()


def follow_manifest(
    tracker: Tracker, params: Mapping[str, Any], replaces: Sequence[str], tracks: Sequence[int]
) -> Manifest:
    """The manifest of a run that follows a reviewer, without its id."""
    info = tracker.info
    licence = {"licence": info.licence} if info.licence else {}
    return Manifest(
        run_id="",
        model=info.name,
        kind="tracker",
        weights_sha256=info.weights_sha256,
        task="track",
        conf=0.0,
        store_above=0.0,
        params={"follow": True, **params, **licence, **info.params},
        versions={"labkit": __version__, **info.versions},
        replaces=sorted(replaces),
        tracks=sorted(tracks) if replaces else (),
        part_size=1,
    )


def sequence_of(project: ProjectStore, frame: Frame) -> list[str]:
    """Ids of the frames of one sequence: by index in a video, else in the order of adding."""
    frames = project.frames()
    same = frames[frames["group"] == frame.group]
    if frame.sha256 != frame.source:
        same = same.sort_values("index", kind="stable")
    return [str(f) for f in same["frame_id"]]


class Ride:
    """Objects carried by one tracker session, from one frame of a sequence to the next.

    Parameters
    ----------
    project : ProjectStore
    source : ImageSource
    tracker : Tracker
    manifest : Manifest
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
        manifest: Manifest,
        sequence: Sequence[str],
        start: int,
    ) -> None:
        self.project, self.source, self.tracker = project, source, tracker
        self.sequence, self.start, self.head = list(sequence), start, start
        self.size: tuple[int, int] | None = None
        self.used: dict[tuple[int, int], Shape | None] = {}
        self.said: dict[tuple[int, int], Shape | None] = {}
        self.store = RunStore.create(
            project.root, manifest, self.sequence[start + 1 :], f"follow-{tracker.info.name}"
        )
        self._lock = FileLock(self.store.folder / ".lock")
        self._lock.acquire(timeout=0)
        self._session: TrackSession | None = None
        self._tracks: set[int] = set()
        self._watch = DriftWatch()

    def takes(self, frame: Frame) -> bool:
        """Whether a frame is of the size that this walk is made for."""
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
        self.store.write_part(at - self.start, proposals, failures)
        self.head = at + 1
        objects = _objects(self.store.run_id, proposals)
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
                self._watch.note(Tracked(k.track_id, k.shape, 1.0), at, anew=True)
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
            self.store.finish()
            self._lock.release()


def _objects(run_id: str, proposals: Sequence[Proposal]) -> list[AnnotatedObject]:
    """Proposals with the rounding that they have in Parquet."""
    rows: list[dict[str, Any]] = proposals_table(proposals).to_pylist()
    ids = (f"{run_id}/{p.frame_id}/{p.index}" for p in proposals)
    return [
        object_from_row({**row, "object_id": i, "run_id": run_id})
        for i, row in zip(ids, rows, strict=True)
    ]
