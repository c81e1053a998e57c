"""A simulated person who clicks where a mask is wrong, based on the truth."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from labkit.core.prompts import MaskProposal, Prompts

__all__ = ["clicked", "deepest", "inner_point", "next_click"]

Mask = NDArray[np.bool_]


class Answers(Protocol):
    """What answers clicks, such as :class:`labkit.models.interactors.segmenter.Segmenter`."""

    def segment(self, prompts: Prompts) -> list[MaskProposal]:
        """Masks of one object, best first."""
        ...


def deepest(mask: Mask) -> tuple[int, int, float]:
    """The pixel farthest from a mask's rim, x and y, and how far it is in pixels."""
    import cv2

    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), mask.shape)
    return int(x), int(y), float(depth[y, x])


def inner_point(mask: Mask) -> tuple[int, int]:
    """The pixel that lies deepest in a mask: x, y."""
    return deepest(mask)[:2]


def next_click(truth: Mask, said: Mask) -> tuple[int, int, bool]:
    """Where a careful person clicks next, and whether the click is positive.

    The deepest pixel of the larger of the missing and the surplus part, as interactive
    segmentation is commonly evaluated (Sofiiuk et al. 2021, RITM).
    """
    missing, surplus = truth & ~said, said & ~truth
    if not missing.any() and not surplus.any():
        return (*inner_point(truth), True)
    positive = int(missing.sum()) >= int(surplus.sum())
    return (*inner_point(missing if positive else surplus), positive)


def clicked(answers: Answers, truth: Mask, clicks: int) -> list[MaskProposal]:
    """The best masks after 1 .. ``clicks`` clicks at one object of the frame that is set."""
    prompts = Prompts.click(*inner_point(truth))
    out: list[MaskProposal] = []
    while True:
        out.append(answers.segment(prompts)[0])
        if len(out) == clicks:
            return out
        x, y, positive = next_click(truth, out[-1].mask)
        prompts = prompts.with_click(x, y, positive=positive).refining(out[-1])
