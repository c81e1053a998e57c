"""Reviewing without a widget: sessions, gestures, undo, active time, scripted reviewers."""

from labkit.review.scripted import ScriptedReviewer, Slips
from labkit.review.session import ReviewSession
from labkit.review.timer import SimulatedClock
from labkit.review.view import FrameView

__all__ = ["FrameView", "ReviewSession", "ScriptedReviewer", "SimulatedClock", "Slips"]
