"""Measure how far the bench is behind the hand, on localhost and through a link of 80 ms.

A real JupyterLab in a real Chromium; the slow link is a proxy on loopback that delays every byte by
40 ms each way. Needs chromium, playwright and the built front end. Run it on a machine that does
nothing else; with other work going on its figures are provisional.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np
from _table import show

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from browser.jupyter import ARGUMENTS, Lab, chromium, free_port  # noqa: E402
from browser.page import BenchPage  # noqa: E402

_DRAG = """async steps => {
  const stage = document.querySelector(".lk-stage");
  const box = stage.getBoundingClientRect();
  const waits = [];
  let paints = 0, running = true;
  const count = () => { paints++; if (running) requestAnimationFrame(count); };
  requestAnimationFrame(count);
  const send = (type, x, y) => stage.dispatchEvent(new PointerEvent(type, {
    clientX: box.left + x, clientY: box.top + y, button: 0, buttons: 1, pointerId: 1,
    bubbles: true, isPrimary: true, pointerType: "mouse"}));
  stage.setPointerCapture = () => {};
  const start = performance.now();
  send("pointerdown", 300, 200);
  for (let k = 0; k < steps; k++) {
    const at = performance.now();
    send("pointermove", 300 + k, 200 + k / 2);
    await new Promise(done => requestAnimationFrame(() => setTimeout(done, 0)));
    waits.push(performance.now() - at);
  }
  send("pointerup", 300 + steps, 200 + steps / 2);
  running = false;
  return [waits, paints / ((performance.now() - start) / 1000)];
}"""
_VERDICT = """async () => {
  const stage = document.querySelector(".lk-stage"), light = document.querySelector(".lk-light");
  const before = stage.dataset.painted, start = performance.now();
  stage.dispatchEvent(new KeyboardEvent("keydown", {key: "a", bubbles: true}));
  while (stage.dataset.painted === before) await new Promise(r => setTimeout(r, 1));
  await new Promise(done => requestAnimationFrame(() => setTimeout(done, 0)));
  const painted = performance.now() - start;
  while (light.dataset.light !== "saved") await new Promise(r => setTimeout(r, 1));
  return [painted, performance.now() - start];
}"""


class SlowLink(threading.Thread):
    """A proxy on loopback that hands on every chunk of bytes some time later."""

    def __init__(self, to: int, delay_s: float) -> None:
        super().__init__(daemon=True)
        self.to, self.delay_s, self.port = to, delay_s, free_port()
        self.start()

    def run(self) -> None:
        """Serve until the program ends."""
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connect, "127.0.0.1", self.port)
        async with server:
            await server.serve_forever()

    async def _connect(self, reader: Any, writer: Any) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.to)
        await asyncio.gather(self._pump(reader, there_writer), self._pump(there_reader, writer))

    async def _pump(self, reader: Any, writer: Any) -> None:
        loop = asyncio.get_running_loop()
        while data := await reader.read(1 << 16):
            loop.call_later(self.delay_s, writer.write, data)
        loop.call_later(self.delay_s + 0.01, writer.close)


def make_project(folder: Path, frames: int) -> Path:
    """Drawn frames of 720p, with their truth as proposals."""
    from labkit.demo import write_coco
    from labkit.project import Project

    coco = write_coco(folder / "scenes", frames, size=(720, 1280))
    with Project.create(folder / "project", labels=["bolt", "nut", "washer"]) as p:
        p.add_frames(coco.parent / "images")
        p.import_annotations("coco", coco, as_="proposals")
    return folder / "project"


def measure(browser: Any, lab: Lab, project: Path, port: int, frames: int) -> list[str]:
    """Figures of one link: a drag, and verdicts."""
    url, lab.url = lab.url, f"http://127.0.0.1:{port}"
    page = BenchPage(browser, lab)
    page.open(project)
    page.page.wait_for_timeout(2000)
    page.press("n")
    drag, rate = page.page.evaluate(_DRAG, 120)
    page.saved()
    verdicts = []
    for _ in range(frames - 8):
        verdicts.append(page.page.evaluate(_VERDICT))
        page.page.wait_for_timeout(350)  # a person looks for longer
    page.close()
    lab.url = url
    painted, committed = (list(column) for column in zip(*verdicts, strict=True))
    return [spread(drag), f"{rate:.0f}", spread(painted), spread(committed)]


def spread(values: list[float]) -> str:
    """Median and 95th percentile."""
    return f"{statistics.median(values):.0f} / {np.percentile(values, 95):.0f}"


def main() -> None:
    """Measure both links and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=40)
    given = parser.parse_args()
    path = chromium()
    if path is None:
        sys.exit("chromium is not installed (or set LABKIT_CHROMIUM)")
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        lab = Lab(Path(folder))
        try:
            browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
            rows = []
            for name, delay in (("localhost", 0.0), ("80 ms link", 0.04)):
                project = make_project(Path(folder) / f"world{len(rows)}", given.frames)
                port = SlowLink(lab.port, delay).port if delay else lab.port
                rows.append([name, *measure(browser, lab, project, port, given.frames)])
            browser.close()
        finally:
            lab.close()
    show(
        "ui",
        "How far is the bench behind the hand? (720p; median / p95, ms)",
        ["link", "drag a box, event to paint", "paints a second", "'A' to next frame painted",
         "'A' to committed and answered"],
        rows,
    )  # fmt: skip


if __name__ == "__main__":
    main()
