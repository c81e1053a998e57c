"""The bench on the ipykernels that people have, whose handlers run on different threads.

6.31 and 7.4 run them on the main thread, after the cell; 7.1 to 7.3 on a thread of their own, while
a cell runs.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser.hands import Mouse
from browser.page import BenchPage

from labkit.demo import embedded_weights, write_stills
from labkit.project import Project

MORE = 600
CELL = """import labkit as lk
project = lk.Project.open({path!r})
bench = lk.Bench(project, reviewer="ana", height=480)
bench"""
SAY = "import ipykernel; print('ipykernel', ipykernel.__version__, 'it is')"
BUSY = """import os, time
while not os.path.exists({gate!r}):
    time.sleep(0.1)
print("the cell", "is over")"""
_OUTPUT = """text => [...document.querySelectorAll(".jp-OutputArea-output")]
  .some(e => e.textContent.includes(text))"""
_FAR = """() => {
  const found = /running, (\\d+) of/.exec(document.body.innerText.replace(/\\u00a0/g, " "));
  return found && Number(found[1]) > 20;
}"""
_GONE = re.compile(
    r"Task exception was never retrieved\nfuture: [^\n]*WebSocketClosedError\(\)>\n"
    r"Traceback .*?\ntornado\.websocket\.WebSocketClosedError\n",
    re.DOTALL,
)
"""What the server says of a message to a page that has just been closed."""

soak = pytest.mark.soak


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("6.31.0", marks=soak), pytest.param("7.1.0", marks=soak),
        pytest.param("7.2.0", marks=soak), "7.3.0", pytest.param("7.4.0", marks=soak),
    ],
)  # fmt: skip
def kernel(request, lab, tmp_path_factory) -> tuple[str, str]:
    """An ipykernel of this version: its version and the kernel's name."""
    version = request.param
    folder = tmp_path_factory.mktemp(f"ipykernel-{version}")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"),
            *("--target", str(folder), f"ipykernel=={version}"),
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"pip cannot fetch ipykernel {version}: {done.stderr.strip()[-200:]}")
    name = f"ipykernel-{version}"
    lab.add_kernel(name, folder)
    return version, name


@pytest.fixture(scope="module")
def frames(tmp_path_factory) -> Path:
    """Eight frames with proposals, and many that a model may still look at."""
    folder = tmp_path_factory.mktemp("frames")
    scenes = write_stills(folder / "few", 8, seed=7)
    (folder / "more").mkdir()
    data = scenes[0].read_bytes()
    for k in range(MORE):  # bytes after the end of a JPEG change nothing but its hash
        (folder / "more" / f"{k:04}.jpg").write_bytes(data + k.to_bytes(4, "big"))
    return folder


@pytest.fixture
def opened(browser, lab, kernel, frames) -> Iterator[tuple[BenchPage, Mouse, str]]:
    version, name = kernel
    folder = lab.folder / name
    with Project.create(folder / "project") as p:
        p.add_frames(frames / "few")
        p.predict(embedded_weights(), conf=0.5, progress=None)
        p.add_frames(frames / "more")
    log, own = Path(lab.log.name), lab.folder / ".home" / "labkit.log"
    before = [f.stat().st_size if f.exists() else 0 for f in (log, own)]
    page = BenchPage(browser, lab, name, kernel=name)
    page.project_path = folder / "project"
    page.show(CELL.format(path=str(folder / "project")), SAY, "0")
    page.page.wait_for_function(_OUTPUT, arg=f"ipykernel {version} it is", timeout=120_000)
    page.painted()
    yield page, Mouse(page), version
    errors = page.errors
    page.end()
    assert not errors
    for f, start in zip((log, own), before, strict=True):
        said = f.read_bytes()[start:].decode(errors="replace") if f.exists() else ""
        said = _GONE.sub("", said)
        assert "Traceback" not in said, said[-4000:]
        assert "Exception" not in said, said[-4000:]


def test_the_bench_works_whichever_thread_its_handlers_run_on(opened):
    page, hand, version = opened
    # decisions
    top = page.top()
    page.press("e", "Shift+ArrowRight", "Enter", "a", "x")
    page.at(3)
    page.saved()
    rows = page.decisions()
    assert rows["object_id"].iloc[0] == top.object_id
    verdicts = ["accept_frame", "reject_frame"]
    assert rows["kind"][rows["kind"].isin(verdicts)].tolist() == verdicts
    # decisions while a cell runs: the pictures move on at once, and all of them arrive in order
    gate = page.lab.folder / f"gate-{version}"
    page.run(BUSY.format(gate=str(gate)))
    try:
        page.press("a", "x", "a")
        page.at(6)
        if version.startswith(("7.1", "7.2", "7.3")):
            page.saved()  # while the cell runs
        assert not page.page.evaluate(_OUTPUT, "the cell is over")
    finally:
        gate.touch()
    page.page.wait_for_function(_OUTPUT, arg="the cell is over")
    page.saved()
    rows = page.decisions()
    kinds = rows["kind"][rows["kind"].isin(verdicts)].tolist()
    assert kinds == [*verdicts, "accept_frame", "reject_frame", "accept_frame"]
    # panels, a job in the background, decisions beside it, cancel
    hand.tab("Queue")
    hand.panel.locator(".lkp-list option").first.wait_for(state="attached", timeout=60_000)
    hand.click("Rank again")
    hand.tab("Predict")
    hand.click("Predict")
    page.page.wait_for_function(_FAR, timeout=120_000)
    page.stage.focus()
    page.press("a")
    page.at(7)
    page.saved()
    began = time.monotonic()
    hand.click("Cancel")
    hand.panel.get_by_text(": cancelled").wait_for(timeout=60_000)
    assert time.monotonic() - began < 30
    hand.tab("Metrics")
    hand.panel.get_by_text("6 frames finished").first.wait_for(timeout=60_000)
    hand.tab("Jobs")
    hand.panel.get_by_text("cancelled").first.wait_for()
    hand.tab("Track")
    hand.panel.locator(".lkp-list option").first.wait_for(state="attached")
    # and the page can be loaded again
    page.reload()
    page.at(7)
    page.press("z")
    page.at(6)
    page.saved()
