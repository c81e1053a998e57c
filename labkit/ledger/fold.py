"""Annotations and frame states as functions of proposals and decisions. Nothing is stored here.

All functions take and give DataFrames with the columns of :mod:`labkit.ledger.schema` and touch
only rows, never a project. What a decision makes of an object or a frame is said in
:mod:`labkit.ledger.transitions`, which rows count in :mod:`labkit.ledger.undo`, and from which
threshold an object is shown in :mod:`labkit.core.visibility`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labkit.core.rows import GEOMETRY_COLUMNS
from labkit.core.types import KINDS, OBJECT_VERDICTS
from labkit.core.visibility import ALWAYS, DRIFT, NEVER, TRACKED_BY, Thresholds, shown_from
from labkit.ledger.covering import covered_proposals
from labkit.ledger.geometry import geometry_from_json
from labkit.ledger.objects import (
    IntArray,
    ObjectRows,
    codes_in,
    codes_of,
    kind_codes,
    label_codes,
    last_row,
    object_rows,
)
from labkit.ledger.schema import ANNOTATION_COLUMNS
from labkit.ledger.transitions import FRAME_STATES, STATES, frame_weight
from labkit.ledger.undo import standing_rows, stands

__all__ = ["FOLLOW", "decided_objects", "fold", "frame_states"]

FOLLOW: Final = "follow"
"""Tool of the acceptance that puts an object on a track, which its proposal does not know."""

_STATE_COLUMNS = ["frame_id", "reviewer", "scripted", "time", "seq", "threshold"]
_OBJECT_COLUMNS = ["object_id", "frame_id", "run_id", "reviewer", "scripted", "time", "seq"]
_VERDICT = np.array([OBJECT_VERDICTS.index(k) if k in OBJECT_VERDICTS else -1 for k in KINDS])
_IS_VERDICT = _VERDICT >= 0
_IS_MOVE = np.array([k in ("undo", "redo") for k in KINDS])
_CHANGES = np.array([k in ("edit", "relabel", "add") for k in OBJECT_VERDICTS])
_FROM_PROPOSAL = [*GEOMETRY_COLUMNS, "attributes", "track_id"]


def frame_states(decisions: pd.DataFrame) -> pd.DataFrame:
    """What became of each frame on which anything was decided.

    Returns
    -------
    DataFrame
        One row per frame, sorted by the order of the last verdict: ``frame_id``; ``state``, one of
        ``accepted``, ``hand`` (sent to hand-labelling), ``skipped`` and ``open`` (objects were
        decided, the frame was not); ``reviewer``, ``scripted``, ``time``, ``seq`` and
        ``threshold`` of the row that made the state; ``hand_labelled``: accepted after it had
        been sent to hand-labelling.
    """
    rows = standing_rows(decisions)
    kinds = pd.Categorical(rows["kind"])
    weight = frame_weight(kinds.categories)[kinds.codes]
    code, frames = codes_of(rows["frame_id"])
    made: IntArray = np.full(len(frames), -1, dtype=np.int64)
    for least in (0, 1, 2):
        at = last_row(code, len(frames), weight == least)
        made = np.where(at >= 0, at, made)
    sent = last_row(code, len(frames), (rows["kind"] == "reject_frame").to_numpy(dtype=bool)) >= 0
    known = made >= 0
    out = rows[[*_STATE_COLUMNS, "kind"]].iloc[made[known]].assign(sent=sent[known])
    out = out.sort_values("seq", kind="stable")
    out["state"] = out["kind"].map(FRAME_STATES).fillna("open")
    out["hand_labelled"] = (out["state"] == "accepted") & out["sent"]
    frame_id, *rest = _STATE_COLUMNS
    return out[[frame_id, "state", *rest, "hand_labelled"]].reset_index(drop=True)


def decided_objects(decisions: pd.DataFrame) -> pd.DataFrame:
    """The objects on which anything was decided, without their geometry.

    Returns
    -------
    DataFrame
        One row per object, in the order of its last decision: ``object_id``, ``frame_id``,
        ``state`` (accepted, edited, rejected, added), ``label``, ``model_label``, ``edited``,
        ``relabelled``, ``score``, ``run_id``, ``reviewer``, ``scripted``, ``time`` and
        ``revision`` (the ``seq`` of the last decision): see :func:`fold`.
    """
    out, objects, order, _ = _decided(decisions, decisions["object_id"].iloc[:0])
    model = objects.names(objects.model_label)[order]
    out["model_label"] = pd.Series(model, out.index, dtype=object)
    out["relabelled"] = objects.relabelled[order]
    columns = ["object_id", "frame_id", "state", "label", "model_label", "edited", "relabelled"]
    columns += ["score", "run_id", "reviewer", "scripted", "time", "revision"]
    return out.reindex(columns=columns)


def _decided(
    decisions: pd.DataFrame, proposed: pd.Series[Any]
) -> tuple[pd.DataFrame, ObjectRows, IntArray, _Changes]:
    """Decided objects in the order of their last rows, without what their proposals say of them.

    ``proposed`` are the ids of all proposals.
    """
    # whole columns as codes: choosing rows of numbers is much cheaper than of strings
    kinds = kind_codes(decisions["kind"])
    standing = stands(decisions, _IS_MOVE[kinds])
    rows = np.flatnonzero(standing & _IS_VERDICT[kinds])
    kind = _VERDICT[kinds[rows]]
    obj, position = _numbered(decisions["object_id"], proposed, rows)
    n = len(position)
    labels = label_codes(decisions["label_before"], decisions["label_after"]).take(rows)
    objects = object_rows(kind, obj, n, labels)
    order = np.argsort(objects.last, kind="stable")
    last = rows[objects.last[order]]
    out: pd.DataFrame = decisions[[*_OBJECT_COLUMNS, "score"]].iloc[last]
    out = out.assign(
        state=_named(STATES, objects.state[order]),
        label=_named(objects.labels, objects.label[order]),
        edited=objects.edited[order],
    )
    changing = _CHANGES[kind] | (decisions["tool"] == FOLLOW).to_numpy(dtype=bool)[rows]
    changed = (last_row(obj, n, changing) >= 0)[order]
    away = _sent_away(decisions, np.flatnonzero(standing), kinds[standing])
    out = out.rename(columns={"seq": "revision"}).reset_index(drop=True)
    return out, objects, order, _Changes(last, changed, position[order], away)


class _Changes(NamedTuple):
    """What the fold needs beside the objects.

    ``last``: position of each object's last row; ``changed``: whether it was changed by edit,
    relabel, add or a new track; ``position``: where its proposal stands, -1 where there is none;
    ``away``: frames to be labelled by hand.
    """

    last: IntArray
    changed: NDArray[np.bool_]
    position: IntArray
    away: list[str]


def _sent_away(decisions: pd.DataFrame, rows: IntArray, kinds: NDArray[Any]) -> list[str]:
    """Frames that were sent to hand-labelling and are not labelled yet; of standing rows."""
    sent = rows[kinds == KINDS.index("reject_frame")]
    if not len(sent):
        return []
    frames = decisions["frame_id"].iloc[sent].unique()
    firm = rows[np.isin(kinds, [KINDS.index("accept_frame"), KINDS.index("reject_frame")])]
    firm = firm[decisions["frame_id"].iloc[firm].isin(frames).to_numpy(dtype=bool)]
    states = frame_states(decisions.iloc[firm])
    return [str(f) for f in states.loc[states["state"] == "hand", "frame_id"]]


def _json(decisions: pd.DataFrame, rows: IntArray) -> NDArray[Any]:
    """The object after each of these decisions; before it, where it was rejected."""
    after = decisions["after"].iloc[rows].to_numpy(dtype=object)
    before = decisions["before"].iloc[rows].to_numpy(dtype=object)
    return np.where(pd.notna(after), after, before)


def fold(
    proposals: pd.DataFrame, decisions: pd.DataFrame, thresholds: Thresholds | None = None
) -> pd.DataFrame:
    """All objects as they stand: decided ones first in the order of deciding, then proposals.

    Objects accepted or rejected as they were proposed take their geometry from the proposal where
    it is given, all others from the ledger. Undecided proposals have the state ``proposed``, no
    reviewer and revision 0.

    Parameters
    ----------
    proposals : DataFrame
        ``PROPOSAL_COLUMNS``; may be empty.
    decisions : DataFrame
        ``DECISION_COLUMNS``, as the ledger holds them.
    thresholds : Thresholds, optional
        From which score the proposals of each run are shown; by default each from its score.

    Returns
    -------
    DataFrame
        ``ANNOTATION_COLUMNS``; masks, polygons, keypoints and rotated boxes as in proposals.

        ``label`` is the label now (of a rejected object: when it was rejected), ``model_label``
        the one it was proposed with, None for added objects. ``edited``: its shape or attributes
        were changed and kept; ``relabelled``: it was kept under another label. ``covered_by``: the
        decided object that an undecided proposal repeats, see
        :func:`labkit.ledger.covering.covering`. ``shown_from``: the highest threshold at which it
        is shown, see :mod:`labkit.core.visibility`; -1 for what is rejected, covered, or undecided
        on a frame that was sent to hand-labelling.
    """
    decided, objects, order, changes = _decided(decisions, proposals["object_id"])
    position, found = changes.position, changes.position >= 0
    from_proposal = ~changes.changed & found
    taken = proposals[_FROM_PROPOSAL].take(position[from_proposal])
    taken.index = decided.index[from_proposal]
    parsed = geometry_from_json(_json(decisions, changes.last[~from_proposal]).tolist())
    parsed.index = decided.index[~from_proposal]
    geometry = _stack(taken, parsed)
    geometry = geometry.take(np.argsort(geometry.index.to_numpy()))
    decided = pd.concat([decided, geometry], axis=1)
    kept = ~objects.rejected[order]
    model, relabelled = objects.names(objects.model_label)[order], objects.relabelled[order]
    # the first decision that stands need not be the first one that was made
    label = proposals["label"].take(position[found])
    model[found] = label.to_numpy(dtype=object)
    named = codes_in(label, objects.labels)
    relabelled[found] = kept[found] & (objects.label[order][found] != named)
    decided["model_label"] = pd.Series(model, decided.index, dtype=object)
    decided["relabelled"] = relabelled
    decided["covered_by"] = np.full(len(decided), None, dtype=object)
    decided["shown_from"] = np.where(kept, ALWAYS, NEVER)
    free = np.ones(len(proposals), dtype=bool)
    free[position[found]] = False
    rest = _undecided(proposals.loc[free], decided, changes.away, thresholds or Thresholds())
    columns = list(ANNOTATION_COLUMNS)
    return _stack(decided[columns], rest[columns]).reset_index(drop=True)


def _undecided(
    proposals: pd.DataFrame,
    decided: pd.DataFrame,
    away: list[str],
    thresholds: Thresholds,
) -> pd.DataFrame:
    """The undecided proposals with the columns of annotations."""
    carried = _with_attribute(proposals["attributes"], TRACKED_BY)
    doubts = carried | _with_attribute(proposals["attributes"], DRIFT)
    covered_by = covered_proposals(proposals, decided, carried)
    out = proposals.assign(state="proposed", reviewer=None, scripted=False, revision=0)
    out["edited"] = out["relabelled"] = False
    out["time"] = pd.Series(pd.NaT, out.index, decided["time"].dtype)
    for name in ("frame_id", "label", "run_id"):
        out[name] = out[name].astype(object)
    out["model_label"] = out["label"]
    out["covered_by"] = covered_by
    runs = pd.Categorical(proposals["run_id"])
    conf, fixed = thresholds.of([str(r) for r in runs.categories])
    out["shown_from"] = shown_from(
        proposals["score"].to_numpy(dtype=np.float32, na_value=np.nan),
        conf[runs.codes],
        fixed[runs.codes],
        thresholds.base,
        always=doubts,
        never=pd.notna(covered_by) | _within(proposals["frame_id"], away),
    )
    return out


def _within(column: pd.Series[Any], names: list[str]) -> NDArray[np.bool_]:
    """By row, whether it is one of the names; a categorical column is not made into strings."""
    if not names:
        return np.zeros(len(column), dtype=bool)
    return column.isin(names).to_numpy(dtype=bool)


def _with_attribute(attributes: pd.Series[Any], name: str) -> NDArray[np.bool_]:
    """Which have an attribute of this name, from their JSON text.

    As :func:`labkit.core.visibility.at_any_score` sees it in objects.
    """
    out = np.zeros(len(attributes), dtype=bool)
    given = np.flatnonzero(attributes.notna().to_numpy(dtype=bool))
    # within a value the quotes would be escaped, so this can only be the beginning of an attribute
    out[given] = [f'["{name}",' in text for text in attributes.iloc[given].tolist()]
    return out


def _named(names: Sequence[str] | pd.Index[Any], codes: IntArray) -> Any:
    """Names by code, -1 for none, as the strings of a table."""
    return pd.Series(list(names), dtype="str").array.take(codes, allow_fill=True)


def _numbered(
    objects: pd.Series[Any], proposed: pd.Series[Any], rows: IntArray
) -> tuple[IntArray, IntArray]:
    """A code for the object of each of these rows; by code, where its proposal stands, or -1."""
    # factorize hashes Arrow strings as they are; an Index would make a Python string of each
    code, names = codes_of(pd.concat([proposed, objects], ignore_index=True))
    where: IntArray = np.full(len(names), -1, dtype=np.int64)
    where[code[: len(proposed)]] = np.arange(len(proposed))
    mine = code[len(proposed) :][rows]
    # numbers without gaps, for what was decided on
    used = np.zeros(len(names), dtype=bool)
    used[mine] = True
    return (np.cumsum(used) - 1)[mine], where[used]


def _stack(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """Concatenate; the dtypes are those of ``a``, which pandas would guess from what is missing."""
    if not len(a):
        out = b.copy()
    elif not len(b):
        out = a.copy()
    else:
        other = {name: kind for name, kind in a.dtypes.items() if b[name].dtype != kind}
        out = pd.concat([a, b.astype(other)])
    kinds = dict.fromkeys(("x1", "y1", "x2", "y2"), "float64")
    return out.astype({**kinds, "track_id": "Int64"})
