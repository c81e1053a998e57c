"""labkit's own models pass the checks that it gives to plug-ins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from labkit.demo import DAY, still
from labkit.models.detectors.base import DetectOptions
from labkit.models.sam2.names import known
from labkit.testing import check_detector, check_interactor, check_tracker

CPU = DetectOptions(device="cpu")


def test_the_small_yolo() -> None:
    scenes = [still(seed, DAY, (120, 160)).image for seed in (3, 4)]
    check_detector("yolo-nano", scenes, options=CPU)


@pytest.mark.data
def test_a_yolo_in_onnx_on_photos(yolo_onnx: Path, coco12: Path) -> None:
    pytest.importorskip("onnxruntime")
    photos = [
        np.asarray(Image.open(path).convert("RGB"))
        for path in sorted((coco12 / "images").iterdir())[:3]
    ]
    check_detector(yolo_onnx, photos, options=CPU)


@pytest.mark.parametrize("name", ["grabcut", "scissors"])
def test_interactors_without_weights(name: str) -> None:
    check_interactor(name)


@pytest.mark.parametrize("name", ["sam2-nano", "dextr:sam2-nano", "iog:sam2-nano"])
def test_interactors_of_sam2(name: str) -> None:
    pytest.importorskip("sam2")
    assert "sam2-nano" in known()
    check_interactor(name, device="cpu")


@pytest.mark.parametrize("name", ["flow", "mil", "linear"])
def test_trackers_without_weights(name: str) -> None:
    check_tracker(name)


def test_sam2_as_a_tracker() -> None:
    pytest.importorskip("sam2")
    check_tracker("sam2-nano", device="cpu")
