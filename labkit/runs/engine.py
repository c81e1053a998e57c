"""The life of every run: found or made, locked, filled part by part, and closed.

What differs between kinds of runs is given as two things:

* a :class:`Spec` says which run it is: its manifest, and the frames that its parts cover;
* a :class:`Step` makes the parts that are missing.

:func:`start` opens the model in a job, finds the run that the spec describes or makes it, and
writes the parts that the step yields. A run that was killed, cancelled or failed keeps its parts,
and the same call continues at the first missing one. A live track and an import, whose parts do
not come from a job, hold an :class:`OpenRun` themselves.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol, Self

import pyarrow as pa
from filelock import FileLock

from labkit._version import __version__
from labkit.core.errors import CancelledError, InputError, LabkitError
from labkit.core.registry import unknown
from labkit.core.types import Frame, FrameFailure, Manifest, Proposal
from labkit.runs.jobs import Job, JobContext, attach
from labkit.store.project import ProjectStore
from labkit.store.proposals import RunStore

__all__ = [
    "OpenRun",
    "Part",
    "Spec",
    "Step",
    "close_abandoned",
    "frame_ids_of",
    "listed",
    "new_manifest",
    "overlapping_runs",
    "start",
]


@dataclass(frozen=True, slots=True)
class Spec:
    """Which run is asked for.

    Attributes
    ----------
    manifest : Manifest
        Without its id; :func:`new_manifest` makes it.
    frames : tuple of str
        Frame ids in the order in which parts cover them.
    resume : bool
        Whether a run of the same identity that is there already will do.
    slug : str
        Goes into a new run's id, for people; the model's name by default.
    """

    manifest: Manifest
    frames: tuple[str, ...]
    resume: bool = True
    slug: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """All that one part of a run holds.

    Attributes
    ----------
    number : int
        From 0.
    proposals : sequence of Proposal, or pyarrow.Table
    failures : sequence of FrameFailure
        Frames that the model could not do.
    dropped : mapping of str to int
        Proposals that were left out, by model label or reason.
    """

    number: int
    proposals: Sequence[Proposal] | pa.Table
    failures: Sequence[FrameFailure] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)


class Step(Protocol):
    """How one kind of run makes its parts."""

    def parts(self, run: RunStore, context: JobContext) -> Generator[Part]:
        """Yield the missing parts in order; each is on disk when the next one is asked for.

        Call ``context.check()`` at least once per frame: it raises where the job was cancelled.
        """
        ...

    def counts(self) -> Mapping[str, int]:
        """What else was counted, for the manifest; asked when all parts are written."""
        return {}

    def summary(self, run: RunStore) -> str:
        """What the job says of a finished run, in one line."""
        ...


Plan = Callable[[JobContext], tuple[Spec, Step]]
"""Opens what a run needs, in its job."""


def new_manifest(
    model: str,
    kind: str,
    *,
    params: Mapping[str, Any],
    versions: Mapping[str, str] | None = None,
    licence: str = "",
    weights_sha256: str | None = None,
    task: str = "detect",
    conf: float = 0.0,
    store_above: float = 0.0,
    label_map: Mapping[str, str | None] | None = None,
    label_rules: Mapping[str, str] | None = None,
    replaces: Sequence[str] = (),
    tracks: Sequence[int] = (),
    part_size: int = 64,
    class_scores: str = "full",
) -> Manifest:
    """The manifest of a run that is to be made; :class:`Manifest` describes the arguments.

    ``params`` are kept as JSON reads them back, so that a run is recognised whatever types a model
    uses for them. labkit's own version is added to ``versions``, ``licence`` to ``params``.
    """
    with_licence = {**params, **({"licence": licence} if licence else {})}
    return Manifest(
        run_id="",
        model=model,
        kind=kind,
        weights_sha256=weights_sha256,
        task=task,
        conf=conf,
        store_above=store_above,
        params=json.loads(_as_json(with_licence)),
        label_map=dict(label_map or {}),
        label_rules=dict(label_rules or {}),
        versions={"labkit": __version__, **(versions or {})},
        replaces=list(replaces),
        tracks=list(tracks),
        part_size=part_size,
        class_scores=class_scores,
    )


def _as_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    """What JSON has no word for: numpy's numbers and arrays, paths, sets."""
    if hasattr(value, "tolist"):
        return value.tolist()
    return sorted(value) if isinstance(value, set | frozenset) else str(value)


_IDENTITY = (
    "model",
    "kind",
    "weights_sha256",
    "task",
    "conf",
    "store_above",
    "params",
    "label_map",
    "versions",
    "part_size",
    "class_scores",
)


def _identity(manifest: Manifest) -> str:
    return _as_json([getattr(manifest, name) for name in _IDENTITY])


def _replaces_enough(old: Manifest, new: Manifest, trackers: Set[str]) -> bool:
    """Whether a run that is there replaces what the one that is asked for would have to.

    These are all detections that it would have to replace now; tracks that were made since change
    nothing.
    """
    besides = {old.run_id} | (set() if new.kind == "tracker" else trackers)
    if old.replaces and not new.replaces:
        return False
    return set(new.replaces) - besides <= set(old.replaces)


def overlapping_runs(
    project: ProjectStore,
    frame_ids: Sequence[str],
    wanted: Callable[[Manifest], bool] = lambda _manifest: True,
) -> list[str]:
    """Finished runs that have any of these frames: what a run with ``replace=True`` replaces."""
    frames = set(frame_ids)
    finished = (m.run_id for m in project.runs() if m.status == "finished" and wanted(m))
    return [r for r in finished if not frames.isdisjoint(_store(project, r).frame_ids)]


def frame_ids_of(project: ProjectStore, frames: Iterable[str | Frame] | None) -> tuple[str, ...]:
    """The ids of frames that the project has, each once; all of them for None."""
    known = project.frames()["frame_id"].tolist()
    if frames is None:
        ids = tuple(known)
    else:
        given = [frames] if isinstance(frames, str) else list(frames)
        ids = tuple(dict.fromkeys(f.frame_id if isinstance(f, Frame) else str(f) for f in given))
        there = set(known)
        for name in ids:
            if name not in there:
                raise unknown("frame", name, known)
    if not ids:
        raise InputError("There is no frame to predict on", "", "add some with add_frames")
    return ids


def _store(project: ProjectStore, run_id: str) -> RunStore:
    return RunStore(project.root / "runs" / run_id)


class OpenRun:
    """A run that this process has locked, until it is closed.

    As a context manager it is closed as ``finished``; as ``cancelled`` or ``failed`` where an
    error leaves the block. Its parts stay in any case.
    """

    def __init__(self, store: RunStore, lock: FileLock) -> None:
        self.store = store
        self._held: FileLock | None = lock

    @classmethod
    def create(cls, project: ProjectStore, spec: Spec) -> Self:
        """Make a new run, whatever is there."""
        while True:
            store = RunStore.create(project.root, spec.manifest, spec.frames, spec.slug)
            lock = store.try_lock()
            if lock is not None:
                return cls(store, lock)
            # another process that looks for this very run was quicker, and does it

    @classmethod
    def find_or_create(cls, project: ProjectStore, spec: Spec) -> Self:
        """The newest run that the spec describes, finished or not; else a new one."""
        known = project.runs() if spec.resume else []
        trackers = {m.run_id for m in known if m.kind == "tracker"}
        identity = _identity(spec.manifest)
        for old in reversed(known):
            if old.status == "discarded" or _identity(old) != identity:
                continue
            if not _replaces_enough(old, spec.manifest, trackers):
                continue
            store = _store(project, old.run_id)
            if tuple(store.frame_ids) != spec.frames:
                continue
            lock = store.try_lock()
            if lock is not None:
                return cls(_store(project, old.run_id), lock)  # as its last owner has left it
        return cls.create(project, spec)

    @property
    def is_finished(self) -> bool:
        """Whether there is nothing left to do."""
        return self.store.manifest.status == "finished"

    def write(self, part: Part) -> None:
        """Write one part, whole or not at all."""
        self.store.write_part(part.number, part.proposals, part.failures, part.dropped)

    def close(self, status: str = "finished", counts: Mapping[str, int] | None = None) -> Manifest:
        """Add up the parts, write the status and give the lock back."""
        try:
            return self.store.finish(status, counts)
        finally:
            self.release()

    def release(self) -> None:
        """Give the lock back, and leave the run as it is."""
        held, self._held = self._held, None
        if held is not None:
            held.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._held is None:
            return
        if error is None:
            self.close()
            return
        # the first error is the one to tell, and a full disk cannot take the manifest either
        with contextlib.suppress(OSError, LabkitError):
            self.close("cancelled" if isinstance(error, CancelledError) else "failed")


def close_abandoned(project: ProjectStore, wanted: Callable[[Manifest], bool]) -> None:
    """Close runs whose process has died, as finished with the parts that they have."""
    for manifest in project.runs():
        if manifest.status == "running" and wanted(manifest):
            store = _store(project, manifest.run_id)
            lock = store.try_lock()
            if lock is not None:
                OpenRun(store, lock).close()


def start(
    project: ProjectStore,
    name: str,
    plan: Plan,
    progress: str | Callable[[Job[str]], None] | None,
) -> Job[str]:
    """Start the job of a run; its result is the run's id.

    Parameters
    ----------
    project : ProjectStore
    name : str
        Of the job, for people.
    plan : callable
        Called in the job; opens the model and gives the spec and the step.
    progress
        See :func:`labkit.runs.jobs.attach`.
    """

    def work(context: JobContext) -> str:
        spec, step = plan(context)
        context.check()
        return _carry_out(project, spec, step, context)

    job: Job[str] = Job(work, name)
    attach(job, progress)
    return job.start()


def _carry_out(project: ProjectStore, spec: Spec, step: Step, context: JobContext) -> str:
    run = OpenRun.find_or_create(project, spec)
    if run.is_finished:
        run.release()
        context.update(message=f"finished before: {step.summary(run.store)}")
        return run.store.run_id
    with run:
        context.update(message="")
        with contextlib.closing(step.parts(run.store, context)) as parts:
            for part in parts:
                run.write(part)
        run.close(counts=step.counts() or None)
    context.update(message=step.summary(run.store))
    return run.store.run_id


def listed(failures: Sequence[FrameFailure], most: int = 5) -> str:
    """The first failures of a run with their reasons, and how many more there are."""
    text = "; ".join(f"{f.uri}: {f.reason}" for f in failures[:most])
    return text + (f"; and {len(failures) - most} more" if len(failures) > most else "")
