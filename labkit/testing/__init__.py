"""Conformance checks for plug-ins: whether a model or a format does what labkit relies on.

Each check takes what a registration gives, or its name, and raises
:class:`~labkit.testing.expect.ConformanceError` (an ``AssertionError``) with one sentence. They are
for the tests of a plug-in; labkit's own models and formats pass them in ``tests/testing``.
"""

from __future__ import annotations

from labkit.testing.detectors import check_detector
from labkit.testing.expect import ConformanceError
from labkit.testing.formats import check_format
from labkit.testing.interactors import check_interactor
from labkit.testing.trackers import check_tracker

__all__ = [
    "ConformanceError",
    "check_detector",
    "check_format",
    "check_interactor",
    "check_tracker",
]
