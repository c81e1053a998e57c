"""Tracks: one object over many frames, known at its keyframes and followed between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from labkit.core.errors import InputError
from labkit.core.prompts import Prompts
from labkit.core.types import Shape

__all__ = ["Keyframe", "Tracked"]


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
        What the confidence rests on, by name: ``object_score`` (0..1, that the object is there),
        ``iou`` (0..1, predicted IoU of the mask), ``forward_backward`` (pixels), ...
    """

    track_id: int
    shape: Shape | None
    score: float
    signals: Mapping[str, float] = field(default_factory=dict)
