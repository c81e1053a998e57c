"""``kill -9`` while tracking: the resumed run equals the undisturbed one, byte for byte."""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import fakes as detectors
import pytest
import track_fakes as fakes
from forks import Processes
from killed_track import PART, WAY_BACK

from labkit.store.project import ProjectStore

HERE = Path(__file__).parent
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
N = 64


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    made = Processes(Path(__file__).with_name("killed_track.py"))
    yield made
    made.close()


def new(path: Path) -> ProjectStore:
    return fakes.new(path, N, bad=(17, 41), double_from=52)


def steps(log: Path) -> int:
    return len(log.read_text().splitlines()) if log.exists() else 0


def frames_later(log: Path, after: int, pause_s: float) -> Callable[[int], None]:
    """A while after so many more frames.

    Frames and not seconds, for the moments to be as random on a machine that is busy.
    """
    target = steps(log) + after

    def wait(pid: int) -> None:
        while steps(log) < target:
            os.kill(pid, 0)  # raises when it has ended
            time.sleep(0.001)
        time.sleep(pause_s)

    return wait


@pytest.fixture(scope="module")
def calm(
    processes: Processes, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, bytes], int]:
    """Parts of the run that nobody disturbed, and the frames it stepped."""
    folder = tmp_path_factory.mktemp("calm")
    with new(folder / "p") as project:
        processes.run_to_end(project.root, folder / "log")
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
            killed += processes.run_and_kill(frames_later(log, moment, pause_s), project.root, log)
            runs = project.runs()
            missing = len(project.run(runs[0].run_id).missing_parts()) if runs else len(want)
            middle |= 0 < missing < len(want)
        processes.run_to_end(project.root, log)
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
