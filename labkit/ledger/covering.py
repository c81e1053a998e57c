"""Which proposals repeat what a person has decided, or has a tracker carry along."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labkit.core.matching import match_boxes
from labkit.core.rows import GEOMETRY_COLUMNS
from labkit.ledger.objects import IntArray, codes_in

__all__ = ["COVERED_IOU", "covered_proposals", "covering"]

COVERED_IOU: Final = 0.7
"""From this IoU on a proposal of the same label repeats an object of another run."""

_BOX = list(GEOMETRY_COLUMNS[:4])


def covering(
    *,
    frame: IntArray,
    run: IntArray,
    label: IntArray,
    track: IntArray,
    box: NDArray[np.float64],
    revision: IntArray,
    carried: NDArray[np.bool_],
) -> IntArray:
    """For each undecided proposal, the object that it repeats.

    A second run proposes again what was accepted, corrected, drawn or refused before. Where it has
    the same label and an IoU of at least ``COVERED_IOU`` with such an object of another run, a
    person need not say it twice; each decided object covers one proposal of a run at most. The same
    holds for a proposal of a track on which the person has decided on this frame, by whatever run.
    An object that a live tracker carried along to the frame takes the place of a detector's
    proposal in the same way, before anybody has decided on it.

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
    carried : ndarray of bool, (n,)
        Proposals that a live tracker carried along.

    Returns
    -------
    ndarray of int, (n,)
        Position of the covering object, -1 where there is none and for decided objects.
    """
    out: IntArray = np.full(len(frame), -1, dtype=np.int64)
    if not len(frame):
        return out
    fresh = np.flatnonzero(revision == 0)
    decided = np.flatnonzero(revision)
    decided = decided[np.argsort(revision[decided], kind="stable")]
    group = _pairs_of(frame, label)
    if len(fresh) and len(decided):
        _cover_by_overlap(out, fresh, decided, group, run, box)
        _cover_by_track(out, fresh, decided, frame, track)
    free = fresh[out[fresh] < 0]
    if carried[free].any():
        moved = carried[free]
        _cover_by_overlap(out, free[~moved], free[moved], group, run, box)
    return out


def _pairs_of(frame: IntArray, label: IntArray) -> IntArray:
    """One code for each frame and label."""
    return frame * (int(label.max()) + 2) + label


def _cover_by_overlap(
    out: IntArray,
    fresh: IntArray,
    covers: IntArray,
    group: IntArray,
    run: IntArray,
    box: NDArray[np.float64],
) -> None:
    for one in np.unique(run[fresh]):
        others = covers[run[covers] != one]
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


def covered_proposals(
    proposals: pd.DataFrame, decided: pd.DataFrame, carried: NDArray[np.bool_]
) -> NDArray[Any]:
    """Id of the object that covers each undecided proposal; None for none.

    Parameters
    ----------
    proposals : DataFrame
        The undecided ones, ``PROPOSAL_COLUMNS``.
    decided : DataFrame
        The decided objects, ``ANNOTATION_COLUMNS``.
    carried : ndarray of bool
        By proposal, whether a live tracker carried it along.
    """
    out = np.full(len(proposals), None, dtype=object)
    at, moved = _able(proposals, decided), np.flatnonzero(carried)
    if not len(proposals) or not len(at) + len(moved):
        return out
    columns = ["object_id", "frame_id", "run_id", "label", "track_id", *_BOX]
    by = decided[[*columns, "revision"]].iloc[at]
    places = pd.concat([by["frame_id"], _names(proposals["frame_id"].iloc[moved])])
    here = codes_in(proposals["frame_id"], frames := pd.Index(places.unique()))
    near = np.flatnonzero(here >= 0)
    if not len(near):
        return out
    rest = proposals[columns].iloc[near]
    names = pd.Index(pd.concat([by["label"], _names(rest["label"])]).unique())
    runs = pd.Index(pd.concat([by["run_id"], _names(rest["run_id"])]).dropna().unique())
    found = covering(
        frame=np.r_[codes_in(by["frame_id"], frames), here[near]],
        run=np.r_[codes_in(by["run_id"], runs), codes_in(rest["run_id"], runs)],
        label=np.r_[codes_in(by["label"], names), codes_in(rest["label"], names)],
        track=np.r_[_tracks(by["track_id"]), _tracks(rest["track_id"])],
        box=np.r_[by[_BOX].to_numpy(np.float64), rest[_BOX].to_numpy(np.float64)],
        revision=np.r_[by["revision"].to_numpy(np.int64), np.zeros(len(near), np.int64)],
        carried=np.r_[np.zeros(len(by), dtype=bool), carried[near]],
    )[len(by) :]
    covered = np.flatnonzero(found >= 0)
    ids = pd.concat([by["object_id"], rest["object_id"]]).iloc[found[covered]]
    out[near[covered]] = ids.to_numpy(dtype=object)
    return out


def _able(proposals: pd.DataFrame, decided: pd.DataFrame) -> IntArray:
    """Decided objects that may cover one of these proposals.

    What a run proposes is not covered by decisions on the same run, but for tracks.
    """
    runs = [str(r) for r in proposals["run_id"].unique()]
    if len(runs) != 1:
        return np.arange(len(decided))
    able = ~(decided["run_id"] == runs[0]).to_numpy(dtype=bool)
    if proposals["track_id"].notna().any():
        able |= decided["track_id"].notna().to_numpy(dtype=bool)
    return np.flatnonzero(able)


def _names(column: pd.Series[Any]) -> pd.Series[Any]:
    """The names that occur in a column, without a string per row where it is categorical."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return pd.Series(column.cat.categories.astype(object), dtype=object)
    return pd.Series(column.unique(), dtype=object)


def _tracks(column: pd.Series[Any]) -> IntArray:
    """Track ids as integers; -1 for none."""
    if not column.notna().any():
        return np.full(len(column), -1, dtype=np.int64)
    return np.asarray(column.astype("Int64").to_numpy(dtype=np.int64, na_value=-1))
