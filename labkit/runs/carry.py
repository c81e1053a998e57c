"""A detector's work from the run that is claimed to the run that is finished."""

from __future__ import annotations

from collections.abc import Callable

from labkit.core.config import cores
from labkit.core.types import Manifest
from labkit.frames import FrameReader
from labkit.models.budget import empty_device_cache
from labkit.models.detectors.base import Detector
from labkit.runs.arguments import Request
from labkit.runs.claim import claim
from labkit.runs.jobs import JobContext
from labkit.runs.pipeline import Pipeline, Reader
from labkit.store.project import ProjectStore

__all__ = ["carry_out"]


def carry_out(
    project: ProjectStore,
    manifest: Manifest,
    request: Request,
    detector: Detector,
    reader: Reader | None,
    context: JobContext,
    summary: Callable[[Manifest], str],
) -> str:
    """Go on with the run that is asked for, or make it; its id.

    Parameters
    ----------
    project : ProjectStore
    manifest : Manifest
        Of the run that is asked for, without its id.
    request : Request
    detector : Detector
    reader : Reader, optional
        Where the pixels come from; by default :class:`labkit.frames.FrameReader`.
    context : JobContext
    summary : callable
        What the job says of a run that is done.
    """
    store, lock = claim(project, manifest, request)
    if store.manifest.status == "finished":
        lock.release()
        context.update(message=f"done before: {summary(store.manifest)}")
        return store.run_id
    own = FrameReader(project.root)
    try:
        pipeline = Pipeline(
            store=store,
            frames=list(project.iter_frames(store.frame_ids)),
            detector=detector,
            label_map=store.manifest.label_map,
            reader=own if reader is None else reader,
            batch=int(store.manifest.params.get("batch", 1)),
            context=context,
            threads=max(2, min(8, cores() - 1)),
            free_memory=empty_device_cache,
        )
        context.update(message="")
        done = pipeline.run()
    finally:
        own.close()
        lock.release()
    context.update(message=summary(done))
    return done.run_id
