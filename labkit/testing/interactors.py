"""Whether an interactor does what labkit relies on."""

from __future__ import annotations

import typing
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from labkit.core.errors import LabkitError
from labkit.core.geometry import encode_mask
from labkit.core.prompts import MaskProposal, Prompts, Stroke
from labkit.core.types import Frame
from labkit.frames import FrameError
from labkit.models.interactors import open_interactor
from labkit.models.interactors.base import (
    ImageSource,
    Interactor,
    InteractorInfo,
    LooksAhead,
    PromptKind,
)
from labkit.models.worker import worker
from labkit.testing.expect import ConformanceError, attempt, expect, expect_described
from labkit.testing.pictures import Pictures, thing

__all__ = ["check_interactor"]

_METHODS = ("set_frame", "segment", "segment_many")


def check_interactor(
    interactor: str | Path | Callable[[ImageSource, str | None], Interactor],
    *,
    device: str | None = None,
    trust: bool = False,
) -> None:
    """Check an interactor on small drawn frames.

    It is checked that it describes itself, that its masks fit the port
    (:class:`labkit.models.interactors.base.Interactor`), and that they depend on nothing but the
    frame that was set and the prompts: not on the call, on the frames before, on looking ahead, or
    on a frame that could not be read.

    Parameters
    ----------
    interactor : str, Path or callable
        As for :func:`labkit.models.interactors.open_interactor`, or ``open(source, device)``.
    device : str, optional
        Where it computes; the best there is by default.
    trust : bool
        Open a file that can run code when it is opened.

    Raises
    ------
    ConformanceError
        An ``AssertionError`` with one sentence.
    """
    source = Pictures()
    if isinstance(interactor, str | Path):
        opened = open_interactor(interactor, source, device, trust=trust)
    else:
        opened = worker().call(interactor, source, device)
    missing = [name for name in _METHODS if not callable(getattr(opened, name, None))]
    expect(hasattr(opened, "info"), f"{opened!r} has no attribute info.")
    expect(not missing, f"{opened!r} is not an interactor: it has no method {missing[:1]}.")
    check = _Check(opened, source)
    worker().call(check.before_any_frame)
    for frame in source.frames:
        worker().call(check.on_frame, frame)
    worker().call(check.after_an_error)


class _Check:
    """One interactor over the drawn frames; its methods are called in the inference thread."""

    def __init__(self, interactor: Interactor, source: Pictures) -> None:
        self.interactor, self.source = interactor, source
        self.who = _described(interactor.info)
        self.first: list[MaskProposal] = []

    def before_any_frame(self) -> None:
        """It says so, in a message for people."""
        frame = self.source.frames[0]
        try:
            self.interactor.segment(_prompts(self.interactor.info, frame)[0])
        except LabkitError:
            return
        except Exception as exc:  # noqa: BLE001  that is what is checked
            sentence = f"{self.who} raises {type(exc).__name__} before a frame is set"
            expect(False, f"{sentence}, not a LabkitError that says so.")
        expect(False, f"{self.who} gives masks before a frame is set.")

    def on_frame(self, frame: Frame) -> None:
        """Every kind of prompt, one by one and together."""
        who, interactor = self.who, self.interactor
        attempt(f"{who}, looking at a frame,", interactor.set_frame, frame)
        usable = []
        refused: LabkitError | None = None
        for prompts in _prompts(interactor.info, frame):
            try:
                answer = interactor.segment(prompts)
            except LabkitError as exc:
                refused = exc  # one kind may need another beside it
                continue
            except Exception as exc:
                what = f"{who}, given {_said(prompts)}, raises {type(exc).__name__}"
                raise ConformanceError(f"{what}: {exc}") from exc
            self._check(frame, prompts, answer)
            again = interactor.segment(prompts)
            expect(
                _same(answer, again),
                f"{who} answers {_said(prompts)} differently when asked again.",
            )
            usable.append((prompts, answer))
        takes = ", ".join(sorted(interactor.info.takes))
        expect(usable, f"{who} refuses every prompt that it says it takes ({takes}): {refused}")
        self._many(frame, [prompts for prompts, _ in usable])
        prompts, answer = usable[0]
        if isinstance(interactor, LooksAhead):
            other = next(f for f in self.source.frames if f is not frame)
            attempt(f"{who}, looking ahead,", interactor.look_ahead, other)
            same = _same(answer, interactor.segment(prompts))
            expect(same, f"{who} answers differently after it has looked ahead at another frame.")
        if frame is self.source.frames[0]:
            self.first = answer

    def after_an_error(self) -> None:
        """A frame that cannot be read is an error, and leaves no other frame's masks behind."""
        who, frame = self.who, self.source.frames[0]
        try:
            self.interactor.set_frame(self.source.broken)
        except FrameError:
            pass
        except Exception as exc:  # noqa: BLE001  that is what is checked
            expect(
                False, f"{who} turns a frame that cannot be read into {type(exc).__name__}: {exc}"
            )
        attempt(
            f"{who}, looking at a frame after one that cannot be read,",
            self.interactor.set_frame,
            frame,
        )
        answer = self.interactor.segment(_prompts(self.interactor.info, frame)[0])
        expect(
            _same(answer, self.first),
            f"{who} answers differently on a frame after it has seen others.",
        )

    def _many(self, frame: Frame, prompts: Sequence[Prompts]) -> None:
        who = self.who
        expect(
            list(self.interactor.segment_many([])) == [], f"{who} does not give [] for no prompts."
        )
        answers = attempt(f"{who}, given many prompts,", self.interactor.segment_many, prompts)
        expect(
            len(answers) == len(prompts),
            f"{who} gives {len(answers)} masks for {len(prompts)} objects.",
        )
        for each, answer in zip(prompts, answers, strict=True):
            self._check(frame, each, [answer])

    def _check(self, frame: Frame, prompts: Prompts, answer: Sequence[MaskProposal]) -> None:
        what = f"{self.who}, given {_said(prompts)},"
        expect(isinstance(answer, list), f"{what} gives a {type(answer).__name__}, not a list.")
        expect(
            self.interactor.info.several or len(answer) <= 1,
            f"{what} gives {len(answer)} masks and says several=False.",
        )
        for mask in answer:
            expect(isinstance(mask, MaskProposal), f"{what} gives a {type(mask).__name__}.")
            size = mask.rle.width, mask.rle.height
            expect(
                size == (frame.width, frame.height),
                f"{what} gives a mask of {size[0]} x {size[1]} on a frame of "
                f"{frame.width} x {frame.height}.",
            )
            score = mask.score
            expect(np.isfinite(score) and 0 <= score <= 1, f"{what} gives the score {score}.")
            expect(mask.prompts == prompts, f"{what} gives masks of other prompts.")
        scores = [mask.score for mask in answer]
        expect(scores == sorted(scores, reverse=True), f"{what} does not give the best mask first.")


def _described(info: InteractorInfo) -> str:
    who = expect_described("interactor", info)
    kinds = set(typing.get_args(PromptKind))
    expect(
        info.takes and set(info.takes) <= kinds,
        f"{who} says takes={set(info.takes)}; they are some of {sorted(kinds)}.",
    )
    expect(info.min_points >= 0, f"{who} says min_points={info.min_points}.")
    expect(info.help, f"{who} does not say how it is used: info.help is empty.")
    return who


def _prompts(info: InteractorInfo, frame: Frame) -> list[Prompts]:
    """Prompts on the first thing of a picture, of each kind that the interactor takes."""
    x1, y1, x2, y2 = box = thing(frame.width, frame.height)
    points = _points(info.min_points, box)
    out = []
    if "box" in info.takes:
        out.append(Prompts(points, (1,) * len(points), box=box))
    if "points" in info.takes and not ("box" in info.takes and info.min_points):
        one = points or _points(1, box)
        out.append(Prompts(one, (1,) * len(one)))
        if "negative points" in info.takes:
            out.append(Prompts((*one, (1.0, 1.0)), (*(1,) * len(one), 0)))
    if "mask" in info.takes and not info.min_points:
        inside = np.zeros((frame.height, frame.width), bool)
        inside[int(y1) : int(y2), int(x1) : int(x2)] = True
        out.append(Prompts(mask=encode_mask(inside)))
    if "strokes" in info.takes and not info.min_points:
        middle = (y1 + y2) / 2
        stroke = Stroke(((x1 + 2, middle), (x2 - 2, middle)))
        out.append(Prompts(box=box if "box" in info.takes else None, strokes=(stroke,)))
    return out


def _points(count: int, box: Sequence[float]) -> tuple[tuple[float, float], ...]:
    """That many points on an object: its middle, or points around it from its top on."""
    x1, y1, x2, y2 = box
    cx, cy = (x1 + x2) / 2, (y1 + y2) / 2
    if count <= 1:
        return ((cx, cy),) * count
    turns = np.linspace(0, 2 * np.pi, count, endpoint=False)
    rx, ry = (x2 - x1) / 2 - 1, (y2 - y1) / 2 - 1
    return tuple((float(cx + rx * np.sin(t)), float(cy - ry * np.cos(t))) for t in turns)


def _said(prompts: Prompts) -> str:
    """Prompts in words."""
    parts = []
    if prompts.box is not None:
        parts.append("a box")
    if prompts.points:
        parts.append(f"{len(prompts.points)} points")
    if prompts.mask is not None:
        parts.append("a mask")
    if prompts.strokes:
        parts.append("a stroke")
    return " and ".join(parts)


def _same(first: Sequence[MaskProposal], second: Sequence[MaskProposal]) -> bool:
    return [(a.score, a.rle) for a in first] == [(b.score, b.rle) for b in second]
