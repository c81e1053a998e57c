"""What a reviewer does in a session, in JupyterLab in Chromium; see test_both_ways, too."""

import pytest


def kinds(bench):
    return bench.decisions()["kind"].tolist()


def test_buttons_do_the_same_by_mouse(bench):
    bench.page.click("[data-action=accept_frame]")
    bench.at(2)
    bench.page.click("[data-action=reject_frame]")
    bench.at(3)
    bench.saved()
    rows = bench.decisions().set_index("kind")
    assert rows.loc["reject_frame", "tool"] == "mouse"
    bench.page.click("[data-action=undo]")
    bench.at(2)
    bench.saved()
    bench.page.click("[data-action=next]")
    bench.at(3)
    assert kinds(bench)[-1] == "undo"


def test_a_box_is_edited_by_mouse(bench):
    o = bench.top()
    bench.click((o.x1 + o.x2) / 2, (o.y1 + o.y2) / 2)
    bench.drag((o.x2, o.y2), (o.x2 + 14, o.y2 + 9))
    bench.saved()
    (row,) = [r for r in bench.decisions().itertuples() if r.kind == "edit"]
    edited = bench.decided().set_index("object_id").loc[row.object_id]
    assert (edited.x1, edited.y1) == pytest.approx((o.x1, o.y1), abs=0.01)
    assert (edited.x2, edited.y2) == pytest.approx((o.x2 + 14, o.y2 + 9), abs=1.5)
    assert row.tool == "mouse"


def test_a_box_is_edited_by_keys_in_one_decision(bench):
    o = bench.top()
    bench.press("e", "Shift+ArrowRight", "ArrowRight", "Alt+ArrowDown", "Enter")
    bench.saved()
    assert kinds(bench) == ["edit"]
    edited = bench.decided().iloc[0]
    want = (o.x1 + 11, o.y1, o.x2 + 11, o.y2 + 1)
    assert (edited.x1, edited.y1, edited.x2, edited.y2) == pytest.approx(want, abs=0.01)


def test_objects_are_relabelled_rejected_and_accepted(bench):
    before = bench.rows()
    bench.press("ArrowDown", "2", "ArrowDown", "r")
    bench.saved()
    assert bench.rows()[0].startswith("bolt, edited")
    assert "rejected" in bench.rows()[1]
    bench.page.locator(".lk-row").nth(2).click()
    bench.press("Enter")
    bench.page.locator("[data-label=nut]").click()
    bench.saved()
    assert kinds(bench)[:3] == ["relabel", "reject", "accept"]
    assert len(bench.rows()) == len(before)


def test_a_box_and_a_polygon_are_drawn(bench):
    bench.press("3", "n")
    bench.drag((40, 40), (90, 80))
    bench.press("Escape", "p")
    for x, y in ((20, 300), (80, 300), (80, 350), (20, 300)):
        bench.click(x, y)
    bench.saved()
    added = bench.decided()
    assert added["label"].tolist() == ["washer", "washer"]
    box = added[["x1", "y1", "x2", "y2"]].iloc[0].tolist()
    assert box == pytest.approx([40, 40, 90, 80], abs=1.5)
    assert len(added["polygons"].iloc[1][0]) == 6
    # what was drawn is selected, so its vertices can be dragged at once
    bench.drag((80, 350), (60, 370))
    bench.saved()
    assert bench.decided()["y2"].iloc[1] == pytest.approx(370, abs=1.5)


def test_a_mask_is_painted_and_erased(bench):
    bench.press("b")
    bench.drag((60, 60), (120, 60), steps=4)
    bench.press("Enter")
    bench.saved()
    painted = bench.decided().iloc[0]
    assert painted.x1 < 60 < 120 < painted.x2
    bench.said("added")


def test_a_box_outside_snaps_to_the_edge(bench):
    bench.press("n")
    bench.drag((470, 340), (530, 400))
    bench.saved()
    (row,) = bench.decided().itertuples()
    assert (row.x2, row.y2) == (512, 384)


def test_undo_and_redo_go_over_frames(bench):
    bench.press("a", "x", "a")
    bench.at(4)
    bench.saved()
    bench.press("z", "z")
    bench.at(2)
    bench.saved()
    bench.said("Undone on frame 2")
    bench.press("Shift+Z")
    bench.saved()
    assert kinds(bench)[-3:] == ["undo", "undo", "redo"]
    bench.progress("2 / 24")  # it follows the move
    bench.press("d", "f", "f")
    bench.at(3)


def test_a_rejected_object_stays_so_whatever_is_unfinished(bench):
    bench.press("e", "ArrowRight", "r")  # moved, not sent: the move first, then the verdict
    bench.saved()
    assert kinds(bench) == ["edit", "reject"]
    bench.press("Escape", "Control+a", "2")  # all objects, but not what is not there
    bench.saved()
    rejected = bench.decisions().query("kind == 'reject'")["object_id"].iloc[0]
    relabelled = set(bench.decisions().query("kind == 'relabel'")["object_id"])
    assert relabelled
    assert rejected not in relabelled


def test_undo_takes_back_what_is_not_sent_before_what_is(bench):
    bench.press("a")
    bench.at(2)
    bench.press("e", "ArrowRight", "ArrowRight", "z")
    bench.said("Not moved")
    bench.saved()
    assert bench.place == 2
    assert "undo" not in kinds(bench)
    bench.press("z")
    bench.at(1)
    bench.saved()
    assert kinds(bench)[-1] == "undo"


def test_a_held_key_accepts_one_object(bench):
    bench.press("ArrowDown")
    down = {"key": "Enter", "code": "Enter", "bubbles": True}
    for repeat in (False, True, True, True):
        bench.stage.dispatch_event("keydown", {**down, "repeat": repeat})
    bench.saved()
    assert kinds(bench) == ["accept"]


def test_jupyter_shortcuts_stay_away_from_the_bench_and_work_beside_it(bench):
    cells = bench.cells()
    bench.press("d", "d", "x", "b", "Escape", "y", "m", "Shift+Enter")
    bench.page.locator(".lk-objects").focus()
    bench.press("d", "d")
    assert bench.cells() == cells
    bench.page.locator(".jp-Cell").nth(1).locator(".jp-InputPrompt").click()
    bench.press("Escape", "d", "d")
    bench.page.wait_for_function(
        "n => window.jupyterapp.shell.currentWidget.content.widgets.length === n - 1", arg=cells
    )


def test_tab_leaves_the_bench(bench):
    for _ in range(60):
        bench.press("Tab")
        if not bench.page.evaluate("() => Boolean(document.activeElement.closest('.lk-glass'))"):
            return
    raise AssertionError("Tab stays in the bench")


def test_the_sheet_shows_the_keys_and_takes_none_of_them(bench):
    bench.press("?")
    assert "accept the frame" in bench.page.locator(".lk-sheet").inner_text()
    bench.press("a", "Escape")
    assert bench.page.locator(".lk-sheet").is_hidden()
    assert bench.place == 1
    assert bench.decisions().empty


def test_the_threshold_filters_at_once_and_is_what_is_accepted(bench):
    before = len(bench.rows())
    slider = bench.page.locator(".lk-side input[type=range]")
    slider.evaluate("e => { e.value = 0.9; e.dispatchEvent(new Event('input')); }")
    bench.page.wait_for_function("n => document.querySelectorAll('.lk-row').length < n", arg=before)
    shown = len(bench.rows())
    bench.stage.focus()
    bench.press("a")
    bench.at(2)
    bench.saved()
    rows = bench.decisions()
    assert (rows["kind"] == "accept").sum() == shown
    assert set(rows["threshold"]) == {0.9}


def test_zoom_keeps_what_is_under_the_cursor(bench):
    o = bench.top()
    x, y = (o.x1 + o.x2) / 2, (o.y1 + o.y2) / 2
    bench.page.mouse.move(*bench.point(x, y))
    for _ in range(4):
        bench.page.mouse.wheel(0, -240)
    bench.covered(False)
    bench.click(x, y)
    bench.press("r")
    bench.saved()
    (row,) = bench.decisions().itertuples()
    assert (row.kind, row.object_id) == ("reject", o.object_id)
