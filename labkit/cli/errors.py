"""What a failure looks like on the command line: one line on stderr, the traceback in a log.

Exit codes: 0 done, 1 a fault of labkit itself, 2 bad arguments or input, 3 a model or its weights
is not available, 4 finished with frames that failed, 5 cancelled.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import FrameType
from typing import Any

import typer
from typer.exceptions import TyperException

from labkit.cli.text import safe
from labkit.core.config import cache_dir
from labkit.core.errors import Argument, LabkitError

__all__ = [
    "CANCELLED",
    "DONE",
    "FAULT",
    "FRAMES_FAILED",
    "guarded",
    "log_path",
    "say_error",
]

DONE, FAULT, FRAMES_FAILED, CANCELLED = 0, 1, 4, 5


def log_path() -> Path:
    """The log that takes tracebacks: ``LABKIT_LOG``, else a file in labkit's cache folder."""
    named = os.environ.get("LABKIT_LOG")
    return Path(named) if named else cache_dir() / "labkit.log"


def say_error(text: object) -> None:
    """One line on stderr."""
    print(f"labkit: error: {safe(text)}", file=sys.stderr)


class _Log(RotatingFileHandler):
    """The log file, made on the first record; it remembers whether it could be written."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=2_000_000, backupCount=1, encoding="utf-8", delay=True)
        self.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(message)s"))
        self.broken = False

    def emit(self, record: logging.LogRecord) -> None:
        try:
            Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
        except OSError:
            self.broken = True
        else:
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        self.broken = True


@contextmanager
def _logging(debug: bool) -> Iterator[logging.Handler]:
    """Send what the package logs to the log file, or with ``--debug`` to the screen."""
    logger = logging.getLogger("labkit")
    handler = logging.StreamHandler() if debug else _Log(log_path())
    before = logger.propagate, logger.disabled
    logger.propagate, logger.disabled = False, False
    logger.addHandler(handler)
    try:
        yield handler
    finally:
        logger.removeHandler(handler)
        logger.propagate, logger.disabled = before
        handler.close()


def _record(exc: BaseException, handler: logging.Handler) -> str:
    """Log a traceback and say where it is."""
    logging.getLogger("labkit").error("%s", safe(exc), exc_info=exc)
    if not isinstance(handler, _Log):
        return "the traceback is above"
    if handler.broken:
        return f"no traceback was kept, {log_path()} cannot be written; --debug shows it"
    return f"the traceback is in {log_path()}"


@contextmanager
def _terminate_like_ctrl_c() -> Iterator[None]:
    """End as after Ctrl-C where a batch system stops the job by SIGTERM."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # not in the main thread, where a caller handles its own signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def guarded(
    command: Callable[[], Any], debug: bool = False, spell: Callable[[Argument], str] = str
) -> int:
    """Run a command and turn its result or its error into an exit code.

    Parameters
    ----------
    command : callable
        Runs the command; its result is the exit code, None means 0.
    debug : bool
        Show tracebacks on the screen instead of writing them to the log.
    spell : callable
        Writes an argument that an error names, as :func:`labkit.cli.options.speller` does.
    """
    with _logging(debug) as handler:
        return _exit_code(command, handler, spell)


def _exit_code(
    command: Callable[[], Any], handler: logging.Handler, spell: Callable[[Argument], str]
) -> int:
    try:
        with _terminate_like_ctrl_c():
            code = command()
            sys.stdout.flush()
            return code if isinstance(code, int) else DONE
    except typer.Exit as exc:
        return exc.exit_code
    except TyperException as exc:
        where = getattr(exc, "ctx", None)
        usage = f" (see: {where.command_path} --help)" if where else ""
        say_error(f"{exc.format_message()}{usage}")
        return 2
    except (KeyboardInterrupt, typer.Abort):
        say_error("cancelled; what was finished is kept, and the same command continues from there")
        return CANCELLED
    except BrokenPipeError:  # the reader left early, as in `labkit queue p | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except OSError as exc:  # a file that a person named: --csv /no/such/folder/x.csv
        where_to = _record(exc, handler)
        say_error(f"{exc.strerror or exc}: {exc.filename or 'no file was named'} ({where_to})")
        return 2
    except LabkitError as exc:
        _record(exc, handler)
        say_error(exc.spelled(spell))
        return exc.exit_code
    except Exception as exc:  # noqa: BLE001 - the last line of defence of a command line
        where_to = _record(exc, handler)
        say_error(f"{type(exc).__name__}: {exc} (a fault of labkit, not of yours; {where_to})")
        return FAULT
