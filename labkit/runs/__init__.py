"""Runs: models over frames, in the background, resumable; and the jobs that carry them."""

from labkit.runs.associate import associate, associate_job
from labkit.runs.jobs import Job, jobs
from labkit.runs.look import Look, look_job
from labkit.runs.predict import label_report, predict, predict_job
from labkit.runs.retrack import retrack, retrack_job
from labkit.runs.track import track, track_job
from labkit.runs.track_objects import read_objects
from labkit.runs.track_table import tracks_table

__all__ = [
    "Job",
    "Look",
    "associate",
    "associate_job",
    "jobs",
    "label_report",
    "look_job",
    "predict",
    "predict_job",
    "read_objects",
    "retrack",
    "retrack_job",
    "track",
    "track_job",
    "tracks_table",
]
