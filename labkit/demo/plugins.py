"""The small models of the drawn world, under their names: labkit's ``__init__`` declares them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from labkit.demo.embedded import embedded_weights
from labkit.models.detectors.base import DetectOptions, Detector, DetectorAdapter, KnownWeights
from labkit.models.weights import Weights, resolve

__all__ = ["SmallYolo"]


class SmallYolo(DetectorAdapter):
    """The detector ``yolo-nano``."""

    def can_open(self, name: str) -> bool:
        """Whether this name means it."""
        return name == "yolo-nano"

    def known(self) -> Sequence[KnownWeights]:
        """A description for people."""
        return [
            KnownWeights(
                weights="yolo-nano",
                title="drawn world",
                what="A very small YOLO that knows only the scenes that labkit draws itself.",
                labels="nut, bolt, washer",
                speed="a few ms per image on a CPU",
                licence="AGPL-3.0",
            )
        ]

    def find(self, name: str, *, trust: bool = False, project: Path | None = None) -> Weights:
        """The weights that come with labkit."""
        return resolve(embedded_weights(), trust=trust, project=project)

    def open(self, found: Weights, options: DetectOptions) -> Detector:
        """Open them; the inference thread."""
        from labkit.models.detectors.ultralytics.load import load

        return load(found, options)
