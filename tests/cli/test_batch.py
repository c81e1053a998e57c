"""``labkit batch`` on small notebooks, each in a real kernel where it has to run."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from labkit.cli.app import run
from labkit.cli.parameters import notebook_parameters, typed_values
from labkit.core.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
PARAMETERS = """\
conf: float = 0.5  # score from which objects are shown
frames: int = 3
name = "x"
fast = True
labels: list = []
out = ""
"""


@pytest.fixture(autouse=True)
def _kernel_finds_labkit(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("LABKIT_LOG", str(tmp_path / "labkit.log"))
    monkeypatch.chdir(tmp_path)


def notebook(path, *cells, parameters=PARAMETERS):
    nb = nbformat.v4.new_notebook()
    nb.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nb.cells.append(nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}))
    nb.cells += [nbformat.v4.new_code_cell(source) for source in cells]
    nbformat.write(nb, path)
    return path


def test_values_arrive_in_the_types_of_the_notebook(tmp_path):
    known = notebook_parameters(notebook(tmp_path / "n.ipynb"))
    given = [
        ("conf", "1"),
        ("frames", "7"),
        ("name", "1e3"),
        ("fast", "false"),
        ("labels", "[a, b]"),
    ]
    assert typed_values(given, known, "n.ipynb") == {
        "conf": 1.0,
        "frames": 7,
        "name": "1e3",
        "fast": False,
        "labels": ["a", "b"],
    }
    assert typed_values([("conf", "1e-3")], known, "n.ipynb") == {"conf": 0.001}
    assert known["conf"].help == "score from which objects are shown"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("cnof", "0.5", "did you mean 'conf'?"),
        ("conf", "high", "takes a number, not 'high'"),
        ("conf", "true", "takes a number"),
        ("frames", "2.5", "takes a whole number"),
        ("fast", "1", "takes true or false"),
        ("labels", "a", "takes a list"),
    ],
)
def test_a_wrong_parameter_is_refused_before_anything_runs(tmp_path, capsys, name, value, says):
    nb = notebook(tmp_path / "n.ipynb", "open('ran', 'w')")
    assert run(["batch", str(nb), "-p", name, value]) == 2
    err = capsys.readouterr().err
    assert says in err
    assert err.count("\n") == 1
    assert not (tmp_path / "n-out").exists()
    assert not (tmp_path / "ran").exists()


def test_the_same_parameter_twice_is_refused(tmp_path):
    known = notebook_parameters(notebook(tmp_path / "n.ipynb"))
    with pytest.raises(InputError, match="twice"):
        typed_values([("conf", "1"), ("conf", "0")], known, "n.ipynb")


@pytest.mark.parametrize("content", [None, "not json", "{}", '{"cells": []}', "[]"])
def test_what_is_no_notebook_is_said_in_one_line(tmp_path, capsys, content):
    path = tmp_path / "n.ipynb"
    if content is not None:
        path.write_text(content)
    assert run(["batch", str(path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_results_never_overwrite_the_notebook(tmp_path, capsys):
    nb = notebook(tmp_path / "n.ipynb")
    before = nb.read_bytes()
    assert run(["batch", str(nb), "--out", str(tmp_path)]) == 2
    assert nb.read_bytes() == before


def test_a_run_leaves_the_executed_notebook_and_a_page(tmp_path, capfd):
    nb = notebook(
        tmp_path / "n {odd}.ipynb",
        "import json, pathlib; o = pathlib.Path(out)",
        "(o / 'metrics.json').write_text(json.dumps({'conf': conf}))",
        "print('forty', 2)",
    )
    assert run(["batch", str(nb), "-p", "conf", "0.25", "--out", "o"]) == 0
    assert "forty 2" in capfd.readouterr().out
    assert json.loads((tmp_path / "o/metrics.json").read_text()) == {"conf": 0.25}
    executed = nbformat.read(tmp_path / "o/n {odd}.ipynb", as_version=4)
    assert "widgets" not in executed.metadata
    assert executed.cells[-1].outputs[0].text == "forty 2\n"
    page = (tmp_path / "o/n {odd}.html").read_text("utf-8")
    assert "forty 2" in page
    assert "import json, pathlib" not in page


@pytest.mark.parametrize(
    ("source", "code", "says"),
    [
        (
            "from labkit.core.errors import InputError; raise InputError('bad input')",
            2,
            "bad input",
        ),
        (
            "from labkit.core.errors import ModelUnavailableError as E; raise E('no weights')",
            3,
            "no weights",
        ),
        ("from labkit.core.errors import CancelledError as E; raise E('stopped')", 5, "stopped"),
        ("1 / 0", 1, "ZeroDivisionError"),
        ("import sys; sys.exit(3)", 1, "SystemExit"),
        ("import os; os.kill(os.getpid(), 9)", 1, "the kernel that ran n.ipynb died"),
        (
            "import json; json.dump({'failures': [{'uri': 'a\\n.jpg', 'reason': 'truncated'}]},"
            " open(out + '/metrics.json', 'w'))",
            4,
            "1 frames failed",
        ),
    ],
)
def test_what_the_notebook_ends_with_becomes_the_exit_code(tmp_path, capfd, source, code, says):
    nb = notebook(tmp_path / "n.ipynb", source)
    assert run(["batch", str(nb)]) == code
    err = capfd.readouterr().err
    lines = [line for line in err.splitlines() if line.startswith("labkit: error: ")]
    assert says in lines[-1]
    assert "Traceback" not in err
    assert (tmp_path / "n-out/n.ipynb").exists()


def test_failures_of_an_earlier_run_do_not_count_again(tmp_path):
    (tmp_path / "n-out").mkdir()
    old = {"failures": [{"uri": "a.jpg", "reason": "truncated"}]}
    (tmp_path / "n-out/metrics.json").write_text(json.dumps(old))
    assert run(["batch", str(notebook(tmp_path / "n.ipynb", "1"))]) == 0


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_ends_with_5_and_leaves_no_kernel(tmp_path, signal_number):
    import psutil

    nb = notebook(tmp_path / "n.ipynb", "open('started', 'w'); import time; time.sleep(120)")
    job = subprocess.Popen(
        [sys.executable, "-m", "labkit", "batch", str(nb)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "started").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    kernels = psutil.Process(job.pid).children(recursive=True)
    assert kernels
    job.send_signal(signal_number)
    _, err = job.communicate(timeout=60)
    assert job.returncode == 5, err
    assert "cancelled" in err
    assert "Traceback" not in err
    psutil.wait_procs(kernels, timeout=10)
    assert not [k for k in kernels if k.is_running() and k.status() != psutil.STATUS_ZOMBIE]


def test_batches_at_the_same_time_in_one_folder_do_not_meet(tmp_path):
    notebook(tmp_path / "n.ipynb", "import os, pathlib", "pathlib.Path(out, name).touch()")
    (tmp_path / "work").mkdir()
    batch = [sys.executable, "-m", "labkit", "batch", str(tmp_path / "n.ipynb")]
    commands = [
        [*batch, "-p", "name", f"done{k}", "--out", str(tmp_path / f"o{k}")] for k in range(3)
    ]
    jobs = [subprocess.Popen(c, cwd=tmp_path / "work", stdout=subprocess.DEVNULL) for c in commands]
    assert [job.wait(120) for job in jobs] == [0, 0, 0]
    assert all((tmp_path / f"o{k}" / f"done{k}").exists() for k in range(3))
    assert not list((tmp_path / "work").iterdir())


def test_a_second_batch_in_the_same_output_folder_is_refused(tmp_path, capsys):
    from filelock import FileLock

    (tmp_path / "o").mkdir()
    with FileLock(tmp_path / "o" / ".batch.lock"):
        assert (
            run(["batch", str(notebook(tmp_path / "n.ipynb")), "--out", str(tmp_path / "o")]) == 2
        )
    assert "Another batch works in" in capsys.readouterr().err
