"""Reviewing without a widget: sessions, gestures, undo, active time, scripted reviewers."""

from labkit.review.scripted import ScriptedReviewer, Slips
from labkit.review.session import ReviewSession
from labkit.review.statistics import SessionStatistics
from labkit.review.timer import SimulatedClock
from labkit.review.view import FrameView
from labkit.review.which import ManyReport, Unchanged, Which
from labkit.tracking.follow import LiveTrack

__all__ = [
    "FrameView",
    "LiveTrack",
    "ManyReport",
    "ReviewSession",
    "ScriptedReviewer",
    "SessionStatistics",
    "SimulatedClock",
    "Slips",
    "Unchanged",
    "Which",
]
