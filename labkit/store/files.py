"""Files that are either whole or not there: temporary name, fsync, rename."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from uuid import uuid4

from filelock import FileLock, Timeout

from labkit.core.errors import StoreError, store_error

__all__ = ["write_atomic", "write_lock"]

_LOCK_SECONDS = 30.0


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomic(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file so that a reader, now or after a crash, sees the old or the new one whole.

    Parameters
    ----------
    path : Path
        The file; its folder must exist.
    write : callable
        Given a binary file, writes the content.

    Raises
    ------
    StoreError
        The disk is full or the folder cannot be written; the old file is as it was.
    """
    temporary = path.with_name(f".{path.name}.{uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as file:  # with the permissions that any new file gets
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as exc:
        raise store_error(f"Cannot write {path.name!r}", exc) from exc
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def write_lock(root: Path) -> Iterator[None]:
    """One writer of a project's files at a time, over processes."""
    try:
        with FileLock(root / ".labkit.lock", timeout=_LOCK_SECONDS):
            yield
    except Timeout as exc:
        raise StoreError(
            f"The project {root.name!r} is locked",
            f"another process has been writing it for {_LOCK_SECONDS:.0f} s",
            "try again when it has finished",
        ) from exc
    except OSError as exc:
        raise store_error(f"Cannot write in {root.name!r}", exc) from exc
