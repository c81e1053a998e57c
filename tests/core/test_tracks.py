"""Tracks from shapes."""

from __future__ import annotations

import pytest

from labkit.core.errors import InputError
from labkit.core.tracks import Keyframe, Track, shapes_to_tracks
from labkit.core.types import AnnotatedObject, Shape


def obj(frame: str, track: int | None = None, state="proposed", label="cup", box=(0, 0, 4, 4)):
    return AnnotatedObject(f"r/{frame}/0", frame, label, Shape(box), state, track_id=track)


def test_shapes_become_tracks():
    objects = [obj("f0", 7), obj("f1"), obj("f5", 7, "rejected"), obj("f2"), obj("f3", 2)]
    tracks = shapes_to_tracks([*objects, obj("f4", state="rejected")], first_id=6)
    assert [(t.track_id, len(t.keyframes)) for t in tracks] == [(7, 2), (2, 1), (6, 1), (8, 1)]
    assert tracks[0].keyframe("f5").outside
    assert tracks[0].keyframe("f1") is None


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: shapes_to_tracks([obj("f0", 1), obj("f0", 1)]), "two keyframes on frame 'f0'"),
        (lambda: Track(1, "cup", ()), "no keyframe"),
        (lambda: Track(2, "cup", (Keyframe("f0", 1, "cup", outside=True),)), "another track"),
    ],
)
def test_what_cannot_be_a_track(make, words):
    with pytest.raises(InputError, match=words):
        make()
