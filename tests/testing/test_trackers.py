"""A tracker that does one thing wrong is told which; one that does nothing wrong passes."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace

import pytest

from labkit.core.tracks import Tracked
from labkit.core.types import Shape
from labkit.models.trackers.base import TrackerInfo
from labkit.models.trackers.each import EachSession
from labkit.testing import ConformanceError, check_tracker

INFO = TrackerInfo("stay", frozenset({"box", "mask"}), help="Keeps every box where it is.")


class Stays(EachSession[Shape]):
    """Every object stays where it is."""

    def look(self, image):
        return image

    def begin(self, track_id, pixels, shape):
        return Shape(shape.box)

    def follow(self, pixels, held: Mapping[int, Shape]):
        return {i: (Tracked(i, self.moved(shape), 0.5), shape) for i, shape in held.items()}

    def moved(self, shape):
        return shape


class Stay:
    info, session = INFO, Stays

    def open(self, width, height, *, backward=False):
        return self.session("stay", width, height, backward=backward)


def described(**change):
    return type("Described", (Stay,), {"info": replace(INFO, **change)})()


def broken(**methods):
    made = type("Broken", (Stays,), methods)
    return type("Tracker", (Stay,), {"session": made})()


count = itertools.count()
shared: dict[str, object] = {}


def of_all_sessions(self, position, image, keyframes):
    """Sessions that share one memory."""
    found = Stays.prompt(self, position, image, keyframes)
    self._known = shared.setdefault("known", self._known)
    for key in keyframes:
        self._put(position, key.track_id, image, key.shape)
    return found


def test_one_that_does_nothing_wrong_passes() -> None:
    check_tracker(Stay())
    check_tracker(lambda device: Stay())


@pytest.mark.parametrize(
    ("tracker", "sentence"),
    [
        (described(name=""), "has no name"),
        (described(starts_from=frozenset({"word"})), "they are some of"),
        (described(gives="polygon"), "says gives='polygon'"),
        (described(memory=0), "says memory=0"),
        (described(help=""), "does not say what it is for"),
        (described(gives="mask"), "has no mask, and its info says that it gives masks"),
        (broken(moved=lambda self, s: Shape((0, 0, 900, 9))), "outside of the frame of 160 x 120"),
        (
            broken(moved=lambda self, s: Shape((5, 5, 5, 9))),
            "raises InputError: This box",
        ),
        (
            broken(moved=lambda self, s: Shape((0, 0, 9 + next(count) % 50, 9))),
            "follows differently when asked again",
        ),
        (broken(step=lambda self, p, i: Stays.step(self, p, i)[:1]), "not \\[11, 22\\]"),
        (broken(prompt=lambda self, p, i, k: []), "answers for \\[\\]"),
        (broken(drop=lambda self, t: None), "follows the tracks \\[11, 22\\], not \\[22\\]"),
        (broken(recall=lambda self, p, i, t: None), "follows the tracks \\[\\]"),
        (broken(prompt=of_all_sessions), "follows|differently"),
        (broken(close=None), "a session without the method \\['close'\\]"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(tracker, sentence) -> None:
    with pytest.raises(ConformanceError, match=sentence) as caught:
        check_tracker(tracker)
    assert "\n" not in str(caught.value)
