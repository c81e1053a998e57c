"""What the page and the kernel hold after thousands of frames.

Playwright watches the network through DevTools, and Chromium keeps for each such watcher two copies
of every picture that is loaded, in the renderer's partition ``buffer`` and up to 100 MB. With four
watchers the renderer was seen to grow by four times as much a frame as with one. Its resident
memory is shown, therefore, but has no bar here; what a page leaks of its own shows in the others.
"""

from __future__ import annotations

import re
from typing import Any

import psutil

from _ui.report import Row
from _ui.rig import Probe, Rig

AT = (200, 1000, 2000)
SPARE = 12
REST = 10
"""Verdicts after which the canvas below is painted, too; of each frame it would take too long."""
GROWTH = 0.05
"""More than this between the first and the last of AT is not flat."""

_MEASURES: dict[str, tuple[str, float | None]] = {
    "heap_mb": ("JavaScript heap, MB", 1.0),
    "nodes": ("DOM nodes", 20),
    "listeners": ("event listeners", 20),
    "renderer_mb": ("renderer process (resident, with what DevTools keeps), MB", None),
    "browser_mb": ("browser process (resident, blobs included), MB", 25.0),
    "kernel_mb": ("kernel process (resident), MB", 25.0),
    "widgets": ("open widgets in the kernel", 0),
}
"""Each measure's name, and by how much it may grow where it is small; None has no bar."""


def run(rig: Rig) -> list[Row]:
    """Accept frames as fast as the bench takes them, and look now and then."""
    with rig.probe() as probe:
        probe.open(rig.long(AT[-1] + SPARE))
        probe.bench.stage.focus()
        found: list[dict[str, float]] = []
        done = 0
        for goal in AT:
            while done < goal:
                step = min(100, goal - done)
                probe.page.evaluate("([n, rest]) => labkitProbe.many(n, rest)", [step, REST])
                done += step
            if probe.bench.place != done + 1:
                raise RuntimeError(f"at {probe.bench.place} after {done} verdicts")
            found.append(_look(rig, probe))
    return [_row(name, [f[name] for f in found]) for name in _MEASURES]


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
        "renderer_mb": processes["renderer"],
        "browser_mb": processes["browser"],
        "kernel_mb": kernel["rss_mb"],
        "widgets": kernel["widgets"],
    }


def _resident(browser: Any) -> dict[str, float]:
    """Resident MB by type of process; of several, such as renderers, the one that worked most."""
    session = browser.new_browser_cdp_session()
    found = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    found.sort(key=lambda p: p["cpuTime"])
    return {p["type"]: psutil.Process(p["id"]).memory_info().rss / 2**20 for p in found}


def _row(name: str, values: list[float]) -> Row:
    title, noise = _MEASURES[name]
    first, last = values[0], values[-1]
    met = None if noise is None else last - first <= max(noise, GROWTH * first)
    form = "{:.1f}" if re.search("MB", title) else "{:.0f}"
    text = " → ".join(form.format(v) for v in values)
    ends = ", ".join(f"{n:,}" for n in AT)
    bar = "" if met is None else "flat"
    return Row(f"{title}, after {ends} frames", "localhost", text, bar, met)
