"""The flows of a review, each by mouse alone and by keys alone."""

from __future__ import annotations

from browser.hands import Mouse


def verdicts(bench):
    rows = bench.decisions()
    return rows[rows["kind"].isin(["accept_frame", "reject_frame"])]


def test_twenty_frames_are_accepted(bench, hand):
    for k in range(20):
        assert bench.place == k + 1
        hand.press("accept_frame")
        bench.at(k + 2)
    bench.saved()
    rows = verdicts(bench)
    assert rows["frame_id"].nunique() == len(rows) == 20
    assert set(rows["tool"]) == {hand.tool}
    bench.progress("20 / 24")
    bench.covered(False)


def test_an_object_is_relabelled(bench, hand):
    ids = [r.get_attribute("data-object") for r in bench.page.locator(".lk-row").all()]
    hand.choose(1)
    hand.label("washer" if not bench.rows()[1].startswith("washer") else "bolt")
    bench.saved()
    (row,) = bench.decisions().itertuples()
    assert (row.kind, row.object_id, row.tool) == ("relabel", ids[1], hand.tool)
    assert ", edited" in bench.rows()[1]
    (now,) = bench.decided().itertuples()
    assert bench.rows()[1].startswith(now.label)


def test_an_object_is_rejected_and_another_accepted(bench, hand):
    ids = [r.get_attribute("data-object") for r in bench.page.locator(".lk-row").all()]
    hand.choose(2)
    hand.press("reject")
    hand.choose(0)
    hand.press("accept")
    bench.saved()
    rows = bench.decisions()
    assert rows["kind"].tolist() == ["reject", "accept"]
    assert rows["object_id"].tolist() == [ids[2], ids[0]]
    assert set(rows["tool"]) == {hand.tool}
    assert "rejected" in bench.rows()[2]
    # what is rejected does not come back with the frame
    hand.press("accept_frame")
    bench.at(2)
    bench.saved()
    states = bench.decided().set_index("object_id")["state"]
    assert states[ids[2]] == "rejected"
    assert states[ids[0]] == "accepted"


def test_a_frame_goes_to_hand_labelling(bench, hand):
    frame = bench.frame_id
    hand.press("reject_frame")
    bench.at(2)
    bench.said("To hand-labelling")
    bench.saved()
    (row,) = bench.decisions().itertuples()
    assert (row.kind, row.frame_id, row.tool) == ("reject_frame", frame, hand.tool)
    thumb = bench.page.locator(".lk-thumb[aria-label='Frame 1']")
    assert thumb.get_attribute("data-state") == "hand"


def test_undo_goes_over_frames_and_redo_back(bench, hand):
    before = bench.rows()
    hand.choose(0)
    hand.press("reject")
    for k, action in enumerate(("accept_frame", "reject_frame", "accept_frame")):
        hand.press(action)
        bench.at(k + 2)
    for place in (3, 2, 1):
        hand.press("undo")
        bench.at(place)
        bench.said(f"Undone on frame {place}")
    bench.saved()
    bench.progress("0 / 24")
    hand.press("undo")  # the object, on this frame
    bench.saved()
    bench.listed(before)
    for _ in range(3):
        hand.press("redo")
    bench.at(2)
    bench.saved()
    bench.progress("2 / 24")
    kinds = bench.decisions()["kind"].tolist()
    assert kinds.count("undo") == 4
    assert kinds.count("redo") == 3


def test_a_reload_in_the_middle_goes_on(bench, hand):
    for k in range(3):
        hand.press("accept_frame")
        bench.at(k + 2)
    bench.saved()
    frame = bench.frame_id
    bench.reload()
    bench.at(4)
    assert bench.frame_id == frame
    bench.covered(False)
    hand.press("undo")  # also what was decided before the page was loaded again
    bench.at(3)
    bench.saved()
    hand.press("accept_frame")
    bench.at(4)
    hand.press("accept_frame")
    bench.at(5)
    bench.saved()
    bench.progress("4 / 24")
    assert set(verdicts(bench)["tool"]) == {hand.tool}


def test_two_views_show_one_session(bench, hand):
    bench.command("notebook:create-output-view")
    page = bench.page
    page.wait_for_function("() => document.querySelectorAll('.lk-glass').length === 2")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.lk-stage')].every(e => e.dataset.painted)"
    )
    both = """text => [...document.querySelectorAll('.lk-place')]
      .every(e => e.textContent.startsWith(text))"""
    second = page.locator(".lk-glass").nth(1)
    if hand.tool == "mouse":
        second.locator("[data-action=accept_frame]").click()
    else:
        second.locator(".lk-stage").focus()
        hand.press("accept_frame")
    page.wait_for_function(both, arg="2 ")
    bench.saved()
    bench.stage.focus()
    if hand.tool == "mouse":
        page.locator(".lk-glass").nth(0).locator("[data-action=undo]").click()
    else:
        hand.press("undo")
    page.wait_for_function(both, arg="1 ")
    bench.saved()
    assert bench.decisions()["kind"].tolist().count("accept_frame") == 1


def test_a_box_is_drawn_and_an_object_segmented_without_a_key(bench):
    hand = Mouse(bench)
    hand.label("washer")
    hand.press("new_box")
    bench.drag((40, 40), (90, 80))
    bench.saved()
    bench.click(4, 4)  # nothing there: nothing is selected
    o = bench.top()
    hand.label("bolt")
    hand.segment((o.x1 + o.x2) / 2, (o.y1 + o.y2) / 2)
    bench.said("bolt added")
    bench.saved()
    rows = bench.decisions()
    assert rows["kind"].tolist() == ["add", "add"]
    added = bench.decided()
    assert added["label"].tolist() == ["washer", "bolt"]
    assert added["mask_counts"].notna().tolist() == [False, True]
