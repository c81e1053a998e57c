"""``kill -9`` in the middle of a review: what was acknowledged is there, once, and it goes on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from review.conftest import make_project

ROOT = Path(__file__).resolve().parents[2]
PLAY = Path(__file__).with_name("play.py")


def start(root: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(PLAY), str(root)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def outcome(project) -> list[tuple]:
    df = project.annotations(project.runs()[1].run_id)
    df = df[df["state"] != "proposed"]
    rows = df[["frame_id", "state", "label", "x1", "y1", "x2", "y2"]]
    return sorted(map(tuple, rows.round(3).to_numpy().tolist()))


@pytest.mark.parametrize(
    "kills", [50, pytest.param(200, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])]
)
def test_no_acknowledged_decision_is_lost_or_doubled(tmp_path: Path, kills: int) -> None:
    rng = random.Random(kills)
    frames = 2 * kills
    with make_project(tmp_path / "whole", n=frames) as whole:
        assert start(whole.root).wait() == 0
        want = outcome(whole)
    with make_project(tmp_path / "killed", n=frames) as project:
        acknowledged: list[str] = []
        died = 0
        while True:
            process = start(project.root)
            assert process.stdout is not None
            # die after so many acknowledgements, in the middle of whatever comes next
            left = rng.randint(3, 12) if died < kills else None
            for line in process.stdout:
                acknowledged.append(line.strip())
                if left is not None:
                    left -= 1
                    if left == 0:
                        break
            if left == 0:
                process.send_signal(signal.SIGKILL)
                acknowledged += [line.strip() for line in process.stdout if line.endswith("\n")]
            status = process.wait()
            process.stdout.close()
            if status == 0:
                break
            assert status == -signal.SIGKILL
            died += 1
        assert died == kills
        ids = project.decisions()["decision_id"]
        assert ids.is_unique
        assert set(acknowledged) <= set(ids)
        assert outcome(project) == want
