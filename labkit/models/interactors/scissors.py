"""Intelligent scissors as an interactor: clicks in order around the object are anchors."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from labkit.core.errors import InputError
from labkit.core.prompts import Prompts
from labkit.models.detectors.base import Image
from labkit.models.interactors.base import INTERACTORS, InteractorInfo
from labkit.models.interactors.classical import Classical, opencv_versions
from labkit.models.interactors.livewire import LiveWire

__all__ = ["Scissors"]


@INTERACTORS.register("scissors")
class Scissors(Classical):
    """The closed live wire through all points, in their order, as a mask.

    While the outline is drawn, :class:`~labkit.models.interactors.livewire.LiveWire` shows it.
    """

    info: ClassVar[InteractorInfo] = InteractorInfo(
        name="scissors",
        takes=frozenset({"points"}),
        min_points=3,
        help="Click around the object, on its rim; the wire follows the edge between clicks.",
        versions=opencv_versions(),
    )

    def _mask(self, image: Image, prompts: Prompts) -> NDArray[np.bool_]:
        if 0 in prompts.labels:
            raise InputError(
                "Intelligent scissors cannot use this",
                "negative points mean nothing on an outline",
                "undo the last point instead",
            )
        wire = LiveWire(image)
        for k, (x, y) in enumerate(prompts.points):
            # a double click sets one anchor
            if k == 0 or (int(x), int(y)) != tuple(int(v) for v in prompts.points[k - 1]):
                wire.add_anchor(x, y)
        return wire.close().mask
