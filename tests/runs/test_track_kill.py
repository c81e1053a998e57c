"""``kill -9`` while tracking: the resumed run equals the undisturbed one, byte for byte."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import fakes as detectors
import pytest
import track_fakes as fakes
from killed_track import PART, WAY_BACK

from labkit.store.project import ProjectStore

HERE = Path(__file__).parent
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
N = 64


class Processes:
    """The forking process of ``killed_track.py``."""

    def __init__(self) -> None:
        path = os.pathsep.join([str(HERE.parents[1]), str(HERE), os.environ.get("PYTHONPATH", "")])
        self._server = subprocess.Popen(
            [sys.executable, str(HERE / "killed_track.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "2"},
        )

    def start(self, project: Path, log: Path) -> int:
        assert self._server.stdin is not None
        self._server.stdin.write(json.dumps([str(project), str(log)]) + "\n")
        self._server.stdin.flush()
        return self.answer()

    def answer(self) -> int:
        assert self._server.stdout is not None
        return int(self._server.stdout.readline())

    def run_and_kill(self, project: Path, log: Path, after: int, pause_s: float) -> bool:
        """Kill a while after so many more frames; whether that was before it had finished.

        Frames and not seconds, for the moments to be as random on a machine that is busy.
        """
        target = steps(log) + after
        pid = self.start(project, log)
        with contextlib.suppress(ProcessLookupError):
            while steps(log) < target:
                os.kill(pid, 0)  # raises when it has ended
                time.sleep(0.001)
            time.sleep(pause_s)
            os.kill(pid, signal.SIGKILL)
        return self.answer() == -signal.SIGKILL

    def close(self) -> None:
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait(30)
        assert self._server.stdout is not None
        self._server.stdout.close()


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    made = Processes()
    yield made
    made.close()


def new(path: Path) -> ProjectStore:
    return fakes.new(path, N, bad=(17, 41), double_from=52)


def steps(log: Path) -> int:
    return len(log.read_text().splitlines()) if log.exists() else 0


@pytest.fixture(scope="module")
def calm(
    processes: Processes, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, bytes], int]:
    """Parts of the run that nobody disturbed, and the frames it stepped."""
    folder = tmp_path_factory.mktemp("calm")
    with new(folder / "p") as project:
        processes.start(project.root, folder / "log")
        assert processes.answer() == 0
        return detectors.parts(project, project.run().run_id), steps(folder / "log")


def resumed(
    processes: Processes, calm: tuple[dict[str, bytes], int], folder: Path, moments: list[int]
) -> bool:
    """Kill at each moment, then run to the end; whether a run was met in its middle."""
    want, least = calm
    log, middle, killed = folder / "log", False, 0
    rng = random.Random(str(moments))
    with new(folder / "p") as project:
        for moment in moments:
            pause_s = rng.uniform(0, 0.02) if moment else rng.uniform(0, 0.3)
            killed += processes.run_and_kill(project.root, log, moment, pause_s)
            runs = project.runs()
            missing = len(project.run(runs[0].run_id).missing_parts()) if runs else len(want)
            middle |= 0 < missing < len(want)
        processes.start(project.root, log)
        assert processes.answer() == 0
        assert len(project.runs()) == 1
        assert project.run().manifest.status == "finished"
        assert detectors.parts(project, project.run().run_id) == want
        # a kill costs what had not been written, which is less than one part, and the way back
        # between the keyframes where it happened
        assert steps(log) - least <= killed * (PART + WAY_BACK)
    return middle


@pytest.mark.parametrize("kills", [8, pytest.param(200, marks=pytest.mark.soak)])
def test_killed_at_random_moments(
    processes: Processes, tmp_path: Path, calm: tuple[dict[str, bytes], int], kills: int
) -> None:
    rng = random.Random(kills)
    middle = sum(
        resumed(processes, calm, tmp_path / str(k), [rng.randrange(0, calm[1])])
        for k in range(kills)
    )
    assert middle >= kills / 5


def test_killed_again_and_again(
    processes: Processes, tmp_path: Path, calm: tuple[dict[str, bytes], int]
) -> None:
    resumed(processes, calm, tmp_path, [20, 0, 13, 30])
