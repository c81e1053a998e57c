"""Tracking: objects followed over frames, in a run of their own or beside a reviewer."""

from labkit.tracking.keyframes import read_objects
from labkit.tracking.records import tracks_table
from labkit.tracking.retrack import retrack_job
from labkit.tracking.track import track_job

__all__ = ["read_objects", "retrack_job", "track_job", "tracks_table"]
