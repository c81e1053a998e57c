"""The examples of docs/how-to work as they stand: registered, used by name, and checked."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # how_to.py

from how_to import HOW_TO, blocks

import labkit as lk
from labkit.core import registry
from labkit.demo import write_stills, write_video
from labkit.models.detectors import detector_names
from labkit.models.interactors import interactor_names
from labkit.models.trackers import tracker_names
from labkit.queue import scores

ROOT = HOW_TO.parents[1]
LABELS = ("nut", "bolt", "washer")


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    """What a page registers is gone after its test."""
    before = [(r, dict(r._items)) for r in registry._registries]
    yield
    for r, items in before:
        r._items = items


@pytest.fixture(scope="module")
def stills(tmp_path_factory: pytest.TempPathFactory) -> Iterator[lk.Project]:
    folder = tmp_path_factory.mktemp("stills")
    with lk.Project.create(folder / "p", labels=LABELS) as p:
        p.add_frames(write_stills(folder / "scenes", 4, size=(192, 256)))
        p.predict("yolo-nano", conf=0.3, progress=None)
        yield p


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Iterator[lk.Project]:
    folder = tmp_path_factory.mktemp("video")
    with lk.Project.create(folder / "p", labels=LABELS) as p:
        p.add_frames(write_video(folder / "belt.mp4", 6, leaves=0, enters=0, size=(192, 256)))
        p.predict("yolo-nano", conf=0.3, progress=None)
        yield p


def play(page: str, p: lk.Project) -> dict[str, Any]:
    """Run every Python block of a page, one after the other, as a reader would."""
    names: dict[str, Any] = {"p": p, "__name__": page}
    for number, code in enumerate(blocks(page)):
        exec(compile(code, f"{page}, block {number}", "exec"), names)
    return names


def test_add_a_detector(stills: lk.Project, capsys: pytest.CaptureFixture[str]) -> None:
    names = play("add-a-detector.md", stills)
    assert "bright-spots" in detector_names()
    found = stills.proposals(names["run"])
    assert len(found)
    assert set(found["label"]) == {"bolt"}
    assert stills.runs()[-1].model == "bright-spots"
    # a second reader of the page, in the same notebook
    play("add-a-detector.md", stills)


def test_add_an_interactor(stills: lk.Project, capsys: pytest.CaptureFixture[str]) -> None:
    names = play("add-an-interactor.md", stills)
    assert "magic-wand" in interactor_names()
    assert names["answer"].mask.any()
    assert not names["answer"].mask.all()


def test_add_a_tracker(video: lk.Project, capsys: pytest.CaptureFixture[str]) -> None:
    names = play("add-a-tracker.md", video)
    assert "patch" in tracker_names()
    found = video.proposals(names["run"])
    assert found["track_id"].nunique() == 2
    assert found["frame_id"].nunique() > 2


def test_add_a_score(stills: lk.Project, capsys: pytest.CaptureFixture[str]) -> None:
    names = play("add-a-score.md", stills)
    assert "small-boxes" in scores
    queue = stills.queue(order="small-boxes", seed=0)
    assert queue["score"].is_monotonic_decreasing
    assert set(names["queue"]["rule"]) == {"mix"}


@pytest.mark.parametrize("page", sorted(p.name for p in HOW_TO.glob("add-*.md")))
def test_a_page_is_short_and_names_what_is_there(page: str) -> None:
    text = (HOW_TO / page).read_text("utf-8")
    for path in (word for word in text.split("`") if word.startswith("labkit/")):
        assert (ROOT / path).exists(), path
    groups = {r.group for r in registry._registries}
    for code in blocks(page, "toml"):
        (group,) = tomllib.loads(code)["project"]["entry-points"]
        assert group in groups
    first = blocks(page)[0]
    lines = [line for line in first.splitlines() if line.strip()]
    assert len(lines) <= 60, f"the example of {page} has {len(lines)} lines"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The first block of each page as a package with the entry points that the pages give."""
    points: dict[str, dict[str, str]] = {}
    for page in ("detector", "interactor", "tracker", "score"):
        (text,) = blocks(f"add-a{'n' * (page[0] == 'i')}-{page}.md", "toml")
        ((group, names),) = tomllib.loads(text)["project"]["entry-points"].items()
        points[group] = names
        (target,) = names.values()
        module = tmp_path / "site" / Path(*target.partition(":")[0].split(".")).with_suffix(".py")
        module.parent.mkdir(parents=True, exist_ok=True)
        module.write_text(blocks(f"add-a{'n' * (page[0] == 'i')}-{page}.md")[0])
    info = tmp_path / "site" / "my_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    lines = []
    for group, names in points.items():
        lines += [f"[{group}]", *(f"{name} = {target}" for name, target in names.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return tmp_path / "site"


def test_an_installed_package_is_found_by_the_command_line(package: Path, tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(package), str(ROOT)])}

    def labkit(*words: str) -> str:
        command = [sys.executable, "-m", "labkit", *words]
        done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    write_video(tmp_path / "belt.mp4", 6, leaves=0, enters=0, size=(192, 256))
    labkit("predict", "p", "-w", "bright-spots", "-f", "belt.mp4", "--labels", "spot")
    assert "small boxes" in labkit("queue", "p", "--order", "small-boxes")
    labkit("track", "p", "--tracker", "patch", "--to", "3")
    with lk.Project.open(tmp_path / "p") as p:
        assert [run.model for run in p.runs()] == ["bright-spots", "patch"]
    assert "every plug-in that is installed can be used" in labkit("doctor", "p")
