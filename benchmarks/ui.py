"""Measure the delay of the bench behind the user, on localhost and through a link of 80 ms.

A real JupyterLab in a real Chromium, with one kernel and one page per part. The slow link is a
proxy on loopback that delays every chunk of bytes by 40 ms each way, in order. Everything listens
on free ports of loopback and ends with the program, also when it is interrupted.

How the times are taken:

* Keys and mouse are Chromium's own input (``Input.dispatchKeyEvent``, ``dispatchMouseEvent``). A
  time begins with the event's ``timeStamp``, taken by the browser before the page gets it.
* Painted is the frame in which the picture was drawn, at its end: ``requestAnimationFrame`` after
  the drawing, and a message posted from there, which comes when the frame's style, layout and paint
  are done. What the compositor takes afterwards is seen by Event Timing only, in steps of 8 ms; its
  figures for 'A' stand beside the others.
* Committed is the moment at which the light says 'Saved', after the kernel's answer, which it sends
  when the transaction has ended. The round trip is that of a comm message to an empty handler.
* Messages are the frames that the page sends on the kernel's websocket, until all is still.
* jupyter-bbox-widget is used as its documentation shows it (``on_submit`` sets ``image`` and
  ``bboxes``); its time ends after ``load``, ``decode()`` and one painted frame.
* The model's own time of a click is the call of the interactor alone, taken in the kernel.
* Memory is looked at after forced collections of garbage and a notice of memory pressure, which
  empties caches; see ``_ui/memory.py`` for what the renderer's resident memory contains.

``python benchmarks/ui.py [--only drag,verdict,crowded,peer,trip,job,click,memory] [--frames 60]``.
Needs chromium, playwright, jupyter-bbox-widget and the built front end. Run it on a machine that
does nothing else; with other work going on its figures are provisional. A part that cannot be
measured says why in its row; the exit code is 1 where one could not be or a bar was missed.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
import traceback
from collections.abc import Callable

from _table import show
from _ui import click, drag, job, memory, peer, trip, verdict
from _ui.report import Row
from _ui.rig import Rig

PARTS: dict[str, Callable[[Rig], list[Row]]] = {
    "drag": drag.run,
    "verdict": verdict.run,
    "crowded": verdict.run_crowded,
    "peer": peer.run,
    "trip": trip.run,
    "job": job.run,
    "click": click.run,
    "memory": memory.run,
}


def measure(rig: Rig, part: str) -> list[Row]:
    """The rows of one part; one row that says why where it could not be measured."""
    start = time.monotonic()
    try:
        rows = PARTS[part](rig)
    except Exception as exc:  # noqa: BLE001  the other parts go on
        traceback.print_exc()
        rows = [Row.broken(part, "", exc)]
    print(f"ui: {part} took {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    return rows


def main() -> None:
    """Measure the parts and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help=f"some of {','.join(PARTS)}", default=",".join(PARTS))
    parser.add_argument("--frames", type=int, default=60, help="verdicts per part and link")
    arguments = parser.parse_args()
    parts = arguments.only.split(",")
    if unknown := [p for p in parts if p not in PARTS]:
        parser.error(f"there is no part {unknown[0]!r}; there are {', '.join(PARTS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything is stopped
    with Rig(arguments.frames) as rig:
        rows = [row for part in parts for row in measure(rig, part)]
    show(
        "ui" if len(parts) == len(PARTS) else f"ui-{'-'.join(parts)}",
        "How long is the delay of the bench? (median / p95)",
        ["question", "link", "measured", "bar", ""],
        [row.cells() for row in rows],
    )
    sys.exit(any(row.bad for row in rows))


if __name__ == "__main__":
    main()
