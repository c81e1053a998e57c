"""The gestures of a reviewer: each makes drafts of decisions from a view of the frame.

Pure functions: nothing is written here, and only what the gesture says is decided. A gesture
that would change nothing makes no draft.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from labkit.core.errors import InputError
from labkit.core.registry import unknown
from labkit.core.shapes import ShapeLike, as_shape, fit_shape
from labkit.core.types import AnnotatedObject, Attribute, Kind
from labkit.review.view import FrameView

__all__ = [
    "Draft",
    "accept",
    "accept_frame",
    "add",
    "comment",
    "edit",
    "frame_verdict",
    "reject",
    "relabel",
]


@dataclass(frozen=True, slots=True)
class Draft:
    """A decision without reviewer, time and duration."""

    kind: Kind
    frame_id: str
    before: AnnotatedObject | None = None
    after: AnnotatedObject | None = None
    comment: str = ""

    @property
    def subject(self) -> AnnotatedObject | None:
        """The object that it is about, None for a whole frame."""
        return self.before or self.after


def _check_label(label: str, labels: Sequence[str]) -> str:
    if label not in labels:
        raise unknown("label", label, list(labels))
    return label


def accept(view: FrameView, object_id: str) -> list[Draft]:
    """Say that an object is right as it stands; a rejected one comes back."""
    o = view.object(object_id)
    if o.state not in ("proposed", "rejected"):
        return []
    return [Draft("accept", o.frame_id, None, o)]


def reject(view: FrameView, object_id: str) -> list[Draft]:
    """Say that an object is not there."""
    o = view.object(object_id)
    return [] if o.state == "rejected" else [Draft("reject", o.frame_id, o)]


def edit(
    view: FrameView,
    object_id: str,
    shape: ShapeLike | None = None,
    attributes: Sequence[Attribute] | None = None,
) -> list[Draft]:
    """Correct an object's shape, its attributes, or both."""
    o = view.object(object_id)
    after = o.with_(
        shape=o.shape if shape is None else fit_shape(as_shape(shape), view.frame),
        attributes=o.attributes if attributes is None else tuple(attributes),
    )
    if (after.shape, after.attributes) == (o.shape, o.attributes):
        return []
    return [Draft("edit", o.frame_id, o, after)]


def relabel(view: FrameView, object_id: str, label: str, labels: Sequence[str]) -> list[Draft]:
    """Give an object another of the project's labels."""
    o = view.object(object_id)
    _check_label(label, labels)
    return [] if o.label == label else [Draft("relabel", o.frame_id, o, o.with_(label=label))]


def add(
    view: FrameView,
    label: str,
    shape: ShapeLike,
    labels: Sequence[str],
    attributes: Sequence[Attribute] = (),
    track_id: int | None = None,
) -> list[Draft]:
    """Add an object that no proposal shows, as the shape of a track where one is given."""
    there = None if track_id is None else view.of_track(track_id)
    if there is not None:
        raise InputError(
            f"Track {track_id} cannot be drawn on frame {view.frame.frame_id}",
            f"it is there already, as {there.object_id}",
            "edit or reject that object",
        )
    o = AnnotatedObject(
        uuid4().hex,
        view.frame.frame_id,
        _check_label(label, labels),
        fit_shape(as_shape(shape), view.frame),
        attributes=tuple(attributes),
        track_id=track_id,
    )
    return [Draft("add", o.frame_id, None, o)]


def accept_frame(view: FrameView, threshold: float) -> list[Draft]:
    """Accept the frame with what is shown: one draft for it, and one for each undecided object."""
    shown = [o for o in view.shown(threshold) if o.state == "proposed"]
    frame_id = view.frame.frame_id
    return [Draft("accept_frame", frame_id), *(Draft("accept", frame_id, None, o) for o in shown)]


def frame_verdict(view: FrameView, kind: Kind, why: str = "") -> list[Draft]:
    """Say ``reject_frame`` (to hand-labelling) or ``skip`` of a whole frame."""
    return [Draft(kind, view.frame.frame_id, comment=why)]


def comment(view: FrameView, text: str, object_id: str | None = None) -> list[Draft]:
    """Leave a remark on a frame or on one of its objects."""
    if not text.strip():
        raise InputError("A comment needs some text")
    o = None if object_id is None else view.object(object_id)
    return [Draft("comment", view.frame.frame_id, o, o, text)]
