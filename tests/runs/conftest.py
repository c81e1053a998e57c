"""Projects with frames that no file is behind."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labkit.store.project import ProjectStore

os.environ.setdefault("OMP_NUM_THREADS", "2")
sys.path.insert(0, str(Path(__file__).parent))  # fakes.py

import fakes


@pytest.fixture
def make_project(tmp_path: Path) -> Iterator[Callable[..., ProjectStore]]:
    """``make_project(20, labels=['cat'])``: a project with that many frames."""
    made: list[ProjectStore] = []

    def make(n: int = 20, labels=("cat", "dog", "bird"), bad=(), **size: int) -> ProjectStore:
        project = ProjectStore.create(tmp_path / f"project-{len(made)}", labels)
        project.append_frames(fakes.frames(n, bad=bad, **size))
        made.append(project)
        return project

    yield make
    for project in made:
        project.close()
