"""``kill -9`` at random moments: the resumed run equals the undisturbed one, byte for byte."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import fakes
import pytest
from forks import Processes

from labkit.store.project import ProjectStore

HERE = Path(__file__).parent
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    made = Processes(Path(__file__).with_name("killed.py"))
    yield made
    made.close()


def after(seconds: float) -> Callable[[int], None]:
    """When to kill."""
    return lambda pid: time.sleep(seconds)


def check(processes: Processes, calm: ProjectStore, killed: ProjectStore, *more: Path) -> None:
    want = fakes.parts(calm, calm.run().run_id)
    before = {m.run_id: fakes.parts(killed, m.run_id) for m in killed.runs()}
    processes.run_to_end(killed.root, *more)
    run = killed.run().run_id
    assert fakes.parts(killed, run) == want
    assert killed.run(run).manifest.status == "finished"
    for name, content in before.get(run, {}).items():
        assert want[name] == content  # a part is there whole or not at all


def new(path: Path, n: int) -> ProjectStore:
    project = ProjectStore.create(path, ["cat", "dog", "bird"])
    project.append_frames(fakes.frames(n, bad=(5,)))
    return project


@pytest.fixture(scope="module")
def calm(processes: Processes, tmp_path_factory: pytest.TempPathFactory) -> ProjectStore:
    project = new(tmp_path_factory.mktemp("calm") / "p", 60)
    processes.run_to_end(project.root)
    return project


def kill_often(
    processes: Processes, tmp_path: Path, calm: ProjectStore, moments: list[float]
) -> int:
    """Kill at each moment, a new project each time; how often the run was in the middle."""
    middle = 0
    for k, moment in enumerate(moments):
        project = new(tmp_path / f"p{k}", 60)
        killed = processes.run_and_kill(after(moment), project.root)
        runs = project.runs()
        middle += bool(
            killed and runs and 0 < len(project.run(runs[0].run_id).missing_parts()) < 20
        )
        check(processes, calm, project)
        assert len(project.runs()) == 1
        project.close()
    return middle


@pytest.mark.parametrize("kills", [50, pytest.param(200, marks=pytest.mark.soak)])
def test_killed_at_random_moments(
    processes: Processes, tmp_path: Path, calm: ProjectStore, kills: int
) -> None:
    rng = random.Random(kills)
    moments = [rng.uniform(0.0, 0.5) for _ in range(kills)]
    assert kill_often(processes, tmp_path, calm, moments) >= kills / 5


def test_killed_again_and_again(processes: Processes, tmp_path: Path, calm: ProjectStore) -> None:
    project = new(tmp_path / "p", 60)
    for moment in (0.08, 0.15, 0.1):
        processes.run_and_kill(after(moment), project.root)
    check(processes, calm, project)


@pytest.mark.soak
@pytest.mark.data
def test_a_real_model_killed(
    processes: Processes, tmp_path: Path, coco128: Path, yolo_onnx: Path
) -> None:
    pytest.importorskip("onnxruntime")
    paths = sorted((coco128 / "images").iterdir())[:12]
    projects = []
    for name in ("calm", "killed"):
        project = ProjectStore.create(tmp_path / name)
        fakes.image_frames(project, paths)
        projects.append(project)
    processes.run_to_end(projects[0].root, yolo_onnx)
    processes.run_and_kill(after(4.0), projects[1].root, yolo_onnx)
    check(processes, *projects, yolo_onnx)
