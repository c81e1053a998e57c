"""``kill -9`` in the middle of a review: what was acknowledged is there, once, and it goes on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from review.conftest import make_project

ROOT = Path(__file__).resolve().parents[2]
PLAY = Path(__file__).with_name("play.py")


class Players:
    """The forking process of ``play.py``."""

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, str(PLAY)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        )

    def play(self, root: Path, die_after: int | None = None) -> tuple[list[str], int]:
        """What was acknowledged, and how it ended; killed after so many acknowledgements.

        The kill meets whatever comes next.
        """
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(f"{root}\n")
        self._server.stdin.flush()
        acknowledged: list[str] = []
        pid = 0
        for line in self._server.stdout:
            word, *rest = line.split()
            if word == "started":
                pid = int(rest[0])
            elif word == "ended":
                return acknowledged, int(rest[0])
            else:
                acknowledged.append(word)
            if pid and die_after is not None and len(acknowledged) >= die_after:
                os.kill(pid, signal.SIGKILL)
                die_after = None
        raise AssertionError("the forking process has ended")

    def close(self) -> None:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.kill()
        self._server.wait()
        self._server.stdin.close()
        self._server.stdout.close()


@pytest.fixture(scope="module")
def players() -> Iterator[Players]:
    made = Players()
    yield made
    made.close()


def outcome(project) -> list[tuple]:
    df = project.annotations(project.runs()[1].run_id)
    df = df[df["state"] != "proposed"]
    rows = df[["frame_id", "state", "label", "x1", "y1", "x2", "y2"]]
    return sorted(map(tuple, rows.round(3).to_numpy().tolist()))


@pytest.mark.parametrize(
    "kills", [25, pytest.param(200, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])]
)
def test_no_acknowledged_decision_is_lost_or_doubled(
    players: Players, tmp_path: Path, kills: int
) -> None:
    rng = random.Random(kills)
    frames = 2 * kills
    with make_project(tmp_path / "whole", n=frames) as whole:
        assert players.play(whole.root)[1] == 0
        want = outcome(whole)
    with make_project(tmp_path / "killed", n=frames) as project:
        acknowledged: list[str] = []
        died, status = 0, -1
        while status != 0:
            more, status = players.play(project.root, rng.randint(2, 9) if died < kills else None)
            acknowledged += more
            assert status in (0, -signal.SIGKILL)
            died += status != 0
        # who is killed late has decided more by then, so that it may end before all kills are done
        assert died > kills / 2
        ids = project.decisions()["decision_id"]
        assert ids.is_unique
        assert set(acknowledged) <= set(ids)
        assert outcome(project) == want
