"""What several commands share: opening a project, listing failures, options."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labkit.cli.errors import DONE, FRAMES_FAILED, say_error

if TYPE_CHECKING:
    from labkit.core.types import FrameFailure
    from labkit.project import Project

__all__ = [
    "AsJson",
    "Device",
    "LabelMapFile",
    "ProjectFolder",
    "Replace",
    "Resume",
    "RunName",
    "Trust",
    "exit_code",
    "opened",
    "split_names",
]

ProjectFolder = Annotated[Path, typer.Argument(metavar="PROJECT", help="The project's folder.")]
RunName = Annotated[
    str | None,
    typer.Option("--run", help="A run's id or its beginning, as r0001; default: the newest."),
]
Device = Annotated[str | None, typer.Option(help="cpu, cuda:0, mps; default: the best available.")]
Replace = Annotated[
    bool,
    typer.Option("--replace", help="Show these proposals instead of earlier ones; decisions stay."),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume/--fresh", help="Continue an earlier run of this kind, or make a new one."
    ),
]
Trust = Annotated[
    bool, typer.Option("--trust", help="Open a .pt file, which can run code when it is opened.")
]
LabelMapFile = Annotated[
    Path | None, typer.Option(help="YAML file: label of the model or dataset to project label.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]

MOST_LISTED = 50


def opened(folder: Path, *, read_only: bool = False) -> Project:
    """The project in a folder."""
    from labkit.project import Project

    return Project.open(folder, read_only=read_only)


def exit_code(failures: Sequence[FrameFailure]) -> int:
    """List files and frames that failed, and give the exit code that this means."""
    for failure in failures[:MOST_LISTED]:
        say_error(f"{failure.uri}: {failure.reason}")
    if len(failures) > MOST_LISTED:
        say_error(f"and {len(failures) - MOST_LISTED} more")
    return FRAMES_FAILED if failures else DONE


def split_names(texts: Iterable[str] | None) -> list[str] | None:
    """Names of an option that may be repeated or hold several, separated by commas."""
    if texts is None:
        return None
    return [name.strip() for text in texts for name in text.split(",") if name.strip()] or None
