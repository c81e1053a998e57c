"""Fixtures that all tests share: where the real data lies, and what to say where it does not."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

# CI tries the same examples every time: a new counterexample is for a person to find, not for
# whoever happens to submit something else. No deadlines: machines are shared.
settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("LABKIT_TEST_DATA", ROOT.parent / "shared" / "data"))


def _need(*parts: str) -> Path:
    path = DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"shared test data is missing: {'/'.join(parts)} (set LABKIT_TEST_DATA)")
    return path


@pytest.fixture(scope="session")
def coco128() -> Path:
    """128 real photos with YOLO labels: ``images/``, ``labels/``, ``labels_seg/``."""
    return _need("coco128")


@pytest.fixture(scope="session")
def coco12(coco128: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first twelve photos of coco128 with their labels. Tests must not change it."""
    root = tmp_path_factory.mktemp("coco12")
    for kind in ("images", "labels"):
        (root / kind).mkdir()
    for image in sorted((coco128 / "images").iterdir())[:12]:
        shutil.copy(image, root / "images")
        shutil.copy(coco128 / "labels" / f"{image.stem}.txt", root / "labels")
    return root


@pytest.fixture(scope="session")
def bccd() -> Path:
    """364 micrographs with Pascal VOC boxes."""
    return _need("bccd")


@pytest.fixture(scope="session")
def bedroom() -> Path:
    """200 consecutive video frames, 960 x 540."""
    return _need("bedroom")


@pytest.fixture(scope="session")
def yolo_onnx() -> Path:
    """YOLOv8n trained on COCO, int8 ONNX."""
    return _need("weights", "yolov8n_int8.onnx")
