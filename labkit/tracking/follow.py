"""Live tracks: objects that a tracker carries along when the reviewer goes to the next frame."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from labkit.core.errors import InputError, LabkitError
from labkit.core.registry import unknown
from labkit.core.types import AnnotatedObject, Frame, Shape
from labkit.frames.order import sequence_of
from labkit.models.interactors.base import ImageSource
from labkit.models.trackers import open_tracker
from labkit.models.trackers.base import Tracker
from labkit.tracking.live import LiveRequest, LiveRun, ShowsProposals

__all__ = ["FollowMode", "LiveTrack", "Session", "View"]

log = logging.getLogger(__name__)


class View(Protocol):
    """A frame as a session shows it."""

    @property
    def frame(self) -> Frame:
        """The frame."""
        ...

    @property
    def objects(self) -> Sequence[AnnotatedObject]:
        """Its objects as they stand."""
        ...

    def object(self, object_id: str) -> AnnotatedObject:
        """One object by its id."""
        ...


class Session(ShowsProposals, Protocol):
    """What follow mode needs of a review session: :class:`labkit.review.ReviewSession`."""

    @property
    def lock(self) -> AbstractContextManager[Any]:
        """Held while the session reads or changes what it knows."""
        ...

    @property
    def moving(self) -> AbstractContextManager[Any]:
        """Held by a move until what it sets off has ended."""
        ...

    @property
    def session_id(self) -> str:
        """Names the session in the ledger."""
        ...

    @property
    def view(self) -> View:
        """The current frame."""
        ...

    def view_of(self, frame_id: str) -> View:
        """The current frame, or another as the ledger has it."""
        ...

    def runs_of(self, tracks: Iterable[int], frame_ids: Iterable[str]) -> set[str]:
        """Runs that propose one of these tracks on one of these frames."""
        ...

    def put_on_track(self, object_id: str, track_id: int) -> str:
        """Accept an object as one of a track; the step of the ledger."""
        ...


@dataclass(frozen=True, slots=True)
class LiveTrack:
    """An object and the tracker that holds it.

    Attributes
    ----------
    object_id : str
        The object with which following began.
    track_id : int
        Of this object on all frames.
    label : str
    tracker : str
    frame_id : str
        The frame to which it was carried last, or where following began.
    run_id : str or None
        The run that holds what the tracker said last; None before the first frame.
    on : bool
        False where following has ended with the last move.
    note : str
        Why the last move did not carry it; empty where it did.
    """

    object_id: str
    track_id: int
    label: str
    tracker: str
    frame_id: str
    run_id: str | None = None
    on: bool = True
    note: str = ""


@dataclass(slots=True)
class _Hold:
    object_id: str
    track_id: int
    label: str
    tracker: Tracker
    step: str | None
    frame_id: str
    run: LiveRun | None = None
    note: str = ""
    shape: Shape | None = field(default=None, compare=False)

    def public(self, *, on: bool = True) -> LiveTrack:
        run = self.run.run_id if self.run else None
        name = self.tracker.info.name
        return LiveTrack(
            self.object_id, self.track_id, self.label, name, self.frame_id, run, on, self.note
        )


class FollowMode:
    """What is followed in one session.

    An object is carried when the session moves from a frame to the next one of the same sequence
    (:func:`labkit.frames.order.sequence_of`), and stands on the frame that is left: as the tracker
    said, as the reviewer corrected it there, or out of the tracker's sight. Any other move does
    nothing, which the note says. What the tracker says is a proposal of a run of its own, written
    before it is shown. Where the reviewer goes back, corrects and goes on, a new run replaces what
    was said of that track from there on, frame by frame. A rejected object is followed no longer.

    Parameters
    ----------
    session : Session
        A :class:`labkit.review.ReviewSession`.
    source : ImageSource
        The pixels that trackers see.
    """

    def __init__(self, session: Session, source: ImageSource) -> None:
        self.source = source
        self.last_move: list[LiveTrack] = []
        self._session = session
        self._holds: dict[int, _Hold] = {}
        self._runs: list[LiveRun] = []
        self._trackers: dict[str, Tracker] = {}
        self._opening = threading.Lock()
        self._sequences: dict[str, list[str]] = {}

    # ---- the switch

    def start(self, object_id: str, tracker: str | Tracker = "flow") -> LiveTrack:
        """Switch following on for an object of the current frame.

        An object without a track gets one, by a step of the ledger that accepts it as it stands;
        undoing that step switches following off.

        Parameters
        ----------
        object_id : str
        tracker : str or Tracker
            A name for :func:`labkit.models.trackers.open_tracker`, or a tracker.
        """
        session = self._session
        opened = self.tracker(tracker) if isinstance(tracker, str) else tracker
        with session.moving:
            with session.lock:
                o, step = session.view.object(object_id), None
                if o.state == "rejected":
                    raise InputError(f"Object {object_id} cannot be followed", "it is rejected")
                held = self._holds.get(o.track_id) if o.track_id is not None else None
                if held is not None and held.tracker is opened:
                    return held.public()
                if o.track_id is None:
                    track_id = session.project.claim_tracks([None])[0]
                    step = session.put_on_track(object_id, track_id)
                    o = o.with_(track_id=track_id)
                assert o.track_id is not None
                hold = _Hold(object_id, o.track_id, o.label, opened, step, o.frame_id)
                self._holds[o.track_id] = hold
            if held is not None and held.run is not None:
                held.run.drop(held.track_id)
            self._tidy()
        return hold.public()

    def tracker(self, name: str) -> Tracker:
        """The tracker of this name, opened when it is first asked for, which can take seconds."""
        with self._opening:
            if name not in self._trackers:
                self._trackers[name] = open_tracker(name, project=self._session.project.root)
            return self._trackers[name]

    def has_open(self, name: str) -> bool:
        """Whether following with this tracker can begin at once."""
        return name in self._trackers

    def stop(self, object_id: str | None = None) -> None:
        """Switch following off for one object, or for all; what was tracked stays."""
        session = self._session
        with session.moving:
            with session.lock:
                if object_id is None:
                    gone = list(self._holds.values())
                else:
                    gone = [self._hold_of(object_id)]
                for hold in gone:
                    del self._holds[hold.track_id]
            for hold in gone:
                if hold.run is not None:
                    hold.run.drop(hold.track_id)
            self._tidy()

    def _hold_of(self, object_id: str) -> _Hold:
        here = {o.object_id: o.track_id for o in self._session.view.objects}
        for hold in self._holds.values():
            if object_id == hold.object_id or here.get(object_id) == hold.track_id:
                return hold
        known = [hold.object_id for hold in self._holds.values()]
        raise unknown("followed object", object_id, known)

    def forget(self, step: str) -> None:
        """Switch off what was switched on by a step that is taken back."""
        with self._session.lock:
            for hold in [h for h in self._holds.values() if h.step == step]:
                del self._holds[hold.track_id]

    def held(self) -> list[LiveTrack]:
        """What is followed now."""
        with self._session.lock:
            return [hold.public() for hold in self._holds.values()]

    def close(self) -> None:
        """Switch everything off and close the runs."""
        self.stop()

    def _tidy(self) -> None:
        """Close live runs that carry nothing any more."""
        used = {id(hold.run) for hold in self._holds.values()}
        idle = [live for live in self._runs if id(live) not in used]
        self._runs = [live for live in self._runs if id(live) in used]
        for live in idle:
            live.finish()

    # ---- moving

    def carry(self, here: str, there: str) -> None:
        """Carry what is followed from one frame to another, where that is the next one."""
        self.last_move = []
        if not self._holds:
            return
        session = self._session
        with session.lock:
            holds = list(self._holds.values())
            view, frame = session.view_of(here), session.project.frame(there)
        sequence = self._sequence(view.frame)
        at = sequence.index(here)
        if sequence[at + 1 : at + 2] != [there]:
            for hold in holds:
                hold.note = "this is not the next frame of its sequence"
        else:
            self._carry(holds, view, frame, sequence, at)
        with session.lock:
            on = set(self._holds)
        self.last_move = [hold.public(on=hold.track_id in on) for hold in holds]
        self._tidy()

    def _sequence(self, frame: Frame) -> list[str]:
        if frame.frame_id not in self._sequences.get(frame.group, ()):
            frames = self._session.project.frames()
            self._sequences[frame.group] = sequence_of(frames, frame.group)
        return self._sequences[frame.group]

    def _carry(
        self, holds: list[_Hold], view: View, ahead: Frame, sequence: list[str], at: int
    ) -> None:
        stand = {o.track_id: o for o in view.objects if o.track_id is not None}
        new: dict[int, list[_Hold]] = defaultdict(list)
        on: dict[int, list[_Hold]] = defaultdict(list)
        for hold in holds:
            self._place(hold, stand.get(hold.track_id), view.frame, ahead, at, new, on)
        for fresh in new.values():
            self._guard(fresh, self._begin, fresh, on, sequence, at)
        for group in on.values():
            self._guard(group, self._advance, group, view.frame, ahead)

    def _place(
        self,
        hold: _Hold,
        o: AnnotatedObject | None,
        frame: Frame,
        ahead: Frame,
        at: int,
        new: dict[int, list[_Hold]],
        on: dict[int, list[_Hold]],
    ) -> None:
        """Decide whether one object is carried on, begins again, or stays where it is."""
        live, track = hold.run, hold.track_id
        hold.note, hold.shape = "", o.shape if o is not None else None
        hold.label = o.label if o is not None else hold.label
        at_head = live is not None and live.head == at and live.sequence[at] == frame.frame_id
        if o is not None and o.state == "rejected":
            hold.note = "it was rejected"
            with self._session.lock:
                self._holds.pop(track, None)
            if live is not None:
                live.drop(track)
        elif (frame.width, frame.height) != (ahead.width, ahead.height):
            hold.note = f"the next frame is of another size, {ahead.width} x {ahead.height}"
        elif o is None and not at_head:
            hold.note = "it is not on the frame that was left"
        elif at_head and live is not None:
            if o is None:
                # nobody has seen it or only a decided object covers it: as the tracker said
                hold.shape = live.said.get((track, at))
            on[id(live)].append(hold)
        elif live is None or live.used.get((track, at)) != hold.shape:
            new[id(hold.tracker)].append(hold)
        # else it was carried from this very shape before

    def _begin(
        self, holds: list[_Hold], on: dict[int, list[_Hold]], sequence: list[str], at: int
    ) -> None:
        """Find a live run for objects that have none from here, or begin one."""
        session = self._session
        tracks = [hold.track_id for hold in holds]
        with session.lock:
            old = session.runs_of(tracks, sequence[at + 1 :])
        tracker = holds[0].tracker
        mine = (r for r in self._runs if r.tracker is tracker and r.sequence == sequence)
        live = next((r for r in mine if r.head == at), None) if not old else None
        if live is None:
            request = LiveRequest(
                session.session_id,
                session.reviewer,
                sequence[at],
                tuple(tracks),
                tuple(sorted(old)),
            )
            live = LiveRun(session.project, self.source, tracker, request, sequence, at)
            self._runs.append(live)
        for hold in holds:
            if hold.run is not None:
                hold.run.drop(hold.track_id)
            hold.run = live
        on[id(live)] += holds

    def _advance(self, holds: list[_Hold], frame: Frame, ahead: Frame) -> None:
        live = holds[0].run
        assert live is not None
        labels = {hold.track_id: hold.label for hold in holds}
        shapes = {hold.track_id: hold.shape for hold in holds if hold.shape is not None}
        objects, note = live.advance(frame, ahead, labels, shapes)
        self._session.add_proposals(ahead.frame_id, objects, labels)
        for hold in holds:
            hold.frame_id, hold.note = ahead.frame_id, note

    def _guard(self, holds: list[_Hold], work: Callable[..., None], *args: Any) -> None:
        """Where a tracker fails, its live run ends, the note says why, and the review continues."""
        try:
            work(*args)
        except Exception as exc:  # models raise whatever they like
            if not isinstance(exc, LabkitError):
                log.exception("a tracker has failed")
            for hold in holds:
                hold.note, hold.run = str(exc) or type(exc).__name__, None
