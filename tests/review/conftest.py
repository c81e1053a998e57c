"""A small project with two runs' worth of proposals, and a truth for scripted reviewers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from labkit.core.types import Frame, LabelChoice, Manifest, Proposal, Shape
from labkit.project import Project
from labkit.store import RunStore

LABELS = ["bolt", "nut"]


def frame_ids(n: int) -> list[str]:
    return [f"{k:016x}" for k in range(n)]


def write_run(project: Project, name: str, proposals: list[Proposal], **manifest: object) -> str:
    ids = [f.frame_id for f in project.iter_frames()]
    run = RunStore.create(
        project.root, Manifest("", name, part_size=len(ids), **{"conf": 0.5, **manifest}), ids
    )
    run.write_part(0, proposals)
    run.finish()
    return run.run_id


def queue_of(project: Project, run: str) -> pd.DataFrame:
    q = project.frames()[["frame_id"]].assign(score=0.0, rule="order", reason="as added")
    q.attrs["runs"] = [run]
    return q


def make_project(root: Path, n: int = 4, objects: int = 4) -> Project:
    project = Project.create(root, labels=LABELS)
    project.append_frames(
        [Frame(i, i, f"{i}.jpg", 0, 640, 480, None, i, "g") for i in frame_ids(n)]
    )
    rng = np.random.default_rng(7)
    truth, seen = [], []
    for i in frame_ids(n):
        for k in range(objects):
            x, y = 20 + 150 * k, 20 + 100 * (k % 3)
            label = LABELS[k % 2]
            truth.append(Proposal(i, k, label, 1.0, Shape((x, y, x + 60, y + 60))))
            if k == objects - 1:
                continue  # missed by the model
            off = rng.normal(0, 2, 4)
            box = tuple(np.array([x, y, x + 60, y + 60]) + off)
            said = LABELS[(k + 1) % 2] if k == 1 else label
            score = 0.3 if k == 2 else 0.8
            choice = (LabelChoice(said, score), LabelChoice(label, 0.1))
            seen.append(Proposal(i, len(seen), said, score, Shape(box), choice))
        seen.append(Proposal(i, len(seen), "nut", 0.6, Shape((600, 400, 630, 430))))
    project.truth_run = write_run(project, "truth", truth)
    project.seen_run = write_run(project, "detector", seen)
    return project


@pytest.fixture
def project(tmp_path: Path):
    with make_project(tmp_path / "p") as p:
        yield p


@pytest.fixture
def session(project: Project):
    return project.review(queue_of(project, project.seen_run), "ana")
