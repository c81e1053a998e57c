"""Track an object over a clip, see where it drifts, correct it there, track it again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser.page import BenchPage

from labkit.demo import embedded_weights, write_video
from labkit.project import Project

CELL = """for name in ("reviewer", "bench"):
    if name in globals():
        globals().pop(name).close()
import labkit as lk
project = lk.Project.open({path!r})
clip = project.frames()[["frame_id"]].assign(rule="order", reason="as filmed")
bench = lk.Bench(project, reviewer="ana", queue=clip, height=480)
bench"""
FRAMES = 30


@pytest.fixture
def clip(page: BenchPage, lab, request) -> Iterator[BenchPage]:
    """The bench on a drawn clip in which objects pass under a gantry, all frames in order."""
    folder = lab.folder / f"clip-{request.node.callspec.id}"
    with Project.create(folder / "project") as p:
        p.add_frames(write_video(folder / "belt.mp4", FRAMES, seed=2, gantry=True))
        p.predict(embedded_weights(), conf=0.5, progress=None)
    page.open(folder / "project", CELL.format(path=str(folder / "project")), "1 + 1")
    yield page
    page.leave()


def said(hand, text):
    hand.panel.locator(".lkp-message").get_by_text(text).wait_for(timeout=120_000)


def look(path: Path) -> Project:
    return Project.open(path, read_only=True)


def test_an_object_is_tracked_corrected_and_tracked_again(clip, hand):
    bench = clip
    hand.tab("Track")
    objects = hand.list("Objects of the frame").locator("option")
    objects.nth(2).wait_for(state="attached", timeout=60_000)
    first = objects.nth(0).inner_text()
    hand.pick("Objects of the frame", 0)
    hand.check("Replace detections")
    hand.click("Track")
    said(hand, "Run r0002-flow has finished")
    with look(bench.project_path) as p:
        run = p.runs()[-1]
        tracked = p.proposals(run.run_id)
        ids = p.frames()["frame_id"].tolist()
        (track,) = p.tracks(run.run_id).itertuples()
    assert track.drift > 0
    assert first.split()[1] == track.label
    # it is in the table of tracks, with how many frames to look at
    line = hand.panel.locator(".lkp-table tr", has_text=f"#{track.track_id}").first
    line.wait_for()
    assert f"{track.frames}{track.keyframes}{track.drift}" in line.inner_text().replace("\t", "")
    # go to the first frame that is flagged: the list says why
    flagged = tracked[tracked["attributes"].str.contains('"drift"', na=False)]
    place = min(ids.index(f) for f in flagged["frame_id"])
    if hand.tool == "key":
        bench.stage.focus()
    for k in range(place):
        hand.press("next")
        bench.at(k + 2)
    hand.panel.get_by_text(f"Frame {place + 1} of {FRAMES}").wait_for()
    row = objects.filter(has_text=re.compile(rf"#{track.track_id}(\s+\S+){{3}}"))
    row.wait_for(state="attached")  # the column 'to look at' is not empty
    # correct its box there
    here = ids[place]
    before = tracked[tracked["frame_id"] == here].iloc[0]
    bench.page.locator(".lk-what", has_text=f"#{track.track_id}").first.wait_for()
    bench.covered(False)
    rows = bench.rows()
    names = bench.page.locator(".lk-what").all_inner_texts()
    assert len(names) == len(rows)
    hand.choose(next(k for k, n in enumerate(names) if f"#{track.track_id}" in n))
    if hand.tool == "mouse":
        bench.drag((before.x2, before.y2), (before.x2 + 12, before.y2 + 9))
    else:
        bench.press("e", *["Alt+ArrowRight"] * 12, *["Alt+ArrowDown"] * 9, "Enter")
    bench.saved()
    (edit,) = bench.decisions().itertuples()
    assert (edit.kind, edit.frame_id, edit.object_id) == ("edit", here, before.object_id)
    # and track again from there
    hand.click("Track again")
    said(hand, "Run r0003")
    with look(bench.project_path) as p:
        again = p.runs()[-1]
        new = p.proposals(again.run_id)
        now = p.proposals()
        assert again.run_id != run.run_id
    places = sorted(ids.index(f) for f in new["frame_id"])
    assert places[0] >= place - 1  # what does not depend on the correction is not done again
    assert again.replaces
    after = [k for k in places if k > place]
    assert after
    old = tracked.set_index("frame_id")
    for k in after[:2]:
        both = new[new["frame_id"] == ids[k]].iloc[0]
        if ids[k] in old.index:
            assert abs(both.x2 - old.loc[ids[k]].x2) > 2  # it follows the corrected box
    assert (now["frame_id"] == ids[after[0]]).sum() >= 1
    # the bench shows the new track: its box on the next frame is the new one
    if hand.tool == "key":
        bench.stage.focus()
    hand.press("next")
    bench.at(place + 2)
    wanted = new[new["frame_id"] == ids[place + 1]].iloc[0].object_id
    bench.page.locator(f".lk-row[data-object='{wanted}']").wait_for()
