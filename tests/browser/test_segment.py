"""Pointing at objects: clicks go to the model, its mask into the ledger."""

import pytest


def ready(bench):
    """Take up the tool and wait until its model is open."""
    bench.press("s")
    bench.page.wait_for_function(
        "() => document.querySelector('.lk-pointbar select')?.options.length > 0", timeout=60_000
    )
    bench.page.wait_for_function(
        "() => document.querySelector('.lk-pointstate').textContent.startsWith('Click')",
        timeout=120_000,
    )


def looked(bench):
    """Wait for the mask of what has been pointed at."""
    bench.followed()  # the bar may still show what was there before
    bench.page.locator(".lk-pointbar button:not([disabled])", has_text="Keep").wait_for(
        timeout=120_000
    )


def middle(box):
    return (box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2


def test_an_object_is_segmented_by_two_clicks(bench):
    top = bench.top()
    x, y = middle(top)
    width, height = top.x2 - top.x1, top.y2 - top.y1
    ready(bench)
    bench.click(x - width / 4, y - height / 4)
    looked(bench)
    bench.click(x + width / 4, y + height / 4)
    bench.press("2", "Enter")  # before the answer is there: it is kept when it comes
    bench.said("bolt added")
    bench.saved()
    (row,) = bench.decided().itertuples()
    assert (row.state, row.label) == ("added", "bolt")
    assert row.mask_counts
    assert abs((row.x2 - row.x1) - width) < width / 2
    decision = bench.decisions().iloc[-1]
    assert (decision["kind"], decision["tool"]) == ("add", "sam2-nano")
    assert decision["clicks"] >= 2
    assert any("bolt, added" in row for row in bench.rows())
    # the tool stays; a point can be taken back, and Escape drops what is not kept
    bench.click(x, y)
    looked(bench)
    bench.click(x, y)
    bench.page.locator(".lk-pointbar button[disabled]", has_text="Keep").wait_for(timeout=120_000)
    bench.click(x, y)
    looked(bench)
    bench.press("Escape", "Escape")
    bench.page.locator(".lk-pointbar").wait_for(state="hidden")
    assert len(bench.decisions()) == 1


def test_a_box_and_a_point_of_the_background_change_the_selected_object(bench):
    top = bench.top()
    bench.press("ArrowDown")
    ready(bench)
    bench.drag((top.x1 - 2, top.y1 - 2), (top.x2 + 2, top.y2 + 2))
    looked(bench)
    bench.click(top.x1 - 1, top.y1 - 1, button="right")
    looked(bench)
    assert bench.page.locator(".lm-Menu:visible").count() == 0  # JupyterLab's own stays away
    bench.page.locator(".lk-pointbar input").fill("12")
    bench.page.locator(".lk-pointbar output", has_text="12 points").wait_for()
    looked(bench)
    bench.stage.focus()
    bench.press("Enter")
    bench.saved()
    (row,) = bench.decided().itertuples()
    assert (row.state, row.object_id) == ("edited", top.object_id)
    assert 3 <= sum(len(ring) for ring in row.polygons) // 2 <= 12
    assert bench.decisions().iloc[-1]["tool"] == "sam2-nano"
    assert row.x1 == pytest.approx(top.x1, abs=12)


SLOW = """import os, time
from labkit.models.worker import Priority, worker
def hold():
    while not os.path.exists({gate!r}):
        time.sleep(0.02)
worker().submit(hold, priority=Priority.CLICK)"""


def test_a_verdict_waits_for_the_mask_that_is_kept(bench, tmp_path):
    x, y = middle(bench.top())
    ready(bench)
    first = bench.frame_id
    gate = tmp_path / "gate"
    try:
        bench.run(SLOW.format(gate=str(gate)))
        bench.click(x, y)
        bench.press("Enter")
        bench.said("as soon as its mask is here")
        bench.click(500, 360)  # no point of the same mask any more
        bench.said("one moment")
        bench.press("a")
        bench.followed()
        assert bench.place == 1
    finally:
        gate.touch()
    bench.at(2)
    bench.saved()
    rows = bench.decisions()
    kinds = rows["kind"].tolist()
    assert kinds[0] == "add"
    assert "accept_frame" in kinds
    assert set(rows["frame_id"]) == {first}
    (row,) = bench.decided().query("state == 'added'").itertuples()
    assert row.x1 < x < row.x2


def test_a_target_is_left_with_its_frame(bench):
    bench.press("ArrowDown")
    ready(bench)
    bench.press("f")
    bench.at(2)
    x, y = middle(bench.top())
    bench.click(x, y)
    looked(bench)
    bench.press("Enter")
    bench.said("added")
    bench.saved()
    assert bench.decisions()["kind"].tolist() == ["add"]


def test_ctrl_collects_points_before_asking(bench):
    top = bench.top()
    x, y = middle(top)
    ready(bench)
    bench.page.keyboard.down("Control")
    bench.click(x - (top.x2 - top.x1) / 4, y)
    bench.click(x + (top.x2 - top.x1) / 4, y)
    assert bench.page.locator(".lk-pointbar button[disabled]", has_text="Keep").count() == 1
    bench.page.keyboard.up("Control")
    looked(bench)
    bench.press("Enter")
    bench.saved()
    assert bench.decisions()["kind"].tolist() == ["add"]
