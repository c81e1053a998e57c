"""Which proposals repeat what a person has decided already."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from labkit.core.matching import match_boxes

__all__ = ["COVERED_IOU", "covering"]

COVERED_IOU: Final = 0.7
"""From this IoU on a proposal of the same label repeats what a person has decided already."""

IntArray = NDArray[np.int64]


def covering(
    *,
    frame: IntArray,
    run: IntArray,
    label: IntArray,
    track: IntArray,
    box: NDArray[np.float64],
    revision: IntArray,
) -> IntArray:
    """For each undecided proposal, the decided object that it repeats.

    A second run proposes again what was accepted, corrected, drawn or refused before. Where it has
    the same label and an IoU of at least ``COVERED_IOU`` with such an object of another run, a
    person need not say it twice; each decided object covers one proposal of a run at most. The same
    holds for a proposal of a track on which the person has decided on this frame, by whatever run.

    Parameters
    ----------
    frame, run, label : ndarray of int, (n,)
        Codes; objects of no run have one of their own.
    track : ndarray of int, (n,)
        -1 for objects without one.
    box : ndarray, (n, 4)
        ``xyxy``.
    revision : ndarray of int, (n,)
        0 for undecided proposals, else unique.

    Returns
    -------
    ndarray of int, (n,)
        Position of the covering object, -1 where there is none and for decided objects.
    """
    out: IntArray = np.full(len(frame), -1, dtype=np.int64)
    fresh = np.flatnonzero(revision == 0)
    decided = np.flatnonzero(revision)
    if not len(fresh) or not len(decided):
        return out
    decided = decided[np.argsort(revision[decided], kind="stable")]
    _cover_by_overlap(out, fresh, decided, _pairs_of(frame, label), run, box)
    _cover_by_track(out, fresh, decided, frame, track)
    return out


def _pairs_of(frame: IntArray, label: IntArray) -> IntArray:
    """One code for each frame and label."""
    return frame * (int(label.max()) + 2) + label


def _cover_by_overlap(
    out: IntArray,
    fresh: IntArray,
    decided: IntArray,
    group: IntArray,
    run: IntArray,
    box: NDArray[np.float64],
) -> None:
    for one in np.unique(run[fresh]):
        others = decided[run[decided] != one]
        if not len(others):
            continue
        mine = fresh[run[fresh] == one]
        mine = mine[np.isin(group[mine], group[others])]
        if not len(mine):
            continue
        pairs = match_boxes(
            box[mine],
            box[others],
            COVERED_IOU,
            group_a=group[mine],
            group_b=group[others],
        )
        out[mine[pairs.i]] = others[pairs.j]


def _cover_by_track(
    out: IntArray, fresh: IntArray, decided: IntArray, frame: IntArray, track: IntArray
) -> None:
    fresh, decided = fresh[track[fresh] >= 0], decided[track[decided] >= 0]
    if not len(fresh) or not len(decided):
        return
    last: dict[Any, int] = {}
    for k in decided.tolist():
        last[frame[k], track[k]] = k  # the latest decision, since they are in order
    for k in fresh.tolist():
        out[k] = last.get((frame[k], track[k]), out[k])
