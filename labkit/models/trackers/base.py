"""What a tracker is, what it says about itself, and the registry of all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from labkit.core.registry import Registry
from labkit.core.tracks import Keyframe, Tracked
from labkit.models.adapters import Adapter, fits
from labkit.models.detectors.base import Image

__all__ = [
    "TRACKERS",
    "ShapeKind",
    "TrackSession",
    "Tracker",
    "TrackerAdapter",
    "TrackerInfo",
]

ShapeKind = Literal["box", "polygon", "mask", "clicks", "keypoints"]


@dataclass(frozen=True, slots=True)
class TrackerInfo:
    """What a tracker is, for a run's manifest and for people.

    Attributes
    ----------
    name : str
        As in the registry, or the weights' name.
    starts_from : frozenset of ShapeKind
        What its keyframes may be; a mask or polygon can always stand for its box.
    gives : ShapeKind
        ``mask`` or ``box``.
    memory : int
        Earlier frames that it needs to resume where another process stopped.
    sees_ahead : bool
        Whether later keyframes help it on the way to them. If not, runs follow each interval
        between two keyframes forward and backward and blend both, see
        :mod:`labkit.tracking.bidirectional`.
    needs_weights, device, help, weights_sha256, licence, versions
        As for interactors and detectors.
    params : mapping
        What else decides the result.
    """

    name: str
    starts_from: frozenset[ShapeKind]
    gives: ShapeKind = "box"
    memory: int = 1
    sees_ahead: bool = False
    needs_weights: bool = False
    device: str = "cpu"
    help: str = ""
    weights_sha256: str | None = None
    licence: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)


class TrackSession(Protocol):
    """One pass over frames of one size, in one direction.

    Positions count along the video, so they fall in a backward pass. :meth:`prompt` may be called
    for positions before, at and after the current one, :meth:`recall` for positions that another
    process has done, and :meth:`step` for every position in turn. Called in the inference thread.
    """

    def prompt(self, position: int, image: Image, keyframes: Sequence[Keyframe]) -> list[Tracked]:
        """Learn what objects look like on one frame, and give their shapes there."""
        ...

    def recall(self, position: int, image: Image, tracked: Sequence[Tracked]) -> None:
        """Take an earlier result as if it had just been computed."""
        ...

    def step(self, position: int, image: Image) -> list[Tracked]:
        """Follow all objects to the next frame, except those prompted on this very frame."""
        ...

    def drop(self, track_id: int) -> None:
        """Stop following one object."""
        ...

    def close(self) -> None:
        """Free the memory."""
        ...


class Tracker(Protocol):
    """Frames and shapes in, shapes on later frames out."""

    @property
    def info(self) -> TrackerInfo:
        """What it is."""
        ...

    def open(self, width: int, height: int, *, backward: bool = False) -> TrackSession:
        """Begin a pass over frames of one size."""
        ...


class TrackerAdapter(Adapter):
    """Opens one family of trackers, under many names or from files."""

    def open(self, found: Any, device: str | None) -> Tracker:
        """Open what :meth:`find` gave; the inference thread."""
        raise NotImplementedError


TrackerPlugin = Callable[[str | None], Tracker] | TrackerAdapter | type[TrackerAdapter]

TRACKERS: Registry[TrackerPlugin]
TRACKERS = Registry("tracker", "trackers", fits)
"""Name → ``open(device: str | None) -> Tracker``, or an adapter."""
