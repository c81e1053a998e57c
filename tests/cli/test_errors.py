import os
import signal
import subprocess
import sys

import pytest

from labkit.cli.app import run
from labkit.cli.errors import guarded
from labkit.core.errors import (
    CancelledError,
    InputError,
    ModelUnavailableError,
    StoreError,
)


@pytest.fixture(autouse=True)
def log(tmp_path, monkeypatch):
    path = tmp_path / "log" / "labkit.log"
    monkeypatch.setenv("LABKIT_LOG", str(path))
    return path


def raising(exc):
    def command():
        raise exc

    return command


@pytest.mark.parametrize(
    ("exc", "code"),
    [
        (InputError("no"), 2),
        (StoreError("no"), 2),
        (ModelUnavailableError("no"), 3),
        (CancelledError("no"), 5),
        (KeyboardInterrupt(), 5),
        (PermissionError(13, "Permission denied", "/x.csv"), 2),
        (ZeroDivisionError("no"), 1),
    ],
)
def test_each_kind_of_failure_has_its_exit_code_and_one_line(exc, code, capsys):
    assert guarded(raising(exc)) == code
    err = capsys.readouterr().err
    assert err.startswith("labkit: error: ")
    assert err.count("\n") == 1


def test_the_traceback_goes_to_the_log_and_not_to_the_screen(log, capsys):
    assert guarded(raising(ZeroDivisionError("by nothing"))) == 1
    err = capsys.readouterr().err
    assert "Traceback" not in err
    assert str(log) in err
    assert "ZeroDivisionError: by nothing" in log.read_text()


def test_debug_shows_the_traceback(log, capsys):
    assert guarded(raising(InputError("no")), debug=True) == 2
    assert "Traceback" in capsys.readouterr().err
    assert not log.exists()


def test_a_log_that_cannot_be_written_is_said_and_does_no_harm(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LABKIT_LOG", str(tmp_path / "file" / "labkit.log"))
    assert guarded(raising(ZeroDivisionError())) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_a_name_in_a_message_cannot_move_the_cursor_or_add_a_line(capsys):
    assert guarded(raising(InputError("bad\x1b[2J\u202ename\nTraceback"))) == 2
    err = capsys.readouterr().err
    assert "\x1b" not in err
    assert "\u202e" not in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "args", [["doktor"], ["doctor", "--jsn"], ["predict"], ["lab", "--prot", "1"]]
)
def test_bad_arguments_end_with_2_and_point_to_help(args, capsys):
    assert run(args) == 2
    err = capsys.readouterr().err
    assert err.startswith("labkit: error: ")
    assert "--help" in err
    assert err.count("\n") == 1


def test_without_arguments_the_commands_are_listed(capsys):
    assert run([]) == 0
    assert "doctor" in capsys.readouterr().out


def test_sigterm_ends_like_ctrl_c(capsys):
    def command():
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pause()

    before = signal.getsignal(signal.SIGTERM)
    assert guarded(command) == 5
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_reader_that_leaves_early_is_no_error():
    code = (
        "import sys; from labkit.cli.errors import guarded\n"
        "sys.exit(guarded(lambda: [print('x' * 100) for _ in range(100000)] and 0))"
    )
    got = subprocess.run(
        f'"{sys.executable}" -c "$CODE" | head -1; echo ${{PIPESTATUS[0]}}',
        shell=True,
        executable="/bin/bash",
        env={**os.environ, "CODE": code, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert got.stdout.splitlines()[-1] == "0"
    assert got.stderr == ""
