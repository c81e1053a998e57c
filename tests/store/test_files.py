"""Files that are either whole or not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from labkit.core.errors import StoreError
from labkit.store.files import write_atomic


def test_a_new_file_has_the_permissions_of_any_other(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "plain").write_bytes(b"")

    def refuse(mask: int) -> int:
        raise AssertionError("the umask belongs to the whole process")

    monkeypatch.setattr(os, "umask", refuse)
    write_atomic(tmp_path / "ours", lambda file: file.write(b"x"))
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError):
        write_atomic(path, lambda file: file.write(b"n") / 0)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"old"


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "missing" / "x", tmp_path / "file" / "x"):
        with pytest.raises(StoreError, match="Cannot write 'x'"):
            write_atomic(path, lambda file: file.write(b""))
