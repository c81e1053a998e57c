"""``labkit export`` and ``labkit import``: annotations in somebody else's format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from labkit.cli.common import MOST_LISTED, ProjectFolder, opened, split_names
from labkit.cli.errors import DONE, FRAMES_FAILED
from labkit.cli.text import safe
from labkit.core.errors import InputError

__all__ = ["export", "import_"]

FormatName = Annotated[str, typer.Argument(metavar="FORMAT", help="yolo or coco.")]


def export(
    project: ProjectFolder,
    format_: FormatName,
    out: Annotated[Path, typer.Argument(help="New folder; an earlier export is replaced.")],
    include: Annotated[
        str,
        typer.Option(help="human (decided by people), scripted (by scripts, too), all (the rest)."),
    ] = "human",
    task: Annotated[
        str | None, typer.Option(help="yolo: detect, segment, pose or obb; default: by shapes.")
    ] = None,
    split: Annotated[
        str | None, typer.Option(metavar="SHARES", help="As train=0.8,val=0.2; by group.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the split.")] = 0,
    images: Annotated[str, typer.Option(help="copy, link or none.")] = "copy",
) -> int:
    """Write the annotations as a dataset; only frames that people decided, unless asked."""
    options: dict[str, Any] = {"include": include, "seed": seed, "images": images}
    options |= {"task": task, "split": _shares(split)}
    with opened(project, read_only=True) as p:
        done = p.export(format_, out, **{k: v for k, v in options.items() if v is not None})
    _print(done.lines())
    return FRAMES_FAILED if done.failures else DONE


def _print(lines: list[str]) -> None:
    for line in lines[:MOST_LISTED]:
        print(safe(line))
    if len(lines) > MOST_LISTED:
        print(f"and {len(lines) - MOST_LISTED} more lines")


def _shares(text: str | None) -> dict[str, float] | None:
    if text is None:
        return None
    try:
        pairs = [part.split("=", 1) for part in text.split(",")]
        return {name.strip(): float(share) for name, share in pairs}
    except ValueError as exc:
        raise InputError(
            f"--split {text!r} cannot be read", remedy="write it as train=0.8,val=0.2"
        ) from exc


def import_(
    project: ProjectFolder,
    format_: FormatName,
    path: Annotated[Path, typer.Argument(help="The dataset: folder, data.yaml or JSON file.")],
    as_: Annotated[
        str, typer.Option("--as", help="proposals (to be reviewed) or decisions (as they are).")
    ] = "proposals",
    reviewer: Annotated[
        str | None, typer.Option(help="Who answers for imported decisions.")
    ] = None,
    label_map: Annotated[
        Path | None, typer.Option(help="YAML: dataset label to project label.")
    ] = None,
    names: Annotated[
        list[str] | None, typer.Option(help="yolo: class names in order, a,b,c.")
    ] = None,
) -> int:
    """Take a dataset's labels in, on the frames that the project has."""
    from labkit.core.labelmap import load

    options: dict[str, Any] = {"as_": as_, "reviewer": reviewer, "names": split_names(names)}
    if label_map is not None:
        options["label_map"] = load(label_map)
    with opened(project) as p:
        done = p.import_annotations(
            format_, path, **{k: v for k, v in options.items() if v is not None}
        )
    _print(done.lines())
    return FRAMES_FAILED if done.problems else DONE
