"""Files that are either whole or not there: temporary name, fsync, rename."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

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
    temporary: Path | None = None
    try:
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", suffix=".tmp", delete=False
        ) as file:
            temporary = Path(file.name)
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as exc:
        raise store_error(f"Cannot write {path.name!r}", exc) from exc
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


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
