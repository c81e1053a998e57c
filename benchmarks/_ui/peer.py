"""The next image, beside jupyter-bbox-widget used as its documentation shows it."""

from __future__ import annotations

import statistics
from pathlib import Path

from _ui import world
from _ui.report import Row, spread
from _ui.rig import LINKS, Probe, Rig
from _ui.verdict import press

_CELL = """from jupyter_bbox_widget import BBoxWidget
files = {files!r}
done, place = {{}}, 0
widget = BBoxWidget(image=files[0][0], classes={labels!r})
widget.bboxes = files[0][1]
@widget.on_submit
def submit():
    global place
    done[files[place][0]] = widget.bboxes
    place += 1
    widget.image, widget.bboxes = files[place]
widget"""


def run(rig: Rig) -> list[Row]:
    """The same images in the same browser; the peer first, then the bench, on one page."""
    rows = []
    for link in LINKS:
        with rig.probe(link) as probe:
            peer_times = _theirs(probe, rig.drawn, rig.frames)
            probe.bench.opened = True
            probe.open(rig.plain())
            press(probe, 2)
            labkit_times = [f["painted"] for f in press(probe, rig.frames)]
            ratio = statistics.median(labkit_times) / statistics.median(peer_times)
            rows += [
                Row("next image, jupyter-bbox-widget 0.7.0", link, spread(peer_times)),
                Row("next image, labkit", link, spread(labkit_times)),
                Row("labkit over jupyter-bbox-widget, medians", link, f"{ratio:.2f} x",
                    "<= 1.0 x", ratio <= 1),
            ]  # fmt: skip
    return rows


def _theirs(probe: Probe, drawn: Path, frames: int) -> list[float]:
    page = probe.page
    probe.show(_CELL.format(files=world.boxes(drawn), labels=world.LABELS))
    page.wait_for_function(
        "() => document.querySelector('.image-measure img')?.naturalWidth > 0", timeout=60_000
    )
    probe.settle(1000)
    page.locator(".wrapper:has(.image-measure)").focus()
    times = []
    for _ in range(frames + 2):
        probe.arm("peer")
        page.keyboard.press("Enter")
        times.append(probe.result()["painted"])
        probe.settle(300)
    return times[2:]
