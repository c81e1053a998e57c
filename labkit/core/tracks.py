"""Tracks: one object over many frames, known at its keyframes and followed between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from labkit.core.errors import InputError
from labkit.core.prompts import Prompts
from labkit.core.types import Shape

__all__ = ["Keyframe", "Track", "Tracked", "Walked"]


@dataclass(frozen=True, slots=True)
class Keyframe:
    """What a person (or a proposal) says about one object on one frame: a tracker starts from it.

    Attributes
    ----------
    frame_id : str
    track_id : int
        Keyframes of one object share it.
    label : str
        The project's label.
    shape : Shape or None
        Box, polygons or mask. None where only clicks are known, or where the object is outside.
    prompts : Prompts or None
        Clicks or a box for trackers that understand them; they come before ``shape``.
    outside : bool
        The object is not on this frame any more.
    """

    frame_id: str
    track_id: int
    label: str
    shape: Shape | None = None
    prompts: Prompts | None = None
    outside: bool = False

    def __post_init__(self) -> None:
        if self.outside != (self.shape is None and self.prompts is None):
            raise InputError(
                f"The keyframe of track {self.track_id} cannot be used",
                "it needs a shape or prompts, or to be outside, and not both",
            )


@dataclass(frozen=True, slots=True)
class Tracked:
    """One object on one later frame, as a tracker says.

    Attributes
    ----------
    track_id : int
    shape : Shape or None
        None where the object is not in sight.
    score : float
        Confidence 0..1 that the shape is right.
    signals : mapping
        What the confidence is based on, by name: ``object_score`` (0..1, that the object is there),
        ``iou`` (0..1, predicted IoU of the mask), ``forward_backward`` (pixels), ...
    """

    track_id: int
    shape: Shape | None
    score: float
    signals: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Track:
    """One object over many frames, as its keyframes say.

    :func:`labkit.core.interpolate.interpolate` gives its shapes between them.

    Attributes
    ----------
    track_id : int
    label : str
    keyframes : tuple of Keyframe
        At least one, at most one per frame, all of this track and label.
    """

    track_id: int
    label: str
    keyframes: tuple[Keyframe, ...]

    def __post_init__(self) -> None:
        what = f"Track {self.track_id} cannot be used"
        if not self.keyframes:
            raise InputError(what, "it has no keyframe")
        frames = [k.frame_id for k in self.keyframes]
        if len(set(frames)) < len(frames):
            twice = next(f for f in frames if frames.count(f) > 1)
            raise InputError(what, f"it has two keyframes on frame {twice!r}")
        if {(k.track_id, k.label) for k in self.keyframes} != {(self.track_id, self.label)}:
            raise InputError(what, "its keyframes are of another track or label")

    def keyframe(self, frame_id: str) -> Keyframe | None:
        """The keyframe on a frame, None where there is none."""
        return next((k for k in self.keyframes if k.frame_id == frame_id), None)


@dataclass(frozen=True, slots=True)
class Walked:
    """Where a run has looked for one track.

    Attributes
    ----------
    stretches : tuple of (str, str)
        First and last frame of each stretch, in the order of tracking: a backward one ends earlier.
    outside : frozenset of str
        Frames on which a person says that it is not there.
    """

    stretches: tuple[tuple[str, str], ...]
    outside: frozenset[str] = frozenset()
