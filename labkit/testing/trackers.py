"""Whether a tracker does what labkit relies on."""

from __future__ import annotations

import typing
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from labkit.core.geometry import shape_from_mask, shape_from_polygons
from labkit.core.prompts import Prompts
from labkit.core.tracks import Keyframe, Tracked
from labkit.core.types import Shape
from labkit.models.trackers import open_tracker
from labkit.models.trackers.base import ShapeKind, Tracker, TrackerInfo, TrackSession
from labkit.models.worker import worker
from labkit.testing.expect import attempt, expect, expect_described, expect_shape
from labkit.testing.pictures import Clip, clip

__all__ = ["check_tracker"]

_METHODS = ("prompt", "recall", "step", "drop", "close")
_FIRST, _SECOND = 11, 22
"""Track ids: they are any whole numbers, not places in a list."""

Results = list[list[Tracked]]


def check_tracker(
    tracker: Tracker | str | Path | Callable[[str | None], Tracker],
    *,
    device: str | None = None,
    trust: bool = False,
) -> None:
    """Check a tracker on a short drawn clip, in both directions.

    It is checked that it describes itself, that results fit the port
    (:class:`labkit.models.trackers.base.TrackSession`), and that a session depends on nothing but
    its own frames and keyframes. How well it follows is not checked.

    Parameters
    ----------
    tracker : Tracker, str, Path or callable
        A tracker, a name or path as for :func:`labkit.models.trackers.open_tracker`, or
        ``open(device)``.
    device : str, optional
        Where it computes; the best there is by default.
    trust : bool
        Open a file that can run code when it is opened.

    Raises
    ------
    ConformanceError
        An ``AssertionError`` with one sentence.
    """
    if isinstance(tracker, str | Path):
        opened = open_tracker(tracker, device, trust=trust)
    elif hasattr(tracker, "info"):
        opened = typing.cast(Tracker, tracker)
    else:
        opened = worker().call(typing.cast(Callable[..., Tracker], tracker), device)
    expect(
        hasattr(opened, "info") and callable(getattr(opened, "open", None)),
        f"{opened!r} is not a tracker: it needs an attribute info and a method open.",
    )
    worker().call(_Check(opened).everything)


class _Check:
    """One tracker over one clip; everything is called in the inference thread."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker, self.clip = tracker, clip()
        self.who = _described(tracker.info)
        self.kind = next(k for k in _KINDS if k in tracker.info.starts_from)

    def everything(self) -> None:
        """All checks; the first walk is what the others are compared with."""
        whole = self._walk(range(len(self.clip)))
        for kind in sorted(self.tracker.info.starts_from - {self.kind, "keypoints"}):
            self._walk(range(2), kind=kind)
        self._walk(range(len(self.clip) - 1, -1, -1))
        again = self._walk(range(len(self.clip)))
        expect(whole == again, f"{self.who} follows differently when asked again.")
        self._apart(whole)
        self._resumed(whole)
        self._dropped()
        self._outside()

    # ---- walks

    def _open(self, *, backward: bool = False) -> TrackSession:
        size = self.clip.width, self.clip.height
        session = attempt(
            f"{self.who}, opened,", lambda: self.tracker.open(*size, backward=backward)
        )
        missing = [name for name in _METHODS if not callable(getattr(session, name, None))]
        expect(not missing, f"{self.who} opens a session without the method {missing[:1]}.")
        return session

    def _walk(self, positions: range, *, kind: ShapeKind | None = None) -> Results:
        """Two objects from the first of these positions to the last; their results by position."""
        session = self._open(backward=positions.step < 0)
        out = [
            self._prompt(
                session, positions[0], _keyframes(self.clip, positions[0], kind or self.kind)
            )
        ]
        out += [self._step(session, p, [_FIRST, _SECOND]) for p in positions[1:]]
        self._close(session)
        return out

    def _apart(self, whole: Results) -> None:
        """Two sessions by turns do not disturb each other."""
        one, other = self._open(), self._open(backward=True)
        last = len(self.clip) - 1
        results = [self._prompt(one, 0, _keyframes(self.clip, 0, self.kind))]
        self._prompt(other, last, _keyframes(self.clip, last, self.kind))
        for position in range(1, len(self.clip)):
            results.append(self._step(one, position, [_FIRST, _SECOND]))
            self._step(other, last - position, [_FIRST, _SECOND])
        self._close(other)
        self._close(one)
        expect(results == whole, f"{self.who} follows differently while another session is open.")

    def _resumed(self, whole: Results) -> None:
        """A session goes on from what another process has found."""
        middle = len(self.clip) // 2
        session = self._open()
        start = max(0, middle - max(1, self.tracker.info.memory) + 1)
        if start == 0:
            self._prompt(session, 0, _keyframes(self.clip, 0, self.kind))
        for position in range(max(1, start), middle + 1):
            image = self.clip.images[position]
            attempt(f"{self.who}, recalling,", session.recall, position, image, whole[position])
        seen = {t.track_id for t in whole[middle] if t.shape is not None}
        found = self._step(session, middle + 1, [_FIRST, _SECOND])
        lost = [t.track_id for t in found if t.track_id in seen and t.shape is None]
        was = [t.track_id for t in whole[middle + 1] if t.shape is None]
        expect(
            set(lost) <= set(was),
            f"{self.who} loses an object when it goes on from recalled results, which it does not "
            "in one walk.",
        )
        self._close(session)

    def _dropped(self) -> None:
        session = self._open()
        self._prompt(session, 0, _keyframes(self.clip, 0, self.kind))
        attempt(f"{self.who}, dropping a track,", session.drop, _FIRST)
        self._step(session, 1, [_SECOND])
        self._close(session)

    def _outside(self) -> None:
        """A keyframe that says 'outside' ends an object; keyframes of no object say nothing."""
        session = self._open()
        self._prompt(session, 0, _keyframes(self.clip, 0, self.kind))
        expect(
            list(session.prompt(1, self.clip.images[1], [])) == [],
            f"{self.who} does not give [] for no keyframes.",
        )
        gone = Keyframe("f", _FIRST, "thing", outside=True)
        (answer,) = self._prompt(session, 1, [gone])
        expect(answer.shape is None, f"{self.who} gives a shape where a keyframe says outside.")
        found = {t.track_id: t for t in session.step(2, self.clip.images[2])}
        expect(
            _FIRST not in found or found[_FIRST].shape is None,
            f"{self.who} goes on following an object that a keyframe says is outside.",
        )
        self._close(session)

    # ---- one call each

    def _prompt(
        self, session: TrackSession, position: int, keyframes: Sequence[Keyframe]
    ) -> list[Tracked]:
        image = self.clip.images[position]
        found = attempt(f"{self.who}, prompted,", session.prompt, position, image.copy(), keyframes)
        ids = [t.track_id for t in found]
        wanted = [k.track_id for k in keyframes]
        expect(ids == wanted, f"{self.who}, prompted with the tracks {wanted}, answers for {ids}.")
        self._check(found, position)
        return found

    def _step(self, session: TrackSession, position: int, wanted: Sequence[int]) -> list[Tracked]:
        image = self.clip.images[position].copy()
        before = image.copy()
        found = list(attempt(f"{self.who}, following,", session.step, position, image))
        expect(np.array_equal(image, before), f"{self.who} changes the image it was given.")
        ids = sorted(t.track_id for t in found)
        expect(ids == sorted(wanted), f"{self.who} follows the tracks {ids}, not {sorted(wanted)}.")
        self._check(found, position)
        return sorted(found, key=lambda t: t.track_id)

    def _close(self, session: TrackSession) -> None:
        attempt(f"{self.who}, closed,", session.close)

    def _check(self, found: Sequence[Tracked], position: int) -> None:
        for one in found:
            what = f"The shape that {self.who[0].lower()}{self.who[1:]} gives at {position}"
            expect(isinstance(one, Tracked), f"{what} is a {type(one).__name__}.")
            expect(
                np.isfinite(one.score) and 0 <= one.score <= 1, f"{what} has the score {one.score}."
            )
            values = list(one.signals.values())
            expect(np.isfinite(values).all(), f"{what} has the signals {dict(one.signals)}.")
            if one.shape is None:
                continue
            expect_shape(what, one.shape, self.clip.width, self.clip.height)
            expect(
                self.tracker.info.gives != "mask" or one.shape.mask is not None,
                f"{what} has no mask, and its info says that it gives masks.",
            )


_KINDS: tuple[ShapeKind, ...] = ("box", "mask", "polygon", "clicks", "keypoints")


def _described(info: TrackerInfo) -> str:
    who = expect_described("tracker", info)
    kinds = set(typing.get_args(ShapeKind))
    expect(
        info.starts_from and set(info.starts_from) <= kinds,
        f"{who} says starts_from={set(info.starts_from)}; they are some of {sorted(kinds)}.",
    )
    expect(info.gives in ("box", "mask"), f"{who} says gives={info.gives!r}; it is box or mask.")
    expect(info.memory >= 1, f"{who} says memory={info.memory}; it needs at least one frame.")
    expect(info.help, f"{who} does not say what it is for: info.help is empty.")
    return who


def _keyframes(clip: Clip, position: int, kind: ShapeKind) -> list[Keyframe]:
    boxes = clip.boxes[position]
    return [
        Keyframe("f", number, "thing", *_start(clip, box, kind))
        for number, box in zip((_FIRST, _SECOND), boxes, strict=True)
    ]


def _start(
    clip: Clip, box: tuple[float, float, float, float], kind: ShapeKind
) -> tuple[Shape | None, Prompts | None]:
    """A box as the kind of shape that a keyframe starts from."""
    x1, y1, x2, y2 = box
    if kind == "clicks":
        return None, Prompts.click((x1 + x2) / 2, (y1 + y2) / 2)
    if kind == "polygon":
        return shape_from_polygons([(x1, y1, x2, y1, x2, y2, x1, y2)]), None
    if kind == "mask":
        inside = np.zeros((clip.height, clip.width), bool)
        inside[int(y1) : int(y2), int(x1) : int(x2)] = True
        return shape_from_mask(inside), None
    points = ((x1, y1, 2.0), (x2, y2, 2.0)) if kind == "keypoints" else None
    return Shape(box, keypoints=points), None
