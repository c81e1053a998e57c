"""One frame as a reviewer meets it: its objects at any threshold, and what was decided there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from labkit.core.errors import InputError
from labkit.core.registry import unknown
from labkit.core.rows import object_from_row
from labkit.core.types import AnnotatedObject, Decision, Frame
from labkit.core.visibility import Thresholds, is_shown
from labkit.ledger.frame_fold import fold_frame, frame_state

__all__ = ["FrameView", "ProposalIndex", "check_threshold"]


_KEPT = 512
"""Frames whose objects are kept, because making them takes most of the time of a view."""


def check_threshold(value: float) -> float:
    """A threshold as a float, or a clear error where it is not in 0..1."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not 0 <= number <= 1:
        raise InputError("A threshold must be between 0 and 1", f"it is {value!r}")
    return number


class ProposalIndex:
    """Proposals by frame: objects are made only for the frames that are looked at."""

    def __init__(self, proposals: pd.DataFrame) -> None:
        frames = proposals["frame_id"].astype("category")
        codes = frames.cat.codes.to_numpy()
        self._rows = proposals.iloc[np.argsort(codes, kind="stable")]
        starts = np.searchsorted(np.sort(codes), np.arange(len(frames.cat.categories) + 1))
        self._span = {
            str(name): (int(starts[k]), int(starts[k + 1]))
            for k, name in enumerate(frames.cat.categories)
        }
        self._later: dict[str, tuple[AnnotatedObject, ...]] = {}
        self._gone: dict[str, frozenset[int]] = {}
        self._made: dict[str, tuple[AnnotatedObject, ...]] = {}

    def of(self, frame_id: str) -> list[AnnotatedObject]:
        """The proposals of a frame, in the order of the run; those that came later at the end."""
        gone = self._gone.get(frame_id, frozenset())
        objects = [o for o in self._first(frame_id) if o.track_id not in gone]
        return [*objects, *self._later.get(frame_id, ())]

    def _first(self, frame_id: str) -> tuple[AnnotatedObject, ...]:
        made = self._made.get(frame_id)
        if made is None:
            first, last = self._span.get(frame_id, (0, 0))
            rows: list[dict[Any, Any]] = self._rows.iloc[first:last].to_dict("records")
            made = tuple(object_from_row(row) for row in rows)
            if len(self._made) >= _KEPT:
                self._made.clear()
            self._made[frame_id] = made
        return made

    def add(self, frame_id: str, objects: Sequence[AnnotatedObject], tracks: Iterable[int]) -> None:
        """Take in new proposals of a frame; older ones of these tracks are forgotten.

        ``tracks`` may name more than ``objects`` show: the others are out of sight there now.
        """
        gone = set(tracks) | {o.track_id for o in objects if o.track_id is not None}
        fresh = {o.object_id for o in objects}
        kept = (
            o
            for o in self._later.get(frame_id, ())
            if o.track_id not in gone and o.object_id not in fresh
        )
        self._later[frame_id] = (*kept, *objects)
        self._gone[frame_id] = self._gone.get(frame_id, frozenset()) | gone

    def runs_of(self, tracks: Iterable[int], frame_ids: Iterable[str]) -> set[str]:
        """Runs that propose one of these tracks on one of these frames."""
        wanted, frames = set(tracks), set(frame_ids)
        later = (o for f, found in self._later.items() if f in frames for o in found)
        runs = {o.run_id for o in later if o.track_id in wanted and o.run_id is not None}
        rows = self._rows[self._rows["track_id"].isin(wanted)]
        rows = rows[rows["frame_id"].isin(frames)]
        return runs | {str(name) for name in rows["run_id"].unique()}


@dataclass(frozen=True, slots=True)
class FrameView:
    """A frame, its proposals and its decisions.

    Attributes
    ----------
    frame : Frame
    proposals : tuple of AnnotatedObject
        As the runs made them.
    decisions : tuple of Decision
        Those that count for this reviewer, in order.
    objects : tuple of AnnotatedObject
        The fold of both; undecided proposals that repeat a decided object are left out.
    state : str
        ``new``, ``open``, ``accepted``, ``hand`` or ``skipped``.
    thresholds : Thresholds
        From which score the proposals of each run are shown.
    """

    frame: Frame
    proposals: tuple[AnnotatedObject, ...]
    decisions: tuple[Decision, ...]
    objects: tuple[AnnotatedObject, ...]
    state: str
    thresholds: Thresholds = field(default_factory=Thresholds, compare=False)

    @classmethod
    def build(
        cls,
        frame: Frame,
        proposals: Sequence[AnnotatedObject],
        decisions: Sequence[Decision],
        thresholds: Thresholds | None = None,
    ) -> FrameView:
        """Fold proposals and decisions."""
        thresholds = thresholds or Thresholds()
        objects = fold_frame(proposals, decisions, thresholds)
        return cls(
            frame,
            tuple(proposals),
            tuple(decisions),
            tuple(o for o in objects if o.covered_by is None),
            frame_state(decisions),
            thresholds,
        )

    def after(self, more: Sequence[Decision]) -> FrameView:
        """The view when some more decisions have been made."""
        rows = [*self.decisions, *more]
        return FrameView.build(self.frame, self.proposals, rows, self.thresholds)

    @property
    def last_seq(self) -> int:
        """The ledger's ``seq`` up to which this view knows the frame."""
        return max((d.seq for d in self.decisions), default=0)

    def shown(self, threshold: float) -> list[AnnotatedObject]:
        """Proposals from a score up, and all that was decided, without what was rejected.

        On a frame that was sent to hand-labelling no proposal is shown: who labels by hand must
        neither follow the model nor accept its objects beside their own. What a tracker
        is unsure about is shown at any score, see :mod:`labkit.core.visibility`.
        """
        return [o for o in self.objects if is_shown(o.shown_from, threshold)]

    def of_track(self, track_id: int) -> AnnotatedObject | None:
        """The object of a track; None where it is not on the frame, or was rejected."""
        mine = (o for o in self.objects if o.track_id == track_id and o.state != "rejected")
        return next(mine, None)

    def object(self, object_id: str) -> AnnotatedObject:
        """One object by its id."""
        for o in self.objects:
            if o.object_id == object_id:
                return o
        raise unknown(
            f"object of frame {self.frame.frame_id}", object_id, [o.object_id for o in self.objects]
        )
