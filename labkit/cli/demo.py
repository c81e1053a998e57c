"""``labkit demo``: the whole flow on some photos, told in a few lines."""

from __future__ import annotations

import os
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labkit.cli.common import exit_code
from labkit.cli.metrics import sentences, summary_table
from labkit.cli.queue import queue_table
from labkit.cli.text import safe
from labkit.core.errors import ModelUnavailableError

if TYPE_CHECKING:
    from labkit.demo.flow import Model

__all__ = ["command"]

_LABELS_SHOWN = 8


def command(
    frames: Annotated[
        str | None,
        typer.Option(help="Folder, glob or video; default: two photos that ultralytics ships."),
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="A weights file, or a name such as yolo11n.pt.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The project's folder.")] = Path("demo-project"),
    conf: Annotated[float, typer.Option(help="Score from which objects are shown.")] = 0.5,
    trust: Annotated[
        bool, typer.Option("--trust", help="Open a .pt file that may run code when opened.")
    ] = False,
) -> int:
    """Predict, rank, review by script, measure, report and export; go on from what is there."""
    from labkit.demo.flow import Model
    from labkit.demo.photos import shipped_photos

    given = frames if frames is not None else shipped_photos()
    if weights is None:
        raise ModelUnavailableError(
            "The demo needs a model's weights",
            f"none were named for {_place(frames)}",
            f"have Ultralytics fetch 5 MB from GitHub and go on by: {_again()}",
        )
    return _tell(given, frames, Model(weights, conf, trust), out)


def _place(frames: str | None) -> str:
    return frames if frames is not None else "the two photos that ultralytics ships"


def _again() -> str:
    """The command that would have worked, as make or labkit was called."""
    start = "make demo WEIGHTS=" if "MAKELEVEL" in os.environ else "labkit demo --weights "
    return f"{start}yolo11n.pt"


def _tell(given: str | list[Path], frames: str | None, model: Model, out: Path) -> int:
    from labkit.demo.flow import Demo, labelled_dataset
    from labkit.metrics import overview, summary
    from labkit.project import Project

    there = (out / "project.toml").exists()
    project = Project.open(out) if there else Project.create(out)
    with project:
        demo = Demo(project, model)
        _say("project", f"{out}{', going on from what is there' if there else ''}")
        _say("frames", f"{demo.add(given)} ({_place(frames)})")
        _say("predict", demo.predict("bar" if sys.stderr.isatty() else None))
        queue = demo.queue()
        _say("queue", f"{len(queue)} frames want a look{', the first:' if len(queue) else ''}")
        if len(queue):
            print(queue_table(project, queue.head(5)))
        dataset = None if frames is None else labelled_dataset(frames)
        if dataset is None:
            _say("review", "no labels lie beside these frames (images/ with labels/), so nobody")
            _say("", f"plays the reviewer; decide yourself: make lab, or labkit queue {out}")
            return exit_code(demo.failures)
        _say("review", demo.review(queue, dataset))
        _say("metrics", f"by label, the {_LABELS_SHOWN} most frequent and all:")
        print(summary_table(summary(project), _LABELS_SHOWN))
        for line in sentences(overview(project)):
            print(textwrap.fill(line, 100, initial_indent="- ", subsequent_indent="  "))
        _say("report", demo.report())
        _say("export", demo.export())
        _say("next", f"labkit metrics {out}, labkit doctor {out}, make lab")
        return exit_code(demo.failures)


def _say(what: str, text: object) -> None:
    print(f"{what:9} {safe(text)}", flush=True)
