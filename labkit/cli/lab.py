"""``labkit lab``: JupyterLab on the notebooks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from labkit.core.errors import InputError

__all__ = ["command"]


def command(
    context: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Argument(help="Folder to open; default: ./notebooks where there is one, else here."),
    ] = None,
) -> int:
    """Open JupyterLab with this environment's kernel; options after -- go to JupyterLab."""
    notebooks = Path("notebooks")
    root = folder or (notebooks if notebooks.is_dir() else Path())
    if not root.is_dir():
        raise InputError(f"JupyterLab cannot open {str(root)!r}", "it is not a folder")
    return subprocess.call(  # noqa: S603 - our own interpreter, arguments as a list
        [sys.executable, "-m", "jupyterlab", "--notebook-dir", str(root.resolve()), *context.args]
    )
