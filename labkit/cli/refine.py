"""``labkit refine``: every box of a run becomes a mask."""

from __future__ import annotations

from typing import Annotated

import typer

from labkit.cli.common import (
    Device,
    ProjectFolder,
    Replace,
    Resume,
    RunName,
    Trust,
    exit_code,
    opened,
)
from labkit.cli.text import safe

__all__ = ["command"]


def command(
    project: ProjectFolder,
    run: RunName = None,
    with_: Annotated[
        str,
        typer.Option("--with", "-w", help="sam2, sam2-nano, a name of Hugging Face, a checkpoint."),
    ] = "sam2",
    device: Device = None,
    min_score: Annotated[
        float | None, typer.Option(help="Leave out objects with a lower score.")
    ] = None,
    replace: Replace = False,
    resume: Resume = True,
    trust: Trust = False,
) -> int:
    """Turn a run's boxes into masks; labels and scores stay."""
    with opened(project) as p:
        run_id = p.refine(
            run,
            with_,
            device=device,
            min_score=min_score,
            replace=replace,
            resume=resume,
            trust=trust,
        )
        manifest = p.run(run_id).manifest
        print(
            safe(
                f"{run_id}: {manifest.proposals} objects on {manifest.frames} frames, "
                f"refined from {manifest.params['source']}"
            )
        )
        return exit_code(manifest.failures)
