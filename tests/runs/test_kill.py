"""``kill -9`` at random moments: the resumed run equals the undisturbed one, byte for byte."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import fakes
import pytest

from labkit.store.project import ProjectStore

HERE = Path(__file__).parent
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")


def start(project: Path, *more: Path) -> subprocess.Popen[str]:
    root = HERE.parents[1]
    path = os.pathsep.join([str(root), str(HERE), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, str(HERE / "killed.py"), str(project), *map(str, more)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "2"},
    )


def run_to_end(project: Path, *more: Path) -> str:
    process = start(project, *more)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return out.split()[-1]


def run_and_kill(project: Path, after_s: float, *more: Path) -> bool:
    """Whether it was killed before it had finished."""
    process = start(project, *more)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(after_s)
    finally:
        process.kill()
        process.communicate(timeout=30)
    return process.returncode != 0


def check(calm: ProjectStore, killed: ProjectStore, *more: Path) -> None:
    want = fakes.parts(calm, calm.run().run_id)
    before = {m.run_id: fakes.parts(killed, m.run_id) for m in killed.runs()}
    run = run_to_end(killed.root, *more)
    assert fakes.parts(killed, run) == want
    assert killed.run(run).manifest.status == "finished"
    for name, content in before.get(run, {}).items():
        assert want[name] == content  # parts that were there had not to be done again
    leftovers = list((killed.root / "runs" / run).glob("*.tmp"))
    assert not leftovers or killed.run(run).missing_parts() == []


def new(path: Path, n: int) -> ProjectStore:
    project = ProjectStore.create(path, ["cat", "dog", "bird"])
    project.append_frames(fakes.frames(n, bad=(5,)))
    return project


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> ProjectStore:
    project = new(tmp_path_factory.mktemp("calm") / "p", 60)
    run_to_end(project.root)
    return project


def kill_often(tmp_path: Path, calm: ProjectStore, moments: list[float]) -> int:
    """Kill at each moment, a new project each time; how often the run was in the middle."""
    middle = 0
    for k, moment in enumerate(moments):
        project = new(tmp_path / f"p{k}", 60)
        killed = run_and_kill(project.root, moment)
        runs = project.runs()
        middle += bool(
            killed and runs and 0 < len(project.run(runs[0].run_id).missing_parts()) < 20
        )
        check(calm, project)
        assert len(project.runs()) == 1 + (not killed)
        project.close()
    return middle


def test_killed_at_random_moments(tmp_path: Path, calm: ProjectStore) -> None:
    rng = random.Random(2)
    assert kill_often(tmp_path, calm, [rng.uniform(0.0, 0.35) for _ in range(4)]) >= 1


def test_killed_again_and_again(tmp_path: Path, calm: ProjectStore) -> None:
    project = new(tmp_path / "p", 60)
    for moment in (0.08, 0.15, 0.1):
        run_and_kill(project.root, moment)
    check(calm, project)


@pytest.mark.soak
def test_killed_at_fifty_random_moments(tmp_path: Path, calm: ProjectStore) -> None:
    rng = random.Random(7)
    assert kill_often(tmp_path, calm, [rng.uniform(0.0, 0.5) for _ in range(50)]) >= 10


@pytest.mark.soak
@pytest.mark.data
def test_a_real_model_killed(tmp_path: Path, coco128: Path, yolo_onnx: Path) -> None:
    pytest.importorskip("onnxruntime")
    paths = sorted((coco128 / "images").iterdir())[:12]
    projects = []
    for name in ("calm", "killed"):
        project = ProjectStore.create(tmp_path / name)
        fakes.image_frames(project, paths)
        projects.append(project)
    run_to_end(projects[0].root, yolo_onnx)
    run_and_kill(projects[1].root, 4.0, yolo_onnx)
    check(*projects, yolo_onnx)
