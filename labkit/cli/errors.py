"""What a failure looks like on the command line: one line on stderr, the traceback in a log.

Exit codes: 0 done, 1 a fault of labkit itself, 2 bad arguments or input, 3 a model or its weights
could not be had, 4 finished with frames that failed, 5 cancelled.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
import traceback
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
from labkit.core.errors import LabkitError

__all__ = [
    "CANCELLED",
    "DONE",
    "FAULT",
    "FRAMES_FAILED",
    "as_options",
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


_ARGUMENTS = re.compile(
    r"\b(conf|iou|imgsz|batch|classes|store_above|include|task|split|seed|images|order|limit"
    r"|reviewer|names|trust|resume)=('[^']*'|[\w.,-]+)"
)


def as_options(message: str) -> str:
    """A message of the library in the words of the command line: ``trust=True`` is ``--trust``."""

    def option(found: re.Match[str]) -> str:
        name, value = found[1].replace("_", "-"), found[2].strip("'")
        return f"--{name}" if value == "True" else f"--{name} {value}"

    return _ARGUMENTS.sub(option, message)


def _open_log() -> bool:
    """Send the package's log to the file; False where it cannot be written."""
    path = log_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(path, maxBytes=2_000_000, backupCount=1, encoding="utf-8")
    except OSError:
        return False
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(message)s"))
    logger = logging.getLogger("labkit")
    logger.addHandler(handler)
    logger.propagate = False
    return True


def _record(exc: BaseException, debug: bool) -> str:
    """Put the traceback where it belongs and say where that is."""
    if debug:
        traceback.print_exception(exc)
        return "the traceback is above"
    if not _open_log():
        return f"no traceback was kept, {log_path()} cannot be written; --debug shows it"
    logging.getLogger("labkit").error("%s", exc, exc_info=exc)
    return f"the traceback is in {log_path()}"


@contextmanager
def _terminate_like_ctrl_c() -> Iterator[None]:
    """A batch system stops a job by SIGTERM: end as after Ctrl-C, with everything closed."""

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


def guarded(command: Callable[[], Any], debug: bool = False) -> int:
    """Run a command and turn whatever comes out of it into an exit code.

    Parameters
    ----------
    command : callable
        Runs the command; its result is the exit code, None means 0.
    debug : bool
        Show tracebacks on the screen instead of writing them to the log.
    """
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
        say_error("cancelled; what was finished is kept, and the same command goes on from there")
        return CANCELLED
    except BrokenPipeError:  # the reader left early, as in `labkit queue p | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except LabkitError as exc:
        _record(exc, debug)
        say_error(as_options(str(exc)))
        return exc.exit_code
    except Exception as exc:  # noqa: BLE001 - the last line of defence of a command line
        where_to = _record(exc, debug)
        say_error(f"{type(exc).__name__}: {exc} (a fault of labkit, not of yours; {where_to})")
        return FAULT
