"""Runs: models over frames, in the background, resumable; and the jobs that carry them."""

from labkit.runs.associate import associate_job
from labkit.runs.detect import Look, label_report, look_job, predict_job
from labkit.runs.jobs import Job, jobs
from labkit.runs.refine import refine_job

__all__ = [
    "Job",
    "Look",
    "associate_job",
    "jobs",
    "label_report",
    "look_job",
    "predict_job",
    "refine_job",
]
