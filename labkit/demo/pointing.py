"""What a person would point at in the drawn world, read off its truth."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labkit.core.errors import InputError
from labkit.core.geometry import decode_mask
from labkit.core.rows import shape_from_row
from labkit.demo.clicking import deepest, inner_point

__all__ = ["point_at"]

_ANCHORS = 12
_LEAST_HOLE = 3.0
"""Radius in pixels from which a hole is worth a click."""


def point_at(
    truth: pd.DataFrame,
    frame_id: str,
    n: int | None = None,
    *,
    tracks: Iterable[int] | None = None,
    until: Collection[str] = (),
) -> list[dict[str, Any]]:
    """Clicks, boxes and outlines for objects of a frame, the greatest first.

    Parameters
    ----------
    truth : DataFrame
        From :func:`labkit.demo.truth`.
    frame_id : str
    n : int, optional
        At most so many objects, of different labels where there are such.
    tracks : iterable of int, optional
        These true objects alone, in this order.
    until : collection of str
        Frames on which they are still in sight.

    Returns
    -------
    list of dict
        ``label``; ``track_id``, that of the truth; ``points`` and ``labels``, a click in the middle
        of the object and a second one: negative in its hole where it has one, else positive;
        ``box``; ``outline``, points on its rim for the scissors.

    Raises
    ------
    InputError
        No object of the frame is like that.
    """
    here = truth[truth["frame_id"] == frame_id]
    for later in until:
        in_sight = truth.loc[truth["frame_id"] == later, "track_id"]
        here = here[here["track_id"].isin(in_sight)]
    size = (here["x2"] - here["x1"]) * (here["y2"] - here["y1"])
    here = here.assign(size=size).sort_values("size", ascending=False, kind="stable")
    if tracks is not None:
        wanted = list(tracks)
        here = here[here["track_id"].isin(wanted)]
        here = here.sort_values("track_id", key=lambda c: c.map(wanted.index))
    elif n is not None:
        repeated = here["label"].astype(str).duplicated()
        here = here.assign(again=repeated).sort_values("again", kind="stable").head(n)
    if not len(here):
        raise InputError(f"There is nothing to point at on frame {frame_id!r}")
    return [_pointed(row) for row in here.to_dict("records")]


def _pointed(row: dict[Any, Any]) -> dict[str, Any]:
    from scipy.ndimage import binary_fill_holes

    shape = shape_from_row(row)
    assert shape.mask is not None
    mask = decode_mask(shape.mask)
    *first, _ = deepest(mask)
    *hole, radius = deepest(binary_fill_holes(mask) & ~mask)
    apart = mask.copy()
    y, x = np.ogrid[: mask.shape[0], : mask.shape[1]]
    reach = max(shape.box[2] - shape.box[0], shape.box[3] - shape.box[1]) / 3
    apart[(x - first[0]) ** 2 + (y - first[1]) ** 2 < reach**2] = False
    second = hole if radius >= _LEAST_HOLE else inner_point(apart) if apart.any() else first
    return {
        "label": str(row["label"]),
        "track_id": int(row["track_id"]),
        "points": [list(first), list(second)],
        "labels": [1, 0 if radius >= _LEAST_HOLE else 1],
        "box": [float(v) for v in shape.box],
        "outline": _anchors(mask),
    }


def _anchors(mask: NDArray[np.bool_]) -> list[list[float]]:
    """Points at equal distances along the greatest outline, as a person clicks along a rim."""
    from contourpy import contour_generator

    padded = np.pad(mask.astype(np.float32), 1)
    lines = [np.asarray(line) for line in contour_generator(z=padded).lines(0.5)]
    line = max(lines, key=len) - 1.0
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    at = np.linspace(0, along[-1], _ANCHORS, endpoint=False)
    height, width = mask.shape
    xs = np.interp(at, along, line[:, 0]).clip(0, width - 1)
    ys = np.interp(at, along, line[:, 1]).clip(0, height - 1)
    return [[round(float(a), 1), round(float(b), 1)] for a, b in zip(xs, ys, strict=True)]
