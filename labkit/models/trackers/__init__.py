"""Trackers: shapes on one frame become shapes on the next thousand."""
