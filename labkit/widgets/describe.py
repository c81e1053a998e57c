"""Frames and objects as the browser gets them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import cast
from zlib import crc32

from labkit.core.errors import InputError
from labkit.core.geometry import shape_from_mask, shape_from_polygons, shape_from_rotated
from labkit.core.skeleton import Skeleton
from labkit.core.types import AnnotatedObject, Rle, Shape
from labkit.core.visibility import is_shown
from labkit.frames.order import display_name
from labkit.report.strokes import rings_of
from labkit.review import FrameView
from labkit.widgets.messages import (
    AnnotatedObjectJson,
    FrameMessage,
    FrameState,
    ShapeJson,
    SkeletonJson,
)

__all__ = [
    "checksum",
    "frame_message",
    "object_json",
    "painted",
    "shape_from_browser",
    "shape_json",
    "skeleton_json",
]


def checksum(view: FrameView) -> int:
    """A number that changes with the proposals of a frame."""
    return crc32("\n".join(o.object_id for o in view.proposals).encode())


def object_json(o: AnnotatedObject, followed_by: str = "") -> AnnotatedObjectJson:
    """One object, and the tracker that it is followed by."""
    out = AnnotatedObjectJson(
        id=o.object_id,
        label=o.label,
        state=o.state,
        score=None if o.score is None else round(o.score, 4),
        shape=shape_json(o.shape),
        track=o.track_id,
        shown_from=o.shown_from,
    )
    if followed_by:
        out["followed_by"] = followed_by
    if o.shape.mask is not None:
        out["rings"] = [ring.ravel().round(1).tolist() for ring in rings_of(o.shape)]
    return out


def painted(objects: Iterable[AnnotatedObject], threshold: float) -> list[AnnotatedObject]:
    """What the canvas below shows: what is shown at the threshold, and crossed out the rejected.

    The page's ``visibility.ts`` says the same.
    """
    return [o for o in objects if o.state == "rejected" or is_shown(o.shown_from, threshold)]


def frame_message(
    view: FrameView,
    place: int,
    why: str,
    image: str = "",
    error: str = "",
    followed_by: Mapping[int, str] = MappingProxyType({}),
) -> FrameMessage:
    """A frame of the window with all its objects; the page shows them by the threshold.

    ``followed_by`` has the tracks that are followed, and by which tracker.
    """
    frame = view.frame
    return FrameMessage(
        type="frame",
        frame_id=frame.frame_id,
        place=place,
        revision=view.last_seq,
        proposals=checksum(view),
        name=display_name(frame),
        width=frame.width,
        height=frame.height,
        state=cast(FrameState, view.state),
        why=why,
        objects=[
            object_json(o, "" if o.track_id is None else followed_by.get(o.track_id, ""))
            for o in view.objects
        ],
        image=image,
        error=error,
    )


def shape_json(shape: Shape) -> ShapeJson:
    """A shape as the page gets it."""
    return cast(ShapeJson, shape.to_json())


def skeleton_json(skeleton: Skeleton) -> SkeletonJson:
    """A skeleton as the page gets it."""
    return cast(SkeletonJson, skeleton.to_json())


def shape_from_browser(data: object) -> Shape:
    """A drawn shape; its box is computed again from its parts.

    Raises
    ------
    InputError
        It is not a shape.
    """
    try:
        shape = Shape.from_json(data)  # type: ignore[arg-type]
        mask = None
        box = shape.box
        if shape.rotated is not None:
            box = shape_from_rotated(*shape.rotated).box
        elif shape.mask is not None:
            mask = Rle(int(shape.mask.height), int(shape.mask.width), str(shape.mask.counts))
            box = shape_from_mask(mask).box
        elif shape.polygons is not None:
            box = shape_from_polygons(shape.polygons).box
        return Shape(box, shape.rotated, shape.polygons, mask, shape.keypoints)
    except (TypeError, ValueError, KeyError, AttributeError, IndexError) as exc:
        raise InputError("This shape cannot be used", str(exc)) from exc
