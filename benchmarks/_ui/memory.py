"""What the page and the kernel hold after thousands of frames.

The page's own process is measured in a browser without developer tools: for each watcher of the
network, such as Playwright, Chromium keeps copies there of every picture that a page loads.
"""

from __future__ import annotations

import re
from typing import Any

import psutil

from _ui.bare import BarePage
from _ui.report import Row
from _ui.rig import CELL, PROBE, Probe, Rig

AT = (200, 1000, 2000)
SPARE = 12
REST = 10
"""Verdicts after which the canvas below is painted, too; of each frame it would take too long."""
GROWTH = 0.05
"""More than this between the first and the last of AT is not flat."""

_MEASURES: dict[str, tuple[str, float]] = {
    "heap_mb": ("JavaScript heap, MB", 1.0),
    "nodes": ("DOM nodes", 20),
    "listeners": ("event listeners", 20),
    "browser_mb": ("browser process (resident, blobs included), MB", 25.0),
    "kernel_mb": ("kernel process (resident), MB", 25.0),
    "widgets": ("open widgets in the kernel", 0),
    "renderer_mb": ("the page's own process (resident, without developer tools), MB", 25.0),
}
"""Each measure's name, and by how much it may grow where it is small."""
_MANY = "labkitProbe.many({}, {})"
_CONNECTED = """window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel
  ?.connectionStatus === "connected\""""
_RUN = "void window.jupyterapp.commands.execute('notebook:run-all-cells')"
_PAINTED = "document.querySelector('.lk-stage')?.dataset.painted"


def run(rig: Rig) -> list[Row]:
    """Accept frames as fast as the bench takes them, and look now and then."""
    with rig.probe() as probe:
        probe.open(rig.long(AT[-1] + SPARE))
        probe.bench.stage.focus()
        samples: list[dict[str, float]] = []
        done = 0
        for goal in AT:
            while done < goal:
                step = min(100, goal - done)
                probe.page.evaluate("([n, rest]) => labkitProbe.many(n, rest)", [step, REST])
                done += step
            if probe.bench.place != done + 1:
                raise RuntimeError(f"at {probe.bench.place} after {done} verdicts")
            samples.append(_look(rig, probe))
    own = _unrecorded(rig)
    for one, renderer_mb in zip(samples, own, strict=True):
        one["renderer_mb"] = renderer_mb
    return [_row(name, [f[name] for f in samples]) for name in _MEASURES]


def _unrecorded(rig: Rig) -> list[float]:
    """Resident memory of the page's process at AT, in a browser without a watcher."""
    project = rig.long(AT[-1] + SPARE)
    url = rig.lab.notebook("unrecorded", CELL.format(path=str(project), options=""))
    found, done = [], 0
    with BarePage(url) as page:
        page.until(_CONNECTED)
        page.evaluate(_RUN)
        page.until(_PAINTED)
        page.evaluate(f"{PROBE}; void 0")
        for goal in AT:
            while done < goal:
                step = min(100, goal - done)
                page.evaluate(_MANY.format(step, REST))
                done += step
            found.append(page.resident_mb())
    return found


def _look(rig: Rig, probe: Probe) -> dict[str, float]:
    session = probe.page.context.new_cdp_session(probe.page)
    for _ in range(3):  # what finalizers free goes with the next collection
        session.send("HeapProfiler.collectGarbage")
        probe.settle(300)
    session.send("Performance.enable")
    metrics = {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}
    heap = session.send("Runtime.getHeapUsage")["usedSize"]
    session.send("Memory.simulatePressureNotification", {"level": "critical"})  # caches go
    probe.settle(1000)
    session.detach()
    kernel = probe.ask("memory")
    processes = _resident(rig.browser)
    return {
        "heap_mb": heap / 2**20,
        "nodes": metrics["Nodes"],
        "listeners": metrics["JSEventListeners"],
        "browser_mb": processes["browser"],
        "kernel_mb": kernel["rss_mb"],
        "widgets": kernel["widgets"],
    }


def _resident(browser: Any) -> dict[str, float]:
    """Resident MB by type of process; of several, the one that worked most."""
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    processes.sort(key=lambda p: p["cpuTime"])
    return {p["type"]: psutil.Process(p["id"]).memory_info().rss / 2**20 for p in processes}


def _row(name: str, values: list[float]) -> Row:
    title, noise = _MEASURES[name]
    first, last = values[0], values[-1]
    met = last - first <= max(noise, GROWTH * first)
    form = "{:.1f}" if re.search("MB", title) else "{:.0f}"
    text = " → ".join(form.format(v) for v in values)
    ends = ", ".join(f"{n:,}" for n in AT)
    return Row(f"{title}, after {ends} frames", "localhost", text, "flat", met)
