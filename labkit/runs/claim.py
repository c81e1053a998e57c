"""Which run a call works on: one of the same kind that is there already, or a new one."""

from __future__ import annotations

from typing import Protocol

from filelock import FileLock, Timeout

from labkit._version import __version__
from labkit.core.labelmap import LabelMap
from labkit.core.types import Manifest
from labkit.models.detectors.base import ModelInfo
from labkit.runs.arguments import Request
from labkit.store.project import ProjectStore
from labkit.store.proposals import RunStore

__all__ = ["Claim", "claim", "new_manifest"]


def new_manifest(
    project: ProjectStore, info: ModelInfo, mapping: LabelMap, request: Request
) -> Manifest:
    """The manifest of the run that is asked for, without its id."""
    options = request.options
    mine = set(request.frames)
    finished = [m.run_id for m in project.runs() if request.replace and m.status == "finished"]
    replaces = [name for name in finished if mine & set(project.run(name).frame_ids)]
    params = {
        "iou": options.iou,
        "classes": None if request.classes is None else list(request.classes),
        "masks_to_polygons": options.masks_to_polygons,
        "batch": request.batch or info.batch,
        **({"licence": info.licence} if info.licence else {}),
        **info.params,
    }
    return Manifest(
        run_id="",
        model=info.name,
        kind="detector",
        weights_sha256=info.weights_sha256,
        task=info.task,
        conf=request.conf,
        store_above=options.store_above,
        params=params,
        label_map=mapping.as_dict(),
        label_rules=mapping.rules(),
        versions={"labkit": __version__, **info.versions},
        replaces=replaces,
        part_size=request.part_size,
        class_scores=info.class_scores,
    )


_SAME = (
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


def _same(old: Manifest, new: Manifest) -> bool:
    """Whether a run asked for now is the one that was begun then."""
    equal = all(getattr(old, name) == getattr(new, name) for name in _SAME)
    return equal and bool(old.replaces) == bool(new.replaces)


class Claim(Protocol):
    """What is asked for, as far as finding its run needs it."""

    @property
    def frames(self) -> tuple[str, ...]:
        """The frames in the order in which parts cover them."""
        ...

    @property
    def resume(self) -> bool:
        """Whether a run that is there already will do."""
        ...


def claim(project: ProjectStore, manifest: Manifest, request: Claim) -> tuple[RunStore, FileLock]:
    """The run that this call goes on with, finished or not, or a new one; locked for this process.

    What is asked for twice is done once: a finished run of the same model, parameters and frames
    is the answer, too.
    """
    if request.resume:
        for old in reversed(project.runs()):
            if old.status == "discarded" or not _same(old, manifest):
                continue
            store = project.run(old.run_id)
            lock = FileLock(store.folder / ".lock")
            if tuple(store.frame_ids) != request.frames:
                continue
            try:
                lock.acquire(timeout=0)
            except Timeout:
                continue  # somebody is at it right now
            return RunStore(store.folder), lock
    store = RunStore.create(project.root, manifest, request.frames)
    lock = FileLock(store.folder / ".lock")
    lock.acquire(timeout=0)
    return store, lock
