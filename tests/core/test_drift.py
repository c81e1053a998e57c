"""The rules that say where a tracked object may have been lost."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.core.drift import DriftRules, DriftWatch, attributes, drift
from labkit.core.geometry import shape_from_mask
from labkit.core.tracks import Tracked
from labkit.core.types import Shape

BOX = (10.0, 10.0, 40.0, 50.0)  # a diagonal of 50


def at(box=BOX, score=0.9, **signals) -> Tracked:
    return Tracked(1, Shape(box), score, signals)


@pytest.mark.parametrize(
    ("now", "reasons"),
    [
        (at(), []),
        (at(score=0.2), ["score"]),
        (at(score=0.2, object_score=0.9), []),
        (at(object_score=0.49), ["score"]),
        (at(iou=0.59), ["iou"]),
        (at(keypoints=0.25), ["keypoints"]),
        (at(forward_backward=2.6), ["return"]),
        (at(forward_backward=2.4), []),
        (at((0.0, 0.0, 10.0, 10.0), forward_backward=1.9), []),
    ],
)
def test_one_frame_alone(now, reasons):
    assert list(drift(now, [], 0, DriftRules())) == reasons


def watched(*boxes, start=0):
    watch = DriftWatch()
    return [list(watch.look(at(box), start + k)) for k, box in enumerate(boxes)]


def moved(dx, dy=0.0, wider=1.0):
    x1, y1, x2, y2 = BOX
    return x1 + dx, y1 + dy, x1 + dx + (x2 - x1) * wider, y2 + dy


def test_area_against_the_usual_one_and_jumps():
    assert watched(BOX, BOX, moved(0, 0, 0.49))[2] == ["area"]
    assert watched(BOX, BOX, moved(0, 0, 0.51))[2] == []
    assert watched(BOX, BOX, moved(-16, 0, 2.1))[2] == ["area"]
    assert watched(BOX, moved(24), moved(50))[1:] == [[], ["jump"]]
    assert watched(BOX, moved(0, 26))[1] == ["jump"]


def test_slow_growth_is_no_drift_and_one_odd_frame_does_not_become_usual():
    growing = [moved(-0.5 * k, 0, 1.05**k) for k in range(40)]
    assert not any(watched(*growing))
    odd = moved(0, 0, 0.4)
    assert watched(BOX, BOX, BOX, odd, BOX) == [[], [], [], ["area"], []]


def test_a_keyframe_begins_anew_and_old_frames_are_forgotten():
    watch = DriftWatch()
    watch.look(at(), 0)
    watch.note(at(moved(60, 0, 3)), 1, again=True)
    assert watch.look(at(moved(61, 0, 3)), 2) == {}
    assert watch.look(at(BOX), 20) == {}  # it was out of sight for longer than the window
    assert watch.look(Tracked(1, None, 0.0), 21) == {}


def test_a_pause_gives_it_time_to_move():
    watch = DriftWatch()
    watch.look(at(), 0)
    assert watch.look(at(moved(60)), 3) == {}
    assert "jump" in watch.look(at(moved(120)), 4)


@given(st.lists(st.floats(-20, 20), min_size=1, max_size=30), st.floats(0.5, 4))
def test_scale_does_not_matter_for_area_and_jump(steps, scale):
    def run(factor):
        watch, x, out = DriftWatch(), 0.0, []
        for k, step in enumerate(steps):
            x += step
            found = watch.look(at(tuple(v * factor for v in moved(x + 700))), k)
            out.append({name: round(value, 6) for name, value in found.items()})
        return out

    assert run(1.0) == run(scale)


def test_flags_as_attributes():
    found = attributes({"area": 0.481234, "size": math.nan})
    assert [(a.name, a.value) for a in found] == [
        ("drift", "area"),
        ("drift_area", 0.4812),
        ("drift", "size"),
    ]


SQUARE = (10, 10, 50, 50)


def diagonal_band(width: int) -> Shape:
    """A thin mask whose box is far larger than it is."""
    y, x = np.mgrid[:60, :60]
    band = np.abs(x - y) < width
    return shape_from_mask(band & (x >= 10) & (x < 50) & (y >= 10) & (y < 50))


def reasons(first: Shape, then: Shape) -> set[str]:
    watch = DriftWatch()
    watch.note(Tracked(1, first, 1.0), 0, again=True)
    return set(watch.look(Tracked(1, then, 0.9), 1))


def test_a_box_after_a_mask_is_compared_with_the_masks_box() -> None:
    assert reasons(diagonal_band(3), Shape(SQUARE)) == set()
    assert reasons(Shape(SQUARE), diagonal_band(3)) == set()
    assert reasons(diagonal_band(3), Shape((10, 10, 30, 30))) == {"area"}


def test_masks_are_compared_by_their_own_area() -> None:
    assert reasons(diagonal_band(9), diagonal_band(2)) == {"area"}
    assert reasons(diagonal_band(9), diagonal_band(8)) == set()
