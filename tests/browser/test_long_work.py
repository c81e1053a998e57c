"""Predicting takes a while: a label map, cancel, going on, and a page that is closed meanwhile."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from browser.hands import Mouse
from browser.page import BENCH_CELL, BenchPage

from labkit.demo import write_stills
from labkit.project import Project

FRAMES = 900
_FAR = """n => {
  const found = /running, (\\d+) of/.exec(document.body.innerText.replace(/\\u00a0/g, " "));
  return found && Number(found[1]) >= n;
}"""


@pytest.fixture(scope="module")
def many(tmp_path_factory) -> Path:
    """A project of very many frames that no model has seen, with labels of its own."""
    folder = tmp_path_factory.mktemp("many")
    scenes = [path.read_bytes() for path in write_stills(folder / "few", 4, seed=5)]
    (folder / "scenes").mkdir()
    for k in range(FRAMES):  # bytes after the end of a JPEG change nothing but its hash
        (folder / "scenes" / f"{k:04}.jpg").write_bytes(scenes[k % 4] + k.to_bytes(4, "big"))
    with Project.create(folder / "project", labels=["fastener", "washer"]) as p:
        p.add_frames(folder / "scenes")
    return folder


@pytest.fixture
def waiting(lab, many, request) -> Path:
    """A project of its own with these frames."""
    folder = lab.folder / re.sub(r"\W+", "-", request.node.name)
    with Project.create(folder / "project", labels=["fastener", "washer"]) as p:
        p.add_frames(many / "scenes")
    return folder / "project"


def state(hand) -> str:
    """The line beside the panel's bar."""
    return hand.panel.locator(".lkp-row").last.inner_text().replace("\u00a0", " ")


def done(hand) -> int:
    found = re.search(r"(\d+) of \d+", state(hand))
    assert found, state(hand)
    return int(found[1])


SLOWER = """import threading, time
from labkit.models.worker import Priority, worker
def slower():
    while True:  # until the kernel ends: the job has to outlast the start of a second page
        worker().submit(time.sleep, 0.2, priority=Priority.CLICK).result()
threading.Thread(target=slower, daemon=True).start()"""


def cancelled(hand) -> float:
    """Cancel; the seconds until it has worked."""
    began = time.monotonic()
    hand.click("Cancel")
    hand.panel.get_by_text(": cancelled").wait_for(timeout=60_000)
    return time.monotonic() - began


def test_a_prediction_with_a_label_map_is_cancelled_and_goes_on(page, hand, waiting):
    page.project_path = waiting
    page.show(BENCH_CELL.format(path=str(waiting)), "1 + 1")
    hand.panel.get_by_text(f"{FRAMES} frames").first.wait_for(timeout=60_000)
    hand.click("Open")
    hand.panel.get_by_text("1 labels kept, 2 dropped: nut, bolt").wait_for(timeout=60_000)
    hand.pick("The model's labels", 0)
    hand.pick("The model's labels", 1, more=True)
    hand.pick("The project's labels", 0)
    hand.click("← means this")
    hand.panel.get_by_text("3 labels kept, 0 dropped").wait_for()
    hand.click("Predict")
    page.page.wait_for_function(_FAR, arg=100, timeout=120_000)
    took = cancelled(hand)
    reached = done(hand)
    assert 100 <= reached < FRAMES
    assert took < 30
    with Project.open(waiting, read_only=True) as p:
        (run,) = p.runs()
        assert run.status != "finished"
        parts = {f: f.stat().st_mtime_ns for f in (waiting / "runs" / run.run_id).glob("part-*")}
    assert parts
    # the same call goes on where it stopped
    hand.click("Predict")
    hand.panel.get_by_text(f"Run {run.run_id} has finished").wait_for(timeout=180_000)
    page.painted()
    with Project.open(waiting, read_only=True) as p:
        assert [(m.run_id, m.status, m.frames) for m in p.runs()] == [
            (run.run_id, "finished", FRAMES)
        ]
        proposals = p.proposals()
        assert set(proposals["label"].unique()) == {"fastener", "washer"}
        assert set(proposals["model_label"].unique()) == {"nut", "bolt", "washer"}
    assert {f: f.stat().st_mtime_ns for f in parts} == parts  # nothing was done twice
    assert any(row.startswith("fastener") for row in page.rows())
    page.leave()


def test_a_page_that_is_closed_finds_its_job_again(browser, lab, waiting):
    first = BenchPage(browser, lab, "closed")
    hand = Mouse(first)
    first.show(BENCH_CELL.format(path=str(waiting)), SLOWER)
    hand.panel.get_by_text(f"{FRAMES} frames").first.wait_for(timeout=60_000)
    hand.click("Predict")
    first.page.wait_for_function(_FAR, arg=10, timeout=120_000)
    first.command("docmanager:save")
    before = done(hand)
    first.context.close()
    second = BenchPage(browser, lab, "closed")
    try:
        hand = Mouse(second)
        second.again()
        hand.panel.get_by_text(": running").wait_for(timeout=60_000)
        seen = done(hand)
        assert seen > before
        second.page.wait_for_function(_FAR, arg=seen + 1, timeout=60_000)  # it moves on
        took = cancelled(hand)
        assert done(hand) < FRAMES
        assert took < 30
        hand.tab("Jobs")
        hand.panel.get_by_text("cancelled").first.wait_for()
        assert not second.errors
    finally:
        second.end()
