"""Tracks from shapes."""

from __future__ import annotations

import pytest

from labkit.core.errors import InputError
from labkit.core.tracks import Keyframe, Track
from labkit.core.types import Shape

KEY = Keyframe("f0", 1, "cup", Shape((0, 0, 4, 4)))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Track(1, "cup", (KEY, KEY)), "two keyframes on frame 'f0'"),
        (lambda: Track(1, "cup", ()), "no keyframe"),
        (lambda: Track(2, "cup", (Keyframe("f0", 1, "cup", outside=True),)), "another track"),
    ],
)
def test_what_cannot_be_a_track(make, words):
    with pytest.raises(InputError, match=words):
        make()
