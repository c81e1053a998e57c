"""A box drawn with the mouse: the delay of the picture, and what is sent."""

from __future__ import annotations

import statistics
from collections import Counter

from _ui.report import Row, percentile, spread
from _ui.rig import LINKS, Probe, Rig

DRAGS, STEPS = 4, 120
BAR = (33, 60)
PAINTS, PREVIEWS = 45, 20


def run(rig: Rig) -> list[Row]:
    """Several drags over each link."""
    rows = []
    for link in LINKS:
        with rig.probe(link) as probe:
            probe.open(rig.plain())
            rows += _rows(link, [_drag(probe, k) for k in range(DRAGS)])
    return rows


def _drag(probe: Probe, k: int) -> dict:
    page, before = probe.page, len(probe.bench.rows())
    box = probe.bench.stage.bounding_box()
    x, y = box["x"] + 120 + 20 * k, box["y"] + 80 + 10 * k
    probe.bench.press("n")
    page.mouse.move(x, y)
    probe.settle()
    probe.arm("drag")
    probe.sent.clear()
    page.mouse.down()
    page.mouse.move(x + 360, y + 240, steps=STEPS)
    page.mouse.up()
    out = probe.result()
    probe.bench.saved()
    probe.bench.covered(on=False)
    sent = Counter(probe.sent)
    if len(probe.bench.rows()) != before + 1 or sent["act"] != 1:
        raise RuntimeError(f"the drag drew no box: {sent}")
    return {**out, "sent": sent}


def _rows(link: str, drags: list[dict]) -> list[Row]:
    waits = [w for d in drags for w in d["waits"]]
    low, high = statistics.median(waits), percentile(waits, 95)
    rate = statistics.median(d["paints"] for d in drags)
    most = max(d["sent"].total() for d in drags)
    allowed = 1 + PREVIEWS * min(d["seconds"] for d in drags)
    kinds = ", ".join(
        f"{k} {n}" for k, n in sorted(sum((d["sent"] for d in drags), Counter()).items())
    )
    return [
        Row("drag a box, event to paint", link, spread(waits),
            f"<= {BAR[0]} / {BAR[1]} ms", low <= BAR[0] and high <= BAR[1]),
        Row("paints during a drag", link, f"{rate:.0f} a second", f">= {PAINTS}", rate >= PAINTS),
        Row(f"messages of a drag ({drags[0]['seconds']:.1f} s) until all is still", link,
            f"{most} at most (in {len(drags)} drags: {kinds})",
            "<= 1 + 20 a second", most <= allowed),
    ]  # fmt: skip
