"""Shapes between keyframes, and shapes carried to another place or size. Pure numpy.

Boxes, rotated boxes and keypoints change linearly. There is no such thing between two masks or
polygons: there the nearest keyframe's outline is moved and scaled with the interpolated box.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from labkit.core.errors import Argument, InputError
from labkit.core.geometry import decode_mask, encode_mask
from labkit.core.tracks import Track
from labkit.core.types import Rle, Shape

__all__ = ["between", "interpolate", "moved", "scaled"]

Box = tuple[float, float, float, float]
Keypoints = tuple[tuple[float, float, float], ...]


def moved(shape: Shape, box: Box, width: int | None = None, height: int | None = None) -> Shape:
    """The shape moved and scaled so that its box becomes another one.

    Parameters
    ----------
    shape : Shape
    box : (x1, y1, x2, y2)
        Where it goes.
    width, height : int, optional
        Size of the frame it goes to, for masks; by default the one it comes from.

    Notes
    -----
    A rotated box keeps its angle; its sides grow with the box.
    """
    x1, y1, x2, y2 = shape.box
    sx, sy = (box[2] - box[0]) / (x2 - x1), (box[3] - box[1]) / (y2 - y1)

    def x(value: float) -> float:
        return box[0] + (value - x1) * sx

    def y(value: float) -> float:
        return box[1] + (value - y1) * sy

    rotated = shape.rotated
    if rotated is not None:
        cx, cy, w, h, angle = rotated
        cos, sin = abs(math.cos(angle)), abs(math.sin(angle))
        rotated = (x(cx), y(cy), w * (cos * sx + sin * sy), h * (sin * sx + cos * sy), angle)
    polygons = shape.polygons
    if polygons is not None:
        polygons = tuple(
            tuple(x(v) if k % 2 == 0 else y(v) for k, v in enumerate(ring)) for ring in polygons
        )
    keypoints = shape.keypoints
    if keypoints is not None:
        keypoints = tuple((x(px), y(py), v) for px, py, v in keypoints)
    mask = shape.mask
    if mask is not None:
        mask = _moved_mask(mask, shape.box, box, width or mask.width, height or mask.height)
    return Shape(box, rotated, polygons, mask, keypoints)


def _moved_mask(mask: Rle, old: Box, new: Box, width: int, height: int) -> Rle | None:
    """The mask's pixels at their new places; None where no pixel is left on the frame."""
    pixels = decode_mask(mask)
    columns, in_x = _sources(old[0], old[2], new[0], new[2], mask.width, width)
    rows, in_y = _sources(old[1], old[3], new[1], new[3], mask.height, height)
    out = np.zeros((height, width), dtype=bool)
    out[np.ix_(in_y, in_x)] = pixels[np.ix_(rows, columns)]
    return encode_mask(out) if out.any() else None


def _sources(
    old1: float, old2: float, new1: float, new2: float, old_size: int, new_size: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """For the pixels along one axis of the new frame: where each comes from, and which they are."""
    low, high = max(0, math.floor(new1)), min(new_size, math.ceil(new2))
    places = np.arange(low, max(low, high))
    source = np.floor(old1 + (places + 0.5 - new1) * (old2 - old1) / (new2 - new1)).astype(np.intp)
    inside = (source >= 0) & (source < old_size)
    return source[inside], places[inside]


def scaled(shape: Shape, old: tuple[int, int], new: tuple[int, int]) -> Shape:
    """The shape on the same picture at another size; sizes are ``(width, height)`` in pixels."""
    sx, sy = new[0] / old[0], new[1] / old[1]
    x1, y1, x2, y2 = shape.box
    return moved(shape, (x1 * sx, y1 * sy, x2 * sx, y2 * sy), new[0], new[1])


def between(a: Shape, b: Shape, share: float) -> Shape:
    """The shape a share 0..1 of the way from one to the other.

    Raises
    ------
    InputError
        The share is not 0..1.
    """
    if not 0 <= share <= 1:
        raise InputError(Argument("share", share) + " cannot be used", "it has to be from 0 to 1")
    x1, y1, x2, y2 = (_line(p, q, share) for p, q in zip(a.box, b.box, strict=True))
    near = a if share <= 0.5 else b
    out = moved(near, (x1, y1, x2, y2))
    if a.rotated is not None and b.rotated is not None:
        out = replace(out, rotated=_between_rotated(a.rotated, b.rotated, share))
    if a.keypoints is not None and b.keypoints is not None:
        out = replace(out, keypoints=_between_points(a.keypoints, b.keypoints, share, out))
    return out


def _line(p: float, q: float, share: float) -> float:
    return p * (1 - share) + q * share


def _between_rotated(
    a: tuple[float, float, float, float, float],
    b: tuple[float, float, float, float, float],
    share: float,
) -> tuple[float, float, float, float, float]:
    """Linear in centre and sides, the angle by the shorter way (half a turn changes nothing)."""
    turn = (b[4] - a[4] + math.pi / 2) % math.pi - math.pi / 2
    cx, cy, w, h = (_line(p, q, share) for p, q in zip(a[:4], b[:4], strict=True))
    return cx, cy, w, h, a[4] + turn * share


def _between_points(a: Keypoints, b: Keypoints, share: float, near: Shape) -> Keypoints | None:
    if len(a) != len(b):
        return near.keypoints
    lines = np.asarray(a) * (1 - share) + np.asarray(b) * share
    return tuple((x, y, v) for x, y, v in lines.tolist())


def interpolate(track: Track, frame_ids: Sequence[str]) -> dict[str, Shape]:
    """The track's shape on each frame between its keyframes, by ``frame_id``.

    Parameters
    ----------
    track : Track
    frame_ids : sequence of str
        The frames of the sequence in order, equally spaced in time.

    Returns
    -------
    dict
        From the first keyframe to the last. A frame is missing where the object is outside: from
        an outside keyframe up to the next one with a shape. Before an outside keyframe nothing is
        known but the last shape, which stays.

    Raises
    ------
    InputError
        A keyframe is on none of these frames, or has clicks and no shape.
    """
    place = {frame_id: k for k, frame_id in enumerate(frame_ids)}
    known: list[tuple[int, Shape | None]] = []
    for keyframe in track.keyframes:
        what = f"Track {track.track_id} cannot be interpolated"
        if keyframe.frame_id not in place:
            raise InputError(what, f"frame {keyframe.frame_id!r} is not in the sequence")
        if keyframe.shape is None and not keyframe.outside:
            raise InputError(what, f"on frame {keyframe.frame_id!r} only clicks are known")
        known.append((place[keyframe.frame_id], keyframe.shape))
    known.sort(key=lambda item: item[0])
    out: dict[str, Shape] = {}
    for (first, a), (last, b) in pairwise(known):
        if a is None:
            continue
        for k in range(first, last):
            out[frame_ids[k]] = a if b is None else between(a, b, (k - first) / (last - first))
    end, shape = known[-1]
    if shape is not None:
        out[frame_ids[end]] = shape
    return out
