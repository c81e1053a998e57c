"""A look into weights before a run: what the model is, and what becomes of its labels here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from labkit.core import labelmap
from labkit.core.errors import InputError
from labkit.core.labelmap import LabelMap
from labkit.models.detectors import open_detector
from labkit.models.detectors.base import ModelInfo
from labkit.models.worker import Priority
from labkit.runs.jobs import Job, JobContext
from labkit.runs.predict import saved_map
from labkit.store.project import ProjectStore

__all__ = ["Look", "label_plan", "look_job"]


@dataclass(frozen=True, slots=True)
class Look:
    """What a run with these weights would do.

    Attributes
    ----------
    info : ModelInfo
    plan : LabelMap
        The map that a run would use if nothing is said; without a match, all rows are open.
    suggestions : LabelMap
        The same with wider labels (car, vehicle), which are never taken unasked.
    """

    info: ModelInfo
    plan: LabelMap
    suggestions: LabelMap


def label_plan(project: ProjectStore, info: ModelInfo) -> tuple[LabelMap, LabelMap]:
    """The map that a run would use, and all suggestions."""
    if not project.labels:
        own = labelmap.identity(info.labels)
        return own, own
    suggestions = labelmap.suggest(info.labels, project.labels)
    saved, name = saved_map(project, info)
    try:
        plan = labelmap.resolve(info.labels, project.labels, None, saved, name)
    except InputError:
        plan = suggestions.without("broader")
    return plan, suggestions


def look_job(project: ProjectStore, weights: str | Path, *, trust: bool = False) -> Job[Look]:
    """Open weights in the background and look: the job's result is a :class:`Look`.

    Parameters
    ----------
    project : ProjectStore
    weights : str or Path
        As for :func:`labkit.runs.predict_job`; fetched where they are not here.
    trust : bool
        Open a file that can run code when it is opened.
    """

    def work(context: JobContext) -> Look:
        context.update(message="opening the model")
        detector = open_detector(
            weights, trust=trust, project=project.root, priority=Priority.PREFETCH
        )
        context.check()
        plan, suggestions = label_plan(project, detector.info)
        context.update(message=f"{len(detector.info.labels)} labels")
        return Look(detector.info, plan, suggestions)

    return Job(work, f"look into {Path(weights).name}").start()
