"""A dataset of twelve photos, and a project on it that the demo has made."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from labkit.cli.app import run


@pytest.fixture(autouse=True)
def _own_log(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_LOG", str(tmp_path / "labkit-test.log"))


@pytest.fixture(scope="session")
def dataset(coco128: Path, tmp_path_factory) -> Path:
    """``images/`` and ``labels/`` of the first twelve photos of coco128."""
    root = tmp_path_factory.mktemp("twelve")
    for kind in ("images", "labels"):
        (root / kind).mkdir()
    for image in sorted((coco128 / "images").iterdir())[:12]:
        shutil.copy(image, root / "images")
        shutil.copy(coco128 / "labels" / f"{image.stem}.txt", root / "labels")
    return root


@pytest.fixture(scope="session")
def demo_project(dataset: Path, yolo_onnx: Path, tmp_path_factory) -> Path:
    """A predicted, reviewed and exported project. Tests must not change it."""
    out = tmp_path_factory.mktemp("demo") / "project"
    images, weights = str(dataset / "images"), str(yolo_onnx)
    assert run(["demo", "--frames", images, "--weights", weights, "--out", str(out)]) == 0
    return out
