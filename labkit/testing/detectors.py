"""Whether a detector does what labkit relies on."""

from __future__ import annotations

import contextlib
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from labkit.core.types import Frame, Proposal
from labkit.models.detectors import open_detector
from labkit.models.detectors.base import DetectOptions, Detector, Image, StagedDetector
from labkit.models.worker import worker
from labkit.testing.expect import ConformanceError, attempt, expect, expect_described, expect_shape
from labkit.testing.pictures import Pictures

__all__ = ["check_detector"]

_TASKS = ("detect", "segment", "pose", "obb")
_CLASS_SCORES = ("full", "one-to-many", "overlap", "top")
_CLOSE = 0.01
"""By which scores may differ between one image alone and the same image in a batch."""


def check_detector(
    detector: Detector | str | Path,
    images: Sequence[Image] = (),
    *,
    options: DetectOptions | None = None,
    trust: bool = False,
) -> None:
    """Check a detector on small drawn frames, and on images of yours.

    It is checked that it describes itself, that proposals fit the port
    (:class:`labkit.models.detectors.base.Detector`), and that they depend on nothing but the image:
    not on the call, on the batch, or on an image before that could not be read.

    Parameters
    ----------
    detector : Detector, str or Path
        As for :func:`labkit.models.detectors.open_detector`.
    images : sequence of ndarray
        ``(height, width, 3)`` uint8, RGB. Give some on which it finds something: on the drawn ones
        a trained detector may find nothing.
    options : DetectOptions, optional
        With which it is opened. By default proposals with a score of 0.05 and above.
    trust : bool
        Open a file that can run code when it is opened.

    Raises
    ------
    ConformanceError
        An ``AssertionError`` with one sentence.
    """
    options = options or DetectOptions()
    opened = open_detector(detector, options, trust=trust)
    expect(
        isinstance(opened, Detector),
        f"{opened!r} is not a detector: it needs an attribute info and a method detect.",
    )
    who = _described(opened)
    source = Pictures()
    frames = [*source.frames, *(_frame_of(k, image) for k, image in enumerate(images))]
    pixels = [*(source.read(f) for f in source.frames), *images]
    before = [image.copy() for image in pixels]

    whole = _detect(who, opened, pixels, frames)
    for image, copy, frame in zip(pixels, before, frames, strict=True):
        expect(np.array_equal(image, copy), f"{who} changes the image {frame.uri} it was given.")
    for frame, proposals in zip(frames, whole, strict=True):
        _check(who, opened, options, frame, proposals)
    expect(_detect(who, opened, [], []) == [], f"{who} does not give [] for an empty batch.")
    again = _detect(who, opened, pixels, frames)
    for frame, first, second in zip(frames, whole, again, strict=True):
        expect(first == second, f"{who} answers differently when asked again about {frame.uri}.")
    for image, frame, proposals in zip(pixels, frames, whole, strict=True):
        (alone,) = _detect(who, opened, [image], [frame])
        expect(
            _alike(alone, proposals),
            f"{who} finds other objects on {frame.uri} alone than in a batch.",
        )
    _after_an_error(who, opened, pixels, frames, whole)
    if isinstance(opened, StagedDetector):
        staged = _in_stages(who, opened, pixels, frames)
        for frame, first, second in zip(frames, whole, staged, strict=True):
            expect(
                _alike(first, second),
                f"{who} finds other objects on {frame.uri} in stages than by detect().",
            )


def _described(detector: Detector) -> str:
    info = detector.info
    who = expect_described("detector", info)
    expect(info.task in _TASKS, f"{who} says task={info.task!r}; it is one of {_TASKS}.")
    expect(
        info.class_scores in _CLASS_SCORES,
        f"{who} says class_scores={info.class_scores!r}; it is one of {_CLASS_SCORES}.",
    )
    labels = info.labels
    expect(
        isinstance(labels, tuple) and labels and all(isinstance(x, str) and x for x in labels),
        f"{who} says labels={labels!r}; they are a tuple of names.",
    )
    twice = [label for label, count in Counter(labels).items() if count > 1]
    expect(not twice, f"{who} has two classes called {twice and twice[0]!r}.")
    expect(
        isinstance(info.batch, int) and info.batch >= 1,
        f"{who} says batch={info.batch!r}; it is a whole number from 1.",
    )
    return who


def _frame_of(number: int, image: Image) -> Frame:
    height, width = image.shape[:2]
    name = f"{number:016x}"
    return Frame(name, name, f"image-{number}", 0, width, height, None, name, "testing")


def _detect(
    who: str, detector: Detector, images: Sequence[Image], frames: Sequence[Frame]
) -> list[list[Proposal]]:
    def call() -> list[list[Proposal]]:
        return detector.detect(images, frames)

    what = f"{who}, given {len(images)} images,"
    answer: list[list[Proposal]] = worker().call(attempt, what, call)
    expect(
        isinstance(answer, list) and all(isinstance(each, list) for each in answer),
        f"{who} does not give a list of lists of proposals.",
    )
    expect(
        len(answer) == len(images),
        f"{who} gives {len(answer)} lists of proposals for {len(images)} images.",
    )
    return answer


def _in_stages(
    who: str, detector: StagedDetector, images: Sequence[Image], frames: Sequence[Frame]
) -> list[list[Proposal]]:
    prepared = [attempt(f"{who}, preparing,", detector.prepare, image) for image in images]
    raw = worker().call(attempt, f"{who}, inferring,", detector.infer, prepared)
    expect(
        len(raw) == len(prepared), f"{who} infers {len(raw)} results from {len(prepared)} images."
    )
    finish = detector.finish
    return [
        attempt(f"{who}, finishing,", finish, r, f).proposals
        for r, f in zip(raw, frames, strict=True)
    ]


def _check(
    who: str,
    detector: Detector,
    options: DetectOptions,
    frame: Frame,
    proposals: Sequence[Proposal],
) -> None:
    labels = detector.info.labels
    for place, proposal in enumerate(proposals):
        what = f"Proposal {place} of {who[0].lower()}{who[1:]} on {frame.uri}"
        expect(isinstance(proposal, Proposal), f"{what} is a {type(proposal).__name__}.")
        expect(
            proposal.frame_id == frame.frame_id,
            f"{what} is of the frame {proposal.frame_id!r}, not of {frame.frame_id!r}.",
        )
        expect(
            proposal.index == place,
            f"{what} has index={proposal.index}; it counts from 0 within a frame.",
        )
        expect(
            proposal.label in labels,
            f"{what} has the label {proposal.label!r}, which info.labels does not name.",
        )
        score = proposal.score
        expect(np.isfinite(score) and 0 <= score <= 1, f"{what} has the score {score}, not 0..1.")
        expect(
            score >= options.store_above - 1e-6,
            f"{what} has the score {score:g}, below store_above={options.store_above:g}.",
        )
        expect_shape(what, proposal.shape, frame.width, frame.height)
        for choice in proposal.choices:
            expect(
                choice.label in labels and 0 <= choice.score <= 1,
                f"{what} has the choice {choice}, which is no label with a score 0..1.",
            )
        expect(
            not proposal.choices or proposal.choices[0].label == proposal.label,
            f"{what} has another label than its first choice.",
        )
    scores = [p.score for p in proposals]
    expect(
        scores == sorted(scores, reverse=True),
        f"{who} does not give proposals on {frame.uri} with the best score first.",
    )
    expect(
        len(proposals) <= options.max_det,
        f"{who} gives {len(proposals)} proposals on one frame, over max_det={options.max_det}.",
    )


def _after_an_error(
    who: str,
    detector: Detector,
    images: Sequence[Image],
    frames: Sequence[Frame],
    before: Sequence[Sequence[Proposal]],
) -> None:
    """Give it something that is not an image, then ask again."""
    nothing = np.zeros((0, 0, 3), np.uint8)
    with contextlib.suppress(Exception), warnings.catch_warnings():  # whatever it raises is fine
        warnings.simplefilter("ignore")
        worker().call(detector.detect, [nothing], [frames[0]])
    what = f"{who}, after an image without pixels,"
    try:
        (after,) = _detect(who, detector, images[:1], frames[:1])
    except ConformanceError as exc:
        raise ConformanceError(f"{what} does not work any more.") from exc
    expect(_alike(after, before[0]), f"{what} answers differently.")


def _alike(first: Sequence[Proposal], second: Sequence[Proposal]) -> bool:
    if [p.label for p in first] != [p.label for p in second]:
        return False
    boxes = np.array([(*a.shape.box, *b.shape.box) for a, b in zip(first, second, strict=True)])
    scores = np.array([a.score - b.score for a, b in zip(first, second, strict=True)])
    if not len(scores):
        return True
    moved = np.abs(boxes[:, :4] - boxes[:, 4:]).max()
    return bool(np.abs(scores).max() <= _CLOSE and moved <= 1.0)
