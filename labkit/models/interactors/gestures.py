"""DEXTR's and IOG's gestures, over any SAM2: other ways to point at an object.

Extreme points: Maninis et al., "Deep Extreme Cut", CVPR 2018. Inside-outside guidance: Zhang et
al., CVPR 2020. The gestures are theirs, the model behind them is SAM2's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from labkit.core.errors import InputError
from labkit.core.prompts import MaskProposal, Prompts
from labkit.core.registry import unknown
from labkit.core.types import Frame
from labkit.models.interactors.base import (
    INTERACTORS,
    ImageSource,
    Interactor,
    InteractorAdapter,
    InteractorInfo,
    LooksAhead,
)
from labkit.models.interactors.sam2 import Sam2
from labkit.models.sam2.names import Sam2Files, is_sam2, known

__all__ = ["Dextr", "ExtremePoints", "Gesture", "InsideOutside", "Iog"]


class Gesture:
    """An interactor that translates prompts for another interactor.

    Parameters
    ----------
    inner : Interactor
        Takes points and boxes.
    """

    def __init__(self, inner: Interactor) -> None:
        self._inner = inner

    @property
    def info(self) -> InteractorInfo:
        """What it is."""
        return self._describe(self._inner.info)

    def set_frame(self, frame: Frame) -> None:
        """Set the frame that later prompts are about."""
        self._inner.set_frame(frame)

    def look_ahead(self, frame: Frame) -> None:
        """Compute in advance what depends only on the frame, if the model can."""
        if isinstance(self._inner, LooksAhead):
            self._inner.look_ahead(frame)

    def segment(self, prompts: Prompts) -> list[MaskProposal]:
        """Masks of one object, best first."""
        return [m.with_prompts(prompts) for m in self._inner.segment(self.translate(prompts))]

    def segment_many(self, prompts: Sequence[Prompts]) -> list[MaskProposal]:
        """The best mask of each object."""
        masks = self._inner.segment_many([self.translate(p) for p in prompts])
        return [m.with_prompts(p) for m, p in zip(masks, prompts, strict=True)]

    def translate(self, prompts: Prompts) -> Prompts:
        """The prompts that the model is given."""
        raise NotImplementedError

    def _describe(self, inner: InteractorInfo) -> InteractorInfo:
        raise NotImplementedError


class ExtremePoints(Gesture):
    """DEXTR: the object's top, bottom, left and right, in any order; more clicks correct."""

    def translate(self, prompts: Prompts) -> Prompts:
        """Four extreme points as their box and four positive points."""
        if len(prompts.points) < 4 or 0 in prompts.labels[:4]:
            raise InputError(
                "Four extreme points are needed",
                f"there are {sum(prompts.labels[:4])}",
                "click on the object's top, bottom, left and right",
            )
        corners = np.array(prompts.points[:4])
        (x1, y1), (x2, y2) = corners.min(axis=0), corners.max(axis=0)
        if x2 <= x1 or y2 <= y1:
            raise InputError(
                "These extreme points cannot be used",
                "they lie on one line",
                "click on the object's top, bottom, left and right",
            )
        return replace(prompts, box=(float(x1), float(y1), float(x2), float(y2)))

    def _describe(self, inner: InteractorInfo) -> InteractorInfo:
        return replace(
            inner,
            name=f"dextr:{inner.name}",
            takes=frozenset({"points", "negative points"}),
            min_points=4,
            several=False,
            help="Click on the object's top, bottom, left and right.",
        )


class InsideOutside(Gesture):
    """IOG: a box, a click inside the object, and clicks on what is around it."""

    def translate(self, prompts: Prompts) -> Prompts:
        """The same prompts, which the model understands as they are."""
        if prompts.box is None or 1 not in prompts.labels:
            raise InputError(
                "A box and a point inside are needed",
                "there is no box" if prompts.box is None else "no point is positive",
                "draw a box around the object, then click on it",
            )
        x1, y1, x2, y2 = prompts.box
        for (x, y), label in zip(prompts.points, prompts.labels, strict=True):
            if label and not (x1 <= x <= x2 and y1 <= y <= y2):
                raise InputError(
                    "This inside point cannot be used", f"({x:g}, {y:g}) is outside of the box"
                )
        return prompts

    def _describe(self, inner: InteractorInfo) -> InteractorInfo:
        return replace(
            inner,
            name=f"iog:{inner.name}",
            takes=frozenset({"points", "negative points", "box"}),
            min_points=1,
            several=False,
            help="Draw a box around the object, click on it, then on what is not it.",
        )


class _OverSam2(InteractorAdapter):
    """Opens a gesture over a SAM2 model: ``dextr``, or ``dextr:`` and the model's name or path."""

    name: ClassVar[str]
    gesture: ClassVar[type[Gesture]]

    def can_open(self, name: str) -> bool:
        """Whether the gesture is named, alone or before a colon."""
        return name.partition(":")[0] == self.name

    def names(self) -> Sequence[str]:
        """The gesture over the model that is called ``sam2``."""
        return (self.name,)

    def find(self, name: str, *, trust: bool = False, project: Path | None = None) -> Sam2Files:
        """Fetch the model's weights where that is needed."""
        weights = name.partition(":")[2] or "sam2"
        if not is_sam2(weights):
            raise unknown("SAM2 model", weights, known())
        return Sam2().find(weights, trust=trust, project=project)

    def open(self, found: Sam2Files, source: ImageSource, device: str | None) -> Gesture:
        """Open the model; the inference thread."""
        return self.gesture(Sam2().open(found, source, device))


@INTERACTORS.register("dextr")
class Dextr(_OverSam2):
    """Opens DEXTR's gesture."""

    name, gesture = "dextr", ExtremePoints


@INTERACTORS.register("iog")
class Iog(_OverSam2):
    """Opens IOG's gesture."""

    name, gesture = "iog", InsideOutside
