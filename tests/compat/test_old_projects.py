"""A project that labkit wrote at a19a013 opens, and means the same.

``a19a013/project`` holds three runs (two of a detector, one refined), a track that was corrected
and tracked again, and 71 decisions of two people and a script, with undo and redo;
``a19a013/expected`` has what that labkit made of it.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import labkit as lk
from labkit.core.types import Shape

HERE = Path(__file__).parent / "a19a013"
EXPECTED = HERE / "expected"
REDEFINED = ("edit_rate",)
"""Rates whose definition has changed since, on purpose."""


@pytest.fixture
def project(tmp_path: Path) -> Any:
    shutil.copytree(HERE / "project", tmp_path / "project")
    with lk.Project.open(tmp_path / "project") as opened:
        yield opened


def plain(value: Any) -> Any:
    """A cell as it was written down: lists as JSON, missing values as None."""
    if isinstance(value, np.ndarray | list | tuple):
        return json.dumps(value, default=lambda x: x.tolist())
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, float | np.floating):
        return None if np.isnan(value) else float(value)
    return value.item() if isinstance(value, np.generic) else value


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("annotations", {}),
        ("annotations-r0001", {"run": "r0001"}),
        ("annotations-r0002", {"run": "r0002"}),
        ("annotations-ana", {"reviewer": "ana"}),
    ],
)
def test_annotations_are_the_same(project: Any, name: str, asked: dict[str, str]) -> None:
    before = pd.read_parquet(EXPECTED / f"{name}.parquet")
    now = project.annotations(**asked)
    assert len(now) == len(before)
    for column in before.columns:
        got = [plain(v) for v in now[column].astype(object)]
        assert got == [plain(v) for v in before[column].astype(object)], column


def test_the_summary_is_the_same_but_for_what_was_redefined(project: Any) -> None:
    before = pd.DataFrame(json.loads((EXPECTED / "summary.json").read_text()))
    now = pd.DataFrame(json.loads(lk.metrics.summary(project).to_json(orient="records")))
    kept = [c for c in before.columns if not c.startswith(REDEFINED)]
    assert set(kept) <= set(now.columns)
    pd.testing.assert_frame_equal(now[kept], before[kept])


def test_runs_queue_and_hand_list_are_the_same(project: Any) -> None:
    facts = json.loads((EXPECTED / "facts.json").read_text())
    assert [m.run_id for m in project.runs()] == facts["runs"]
    assert len(project.decisions()) == facts["decisions"]
    assert project.hand_list()["frame_id"].tolist() == facts["hand"]
    assert project.tracks("r0004")["track_id"].tolist() == facts["tracks"]
    assert project.queue("r0001", seed=0)["frame_id"].tolist() == facts["queue"]


def test_the_review_goes_on_and_undo_reaches_back(project: Any) -> None:
    queue = project.queue("r0001", seed=0, decided=None)
    with project.review(queue, reviewer="ben") as session:
        before = session.states()
        assert session.undo() is not None  # ben's acceptance of a frame of the video
        assert session.states() != before
        session.redo()
        assert session.states() == before


def test_a_track_is_tracked_again_from_its_keyframes(project: Any) -> None:
    video = project.frames()
    video = video[video["uri"].str.endswith(".mp4")]["frame_id"].tolist()
    queue = project.queue("r0004", decided=None)
    with project.review(queue, reviewer="ben", run="r0004", threshold=0.0) as session:
        session.goto(video[7])
        tracked = next(o for o in session.view.objects if o.track_id is not None)
        x1, y1, x2, y2 = tracked.shape.box
        session.edit(tracked.object_id, Shape((x1 + 2, y1, x2 + 2, y2)))
    again = project.retrack("r0004", progress=None)
    assert video[8] in project.run(again).frame_ids
    assert project.run(again).manifest.status == "finished"
