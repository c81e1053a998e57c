"""Painting masks: brush, eraser, fill, outlines, and strokes that are taken back."""

import numpy as np
import pytest

from labkit.core.geometry import decode_mask
from labkit.core.types import Rle

RING = [(100, 100), (200, 100), (200, 180), (100, 180), (100, 100)]


def path(bench, *points):
    """One stroke through these points."""
    bench.page.mouse.move(*bench.point(*points[0]))
    bench.page.mouse.down()
    for point in points[1:]:
        bench.page.mouse.move(*bench.point(*point), steps=4)
    bench.page.mouse.up()


def held(bench, *keys):
    """Hold keys while something is done."""

    class Held:
        def __enter__(self):
            for key in keys:
                bench.page.keyboard.down(key)

        def __exit__(self, *_):
            for key in keys:
                bench.page.keyboard.up(key)

    return Held()


def kept(bench):
    """Press Enter; the pixels of the mask that comes of it."""
    bench.press("Enter")
    bench.said("added")
    bench.saved()
    row = bench.decided().iloc[-1]
    return decode_mask(Rle(384, 512, row["mask_counts"])).astype(bool)


def test_a_closed_outline_is_filled(bench):
    assert bench.page.locator("[data-action=fill]").is_hidden()
    bench.press("b")
    path(bench, *RING)
    bench.page.locator("[data-action=fill]").click()
    bench.click(150, 140)
    mask = kept(bench)
    assert mask[100:180, 100:200].all()
    assert bench.page.locator("[data-action=fill]").is_hidden()
    assert bench.decisions().iloc[-1]["tool"] == "fill"


def test_what_does_not_close_says_so(bench):
    bench.press("b")
    path(bench, *RING[:-1])
    bench.press("g")
    for x, y in ((150, 140), (20, 20), (500, 20)):
        bench.click(x, y)
        bench.said("does not close")
        bench.page.wait_for_selector(".lk-notice", state="hidden")
    bench.click(150, 100)
    bench.said("Alt takes it away")
    mask = kept(bench)
    assert not mask[130:150, 120:180].any()


def test_alt_removes_the_painted_area_and_undo_takes_strokes_back(bench):
    bench.press("b")
    path(bench, *RING)
    path(bench, (300, 300), (340, 300))
    bench.press("g")
    bench.click(150, 140)
    with held(bench, "Alt"):
        bench.click(150, 140)  # the ring and its filling are one area
        bench.click(20, 20)
    bench.said("Nothing is painted here")
    bench.press("Control+z")  # the ring and its filling are back
    bench.press("Backspace")  # the filling is gone
    mask = kept(bench)
    assert mask[100, 100:200].all()
    assert not mask[125:155, 125:175].any()
    assert mask[300, 300:340].all()
    assert bench.decisions()["kind"].tolist() == ["add"]


def test_brush_and_eraser_work_on_one_mask_and_escape_drops_it(bench):
    bench.press("b")
    path(bench, (100, 100), (200, 100))
    bench.press("Shift+B")
    path(bench, (150, 80), (150, 120))
    mask = kept(bench)
    assert mask[100, [100, 200]].all()
    assert not mask[100, 150]
    bench.press("b")
    path(bench, (300, 300), (340, 300))
    bench.press("Escape", "Escape")
    assert bench.decisions()["kind"].tolist() == ["add"]


def test_all_strokes_taken_back_undo_no_decision(bench):
    bench.press("a")
    bench.at(2)
    bench.press("b")
    path(bench, (100, 100), (200, 100))
    bench.press("z", "z")
    bench.said("Nothing more can be taken back")
    bench.press("Enter", "z")  # the brush is put away
    bench.at(1)
    bench.saved()


PIXEL = """([x, y]) => {
  const base = document.querySelector(".lk-base");
  const box = document.querySelector(".lk-stage").getBoundingClientRect();
  const k = base.width / box.width;
  const at = [Math.round((x - box.x) * k), Math.round((y - box.y) * k)];
  return [...base.getContext("2d").getImageData(...at, 1, 1).data].join(" ");
}"""


def test_what_was_painted_is_seen_until_its_outline_is_here(bench):
    def pixel():
        return bench.page.evaluate(PIXEL, list(bench.point(150, 100)))

    before = pixel()
    bench.press("b")
    path(bench, (100, 100), (200, 100))
    with bench.unanswered():
        bench.press("Enter")
        bench.said("added")
        painted = pixel()
        assert painted != before
    bench.saved()
    bench.covered(False)
    assert pixel() not in (before, painted)  # the object's own, paler
    bench.press("z")
    bench.said("Undone")
    bench.page.wait_for_function(
        f"([at, want]) => ({PIXEL})(at) === want", arg=[list(bench.point(150, 100)), before]
    )


def test_what_is_being_painted_stays_while_frames_are_fetched_ahead(bench):
    with bench.unanswered():
        bench.press("a")
        bench.at(2)
        bench.press("b")
        path(bench, (100, 100), (200, 100))
        bench.page.wait_for_selector(".lk-thumb:last-child[data-state='']")
    bench.page.wait_for_selector(".lk-thumb:last-child[data-state='new']")
    bench.press("z", "z")
    bench.said("Nothing more can be taken back")
    bench.at(2)


def test_what_is_being_painted_is_kept_when_an_earlier_frame_comes_back_refused(bench):
    first = bench.frame_id
    with bench.unanswered():
        bench.press("a")
        bench.at(2)
        bench.press("b")
        path(bench, (100, 100), (200, 100))
        second = bench.frame_id
        bench.another_rejects(first)
    bench.said("was not saved")
    bench.at(1)
    bench.saved()
    rows = bench.decisions()
    assert rows["kind"].tolist() == ["reject", "add"]
    assert rows["frame_id"].tolist() == [first, second]
    bench.press("a")
    bench.at(2)


def test_an_outline_is_drawn_with_shift_and_filled_when_it_is_let_go(bench):
    bench.press("b")
    with held(bench, "Shift"):
        path(bench, (100, 100), (200, 100), (200, 180), (100, 180))
    with held(bench, "Alt", "Shift"):
        path(bench, (140, 130), (160, 130), (160, 150), (140, 150))
    mask = kept(bench)
    assert mask.sum() == pytest.approx(100 * 80 - 20 * 20, rel=0.05)
    assert not mask[132:148, 142:158].any()


def test_another_tool_keeps_what_is_painted(bench):
    bench.press("2", "b")
    path(bench, (100, 100), (200, 100))
    bench.press("3", "n")  # the label of what is being painted, then another tool
    bench.said("washer added")
    bench.saved()
    assert bench.decided()["label"].tolist() == ["washer"]
    bench.press("Escape")


def test_a_mask_is_painted_on_again(bench):
    bench.press("b")
    path(bench, (100, 100), (200, 100))
    before = kept(bench)
    bench.page.locator(".lk-row.lk-is-added").click()
    bench.press("Shift+B")
    bench.click(150, 100, button="left")
    bench.press("Enter")
    bench.said("Mask changed")
    bench.saved()
    row = bench.decided().iloc[-1]
    after = decode_mask(Rle(384, 512, row["mask_counts"])).astype(bool)
    assert 0 < np.count_nonzero(before & ~after) < 400
    assert not (after & ~before).any()
