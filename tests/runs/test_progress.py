"""Progress: what is shown where."""

from __future__ import annotations

import io
import sys
import types

import pytest

from labkit.core.errors import InputError
from labkit.runs.jobs import Job, JobContext, attach, detect_kind


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _plain_process(monkeypatch) -> None:
    for name in ("PAPERMILL_OUTPUT_PATH", "JPY_SESSION_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delitem(sys.modules, "IPython", raising=False)


def counting(n: int):
    def work(context: JobContext) -> None:
        for k in range(n + 1):
            context.update(k, n)

    return work


def slow_counting(n: int):
    def work(context: JobContext) -> None:
        for k in range(n + 1):
            context.update(k, n, message=f"step {k // 10}")

    return work


def test_where_it_runs_decides(monkeypatch) -> None:
    assert detect_kind(Terminal()) == "bar"
    assert detect_kind(io.StringIO()) == "plain"
    shell = types.SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    assert detect_kind(Terminal()) == "plain"  # papermill: a kernel, and nobody who looks
    monkeypatch.setenv("JPY_SESSION_NAME", "/a/notebook.ipynb")
    assert detect_kind(Terminal()) == "notebook"
    monkeypatch.setenv("PAPERMILL_OUTPUT_PATH", "out.ipynb")
    assert detect_kind(Terminal()) == "plain"
    monkeypatch.delenv("PAPERMILL_OUTPUT_PATH")
    shell.kernel = None
    assert detect_kind(Terminal()) == "bar"


def test_plain_lines_end_with_the_outcome() -> None:
    out = io.StringIO()
    attach(Job(slow_counting(40), "predict x"), "plain", stream=out, every=10).start().wait(5)
    lines = out.getvalue().splitlines()
    assert lines[-1].startswith("predict x: 40/40, finished")
    assert 2 <= len(lines) <= 8
    assert all(line.startswith("predict x: ") for line in lines)


def test_plain_lines_go_to_standard_output(capsys) -> None:
    attach(Job(counting(3), "j"), "plain").start().wait(5)
    assert "j: 3/3, finished" in capsys.readouterr().out


def test_a_bar_in_a_terminal() -> None:
    out = Terminal()
    attach(Job(slow_counting(40), "predict x"), "auto", stream=out).start().wait(5)
    assert "predict x: 100%" in out.getvalue()
    assert "40/40" in out.getvalue()


@pytest.mark.parametrize("kind", ["silent", None, False])
def test_silent(kind, capsys) -> None:
    attach(Job(counting(3)), kind).start().wait(5)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_a_function_is_called() -> None:
    seen: list[str] = []
    attach(Job(counting(3)), lambda job: seen.append(job.state)).start().wait(5)
    assert seen[-1] == "finished"


def test_unknown_names_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'plain'"):
        attach(Job(counting(3)), "plane")
