"""Where an export goes: written beside its place, then moved there in one step."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from labkit._version import __version__
from labkit.core.errors import InputError, StoreError

__all__ = ["MARKER", "export_target", "read_marker"]

MARKER = "labkit-export.json"
"""The file by which labkit knows its own exports, and what they were made with."""


def read_marker(folder: Path) -> dict[str, Any] | None:
    """The marker of an export of labkit, None where the folder is none."""
    try:
        data = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) and "labkit" in data else None


def _check_replaceable(out: Path) -> None:
    if not out.exists() and not out.is_symlink():
        return
    if not out.is_dir():
        raise InputError(f"Nothing can be exported to {out}", "it is a file", "name another folder")
    there = {p.name for p in out.iterdir()}
    if not there:
        return
    remedy = "name another folder, or empty this one"
    marker = read_marker(out)
    if marker is None:
        raise InputError(
            f"Nothing can be exported to {out}",
            "it holds files and is not an export of labkit",
            remedy,
        )
    foreign = sorted(there - set(marker.get("entries", [])) - {MARKER})
    if foreign:
        listed = ", ".join(foreign[:3]) + (" ..." if len(foreign) > 3 else "")
        raise InputError(
            f"The export in {out} cannot be replaced",
            f"it holds files that labkit did not write: {listed}",
            remedy,
        )


def _put(folder: Path, out: Path) -> None:
    """Move the finished folder to its place; an earlier export goes only after that."""
    if not out.exists():
        folder.rename(out)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{out.name}.old-", dir=out.parent))
    out.rename(old / "export")
    try:
        folder.rename(out)
    except OSError:
        (old / "export").rename(out)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def export_target(out: Path, about: Mapping[str, Any]) -> Iterator[Path]:
    """A new folder that becomes ``out`` when the block ends well, and vanishes when it does not.

    Parameters
    ----------
    out : Path
        A folder that does not exist, is empty, or holds an earlier export of labkit and nothing
        else; that one is replaced.
    about : Mapping
        What the export was made with; kept in the marker.

    Raises
    ------
    InputError
        ``out`` is a file or holds something else.
    StoreError
        It cannot be written: no permission, a full disk, a read-only file system.
    """
    out = out.resolve()  # an earlier export behind a link is replaced, not the link
    folder: Path | None = None
    try:
        _check_replaceable(out)
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.tmp-", dir=out.parent))
        folder.chmod(0o755)  # mkdtemp's 0700 would shut out colleagues
        yield folder
        entries = sorted(p.name for p in folder.iterdir())
        marker = {"labkit": __version__, **about, "entries": entries}
        text = json.dumps(marker, indent=1, ensure_ascii=False, default=str)
        (folder / MARKER).write_text(text + "\n", encoding="utf-8")
        _put(folder, out)
        folder = None
    except OSError as exc:
        why = exc.strerror or str(exc)
        raise StoreError(
            f"The export to {out} could not be written",
            why,
            "nothing was changed there; name a folder that has room and that you may write to",
        ) from exc
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
