"""``labkit demo``: the whole flow on drawn scenes or on your photos, in a few printed lines."""

from __future__ import annotations

import os
import shlex
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labkit.cli.common import Trust, exit_code
from labkit.cli.metrics import sentences, summary_table
from labkit.cli.queue import queue_table
from labkit.cli.text import safe, table
from labkit.core.errors import InputError, ModelUnavailableError, StoreError

if TYPE_CHECKING:
    import pandas as pd

    from labkit.core.skeleton import Skeleton
    from labkit.demo.flow import Demo, Model
    from labkit.project import Project

__all__ = ["command", "show_world"]

_LABELS_SHOWN = 8


def command(
    frames: Annotated[
        str | None,
        typer.Option(help="Folder, glob or video; default: scenes that the demo draws itself."),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            help="A weights file, or a name such as yolo11n.pt; default: a small YOLO "
            "that comes with labkit and knows only those scenes."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="The project's folder.")] = Path("demo-project"),
    conf: Annotated[float, typer.Option(help="Score from which objects are shown.")] = 0.5,
    trust: Trust = False,
    oracle: Annotated[
        bool, typer.Option("--oracle", help="Write the truth of the drawn scenes as one file, too.")
    ] = False,
) -> int:
    """Predict, rank, review by script, measure, report and export; continue an earlier demo.

    Without frames and weights: 120 stills by day and a video of 120 frames by night, drawn from a
    seed, and labkit's own small YOLO; nothing is downloaded.
    """
    from labkit.demo.flow import Model
    from labkit.demo.photos import shipped_photos

    if frames is None and weights is None:
        return show_world(out, conf=conf, oracle=oracle)
    if oracle:
        raise InputError("--oracle knows the truth of drawn scenes only", "", "leave out --frames")
    if weights is None:
        raise ModelUnavailableError(
            "The demo needs a model's weights",
            f"none are named for {_place(frames)}, and labkit's own work on its own scenes only",
            f"let Ultralytics fetch 5 MB from GitHub and run: {_again(frames)}",
        )
    given = frames if frames is not None else shipped_photos()
    return _show_yours(given, frames, Model(weights, conf, trust), out)


def show_world(
    out: Path, *, conf: float = 0.5, oracle: bool = False, day: int = 120, night: int = 120
) -> int:
    """The demo on drawn scenes, with the small YOLO.

    Parameters
    ----------
    out : Path
        The project's folder.
    conf : float
        Score from which objects are shown.
    oracle : bool
        Write the truth as one file.
    day, night : int
        Frames to draw of each.
    """
    from labkit.demo.domain import LABELS, SKELETONS
    from labkit.demo.embedded import embedded_weights
    from labkit.demo.flow import Model
    from labkit.demo.masks import there
    from labkit.demo.tour import Tour, check_world

    model = Model(embedded_weights(), conf)
    with _writable(), _opened(out, LABELS, SKELETONS) as project:
        check_world(project)
        demo = Tour(project, model)
        given, said = demo.draw(day, night)
        _say("scenes", said)
        queue = _begin(demo, given, "day stills, night video", demo.masks if there() else None)
        _say("review", demo.review(queue, demo.truth(), "the truth of the scenes"))
        _say("mistakes", "of the small models, as the reviewer corrected them:")
        print(_frame_table(demo.mistakes()))
        _say("", demo.confusions() or "no label was taken for another")
        _measure(demo)
        _say("sheet", demo.sheet())
        if there():
            _say("clicks", demo.clicks())
            _say("tracks", demo.track())
        else:
            _say("masks", "left out: pip install 'labkit[sam2]' brings the small SAM2 to life")
        if oracle:
            _say("truth", demo.oracle())
        lab = "make lab" if "MAKELEVEL" in os.environ else "labkit lab"
        place = f"project = {str(out.resolve())!r}, run = {demo.run_id!r}"
        _say("open", f"{lab}, then 02_review with {place}")
        return exit_code(demo.failures)


def _show_yours(given: str | list[Path], frames: str | None, model: Model, out: Path) -> int:
    from labkit.demo.flow import Demo, labelled_dataset

    with _writable(), _opened(out, ()) as project:
        demo = Demo(project, model)
        queue = _begin(demo, given, _place(frames))
        dataset = None if frames is None else labelled_dataset(frames)
        if dataset is None:
            _say(
                "review",
                "there are no labels beside these frames (images/ with labels/), so no script",
            )
            _say("", f"plays the reviewer; decide yourself: make lab, or labkit queue {out}")
            return exit_code(demo.failures)
        truth = demo.labels_of(dataset)
        _say("review", demo.review(queue, truth, f"the labels of {dataset.name}"))
        _measure(demo)
        _say("next", f"labkit metrics {out}, labkit doctor {out}, make lab")
        return exit_code(demo.failures)


@contextmanager
def _writable() -> Iterator[None]:
    """Replace the store's remedy for a folder that cannot be written by one that helps here."""
    try:
        yield
    except StoreError as exc:
        remedy = "name another folder with --out" if "read_only" in exc.remedy else exc.remedy
        raise StoreError(exc.what, exc.why, remedy) from exc


def _opened(
    out: Path, labels: Sequence[str], skeletons: Mapping[str, Skeleton] | None = None
) -> Project:
    from labkit.project import Project

    there = (out / "project.toml").exists()
    project = Project.open(out) if there else Project.create(out, labels, skeletons=skeletons)
    _say("project", f"{out}{', continued' if there else ''}")
    return project


def _begin(
    demo: Demo, given: str | list[Path], place: str, masks: Callable[[], str] | None = None
) -> pd.DataFrame:
    """Add, predict, make masks, rank; returns the queue."""
    _say("frames", f"{demo.add(given)} ({place})")
    _say("predict", demo.predict("bar" if sys.stderr.isatty() else None))
    if masks is not None:
        _say("masks", masks())
    queue = demo.queue()
    _say("queue", f"{len(queue)} frames want a look{', the first:' if len(queue) else ''}")
    if len(queue):
        print(queue_table(demo.project, queue.head(5)))
    return queue


def _measure(demo: Demo) -> None:
    """Metrics, report, export."""
    from labkit.metrics import overview, summary

    _say("metrics", f"by label, the {_LABELS_SHOWN} most frequent and all:")
    print(summary_table(summary(demo.project), _LABELS_SHOWN))
    for line in sentences(overview(demo.project)):
        print(textwrap.fill(line, 100, initial_indent="- ", subsequent_indent="  "))
    _say("report", demo.report())
    _say("export", demo.export())


def _frame_table(frame: pd.DataFrame) -> str:
    return table(frame.itertuples(index=False, name=None), list(frame.columns))


def _place(frames: str | None) -> str:
    return frames if frames is not None else "the two photos that ultralytics ships"


def _again(frames: str | None) -> str:
    """The command that works, for make or labkit, whichever was called."""
    make = "MAKELEVEL" in os.environ
    start = "make demo FRAMES=" if make else "labkit demo --frames "
    return f"{start}{shlex.quote(frames or '')} {'WEIGHTS=' if make else '--weights '}yolo11n.pt"


def _say(what: str, text: object) -> None:
    print(f"{what:9} {safe(text)}", flush=True)
