"""Drawing by mouse and by keys: what the hand does, and the shape that comes of it."""

import io

import numpy as np
import pytest
from PIL import Image

from labkit.core.geometry import rotated_corners
from labkit.project import Project

NAMES = ["head", "neck", "shank", "tip"]


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
    width, height, angle = row.rotated[2:]
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


def with_key(bench, key, x, y):
    bench.page.keyboard.down(key)
    bench.click(x, y)
    bench.page.keyboard.up(key)


# ---- keypoints


@pytest.fixture
def posing(page, project):
    """A bench whose second label, bolt, has a skeleton of four points."""
    with Project.open(project) as p:
        p.set_skeleton("bolt", {"names": NAMES, "limbs": [(0, 1), (1, 2), (2, 3)]})
    page.open(project)
    page.press("2")
    page.said("bolt")
    yield page
    page.leave()


def keypoints(row):
    return np.asarray(row.keypoints, dtype=float).reshape(-1, 3)


def test_keypoints_stay_on_a_polygon_whose_vertex_is_dragged(posing):
    posing.press("p")
    for x, y in ((60, 60), (160, 60), (160, 140)):
        posing.click(x, y)
    posing.press("Enter", "k")
    posing.click(80, 70)
    posing.click(150, 110)
    posing.press("Enter")
    posing.saved()
    posing.drag((160, 60), (180, 50))
    posing.said("Shape changed")
    posing.saved()
    (row,) = posing.decided().itertuples()
    assert list(row.polygons[0]) == pytest.approx([60, 60, 180, 50, 160, 140], abs=1)
    assert keypoints(row)[:, 2].tolist() == [1, 1, 0, 0]


def test_keypoints_are_placed_in_the_skeleton_s_order(posing):
    posing.press("k")
    posing.said("1 of 4: head")
    posing.click(60, 60)
    posing.said("2 of 4: neck")
    posing.click(90, 70, button="right")  # there, but hidden
    assert posing.page.locator(".lm-Menu:visible").count() == 0
    posing.press("o")  # left out
    posing.said("4 of 4: tip")
    posing.press("Backspace", "Backspace")
    posing.said("2 of 4: neck")
    with_key(posing, "Alt", 100, 70)
    posing.press("o")
    posing.click(150, 90)
    posing.said("bolt added")  # the last one finishes it
    posing.saved()
    (row,) = posing.decided().itertuples()
    points = keypoints(row)
    assert points[:, 2].tolist() == [1, 0.25, 0, 1]
    assert points[[0, 1, 3], :2] == pytest.approx(np.array([[60, 60], [100, 70], [150, 90]]), abs=1)
    margin = 4.5
    box = (60 - margin, 60 - margin, 150 + margin, 90 + margin)
    assert (row.x1, row.y1, row.x2, row.y2) == pytest.approx(box, abs=1.5)
    assert posing.decisions().iloc[-1]["tool"] == "keypoints"
    # a hidden point stays hidden where it is dragged, and Alt+click shows it
    posing.drag((100, 70), (110, 75))
    posing.saved()
    assert keypoints(posing.decided().iloc[0])[1] == pytest.approx([110, 75, 0.25], abs=1)
    with_key(posing, "Alt", 110, 75)
    posing.said("Keypoint visible")
    posing.saved()
    assert keypoints(posing.decided().iloc[0])[1, 2] == 1


def test_enter_leaves_the_rest_out_and_the_selected_object_gets_the_points(posing):
    top = posing.top()
    posing.press("ArrowDown", "2", "k")
    x, y = (top.x1 + top.x2) / 2, (top.y1 + top.y2) / 2
    posing.click(x, y)
    posing.click(top.x2 + 20, y)
    posing.press("Enter")
    posing.said("Shape changed")
    posing.saved()
    (row,) = posing.decided().itertuples()
    assert row.object_id == top.object_id
    assert keypoints(row)[:, 2].tolist() == [1, 1, 0, 0]
    assert (row.x1, row.y1, row.y2) == pytest.approx((top.x1, top.y1, top.y2), abs=0.01)
    assert row.x2 == pytest.approx(top.x2 + 20, abs=1)
    posing.press("Escape", "k")
    posing.click(30, 30)
    posing.press("Escape", "Escape")
    assert posing.decisions()["kind"].tolist().count("edit") == 1
    assert "add" not in posing.decisions()["kind"].tolist()


def test_a_label_without_a_skeleton_says_so(posing):
    posing.press("3", "k")
    posing.said("washer has no skeleton")
    posing.click(60, 60)
    posing.press("2")
    posing.said("1 of 4: head")
    posing.click(60, 60)
    posing.press("3")
    posing.said("Enter keeps them")  # another label would be another skeleton
    posing.press("z")  # takes back the point, not a decision
    posing.said("1 of 4: head")
    assert posing.decisions().empty


def test_glass_and_canvas_show_the_same_picture(posing, tmp_path):
    posing.press("k")
    for x, y in ((60, 60), (100, 70), (120, 100), (150, 90)):
        posing.click(x, y)
    posing.press("Escape", "3")
    draw_rotated(posing, (300, 100), (380, 160), (310, 210))
    posing.press("Escape")
    posing.page.mouse.move(5, 5)
    posing.saved()
    posing.covered(False)
    posing.page.wait_for_selector(".lk-notice", state="hidden")
    below = posing.stage.screenshot()
    posing.page.locator(".lk-base").evaluate("e => { e.hidden = false; }")
    above = posing.stage.screenshot()
    pictures = [np.asarray(Image.open(io.BytesIO(p)).convert("L"), int) for p in (below, above)]
    assert np.abs(pictures[0] - pictures[1]).max() < 40
    assert np.abs(pictures[0] - pictures[1]).mean() < 0.2
