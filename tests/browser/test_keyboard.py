"""Drawing without a mouse: a crosshair under the arrow keys, and Space for its clicks."""

import pytest
from browser.test_drawing import degrees, keypoints, posing  # noqa: F401 - a fixture
from browser.test_segment import looked, ready

from labkit.core.geometry import decode_mask
from labkit.core.types import Rle

RIGHT, LEFT, UP, DOWN = (f"Arrow{name}" for name in ("Right", "Left", "Up", "Down"))


def go(bench, key, pixels):
    """Move the crosshair that is shown."""
    bench.press(*[f"Shift+{key}"] * (pixels // 10), *[key] * (pixels % 10))


def box(row):
    return row.x1, row.y1, row.x2, row.y2


def test_a_box_is_drawn_by_keys_alone(bench):
    bench.page.mouse.move(5, 5)
    bench.press("2", "n", RIGHT)
    bench.said("Crosshair at 256, 192")
    go(bench, LEFT, 23)
    go(bench, UP, 11)
    bench.said("233, 181")
    bench.press(" ")
    go(bench, RIGHT, 40)
    go(bench, DOWN, 35)
    bench.press(" ")
    bench.said("bolt added")
    bench.saved()
    (row,) = bench.decided().itertuples()
    assert box(row) == pytest.approx((233, 181, 273, 216), abs=0.01)
    assert set(bench.decisions()["tool"]) == {"box"}
    # the tool is put away, so the arrows walk over the objects again
    bench.press(DOWN)
    bench.said("1 of")


def test_a_box_for_the_interactor_is_drawn_by_keys_alone(bench):
    bench.page.mouse.move(5, 5)
    top = bench.top()
    width, height = round(top.x2 - top.x1) + 4, round(top.y2 - top.y1) + 4
    bench.press("q")
    bench.said("Choose what to draw first")
    bench.press(DOWN)
    ready(bench)
    bench.press("q")  # shows the crosshair, in the middle of the selected object
    go(bench, LEFT, width // 2)
    go(bench, UP, height // 2)
    bench.press("q")
    go(bench, RIGHT, width)
    go(bench, DOWN, height)
    bench.press("q")
    looked(bench)
    bench.press("Enter")
    bench.saved()
    (row,) = bench.decided().itertuples()
    assert (row.state, row.object_id) == ("edited", top.object_id)
    assert box(row) == pytest.approx((top.x1, top.y1, top.x2, top.y2), abs=12)


def test_keys_are_exact_beside_the_frame_s_edge(bench):
    bench.page.mouse.move(5, 5)
    bench.press("n", RIGHT)
    go(bench, LEFT, 253)
    bench.press(" ")
    go(bench, RIGHT, 30)
    go(bench, DOWN, 200)  # and no further than the frame goes
    bench.press(" ")
    bench.saved()
    (row,) = bench.decided().itertuples()
    assert box(row) == pytest.approx((3, 192, 33, 384), abs=0.01)


def test_rotated_boxes_polygons_and_masks_are_drawn_by_keys(bench):
    bench.press("Shift+N", RIGHT, " ")
    go(bench, RIGHT, 40)
    bench.press(" ")
    go(bench, DOWN, 20)
    bench.press(" ")
    bench.said("added")
    bench.press("Escape", "p", RIGHT)  # begins in the middle, as nothing is selected
    for key in (RIGHT, DOWN, LEFT):
        bench.press(" ")
        go(bench, key, 30)
    bench.press(" ", "Enter", "Escape", "b", RIGHT, " ")
    go(bench, RIGHT, 50)
    bench.press(" ")
    go(bench, DOWN, 60)
    bench.press("Shift+ ", "Shift+ ", "Enter")
    bench.saved()
    turned, outlined, painted = bench.decided().itertuples()
    assert turned.rotated == pytest.approx((276, 202, 40, 20, 0), abs=0.01)
    assert degrees(turned) == pytest.approx(0, abs=0.01)
    assert list(outlined.polygons[0]) == [256, 192, 286, 192, 286, 222, 256, 222]
    mask = decode_mask(Rle(384, 512, painted.mask_counts)).astype(bool)
    assert mask[192, 256:306].all()
    assert not mask[240:].any()


def test_keypoints_are_placed_by_keys(posing):  # noqa: F811
    top = posing.top()
    posing.press(DOWN, "2", "k", RIGHT)  # begins at the selected object
    posing.said("Crosshair at ")
    posing.press(" ")
    posing.said("2 of 4: neck")
    go(posing, RIGHT, 10)
    posing.said(", ")  # it rests, and says no more
    posing.press("Shift+ ", "o", "Backspace")
    posing.said("3 of 4: shank")
    posing.press("Enter")
    posing.saved()
    (row,) = posing.decided().itertuples()
    points = keypoints(row)
    assert points[:, 2].tolist() == [1, 0.25, 0, 0]
    assert points[0, :2] == pytest.approx([(top.x1 + top.x2) / 2, (top.y1 + top.y2) / 2], abs=1)
    assert points[1, 0] - points[0, 0] == 10


def test_vertices_and_keypoints_are_changed_by_keys(posing):  # noqa: F811
    posing.page.mouse.move(5, 5)
    posing.press("p", RIGHT)
    for key in (RIGHT, DOWN, LEFT):
        posing.press(" ")
        go(posing, key, 50)
    posing.press(" ", "Enter", "e", " ")  # a crosshair in the middle of what is edited
    posing.said("Crosshair at 281, 217")
    go(posing, RIGHT, 25)
    go(posing, DOWN, 25)
    posing.press(" ")  # takes hold of the corner
    go(posing, RIGHT, 20)
    posing.said("326, 242")
    posing.press(" ")
    posing.said("Shape changed")
    go(posing, LEFT, 20)
    go(posing, UP, 50)
    posing.press("Shift+ ", "Escape")  # as Alt+click: the vertex goes
    posing.saved()
    (row,) = posing.decided().itertuples()
    assert list(row.polygons[0]) == [256, 192, 326, 242, 256, 242]
    assert set(posing.decisions()["tool"]) == {"polygon", "key"}
    posing.press("Escape", "2", "k", RIGHT, " ", "Enter", "e", " ")
    posing.said("Crosshair at 256, 192")
    posing.press("Shift+ ")
    posing.said("Keypoint hidden")
    posing.press("Escape")
    posing.saved()
    assert keypoints(posing.decided().iloc[1])[0].tolist() == [256, 192, 0.25]


def test_what_is_edited_by_keys_is_heard(bench):
    top = bench.top()
    bench.press("e", "Shift+ArrowRight", "Control+Shift+ArrowRight", "Control+ArrowRight")
    bench.said("turned by 11 degrees")
    bench.said(f"{round(top.x2 - top.x1)} by {round(top.y2 - top.y1)} at ")
    bench.press("Escape")
    assert bench.decisions().empty


def test_an_object_is_segmented_by_keys(bench):
    bench.press(DOWN)
    ready(bench)
    bench.press(RIGHT, " ")
    looked(bench)
    bench.press("Enter")
    bench.saved()
    (row,) = bench.decided().itertuples()
    assert row.state == "edited"
    assert row.mask_counts


def test_what_keys_have_begun_the_mouse_ends_and_space_still_pans(bench):
    bench.press("n", RIGHT, " ")
    bench.page.mouse.move(*bench.point(300, 250), steps=3)
    bench.click(300, 250)
    bench.saved()
    (row,) = bench.decided().itertuples()
    assert box(row) == pytest.approx((256, 192, 300, 250), abs=1)
    bench.press("Escape", "n", RIGHT)
    bench.page.keyboard.down(" ")
    bench.drag((100, 100), (140, 130))
    bench.page.keyboard.up(" ")
    bench.press("Escape")
    assert len(bench.decisions()) == 1  # panned, and neither drawn nor clicked


def test_the_crosshair_stays_in_sight_when_zoomed_in(bench):
    bench.page.mouse.move(5, 5)
    bench.press("n", RIGHT, *["+"] * 8)  # zooms at the crosshair
    go(bench, RIGHT, 150)
    bench.press(" ")
    go(bench, DOWN, 20)
    go(bench, RIGHT, 20)
    bench.press(" ")
    bench.saved()
    (row,) = bench.decided().itertuples()
    assert box(row) == pytest.approx((406, 192, 426, 212), abs=0.01)


def test_tab_leaves_with_every_tool_and_the_page_does_not_scroll(bench):
    for key in ("n", "Shift+N", "p", "k", "b", "g"):
        bench.stage.focus()
        before = bench.stage.bounding_box()
        bench.press(key, RIGHT, DOWN, "Shift+ ")
        assert bench.stage.bounding_box() == before
        bench.press("Escape", "Escape", key, "Tab")
        assert bench.page.evaluate("() => !document.activeElement.classList.contains('lk-stage')")
        bench.stage.focus()
        bench.press("Escape", "Escape")
    assert bench.decisions().empty
