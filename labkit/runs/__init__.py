"""Runs: models over frames, in the background, resumable; and the jobs that carry them."""

from labkit.runs.associate import associate, associate_job
from labkit.runs.jobs import Job, jobs
from labkit.runs.predict import label_report, predict, predict_job

__all__ = ["Job", "associate", "associate_job", "jobs", "label_report", "predict", "predict_job"]
