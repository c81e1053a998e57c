"""``labkit export``, ``import`` and ``formats``: annotations in other tools' formats."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labkit.cli.common import MOST_LISTED, LabelMapFile, ProjectFolder, opened
from labkit.cli.errors import DONE, FRAMES_FAILED
from labkit.cli.format_options import own_options
from labkit.cli.options import spelled
from labkit.cli.text import safe
from labkit.core.errors import InputError

if TYPE_CHECKING:
    from labkit.exchange.options import Option

__all__ = ["export", "formats", "import_"]

FormatName = Annotated[
    str, typer.Argument(metavar="FORMAT", help="As yolo or coco; labkit formats lists all.")
]


def export(
    ctx: typer.Context,
    project: ProjectFolder,
    format_: FormatName,
    out: Annotated[Path, typer.Argument(help="New folder; an earlier export is replaced.")],
    include: Annotated[
        str,
        typer.Option(help="human (decided by people), scripted (by scripts, too), all (the rest)."),
    ] = "human",
    split: Annotated[
        str | None, typer.Option(metavar="SHARES", help="As train=0.8,val=0.2.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the split.")] = 0,
    by: Annotated[
        str, typer.Option(help="What stays in one split: group (video or folder), frame, auto.")
    ] = "auto",
    images: Annotated[str, typer.Option(help="copy, link or none.")] = "copy",
    run: Annotated[
        list[str] | None,
        typer.Option(help="Whose proposals --include all exports; default: the newest."),
    ] = None,
    reviewer: Annotated[str | None, typer.Option(help="Only what this person has decided.")] = None,
) -> int:
    """Write the annotations as a dataset; only frames that people decided, unless asked."""
    common: dict[str, Any] = {
        "include": include, "split": _shares(split), "seed": seed, "by": by, "images": images,
        "run": run or None, "reviewer": reviewer,
    }  # fmt: skip
    own = own_options(ctx, format_, "write")
    with opened(project, read_only=True) as p:
        done = p.export(format_, out, **common, **own)
    _print(done.lines(), ctx)
    return FRAMES_FAILED if done.failures else DONE


def import_(
    ctx: typer.Context,
    project: ProjectFolder,
    format_: FormatName,
    path: Annotated[Path, typer.Argument(help="The dataset: a folder, data.yaml or JSON file.")],
    as_: Annotated[
        str, typer.Option("--as", help="proposals (to be reviewed) or decisions (as they are).")
    ] = "proposals",
    reviewer: Annotated[
        str | None, typer.Option(help="Who answers for imported decisions.")
    ] = None,
    label_map: LabelMapFile = None,
) -> int:
    """Read a dataset's labels for the frames that the project has."""
    from labkit.core.labelmap import load

    common: dict[str, Any] = {
        "as_": as_, "reviewer": reviewer, "label_map": label_map and load(label_map),
    }  # fmt: skip
    own = own_options(ctx, format_, "read")
    with opened(project) as p:
        done = p.import_annotations(format_, path, **common, **own)
    _print(done.lines(), ctx)
    return FRAMES_FAILED if done.problems else DONE


def formats() -> None:
    """List the formats, and the options that each one has."""
    from labkit.exchange import FORMATS
    from labkit.exchange.format import Format, open_format
    from labkit.exchange.options import options_of

    for name in FORMATS:
        _, chosen = open_format(name)
        about = (type(chosen).__doc__ or "").strip().splitlines()
        print(f"{name}: {about[0] if about else ''}")
        for verb, method in (("export", "write"), ("import", "read")):
            if getattr(type(chosen), method) is getattr(Format, method):
                print(f"  cannot {verb}")
            for option in options_of(getattr(chosen, method)).values():
                print(f"  labkit {verb}: {_described(option)}")


def _described(option: Option) -> str:
    values = f" {{{'|'.join(option.choices)}}}" if option.choices else ""
    return safe(f"--{option.name.replace('_', '-')}{values}  {option.help}".replace("``", ""))


def _print(lines: list[str], ctx: typer.Context) -> None:
    for line in lines[:MOST_LISTED]:
        print(safe(spelled(line, ctx)))
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
