"""The examples of docs/how-to work as they stand: registered, used by name, and checked."""

from __future__ import annotations

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
