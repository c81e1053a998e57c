"""Verdicts while a detector runs over the project in the same kernel."""

from __future__ import annotations

from _ui.report import Row, percentile, spread
from _ui.rig import Probe, Rig
from _ui.verdict import callbacks, press

FRAMES = 600
BAR = 50
_START = "kernel.keep_predicting(project)"
_RUNS = """async () => {
  for (let k = 0; k < 600; k++) {
    const { done, error } = await labkitProbe.ask("job");
    if (error) throw new Error(error);
    if (done > 0) return done;
    await new Promise((next) => setTimeout(next, 100));
  }
  throw new Error("the job has not begun within 60 s");
}"""


def run(rig: Rig) -> list[Row]:
    """Committed, and painted, while the job runs."""
    with rig.probe() as probe:
        probe.open(rig.long(FRAMES), _START)
        begun = probe.page.evaluate(_RUNS)
        press(probe, 2)
        probe.times()
        times = press(probe, rig.frames)
        done = _still_running(probe)
        committed = [f["committed"] for f in times]
        rows = [
            Row(f"'A' to committed while a job runs ({done - begun} frames meanwhile)", "localhost",
                spread(committed), f"p95 <= {BAR} ms", percentile(committed, 95) <= BAR),
            Row("... next frame painted meanwhile", "localhost",
                spread([f["painted"] for f in times])),
            *callbacks(probe, "localhost", "while a job runs"),
        ]  # fmt: skip
        return rows


def _still_running(probe: Probe) -> int:
    job = probe.ask("job")
    if job["state"] not in ("queued", "running"):
        raise RuntimeError(f"the job {job['state']} before the verdicts were made: {job['error']}")
    return int(job["done"])
