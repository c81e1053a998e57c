"""The typer application: global options, the list of commands, the entry point."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer
from typer.core import TyperGroup

from labkit.cli import batch, demo, doctor, exchange, lab, metrics, predict, queue, refine, track
from labkit.cli.errors import guarded
from labkit.cli.format_options import ExportCommand, ImportCommand
from labkit.cli.options import speller

__all__ = ["app", "main", "run"]

app = typer.Typer(
    name="labkit",
    help="Review model-assisted annotations: a model proposes, a person decides.",
    epilog="Exit codes: 0 done, 1 a fault of labkit, 2 bad arguments or input, 3 no model or "
    "weights, 4 finished with frames that failed, 5 cancelled.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        from labkit._version import __version__

        print(f"labkit {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks here instead of in the log.")
    ] = False,
) -> None:
    """Review model-assisted annotations: a model proposes, a person decides."""


app.command("predict")(predict.command)
app.command("refine")(refine.command)
app.command("track")(track.command)
app.command("queue")(queue.command)
app.command("metrics")(metrics.metrics)
app.command("report")(metrics.report)
app.command("export", cls=ExportCommand)(exchange.export)
app.command("import", cls=ImportCommand)(exchange.import_)
app.command("formats")(exchange.formats)
app.command("batch", cls=batch.Command)(batch.command)
app.command("demo")(demo.command)
app.command("doctor")(doctor.command)
app.command("lab", context_settings={"allow_extra_args": True})(lab.command)


def run(args: Sequence[str]) -> int:
    """Run one command line and return its exit code; nothing is raised."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that cannot show a letter shows an escape
            stream.reconfigure(errors="backslashreplace")
    group = typer.main.get_group(app)
    return guarded(
        lambda: _invoke(group, list(args) or ["--help"]),
        debug="--debug" in args,
        spell=speller(group, args),
    )


def _invoke(group: TyperGroup, args: list[str]) -> object:
    """Run a command without typer's own handling of errors, Ctrl-C and closed pipes."""
    with group.make_context("labkit", args) as context:
        return group.invoke(context)


def main() -> NoReturn:
    """Entry point of ``labkit``."""
    sys.exit(run(sys.argv[1:]))
