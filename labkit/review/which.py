"""Which objects an action on many applies to, and what it did."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np

from labkit.core.errors import InputError
from labkit.core.types import AnnotatedObject, Decision, State
from labkit.review.view import FrameView

__all__ = ["ManyReport", "Unchanged", "Which"]


@dataclass(frozen=True, slots=True)
class Which:
    """Which objects are meant; all conditions have to hold.

    Attributes
    ----------
    frames : 'current', 'queue' or collection of str
        The current frame, all frames of the queue, or frame ids of it.
    ids : collection of str, optional
        Object ids; they are taken at any score and in any state.
    labels, track_ids, states, runs : collection, optional
        Without ``states`` rejected objects are left out.
    score : (float, float), optional
        Least and greatest score, both included. Without it, undecided objects count from the
        session's threshold up. Objects without a score never match a range.

    Examples
    --------
    >>> with p.review(reviewer="ana") as s:
    ...     nuts = s.many(lk.Which(frames="queue", labels=["nut"], score=(0.9, 1.0)))
    ...     report = nuts.accept()
    >>> sorted(p.annotations().query("state == 'accepted'")["label"].unique())
    ['nut']
    """

    frames: Literal["current", "queue"] | Collection[str] = "current"
    ids: Collection[str] | None = None
    labels: Collection[str] | None = None
    score: tuple[float, float] | None = None
    track_ids: Collection[int] | None = None
    states: Collection[State] | None = None
    runs: Collection[str] | None = None

    def __post_init__(self) -> None:
        for name in ("ids", "labels", "states", "runs"):
            if isinstance(getattr(self, name), str):
                raise InputError(f"{name} is a list of names", f"{getattr(self, name)!r} is one")
        if self.score is not None and not self.score[0] <= self.score[1]:
            raise InputError("A score range goes from low to high", f"it is {self.score!r}")

    def of(self, view: FrameView, threshold: float) -> list[AnnotatedObject]:
        """The objects of a frame that are meant."""
        if self.ids is not None:
            return [o for o in view.objects if self._holds(o)]
        found = view.shown(threshold if self.score is None else 0.0)
        if self.states is not None and "rejected" in self.states:
            found += [o for o in view.objects if o.state == "rejected"]
        return [o for o in found if self._holds(o)]

    def _holds(self, o: AnnotatedObject) -> bool:
        pairs = (
            (self.ids, o.object_id),
            (self.labels, o.label),
            (self.track_ids, o.track_id),
            (self.states, o.state),
            (self.runs, o.run_id),
        )
        if not all(wanted is None or value in wanted for wanted, value in pairs):
            return False
        if self.score is None:
            return True
        if o.score is None:
            return False
        # stored scores are float32: 0.6 has to lie in a range that ends at 0.6
        low, high = (np.float32(v) for v in self.score)
        return bool(low <= np.float32(o.score) <= high)


@dataclass(frozen=True, slots=True)
class Unchanged:
    """An object that stayed as it was, and why."""

    object_id: str
    frame_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class ManyReport:
    """What an action on many objects did.

    Attributes
    ----------
    changed : int
        Objects that are different now.
    frames : int
        Frames on which they are.
    unchanged : tuple of Unchanged
        Objects that stayed as they were, each with its reason.
    notes : tuple of Unchanged
        Objects that were changed, but lost something: holes that a polygon cannot hold.
    decisions : tuple of Decision
        As they were written; all of one step.
    """

    changed: int
    frames: int
    unchanged: tuple[Unchanged, ...] = ()
    notes: tuple[Unchanged, ...] = ()
    decisions: tuple[Decision, ...] = ()

    def __str__(self) -> str:
        text = f"{self.changed} objects changed on {self.frames} frames"
        return f"{text}, {len(self.unchanged)} stayed as they were" if self.unchanged else text
