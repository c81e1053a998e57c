"""A detector that does one thing wrong is told which; one that does nothing wrong passes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from labkit.core.types import Frame, LabelChoice, Proposal, Rle, Shape
from labkit.models.detectors.base import FrameResult, Image, ModelInfo
from labkit.testing import ConformanceError, check_detector

INFO = ModelInfo("bright", "detect", ("thing", "other"))


class Bright:
    """The box of what is brightest, and a faint one over the whole frame."""

    info = INFO

    def detect(self, images: Sequence[Image], frames: Sequence[Frame]) -> list[list[Proposal]]:
        return [self.one(image, frame) for image, frame in zip(images, frames, strict=True)]

    def one(self, image: Image, frame: Frame) -> list[Proposal]:
        rows, columns = np.nonzero(image.max(axis=2) > 200)
        x1, x2 = float(columns.min()), float(columns.max() + 1)
        y1, y2 = float(rows.min()), float(rows.max() + 1)
        whole = (0.0, 0.0, float(frame.width), float(frame.height))
        return [
            Proposal(frame.frame_id, 0, "thing", 0.9, Shape((x1, y1, x2, y2))),
            Proposal(frame.frame_id, 1, "other", 0.2, Shape(whole)),
        ]


def broken(change: Callable[[Proposal], Proposal]) -> type[Bright]:
    class Broken(Bright):
        def one(self, image: Image, frame: Frame) -> list[Proposal]:
            first, second = super().one(image, frame)
            return [change(first), second]

    return Broken


class Loud(Bright):
    def detect(self, images, frames):
        if not images:
            raise IndexError("list index out of range")
        return super().detect(images, frames)


class Vain(Bright):
    def detect(self, images, frames):
        for image in images:
            image[0] = 0
        return super().detect(images, frames)


class Moody(Bright):
    count = itertools.count()

    def one(self, image, frame):
        first, second = super().one(image, frame)
        return [replace(first, score=0.9 - next(self.count) * 1e-4), second]


class Crowd(Bright):
    def detect(self, images, frames):
        return [
            list(each) if len(images) > 1 else each[:1] for each in super().detect(images, frames)
        ]


class Hurt(Bright):
    hurt = False

    def one(self, image, frame):
        self.hurt = self.hurt or not image.size
        if self.hurt:
            raise RuntimeError("CUDA error")
        return super().one(image, frame)


class Short(Bright):
    def detect(self, images, frames):
        return (
            super().detect(images, frames)[:-1]
            if len(images) > 1
            else super().detect(images, frames)
        )


class Backwards(Bright):
    def one(self, image, frame):
        first, second = super().one(image, frame)
        return [replace(second, index=0), replace(first, index=1)]


class Staged(Bright):
    def prepare(self, image: Image) -> Image:
        return image

    def infer(self, prepared: Sequence[Any]) -> list[Any]:
        return list(prepared)

    def finish(self, raw: Any, frame: Frame) -> FrameResult:
        return FrameResult(self.one(raw, frame))


class OtherInStages(Staged):
    def finish(self, raw, frame):
        return FrameResult(self.one(raw, frame)[:1])


def described(**change: Any) -> type[Bright]:
    return type("Described", (Bright,), {"info": replace(INFO, **change)})


@pytest.mark.parametrize("kind", [Bright, Staged])
def test_one_that_does_nothing_wrong_passes(kind: type[Bright]) -> None:
    check_detector(kind())


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (described(name=""), "has no name"),
        (described(task="guess"), "says task='guess'; it is one of"),
        (described(labels=()), "says labels=.*a tuple of names"),
        (described(labels=("thing", "other", "thing")), "has two classes called 'thing'"),
        (described(batch=0), "says batch=0"),
        (described(weights_sha256="abc"), "says weights_sha256='abc'"),
        (described(params={"size": np.int64(3)}), "info.params is not JSON"),
        (described(class_scores="some"), "says class_scores='some'"),
        (broken(lambda p: replace(p, frame_id="x")), "is of the frame 'x'"),
        (broken(lambda p: replace(p, index=3)), "has index=3; it counts from 0"),
        (broken(lambda p: replace(p, label="cat")), "has the label 'cat', which info.labels"),
        (broken(lambda p: replace(p, score=1.2)), "has the score 1.2, not 0..1"),
        (broken(lambda p: replace(p, score=float("nan"))), "has the score nan"),
        (
            broken(lambda p: replace(p, shape=Shape((9, 9, 4, 20)))),
            "raises InputError: This box",
        ),
        (broken(lambda p: replace(p, shape=Shape((0, 0, 999, 20)))), "outside of the frame"),
        (
            broken(lambda p: replace(p, shape=replace(p.shape, mask=Rle(4, 4, "08")))),
            "a mask of 4 x 4 on a frame of 320 x 240",
        ),
        (
            broken(lambda p: replace(p, shape=replace(p.shape, polygons=((1.0, 2.0),)))),
            "a polygon that is not a list of at least three points",
        ),
        (
            broken(lambda p: replace(p, choices=(LabelChoice("cat", 0.5),))),
            "which is no label with a score",
        ),
        (
            broken(lambda p: replace(p, choices=(LabelChoice("other", 0.5),))),
            "another label than its first choice",
        ),
        (Loud, "given 0 images, raises IndexError: list index out of range"),
        (Vain, "changes the image"),
        (Moody, "answers differently when asked again"),
        (Crowd, "finds other objects on .* alone than in a batch"),
        (Hurt, "after an image without pixels, does not work any more"),
        (Short, "gives 2 lists of proposals for 3 images"),
        (Backwards, "with the best score first"),
        (OtherInStages, "in stages than by detect"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(kind: type[Bright], sentence: str) -> None:
    with pytest.raises(ConformanceError, match=sentence) as caught:
        check_detector(kind())
    assert isinstance(caught.value, AssertionError)
    assert "\n" not in str(caught.value)
