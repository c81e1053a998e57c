"""What earlier sessions followed: shown again, and closed where their process has died."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from labkit.core.rows import object_from_row
from labkit.core.types import AnnotatedObject
from labkit.store.project import ProjectStore
from labkit.store.proposals import RunStore, proposals_dataframe
from labkit.store.tracks import Hidden

if TYPE_CHECKING:
    from labkit.review.session import ReviewSession

__all__ = ["close_orphans", "load_follows"]


def close_orphans(project: ProjectStore) -> None:
    """Finish runs that followed a reviewer whose process has died; their parts are kept."""
    for manifest in project.runs():
        if manifest.status != "running" or not manifest.params.get("follow"):
            continue
        store = project.run(manifest.run_id)
        lock = FileLock(store.folder / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue  # it is on, in this process or in another
        try:
            store.finish()
        finally:
            lock.release()


def load_follows(session: ReviewSession) -> None:
    """Show what earlier sessions followed, on the frames of this session's queue.

    Runs whose process has died are finished first. In a session of scope ``own`` only what the
    same person followed is shown.
    """
    project = session.project
    close_orphans(project)
    stores = [RunStore(project.root / "runs" / m.run_id) for m in project.runs()]
    kept = [s for s in stores if s.manifest.status in ("finished", "running")]
    follows = [s for s in kept if s.manifest.params.get("follow")]
    if not follows:
        return
    hidden, queue = Hidden(kept), set(session.order)
    for store in follows:
        if session.scope == "own" and store.manifest.params.get("reviewer") != session.reviewer:
            continue
        found = _by_frame(hidden, store)
        for frame_id in store.done_frames() & queue:
            tracks: Sequence[int] = store.manifest.tracks
            session.add_proposals(frame_id, found.get(frame_id, []), tracks)


def _by_frame(hidden: Hidden, store: RunStore) -> dict[str, list[AnnotatedObject]]:
    rows = proposals_dataframe([hidden.keep(store.run_id, store.table())]).to_dict("records")
    out: dict[str, list[AnnotatedObject]] = defaultdict(list)
    for row in rows:
        o = object_from_row({str(k): v for k, v in row.items()})
        out[o.frame_id].append(o)
    return out
