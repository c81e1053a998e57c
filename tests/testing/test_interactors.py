"""An interactor that does one thing wrong is told which; one that does nothing wrong passes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from labkit.core.errors import InputError
from labkit.core.prompts import MaskProposal, Prompts
from labkit.core.types import Frame
from labkit.models.interactors.base import ImageSource, InteractorInfo
from labkit.testing import ConformanceError, check_interactor

INFO = InteractorInfo("in-the-box", frozenset({"box"}), help="Draw a box around the object.")


class InTheBox:
    """What is brighter than the mean of its box."""

    info = INFO

    def __init__(self, source: ImageSource, device: str | None = None) -> None:
        self.source, self.image = source, None

    def set_frame(self, frame: Frame) -> None:
        self.image = self.source.read(frame)

    def segment(self, prompts: Prompts) -> list[MaskProposal]:
        if self.image is None:
            raise InputError("There is nothing to segment", "no frame has been set")
        x1, y1, x2, y2 = (int(v) for v in prompts.box)
        mask = np.zeros(self.image.shape[:2], bool)
        part = self.image[y1:y2, x1:x2].mean(axis=2)
        mask[y1:y2, x1:x2] = part > part.mean()
        return [MaskProposal(mask, 1.0, prompts)]

    def segment_many(self, prompts: Sequence[Prompts]) -> list[MaskProposal]:
        return [self.segment(each)[0] for each in prompts]


def described(**change):
    return type("Described", (InTheBox,), {"info": replace(INFO, **change)})


class Eager(InTheBox):
    def __init__(self, source, device=None):
        self.source, self.image = source, np.zeros((240, 320, 3), np.uint8)


class Crash(InTheBox):
    def segment(self, prompts):
        return InTheBox.segment(self, prompts) if self.image is not None else self.image.shape


class Small(InTheBox):
    def segment(self, prompts):
        (answer,) = super().segment(prompts)
        return [MaskProposal(answer.mask[:-1], 1.0, prompts)]


class Sure(InTheBox):
    def segment(self, prompts):
        return [MaskProposal(super().segment(prompts)[0].mask, 3.0, prompts)]


class Two(InTheBox):
    def segment(self, prompts):
        return super().segment(prompts) * 2


class Worst(InTheBox):
    info = replace(INFO, several=True)

    def segment(self, prompts):
        mask = super().segment(prompts)[0].mask
        return [MaskProposal(mask, 0.2, prompts), MaskProposal(mask, 0.8, prompts)]


class Moody(InTheBox):
    count = itertools.count()

    def segment(self, prompts):
        mask = super().segment(prompts)[0].mask.copy()
        mask.flat[next(self.count) % mask.size] ^= True
        return [MaskProposal(mask, 1.0, prompts)]


class Forgetful(InTheBox):
    def segment_many(self, prompts):
        return super().segment_many(prompts)[1:]


class Ahead(InTheBox):
    def look_ahead(self, frame):
        self.set_frame(frame)


class Swallows(InTheBox):
    def set_frame(self, frame):
        try:
            super().set_frame(frame)
        except Exception as exc:
            raise ValueError("bad frame") from exc


class First(InTheBox):
    """Never looks at a second frame."""

    def set_frame(self, frame):
        if self.image is None:
            super().set_frame(frame)


class Others(InTheBox):
    def segment(self, prompts):
        return [super().segment(prompts)[0].with_prompts(Prompts.click(1, 1))]


def test_one_that_does_nothing_wrong_passes() -> None:
    check_interactor(InTheBox)


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (described(name=""), "has no name"),
        (described(takes=frozenset({"box", "words"})), "they are some of"),
        (described(takes=frozenset()), "says takes=set()"),
        (described(help=""), "does not say how it is used"),
        (described(licence=None), "says licence=None"),
        (Eager, "gives masks before a frame is set"),
        (Crash, "raises AttributeError before a frame is set"),
        (Small, "gives a mask of 320 x 239 on a frame of 320 x 240"),
        (Sure, "gives the score 3.0"),
        (Two, "gives 2 masks and says several=False"),
        (Worst, "does not give the best mask first"),
        (Moody, "differently when asked again"),
        (Forgetful, "gives 0 masks for 1 objects"),
        (Ahead, "after it has looked ahead|gives a mask of"),
        (Swallows, "turns a frame that cannot be read into ValueError"),
        (First, "gives a mask of 320 x 240 on a frame of 97 x 61"),
        (Others, "gives masks of other prompts"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(kind, sentence) -> None:
    with pytest.raises(ConformanceError, match=sentence.replace("()", r"\(\)")) as caught:
        check_interactor(kind)
    assert "\n" not in str(caught.value)
