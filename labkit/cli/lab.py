"""``labkit lab``: JupyterLab on the notebooks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from labkit.core.errors import InputError

__all__ = ["PROMPT", "command"]

PROMPT = "--ServerApp.kernel_websocket_connection_class=labkit.widgets.websocket.PromptConnection"
"""JupyterLab's option for kernels on this machine; a gateway has a connection of its own."""


def command(
    context: typer.Context,
    place: Annotated[
        Path | None,
        typer.Argument(
            help="Folder or notebook to open; default: ./notebooks if it exists, else this folder."
        ),
    ] = None,
) -> int:
    """Open JupyterLab with this environment's kernel; options after -- go to JupyterLab."""
    notebooks = Path("notebooks")
    place = place or (notebooks if notebooks.is_dir() else Path())
    if not (place.is_dir() or (place.suffix == ".ipynb" and place.is_file())):
        raise InputError(
            f"JupyterLab cannot open {str(place)!r}", "it is not a folder or a notebook"
        )
    place = place.resolve()
    folder = place if place.is_dir() else place.parent
    # the address that is printed names the notebook, too: the browser may be on another machine
    opened = [] if place.is_dir() else [f"--LabApp.default_url=/lab/tree/{quote(place.name)}"]
    command = [sys.executable, "-m", "jupyterlab", "--notebook-dir", str(folder), *opened]
    if not (os.environ.get("JUPYTER_GATEWAY_URL") or any("gateway" in a for a in context.args)):
        command.append(PROMPT)
    return subprocess.call([*command, *context.args])  # noqa: S603 - our own interpreter, a list
