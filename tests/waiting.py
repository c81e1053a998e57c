"""Runs in one call: start the job, wait, give the run's id."""

from __future__ import annotations

from typing import Any

from labkit.runs import associate_job, predict_job, refine_job
from labkit.tracking import retrack_job, track_job

__all__ = ["associate", "predict", "refine", "retrack", "track"]


def predict(project: Any, detector: Any, **options: Any) -> str:
    return predict_job(project, detector, **options).result()


def refine(project: Any, *source: Any, **options: Any) -> str:
    return refine_job(project, *source, **options).result()


def associate(project: Any, *source: Any, **options: Any) -> str:
    return associate_job(project, *source, **options).result()


def track(project: Any, objects: Any, *tracker: Any, **options: Any) -> str:
    return track_job(project, objects, *tracker, **options).result()


def retrack(project: Any, run: str, *frames: Any, **options: Any) -> str:
    return retrack_job(project, run, *frames, **options).result()
