"""How well tracked objects cover the true ones, where the truth is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labkit.core.errors import InputError
from labkit.core.geometry import box_iou, decode_mask, mask_iou, polygons_to_mask
from labkit.core.rows import shape_from_row
from labkit.core.types import Rle, Shape

__all__ = ["track_iou"]

_BOX = ["x1", "y1", "x2", "y2"]


def track_iou(
    tracked: pd.DataFrame, truth: pd.DataFrame, frames: Iterable[str] | None = None
) -> pd.DataFrame:
    """Intersection over union of each track with the true object that it is meant to follow.

    A track is meant to follow the object that it lies on where it begins: tracks and objects are
    paired one to one by the greatest sum of box IoUs on the tracks' first frames. Masks are
    compared where both sides have one (polygons count as such), else boxes.

    Parameters
    ----------
    tracked : DataFrame
        Rows of :meth:`labkit.Project.proposals` or :meth:`labkit.Project.annotations`; those
        without ``track_id`` and rejected ones are left out.
    truth : DataFrame
        ``PROPOSAL_COLUMNS`` with ``track_id``, such as :func:`labkit.demo.truth`.
    frames : iterable of str, optional
        The frames that were to be tracked, in order, such as a run's; by default those of the
        truth up to the last one that has any track. A track that was lost on the way counts to
        the end.

    Returns
    -------
    DataFrame
        One row for each frame from a track's first on: ``track_id``, ``true_id``, ``frame_id``,
        ``iou`` (0..1). Where one of the two is out of sight, the IoU is 0; where both are, there
        is no row.

    Raises
    ------
    InputError
        A table lacks a column.

    Examples
    --------
    >>> tracked = p.proposals(p.associate(progress=None))
    >>> lk.metrics.track_iou(tracked, truth=tracked)["iou"].min()
    np.float64(1.0)
    """
    for what, df in (("tracks", tracked), ("truth", truth)):
        missing = [c for c in ("frame_id", "track_id", *_BOX) if c not in df.columns]
        if missing:
            raise InputError(f"The {what} cannot be compared", f"{missing[0]!r} is missing")
    names = list(dict.fromkeys(truth["frame_id"].astype(str) if frames is None else frames))
    order = {name: k for k, name in enumerate(names)}
    tracks, true = _by_track(tracked, order), _by_track(truth, order)
    shown = [k for places in tracks.values() for k in places]
    end = len(names) if frames is not None else max(shown, default=-1) + 1
    rows = []
    for track_id, true_id in _pairs(tracks, true).items():
        mine, other = tracks[track_id], true.get(true_id, {})
        for k in range(min(mine), end):
            if k in mine or k in other:
                iou = _iou(mine[k], other[k]) if k in mine and k in other else 0.0
                rows.append((track_id, true_id, names[k], iou))
    return pd.DataFrame(rows, columns=["track_id", "true_id", "frame_id", "iou"])


def _by_track(df: pd.DataFrame, order: Mapping[str, int]) -> dict[int, dict[int, Any]]:
    """Rows by track and by the frame's place."""
    rows = df[df["track_id"].notna() & df["frame_id"].astype(str).isin(list(order))]
    if "state" in rows:
        rows = rows[rows["state"] != "rejected"]
    out: dict[int, dict[int, Any]] = {}
    for row in rows.to_dict("records"):
        out.setdefault(int(row["track_id"]), {})[order[str(row["frame_id"])]] = row
    return out


def _pairs(
    tracks: Mapping[int, Mapping[int, Any]], true: Mapping[int, Mapping[int, Any]]
) -> dict[int, int]:
    """The true object of each track; -1 where there is none under its first shape."""
    if not tracks or not true:
        return dict.fromkeys(tracks, -1)
    from scipy.optimize import linear_sum_assignment

    ids, true_ids = list(tracks), list(true)
    overlap = np.zeros((len(ids), len(true_ids)))
    for i, track in enumerate(ids):
        first = min(tracks[track])
        for j, name in enumerate(true_ids):
            if first in true[name]:
                a, b = tracks[track][first], true[name][first]
                overlap[i, j] = box_iou([[a[c] for c in _BOX]], [[b[c] for c in _BOX]])[0, 0]
    chosen = zip(*linear_sum_assignment(-overlap), strict=True)
    true_of = {ids[i]: true_ids[j] for i, j in chosen if overlap[i, j] > 0}
    return {track: true_of.get(track, -1) for track in ids}


def _iou(a: Mapping[str, Any], b: Mapping[str, Any]) -> float:
    first, second = shape_from_row(a), shape_from_row(b)
    size = first.mask or second.mask
    if size is not None:
        one, two = _mask(first, size), _mask(second, size)
        if one is not None and two is not None:
            return mask_iou(one, two)
    return float(box_iou([first.box], [second.box])[0, 0])


def _mask(shape: Shape, size: Rle) -> NDArray[np.bool_] | None:
    if shape.mask is not None:
        return decode_mask(shape.mask)
    if shape.polygons is not None:
        return decode_mask(polygons_to_mask(shape.polygons, size.width, size.height))
    return None
