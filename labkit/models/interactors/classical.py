"""What interactors without weights share: they keep the frame's pixels and answer one by one."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from labkit.core.errors import InputError
from labkit.core.prompts import MaskProposal, Prompts
from labkit.core.types import Frame
from labkit.models.detectors.base import Image
from labkit.models.interactors.base import ImageSource, InteractorInfo

__all__ = ["Classical", "opencv_versions"]


def opencv_versions() -> dict[str, str]:
    """Version of the installed OpenCV, whichever package it comes from; nothing is imported."""
    for package in ("opencv-python-headless", "opencv-python", "opencv-contrib-python-headless"):
        try:
            return {"opencv": version(package)}
        except PackageNotFoundError:
            continue
    return {}


class Classical:
    """An interactor without a model; a subclass computes the mask of one object."""

    info: ClassVar[InteractorInfo]

    def __init__(self, source: ImageSource, device: str | None = None) -> None:
        if device not in (None, "cpu"):
            raise InputError(
                f"The device {device!r} cannot be used", f"{self.info.name!r} computes on the CPU"
            )
        self._source = source
        self._image: Image | None = None

    def set_frame(self, frame: Frame) -> None:
        """Set the frame that later prompts are about."""
        self._image = self._source.read(frame)

    def segment(self, prompts: Prompts) -> list[MaskProposal]:
        """One mask of one object; its score is always 1."""
        if self._image is None:
            raise InputError("There is nothing to segment", "no frame has been set")
        return [MaskProposal(self._mask(self._image, prompts), 1.0, prompts)]

    def segment_many(self, prompts: Sequence[Prompts]) -> list[MaskProposal]:
        """One mask for each object."""
        # as RLE: thousands of them are held at once
        return [MaskProposal(self.segment(p)[0].rle, 1.0, p) for p in prompts]

    def _mask(self, image: Image, prompts: Prompts) -> NDArray[np.bool_]:
        raise NotImplementedError
