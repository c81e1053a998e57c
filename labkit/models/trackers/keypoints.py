"""Skeletons: keypoints that are carried along with tracked masks and boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from labkit.core.tracks import Keyframe, Tracked
from labkit.core.types import Shape
from labkit.models.detectors.base import Image
from labkit.models.trackers.base import TrackSession
from labkit.models.trackers.each import Known
from labkit.models.trackers.moving import Matrix, between_boxes, move_points
from labkit.models.trackers.points import (
    FB_LIMIT,
    Followed,
    agreed_motion,
    follow,
    grey,
    inside,
    seed,
)

__all__ = ["MOVED_WITH_OBJECT", "Keypoints", "WithKeypoints", "ride"]

Keypoints = tuple[tuple[float, float, float], ...]
"""``(x, y, v)``, pixels and confidence 0..1, as in :class:`labkit.core.types.Shape`."""

MOVED_WITH_OBJECT = 0.25
"""Confidence of a point that was lost and moved with its object."""

_LEAST_INLIERS = 0.3
"""Least share of points that have to agree for their motion to count as the object's."""

_SLIP = 1.5
"""A point may move this many pixels differently from its object; it counts as noise."""


def ride(
    previous_image: Image,
    image: Image,
    keypoints: Sequence[Sequence[float]],
    previous_shape: Shape,
    shape: Shape,
) -> Keypoints:
    """Keypoints of an object on the next frame, whose shape there is known.

    Each point is followed by pyramidal Lucas-Kanade flow. It is kept where it comes back when it is
    followed backward, lies on the object, and goes about where the object goes. A point that does
    not moves with the object: as the points inside do, or else as the box does.

    Parameters
    ----------
    previous_image, image : ndarray
        RGB ``(h, w, 3)`` uint8, of one size.
    keypoints : sequence of (x, y, v)
        On the previous frame. Points with ``v`` 0 (not labelled, or out of the frame) stay as they
        are.
    previous_shape, shape : Shape
        The object on both frames; a mask counts before polygons, these before the box.

    Returns
    -------
    tuple of (x, y, v)
        ``v`` never rises: it is the least of what it was and 1 to 0.5 for a point that was followed
        (1 at a forward-backward error of 0, 0.5 at ``FB_LIMIT``), ``MOVED_WITH_OBJECT`` for one
        that moved with the object, and 0 for one that left the frame.
    """
    return _ride(grey(previous_image), grey(image), keypoints, previous_shape, shape)


def _ride(
    before: NDArray[np.uint8],
    now: NDArray[np.uint8],
    keypoints: Sequence[Sequence[float]],
    previous_shape: Shape,
    shape: Shape,
) -> Keypoints:
    height, width = now.shape
    old = np.asarray(keypoints, np.float64).reshape(-1, 3)
    live = (old[:, 2] > 0) & np.isfinite(old).all(axis=1)
    start = seed(before, previous_shape)
    asked = np.where(live[:, None], old[:, :2], np.nan)
    gone = follow(before, now, np.concatenate([asked, start]))
    own = Followed(gone.points[: len(old)], gone.error[: len(old)])
    rest = Followed(gone.points[len(old) :], gone.error[len(old) :])
    motion, agreed = _object_motion(start, rest, previous_shape, shape)
    guess = move_points(old[:, :2], motion)
    reach = max(3.0, 0.1 * float(np.hypot(*np.subtract(shape.box[2:], shape.box[:2]))))
    far = np.linalg.norm(np.nan_to_num(own.points - guess, nan=np.inf), axis=1)
    kept = live & own.good & (far <= reach) & inside(own.points, shape, width, height)
    # a rigid object's points know better together than each alone, whose slips would add up; but
    # of the points in a box some are background
    outlined = previous_shape.mask is not None or previous_shape.polygons is not None
    firm = np.where(far <= _SLIP, agreed, 0.0)[:, None] * outlined
    out = np.where(kept[:, None], firm * guess + (1 - firm) * np.nan_to_num(own.points), guess)
    error = np.minimum(own.error, FB_LIMIT)
    trust = np.where(kept, 1 - 0.5 * error / FB_LIMIT, MOVED_WITH_OBJECT)
    trust[((out < 0) | (out >= (width, height)) | ~np.isfinite(out)).any(axis=1)] = 0.0
    out = np.where(live[:, None], out, old[:, :2])
    v = np.where(live, np.minimum(old[:, 2], trust), old[:, 2])
    return tuple((float(x), float(y), float(c)) for (x, y), c in zip(out, v, strict=True))


def _object_motion(
    start: NDArray[np.float64], gone: Followed, previous: Shape, shape: Shape
) -> tuple[Matrix, float]:
    """How an object moved: as the points inside agree, or as its box does where they do not.

    And the share of points that agree, 0 for the box.
    """
    motion = agreed_motion(start, gone)
    if motion is not None and motion.inliers >= _LEAST_INLIERS:
        return motion.matrix, motion.inliers
    return between_boxes(previous.box, shape.box), 0.0


@dataclass(frozen=True, slots=True)
class _Seen:
    """An object's keypoints where it was last in sight."""

    keypoints: Keypoints
    shape: Shape
    image: NDArray[np.uint8]


class WithKeypoints:
    """A session of any tracker, with the keypoints of its keyframes carried along.

    Objects whose keyframes have none are passed on as they are. The signal ``keypoints`` is the
    least confidence of an object's points in the frame, 0..1; it is left out where it has none.

    Parameters
    ----------
    session : TrackSession
        Gives the shapes.
    backward : bool
        As the session was opened.
    """

    def __init__(self, session: TrackSession, *, backward: bool = False) -> None:
        self.session = session
        self._known: Known[_Seen] = Known(backward=backward)

    def prompt(self, position: int, image: Image, keyframes: Sequence[Keyframe]) -> list[Tracked]:
        """Take the keypoints of keyframes; if one has none, those of before are carried on."""
        points = {k.track_id: k.shape.keypoints for k in keyframes if k.shape and k.shape.keypoints}
        return self._carry(position, image, self.session.prompt(position, image, keyframes), points)

    def recall(self, position: int, image: Image, tracked: Sequence[Tracked]) -> None:
        """Go on from an earlier result, its keypoints included."""
        self.session.recall(position, image, tracked)
        points = {t.track_id: t.shape.keypoints for t in tracked if t.shape and t.shape.keypoints}
        self._carry(position, image, tracked, points)

    def step(self, position: int, image: Image) -> list[Tracked]:
        """Follow all objects to the next frame, and their keypoints with them."""
        return self._carry(position, image, self.session.step(position, image), {})

    def drop(self, track_id: int) -> None:
        """Stop following one object."""
        self._known.drop(track_id)
        self.session.drop(track_id)

    def close(self) -> None:
        """Free the memory."""
        self._known.clear()
        self.session.close()

    def _carry(
        self,
        position: int,
        image: Image,
        tracked: Sequence[Tracked],
        given: dict[int, Keypoints],
    ) -> list[Tracked]:
        known = self._known.at(position)
        if not given and not known:
            return list(tracked)
        now, out = grey(image), []
        for one in tracked:
            points, last = given.get(one.track_id), known.get(one.track_id)
            if one.shape is None or (points is None and last is None):
                out.append(one)
                continue
            if points is None and last is not None:
                seen = last[1]
                points = _ride(seen.image, now, seen.keypoints, seen.shape, one.shape)
            assert points is not None
            self._known.put(position, one.track_id, _Seen(points, one.shape, now))
            out.append(_attach(one, one.shape, points))
        return out


def _attach(one: Tracked, shape: Shape, points: Keypoints) -> Tracked:
    seen = [v for _, _, v in points if v > 0]
    signals = {**one.signals, "keypoints": min(seen)} if seen else one.signals
    return replace(one, shape=replace(shape, keypoints=points), signals=signals)
