"""A project on twelve photos that the demo has made."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from labkit.cli.app import run


@pytest.fixture(autouse=True)
def _own_log(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_LOG", str(tmp_path / "labkit-test.log"))


@pytest.fixture(scope="session")
def demo_project(coco12: Path, yolo_onnx: Path, tmp_path_factory) -> Path:
    """A predicted, reviewed and exported project. Tests must not change it."""
    out = tmp_path_factory.mktemp("demo") / "project"
    images, weights = str(coco12 / "images"), str(yolo_onnx)
    assert run(["demo", "--frames", images, "--weights", weights, "--out", str(out)]) == 0
    return out


@pytest.fixture
def project(demo_project: Path, tmp_path: Path) -> Path:
    """A copy of the reviewed project, free to be changed."""
    return shutil.copytree(demo_project, tmp_path / "project")
