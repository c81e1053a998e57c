"""A reviewer played from ground truth: for demos, tests and batch runs. Marked as such.

It does what a careful person would do, in the same session and through the same gestures, and
slips now and then at rates that are given. Every decision it makes is marked ``scripted``.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from labkit.core.errors import Argument, InputError
from labkit.core.matching import match_boxes
from labkit.core.types import AnnotatedObject, Shape
from labkit.review.session import ReviewSession
from labkit.review.timer import SimulatedClock
from labkit.review.view import ProposalIndex

__all__ = ["Pace", "ScriptedReviewer", "Slips"]


@dataclass(frozen=True, slots=True)
class Slips:
    """How often a scripted reviewer errs; each a probability 0..1, but for ``jitter_px``.

    Attributes
    ----------
    overlook_false : float
        A false alarm is left in.
    overlook_miss : float
        A missed object is not added.
    mislabel : float
        A wrong label is not noticed.
    loose_box : float
        A box that should be corrected is left as it is.
    jitter_px : float
        Standard deviation of the edges of a drawn or corrected box, pixels.
    """

    overlook_false: float = 0.02
    overlook_miss: float = 0.05
    mislabel: float = 0.02
    loose_box: float = 0.05
    jitter_px: float = 0.0

    def __post_init__(self) -> None:
        for spec in fields(self):
            value = getattr(self, spec.name)
            top = 1.0 if spec.name != "jitter_px" else np.inf
            if not 0 <= value <= top:
                raise InputError(f"The slip {spec.name} must be in 0..{top:g}", f"it is {value!r}")


@dataclass(frozen=True, slots=True)
class Pace:
    """Median seconds of each gesture on a simulated clock; log-normal with sigma 0.3.

    Made-up round figures of the size that the literature reports (a box drawn by four extreme
    clicks takes 7 s, Papadopoulos et al. 2017); they time a played review, never a real one.
    """

    look: float = 1.5
    accept_frame: float = 0.5
    reject: float = 1.2
    relabel: float = 2.0
    edit: float = 5.0
    add: float = 7.0
    hand: float = 1.5


class ScriptedReviewer:
    """Plays a reviewer who knows the truth.

    Parameters
    ----------
    truth : DataFrame
        What is really there: ``PROPOSAL_COLUMNS``, for instance
        ``project.read_labels("yolo", folder)``. Its scores do not matter.
    seed : int
        Slips and times depend on it and on the frame alone, so a resumed review plays on alike.
    slips : Slips
    pace : Pace
    match_iou : float
        From this IoU on a proposal is about a true object.
    edit_below : float
        A box with a lower IoU than this is corrected.
    hand_above : int, optional
        A frame that needs more gestures than this goes to hand-labelling.

    Examples
    --------
    >>> known = reviewed.annotations()
    >>> with p.review(reviewer="script", scripted=True) as s:
    ...     lk.ScriptedReviewer(known[known["state"] != "rejected"]).play(s, frames=2)
    2
    """

    def __init__(
        self,
        truth: pd.DataFrame,
        *,
        seed: int = 0,
        slips: Slips | None = None,
        pace: Pace | None = None,
        match_iou: float = 0.5,
        edit_below: float = 0.75,
        hand_above: int | None = None,
    ) -> None:
        self._truth = ProposalIndex(truth)
        self.seed, self.slips, self.pace = seed, slips or Slips(), pace or Pace()
        self.match_iou, self.edit_below, self.hand_above = match_iou, edit_below, hand_above

    def play(
        self,
        session: ReviewSession,
        frames: int | None = None,
        on_frame: Callable[[str], object] | None = None,
    ) -> int:
        """Review undecided frames of the session's queue from where it stands.

        Parameters
        ----------
        session : ReviewSession
            Must have been made with ``scripted=True``.
        frames : int, optional
            Stop after so many.
        on_frame : callable, optional
            Told the id of each finished frame.

        Returns
        -------
        int
            Frames reviewed.
        """
        if not session.scripted:
            raise InputError(
                "A scripted reviewer needs a session of its own",
                "its decisions must be marked as scripted",
                "make the session with " + Argument("scripted", True),
            )
        done = 0
        while frames is None or done < frames:
            if session.view.state not in ("accepted", "hand"):
                self.review_frame(session)
                done += 1
                if on_frame is not None:
                    on_frame(session.frame_id)
            if session.next(undecided=True) is None:
                break
        return done

    def review_frame(self, session: ReviewSession) -> None:
        """Decide the current frame as the truth has it, slips included."""
        frame_id = session.frame_id
        rng = np.random.default_rng([self.seed, zlib.crc32(frame_id.encode())])
        self._wait(session, self.pace.look, rng)
        truth, shown = self._truth.of(frame_id), session.objects()
        partner = self._partners(shown, truth)
        if self.hand_above is not None and self._gestures(shown, truth, partner) > self.hand_above:
            self._wait(session, self.pace.hand, rng)
            session.reject_frame("too many corrections", tool="script")
            return
        for k, o in enumerate(shown):
            if o.state == "proposed":
                self._judge(session, o, truth[partner[k]] if k in partner else None, rng)
        for t in (t for j, t in enumerate(truth) if j not in set(partner.values())):
            if rng.random() >= self.slips.overlook_miss and t.label in session.project.labels:
                self._wait(session, self.pace.add, rng)
                session.add(t.label, self._drawn(t.shape, rng), tool="script")
        self._wait(session, self.pace.accept_frame, rng)
        session.accept_frame(tool="script")

    def _judge(
        self,
        session: ReviewSession,
        o: AnnotatedObject,
        true: AnnotatedObject | None,
        rng: np.random.Generator,
    ) -> None:
        slip_false, slip_label, slip_box = rng.random(3)
        if true is None:
            if slip_false >= self.slips.overlook_false:
                self._wait(session, self.pace.reject, rng)
                session.reject(o.object_id, tool="script")
            return
        if true.label != o.label and slip_label >= self.slips.mislabel:
            self._wait(session, self.pace.relabel, rng)
            session.relabel(o.object_id, true.label, tool="script")
        if self._is_loose(o, true) and slip_box >= self.slips.loose_box:
            self._wait(session, self.pace.edit, rng)
            session.edit(o.object_id, self._drawn(true.shape, rng), tool="script")

    def _partners(
        self, shown: list[AnnotatedObject], truth: list[AnnotatedObject]
    ) -> dict[int, int]:
        """Shown object → true object: first those of the same label, then the others."""
        a = np.array([o.shape.box for o in shown]).reshape(-1, 4)
        b = np.array([t.shape.box for t in truth]).reshape(-1, 4)
        names = {n: k for k, n in enumerate({o.label for o in [*shown, *truth]})}
        la, lb = ([names[o.label] for o in side] for side in (shown, truth))
        same = match_boxes(a, b, self.match_iou, la, lb)
        out = dict(zip(same.i.tolist(), same.j.tolist(), strict=True))
        rest_a = [k for k in range(len(a)) if k not in out]
        rest_b = [k for k in range(len(b)) if k not in set(out.values())]
        other = match_boxes(a[rest_a], b[rest_b], self.match_iou)
        out.update({rest_a[i]: rest_b[j] for i, j in zip(other.i, other.j, strict=True)})
        return out

    def _is_loose(self, o: AnnotatedObject, true: AnnotatedObject) -> bool:
        tight = match_boxes([o.shape.box], [true.shape.box], self.edit_below)
        return not len(tight.i)

    def _gestures(
        self, shown: list[AnnotatedObject], truth: list[AnnotatedObject], partner: dict[int, int]
    ) -> int:
        wrong = len(shown) - len(partner) + len(truth) - len(partner)
        pairs = [(shown[k], truth[j]) for k, j in partner.items()]
        return wrong + sum(o.label != t.label or self._is_loose(o, t) for o, t in pairs)

    def _drawn(self, shape: Shape, rng: np.random.Generator) -> Shape:
        if not self.slips.jitter_px:
            return shape
        x1, y1, x2, y2 = np.asarray(shape.box) + rng.normal(0, self.slips.jitter_px, 4)
        return Shape((x1, y1, max(x2, x1 + 1), max(y2, y1 + 1)))

    def _wait(self, session: ReviewSession, median: float, rng: np.random.Generator) -> None:
        seconds = float(median * rng.lognormal(0, 0.3))
        if isinstance(session.timer.clock, SimulatedClock):
            session.timer.clock.advance(seconds)
            session.timer.touch()
