"""Weights that Ultralytics made or exported: boxes, masks, keypoints, oriented boxes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from labkit.models.detectors.base import (
    DETECTORS,
    DetectOptions,
    Detector,
    DetectorAdapter,
    KnownWeights,
)
from labkit.models.weights import FORMATS, Weights, resolve

__all__ = ["Ultralytics"]


@DETECTORS.register("ultralytics")
class Ultralytics(DetectorAdapter):
    """Opens files that Ultralytics made or exported, and the names of those that it publishes."""

    files: ClassVar[str] = f"Ultralytics' {', '.join(FORMATS)} files and OpenVINO folders"

    def can_open(self, name: str) -> bool:
        """Whether the suffix is one of Ultralytics' formats."""
        path = Path(name)
        return path.suffix.lower() in FORMATS or path.name.endswith("_openvino_model")

    def known(self) -> Sequence[KnownWeights]:
        """YOLO11; the other published names can be opened as well."""
        from labkit.models.detectors.ultralytics.known import yolo11

        return yolo11()

    def more_names(self) -> Sequence[str]:
        """Everything that Ultralytics publishes."""
        from labkit.models.ultralytics import asset_names

        return sorted(asset_names())

    def find(self, name: str, *, trust: bool = False, project: Path | None = None) -> Weights:
        """Fetch the file where Ultralytics publishes it, and check that it may be opened."""
        return resolve(name, trust=trust, project=project)

    def open(self, found: Weights, options: DetectOptions) -> Detector:
        """Open the weights; the inference thread."""
        from labkit.models.detectors.ultralytics.load import load

        return load(found, options)
