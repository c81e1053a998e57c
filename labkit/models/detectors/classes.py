"""A choice among the labels of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from labkit.core.errors import InputError
from labkit.core.registry import unknown
from labkit.core.types import Frame, Proposal
from labkit.models.detectors.base import Detector, FrameResult, Image, ModelInfo, StagedDetector

__all__ = ["class_names", "only"]


def class_names(classes: Sequence[str | int], labels: Sequence[str]) -> tuple[str, ...]:
    """The labels that names and numbers mean, each once.

    Raises
    ------
    InputError
        The model has no such class.
    """
    out: list[str] = []
    for item in classes:
        if isinstance(item, str):
            if item not in labels:
                raise unknown("class of this model", item, list(labels))
            out.append(item)
        elif not 0 <= item < len(labels):
            raise InputError(f"The model has no class {item}", f"it has 0 to {len(labels) - 1}")
        else:
            out.append(labels[item])
    return tuple(dict.fromkeys(out))


def only(detector: Detector, classes: Sequence[str | int]) -> Detector:
    """The same detector, which gives proposals of these classes only."""
    labels = class_names(classes, detector.info.labels)
    if isinstance(detector, StagedDetector):
        return _StagedOnly(detector, labels)
    return _Only(detector, labels)


def _chosen(proposals: Sequence[Proposal], labels: Sequence[str]) -> list[Proposal]:
    kept = [p for p in proposals if p.label in labels]
    if len(kept) == len(proposals):
        return kept
    return [replace(p, index=k) for k, p in enumerate(kept)]


class _Only:
    """A detector whose proposals are filtered by label."""

    def __init__(self, detector: Detector, labels: Sequence[str]) -> None:
        self._inner, self._labels = detector, labels

    @property
    def info(self) -> ModelInfo:
        """What the model is; all of its labels."""
        return self._inner.info

    def detect(self, images: Sequence[Image], frames: Sequence[Frame]) -> list[list[Proposal]]:
        """Proposals of every image, without those of other labels."""
        return [_chosen(each, self._labels) for each in self._inner.detect(images, frames)]


class _StagedOnly(_Only):
    """The same for a detector that works in stages."""

    _inner: StagedDetector

    def prepare(self, image: Image) -> Any:
        """Prepare one image for inference."""
        return self._inner.prepare(image)

    def infer(self, prepared: Sequence[Any]) -> list[Any]:
        """Run the model itself."""
        return self._inner.infer(prepared)

    def finish(self, raw: Any, frame: Frame) -> FrameResult:
        """Make the proposals of one frame, without those of other labels."""
        result = self._inner.finish(raw, frame)
        return FrameResult(_chosen(result.proposals, self._labels), result.dropped)
