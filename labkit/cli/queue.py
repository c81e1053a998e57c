"""``labkit queue``: which frames to look at first, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labkit.cli.common import ProjectFolder, RunName, opened, split_names
from labkit.cli.text import table
from labkit.core.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from labkit.project import Project

__all__ = ["command", "queue_table"]


def command(
    project: ProjectFolder,
    run: RunName = None,
    order: Annotated[
        str, typer.Option(help="four-rules, expected-errors, or the name of a score.")
    ] = "four-rules",
    seed: Annotated[int, typer.Option(help="Seed of the random share and of ties.")] = 0,
    conf: Annotated[
        float | None, typer.Option(help="Score from which objects are shown; default: the run's.")
    ] = None,
    labels: Annotated[
        list[str] | None, typer.Option(help="Only frames with these labels, a,b,c.")
    ] = None,
    groups: Annotated[
        list[str] | None, typer.Option(help="Only frames of these videos or folders.")
    ] = None,
    score_range: Annotated[
        tuple[float, float] | None,
        typer.Option(help="LOW HIGH: only frames with a proposal in this range."),
    ] = None,
    state: Annotated[str, typer.Option(help="undecided, decided or all frames.")] = "undecided",
    limit: Annotated[int, typer.Option("--limit", "-n", help="Frames to list; 0: all.")] = 20,
    csv: Annotated[Path | None, typer.Option(help="Write the whole queue to this file.")] = None,
) -> None:
    """List frames in the order in which people should look, each with its rule and reason."""
    states = {"undecided": False, "decided": True, "all": None}
    if state not in states:
        raise InputError(f"--state {state!r} is unknown", f"known are {', '.join(states)}")
    with opened(project, read_only=True) as p:
        queue = p.queue(
            run,
            order=order,
            seed=seed,
            conf=conf,
            labels=split_names(labels),
            groups=groups or None,
            score_range=score_range,
            decided=states[state],
        )
        if csv is not None:
            queue.merge(p.frames()[["frame_id", "uri", "index"]], on="frame_id").to_csv(
                csv, index=False
            )
        print(queue_table(p, queue.head(limit) if limit else queue))
        if limit and len(queue) > limit:
            print(f"and {len(queue) - limit} more (--limit 0 lists all)")


def queue_table(project: Project, queue: pd.DataFrame) -> str:
    """The queue as text, frames by their files' names."""
    from labkit.frames.order import display_names

    frames = project.frames()
    names = dict(zip(frames["frame_id"], display_names(frames), strict=True))
    rows = [
        (row["rank"], names[row["frame_id"]], row["score"], row["rule"], row["reason"])
        for row in queue.to_dict("records")
    ]
    return table(rows, ("rank", "frame", "score", "rule", "reason"))
