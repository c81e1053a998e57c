"""The key 'A': the next frame on the glass, the decision in the ledger, the canvas below."""

from __future__ import annotations

import statistics

from _ui.report import Row, percentile, spread
from _ui.rig import LINKS, Probe, Rig

BAR = (33, 80)
COMMITTED = 50
CROWDED = 200
CALLBACK = 20
LOOK_MS = 300
"""A person looks at a frame for longer than this."""


def run(rig: Rig) -> list[Row]:
    """Verdicts over each link, on frames as they are drawn."""
    rows = []
    for link in LINKS:
        with rig.probe(link) as probe:
            probe.open(rig.plain())
            press(probe, 2)
            trip = statistics.median(probe.echoes())
            probe.times()
            probe.page.evaluate("() => void (labkitProbe.presented.length = 0)")
            times = press(probe, rig.frames)
            rows += _rows(link, times, trip)
            presented = probe.page.evaluate("() => labkitProbe.presented")
            if presented:
                text = f"{statistics.median(presented):.0f} / {percentile(presented, 95):.0f} ms"
                quick = len(times) - len(presented)
                text += f" of {len(presented)}; {max(quick, 0)} faster than 16"
                rows.append(Row("the same by Event Timing, presented", link, text))
            rows += callbacks(probe, link)
    return rows


def run_crowded(rig: Rig) -> list[Row]:
    """The same with a thousand objects on each frame."""
    rows = []
    for link in LINKS:
        with rig.probe(link) as probe:
            probe.open(rig.crowded())
            press(probe, 2)
            probe.times()
            times = press(probe, rig.frames // 2)
            painted = [f["painted"] for f in times]
            rows += [
                Row("'A' to next frame painted, 1,000 objects", link, spread(painted),
                    f"<= {CROWDED} ms", percentile(painted, 95) <= CROWDED),
                *_rest("1,000 objects", link, times),
                *callbacks(probe, link, "1,000 objects"),
            ]  # fmt: skip
    return rows


def press(probe: Probe, verdicts: int) -> list[dict]:
    """Press 'A' so many times, each after the bench has come to rest."""
    times = []
    for _ in range(verdicts):
        probe.arm("verdict")
        probe.page.keyboard.press("a")
        times.append(probe.result())
        probe.settle(LOOK_MS)
    return times


def _rows(link: str, found: list[dict], trip: float) -> list[Row]:
    painted = [f["painted"] for f in found]
    committed = [f["committed"] for f in found]
    low, high = statistics.median(painted), percentile(painted, 95)
    bar = trip + COMMITTED
    met = statistics.median(committed) <= bar and percentile(committed, 95) <= bar
    return [
        Row("'A' to next frame painted, 720p", link, spread(painted),
            f"<= {BAR[0]} / {BAR[1]} ms", low <= BAR[0] and high <= BAR[1]),
        Row("'A' to committed and answered", link, spread(committed),
            f"<= {bar:.0f} ms (round trip {trip:.0f} + {COMMITTED})", met),
        Row("'A' until the canvas below shows it too", link, spread([f["below"] for f in found])),
    ]  # fmt: skip


def _rest(what: str, link: str, found: list[dict]) -> list[Row]:
    return [
        Row(f"... committed, {what}", link, spread([f["committed"] for f in found])),
        Row(f"... on the canvas below, {what}", link, spread([f["below"] for f in found])),
    ]


def callbacks(probe: Probe, link: str, what: str = "720p") -> list[Row]:
    """How long the kernel's handler of the browser's messages took to return."""
    times = probe.times().get("Glass._handle_custom_msg", [])
    high = percentile(times, 99)
    text = f"median {statistics.median(times):.2f}, p99 {high:.1f}, most {max(times):.1f} ms"
    return [Row(f"the kernel's callback, {what}", link, f"{text} (n = {len(times)})",
                f"p99 <= {CALLBACK} ms", high <= CALLBACK)]  # fmt: skip
