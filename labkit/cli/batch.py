"""``labkit batch``: a notebook as a job. Checked before it runs, resumable, with exit codes.

The notebook runs in a kernel of its own by papermill. It writes its results into the output folder
itself (labkit's notebooks write ``metrics.json`` and Parquet files); this command adds the executed
notebook and its HTML page. A notebook that finished although frames failed lists them under
``failures`` in its ``metrics.json``, and the exit code is then 4.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from labkit.cli.errors import FAULT, FRAMES_FAILED, say_error
from labkit.cli.parameters import no_template, notebook_parameters, typed_values
from labkit.cli.text import safe
from labkit.core.errors import CancelledError, InputError, LabkitError

if TYPE_CHECKING:
    from papermill.exceptions import PapermillExecutionError
    from traitlets.config import Config

__all__ = ["Command", "command", "execute", "failed_frames"]

_MOST_LISTED = 10
START_TIMEOUT_S = 300  # a loaded machine, or an environment on a network disk


class Command(typer.core.TyperCommand):
    """Takes ``-p name value``, as papermill does; typer itself has no repeated pairs."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Join each pair to one ``name=value`` before typer reads the arguments."""
        joined: list[str] = []
        rest = iter(args)
        for arg in rest:
            joined.append(arg)
            if arg in {"-p", "--parameter"}:
                name = next(rest, None)
                value = next(rest, None) if name and "=" not in name else None
                joined += [name if value is None else f"{name}={value}"] if name else []
        return super().parse_args(ctx, joined)


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise typer.BadParameter(f"-p takes NAME VALUE, and {text!r} has no value")
    return name, value


def command(
    notebook: Annotated[Path, typer.Argument(help="The notebook to run.")],
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", metavar="NAME VALUE", help="A parameter; repeatable."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for all results; default: NOTEBOOK's name with '-out'."),
    ] = None,
) -> int:
    """Run a notebook with checked parameters; run the same command again to continue it."""
    known = notebook_parameters(notebook)
    values = typed_values([_pair(text) for text in parameter or []], known, notebook.name)
    if out is not None and values.get("out") not in (None, str(out)):
        raise InputError(f"Two output folders are given: {str(out)!r} and {values['out']!r}")
    folder = (out or Path(values.get("out") or f"{notebook.stem}-out")).resolve()
    if folder == notebook.resolve().parent:
        raise InputError(
            "The results would overwrite the notebook", f"both are in {str(folder)!r}", "name --out"
        )
    if "out" in known:
        values["out"] = str(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise InputError(f"The output folder {str(folder)!r} cannot be made", str(exc)) from exc
    with _alone_in(folder):
        return execute(notebook, folder, values)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Refuse a folder in which another batch works: both would write the same files."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder / ".batch.lock", blocking=False)
    try:
        lock.acquire()
    except Timeout as exc:
        raise InputError(
            f"Another batch works in {str(folder)!r}", remedy="wait for it, or name another --out"
        ) from exc
    try:
        yield
    finally:
        lock.release()


def execute(notebook: Path, folder: Path, values: Mapping[str, Any]) -> int:
    """Run a notebook into a folder and return the exit code.

    Raises
    ------
    LabkitError
        What the notebook raised, with its exit code.
    """
    import nbformat
    from nbclient.exceptions import DeadKernelError
    from papermill import execute_notebook
    from papermill.exceptions import PapermillExecutionError

    executed = folder / notebook.name
    metrics = folder / "metrics.json"
    metrics_before = metrics.stat().st_mtime_ns if metrics.exists() else None
    try:
        with _kernel_log(folder / "kernel.log") as stderr, _marked(), _local_sockets() as config:
            execute_notebook(
                nbformat.read(notebook, as_version=4),
                no_template(executed),
                parameters=dict(values),
                progress_bar=False,
                stdout_file=sys.stdout,
                stderr_file=stderr,
                store_widget_state=False,
                start_timeout=START_TIMEOUT_S,
                config=config,
            )
    except PapermillExecutionError as exc:
        return _failed(exc, executed)
    except DeadKernelError:
        say_error(
            f"the kernel that ran {notebook.name} died, as it does when memory runs out or it is "
            f"killed; {folder / 'kernel.log'} may say more (the same command continues from there)"
        )
        return FAULT
    (folder / "kernel.log").unlink()
    page = _html(executed)
    print(f"{safe(executed)}\n{safe(page)}")
    written = metrics.exists() and metrics.stat().st_mtime_ns != metrics_before
    failures = failed_frames(metrics) if written else []
    for uri, reason in failures[:_MOST_LISTED]:
        say_error(f"{uri}: {reason}")
    if failures:
        say_error(f"finished, but {len(failures)} frames failed (all are listed in {metrics})")
    return FRAMES_FAILED if failures else 0


@contextmanager
def _kernel_log(path: Path) -> Iterator[TextIO]:
    """Write what the kernel's process itself prints to a file; yields the real stderr.

    A kernel inherits our stderr and writes warnings and, when it crashes, the C stack there, which
    belongs in a log. What the notebook prints to stderr arrives by messages.
    """
    sys.stderr.flush()
    with os.fdopen(os.dup(2), "w", buffering=1) as stderr, path.open("wb") as log:
        os.dup2(log.fileno(), 2)
        try:
            yield stderr
        finally:
            sys.stderr.flush()
            os.dup2(stderr.fileno(), 2)


@contextmanager
def _local_sockets() -> Iterator[Config]:
    """Talk to the kernel over Unix sockets in a temporary folder, where the system has them.

    TCP ports are chosen before the kernel binds them: of many batches that start at once on one
    machine, some would find their port taken.
    """
    from traitlets.config import Config

    if os.name == "nt":
        yield Config()
        return
    with TemporaryDirectory(prefix="labkit-") as folder:
        yield Config({"KernelManager": {"transport": "ipc", "ip": f"{folder}/kernel"}})


@contextmanager
def _marked() -> Iterator[None]:
    """Tell the kernel that there is no page: plain lines and pictures instead of widgets."""
    mine = {"PAPERMILL_BATCH": "1", "LABKIT_FRONT_END": "0"}
    before = {name: os.environ.get(name) for name in mine}
    os.environ.update(mine)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _failed(exc: PapermillExecutionError, executed: Path) -> int:
    """Say in one line what the notebook raised, and find its exit code."""
    codes = {cls.__name__: cls.exit_code for cls in _family(LabkitError)}
    codes["KeyboardInterrupt"] = CancelledError.exit_code
    code = codes.get(exc.ename, FAULT)
    what = exc.evalue if code != FAULT else f"{exc.ename}: {exc.evalue}"
    say_error(f"{what or exc.ename} (cell {exc.exec_count} of {executed})")
    return code


def _family(base: type[LabkitError]) -> Iterator[type[LabkitError]]:
    import labkit.frames.errors  # noqa: F401 - defines the one that core does not

    yield base
    for child in base.__subclasses__():
        yield from _family(child)


def _html(executed: Path) -> Path:
    """The notebook's output as an HTML page, without its code."""
    from nbconvert import HTMLExporter

    body, _ = HTMLExporter(
        exclude_input=True, exclude_input_prompt=True, exclude_output_prompt=True
    ).from_filename(str(executed))
    page = executed.with_suffix(".html")
    page.write_text(body, encoding="utf-8")
    return page


def failed_frames(metrics: Path) -> list[tuple[str, str]]:
    """Files or frames that a notebook's ``metrics.json`` lists as failed, with the reasons."""
    try:
        listed = json.loads(metrics.read_text("utf-8")).get("failures", [])
        return [(str(f["uri"]), str(f["reason"])) for f in listed]
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as exc:
        raise InputError(f"{str(metrics)!r} cannot be read", str(exc)) from exc
