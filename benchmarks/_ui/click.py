"""A click of the segment tool: what the bench adds to the model's own time."""

from __future__ import annotations

from pathlib import Path

from _ui.report import Row, percentile, spread
from _ui.rig import LINKS, Probe, Rig
from labkit.project import Project

CLICKS = 30
BAR = 60
_OPEN = """() => document.querySelector(".lk-pointstate").textContent.startsWith("Click")"""


def run(rig: Rig) -> list[Row]:
    """Clicks on objects of one frame whose embedding is computed already."""
    rows = []
    for link in LINKS:
        with rig.probe(link) as probe:
            project = rig.plain()
            probe.open(project)
            clicks = _clicks(probe, _middles(project, probe.bench.frame_id))
            over = [f["painted"] - f["model"] for f in clicks]
            trip = 2000 * probe.delay_s
            extra = f" + {trip:.0f} of the link" if trip else ""
            rows += [
                Row("click to mask painted, over the model's own time", link, spread(over),
                    f"<= {BAR}{extra} ms", percentile(over, 95) <= BAR + trip),
                Row("... the model's own time", link, spread([f["model"] for f in clicks])),
            ]  # fmt: skip
    return rows


def _middles(project: Path, frame_id: str) -> list[tuple[float, float]]:
    with Project.open(project, read_only=True) as p:
        rows = p.proposals()
    rows = rows[rows["frame_id"] == frame_id]
    return list(zip((rows["x1"] + rows["x2"]) / 2, (rows["y1"] + rows["y2"]) / 2, strict=True))


def _clicks(probe: Probe, middles: list[tuple[float, float]]) -> list[dict]:
    page, bench = probe.page, probe.bench
    bench.frame_size = (1280, 720)
    bench.press("s")
    page.wait_for_function(_OPEN, timeout=120_000)
    clicks = []
    for k in range(CLICKS + 3):
        page.mouse.move(*bench.point(*middles[k % len(middles)]))
        probe.settle(500)  # a preview may be under way
        probe.times()
        probe.arm("click")
        page.mouse.down()
        page.mouse.up()
        out = probe.result()
        model = probe.times()["model"]
        # a preview may have been asked for before it, and none is while a click stands
        clicks.append({**out, "model": model[-1]})
        bench.press("Escape")
        probe.settle(100)
    return clicks[3:]
