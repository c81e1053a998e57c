"""Drawing by mouse and by keys: what the hand does, and the shape that comes of it."""

import numpy as np
import pytest

from labkit.core.geometry import rotated_corners


def rotated(row):
    return tuple(row.rotated)


def degrees(row):
    return np.degrees(row.rotated[4])


def draw_rotated(bench, start, end, width_at):
    """Drag the first side, pull the width out, click."""
    bench.press("Shift+N")
    bench.drag(start, end)
    bench.page.mouse.move(*bench.point(*width_at), steps=4)
    bench.click(*width_at)
    bench.said("added")


def test_a_rotated_box_is_drawn_by_a_side_and_its_width(bench):
    draw_rotated(bench, (100, 100), (180, 160), (110, 210))
    bench.saved()
    (row,) = bench.decided().itertuples()
    cx, cy, width, height, angle = row.rotated
    assert width == pytest.approx(100, abs=2)
    assert np.degrees(angle) == pytest.approx(36.9, abs=1.5)
    corners = rotated_corners(row.rotated)
    assert corners[0] == pytest.approx([100, 100], abs=1.5)  # the side that was dragged is its top
    assert corners[1] == pytest.approx([180, 160], abs=1.5)
    assert (row.x1, row.y2) == pytest.approx((corners[:, 0].min(), corners[:, 1].max()), abs=0.1)
    assert height == pytest.approx(82, abs=2)
    assert bench.decisions().iloc[-1]["tool"] == "rotated"


def test_three_clicks_draw_one_too_and_escape_drops_it(bench):
    bench.page.click("[data-action=new_rotated]")
    for x, y in ((300, 100), (200, 100)):
        bench.click(x, y)
        bench.page.mouse.move(*bench.point(220, 180), steps=2)
    bench.press("Escape")
    assert bench.decisions().empty
    for x, y in ((300, 100), (200, 100), (220, 150)):
        bench.page.mouse.move(*bench.point(x, y), steps=2)
        bench.click(x, y)
    bench.saved()
    (row,) = bench.decided().itertuples()
    # drawn from right to left, its top is up all the same
    assert rotated(row) == pytest.approx((250, 125, 100, 50, 0), abs=1.5)


def test_a_rotated_box_is_changed_by_its_eight_handles_and_its_knob(bench):
    draw_rotated(bench, (100, 100), (200, 100), (200, 160))
    bench.drag((200, 130), (230, 130))  # the middle of its right side
    bench.saved()
    (row,) = bench.decided().itertuples()
    assert rotated(row) == pytest.approx((165, 130, 130, 60, 0), abs=1.5)
    bench.drag((165, 160), (300, 180))  # of its lower one: only along its normal
    bench.saved()
    (row,) = bench.decided().itertuples()
    assert rotated(row) == pytest.approx((165, 140, 130, 80, 0), abs=1.5)
    bench.drag((100, 180), (120, 190))  # a corner
    bench.saved()
    (row,) = bench.decided().itertuples()
    assert rotated(row) == pytest.approx((175, 145, 110, 90, 0), abs=1.5)
    box = bench.stage.bounding_box()
    k = min(box["width"] / 512, box["height"] / 384)
    bench.drag((175, 100 - 22 / k), (260, 145))  # the knob
    bench.saved()
    (row,) = bench.decided().itertuples()
    assert degrees(row) == pytest.approx(90, abs=1)
    assert row.rotated[:4] == pytest.approx((175, 145, 110, 90), abs=1.5)


def test_a_rotated_box_is_moved_resized_and_turned_by_keys_in_one_decision(bench):
    draw_rotated(bench, (100, 100), (180, 160), (110, 210))
    bench.saved()
    (before,) = bench.decided().itertuples()
    bench.press("e", "Shift+ArrowRight", "ArrowDown", "Alt+Shift+ArrowRight", "Alt+ArrowDown")
    bench.press("Control+ArrowRight", "Control+Shift+ArrowLeft", "Control+Shift+ArrowLeft", "Enter")
    bench.saved()
    (after,) = bench.decided().itertuples()
    assert after.rotated[2] == pytest.approx(before.rotated[2] + 10, abs=0.01)
    assert after.rotated[3] == pytest.approx(before.rotated[3] + 1, abs=0.01)
    assert degrees(after) == pytest.approx(degrees(before) - 19, abs=0.01)
    assert bench.decisions()["kind"].tolist() == ["add", "edit"]


def test_a_plain_box_that_is_turned_becomes_a_rotated_one(bench):
    top = bench.top()
    bench.press("e", "Control+Shift+ArrowRight", "Enter")
    bench.saved()
    (row,) = bench.decided().itertuples()
    assert degrees(row) == pytest.approx(10, abs=0.01)
    assert row.rotated[2:4] == pytest.approx((top.x2 - top.x1, top.y2 - top.y1), abs=0.01)
