"""Annotations and frame states as functions of proposals and decisions. Nothing is stored here.

All functions take and give DataFrames with the columns of :mod:`labkit.ledger.schema` and touch
only rows, never a project. What a decision makes of an object or a frame is said in
:mod:`labkit.ledger.transitions`, which rows count in :mod:`labkit.ledger.undo`, and from which
threshold an object is shown in :mod:`labkit.core.visibility`.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labkit.core.rows import GEOMETRY_COLUMNS
from labkit.core.types import OBJECT_VERDICTS
from labkit.core.visibility import ALWAYS, DRIFT, NEVER, TRACKED_BY, Thresholds, shown_from
from labkit.ledger.covering import covering
from labkit.ledger.geometry import geometry_from_json
from labkit.ledger.objects import IntArray, ObjectRows, codes_of, last_row, object_rows
from labkit.ledger.schema import ANNOTATION_COLUMNS
from labkit.ledger.transitions import FRAME_STATES, STATES, frame_weight
from labkit.ledger.undo import standing_rows, stands

__all__ = ["FOLLOW", "decided_objects", "fold", "frame_states"]

FOLLOW: Final = "follow"
"""Tool of the acceptance that puts an object on a track, which its proposal does not know."""

_STATE_COLUMNS = ["frame_id", "reviewer", "scripted", "time", "seq", "threshold"]
_OBJECT_COLUMNS = ["object_id", "frame_id", "run_id", "reviewer", "scripted", "time", "seq"]
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
    return _decided(decisions)[0]


def _decided(decisions: pd.DataFrame) -> tuple[pd.DataFrame, NDArray[np.bool_], IntArray]:
    """Decided objects; which were changed by edit, relabel, add or a track; their last rows."""
    keep = stands(decisions) & decisions["kind"].isin(OBJECT_VERDICTS).to_numpy(dtype=bool)
    rows = np.flatnonzero(keep)
    lean = decisions[["kind", "object_id", "label_before", "label_after", "tool"]].iloc[rows]
    kind = pd.Categorical(lean["kind"], categories=list(OBJECT_VERDICTS)).codes.astype(np.int64)
    obj, names = codes_of(lean["object_id"])
    objects: ObjectRows = object_rows(
        kind, obj, len(names), lean["label_before"], lean["label_after"]
    )
    order = np.argsort(objects.last, kind="stable")
    last = rows[objects.last[order]]
    out: pd.DataFrame = (
        decisions[[*_OBJECT_COLUMNS, "score"]]
        .iloc[last]
        .assign(
            state=np.array(STATES, dtype=object)[objects.state[order]],
            label=objects.names(objects.label)[order],
            model_label=objects.names(objects.model_label)[order],
            edited=objects.edited[order],
            relabelled=objects.relabelled[order],
        )
    )
    changes = [OBJECT_VERDICTS.index(k) for k in ("edit", "relabel", "add")]
    changing = np.isin(kind, changes) | (lean["tool"] == FOLLOW).to_numpy(dtype=bool)
    changed = (last_row(obj, len(names), changing) >= 0)[order]
    out = out.rename(columns={"seq": "revision"}).reset_index(drop=True)
    columns = ["object_id", "frame_id", "state", "label", "model_label", "edited", "relabelled"]
    columns += ["score", "run_id", "reviewer", "scripted", "time", "revision"]
    return out.reindex(columns=columns), changed, last


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
    decided, changed, last = _decided(decisions)
    position = _positions(proposals["object_id"], decided["object_id"])
    found = position >= 0
    from_proposal = ~changed & found
    taken = proposals[_FROM_PROPOSAL].take(position[from_proposal])
    taken.index = decided.index[from_proposal]
    parsed = geometry_from_json(_json(decisions, last[~from_proposal]).tolist())
    parsed.index = decided.index[~from_proposal]
    decided = decided.join(_stack(taken, parsed))
    # the first decision that stands need not be the first one that was made
    model = decided["model_label"].to_numpy(dtype=object, copy=True)
    model[found] = proposals["label"].take(position[found]).to_numpy(dtype=object)
    proposed, kept = pd.notna(model), (decided["state"] != "rejected").to_numpy()
    model[~proposed] = None
    decided["model_label"] = pd.Series(model, decided.index, dtype=object)
    decided["relabelled"] = proposed & kept & (decided["label"].to_numpy(dtype=object) != model)
    decided["covered_by"] = np.full(len(decided), None, dtype=object)
    decided["shown_from"] = np.where(kept, ALWAYS, NEVER)
    free = np.ones(len(proposals), dtype=bool)
    free[position[found]] = False
    rest = _undecided(proposals.loc[free], decided, decisions, thresholds or Thresholds())
    columns = list(ANNOTATION_COLUMNS)
    return _stack(decided[columns], rest[columns]).reset_index(drop=True)


def _undecided(
    proposals: pd.DataFrame,
    decided: pd.DataFrame,
    decisions: pd.DataFrame,
    thresholds: Thresholds,
) -> pd.DataFrame:
    """The undecided proposals with the columns of annotations."""
    by = _covered(proposals, decided)
    covered = by >= 0
    out = proposals.assign(state="proposed", reviewer=None, scripted=False, revision=0)
    out["edited"] = out["relabelled"] = False
    out["time"] = pd.Series(pd.NaT, out.index, decided["time"].dtype)
    for name in ("frame_id", "label", "run_id"):
        out[name] = out[name].astype(object)
    out["model_label"] = out["label"]
    names = np.append(decided["object_id"].to_numpy(dtype=object), [None])
    out["covered_by"] = pd.Series(names[by], out.index, dtype=object)
    runs = pd.Categorical(proposals["run_id"])
    conf, fixed = thresholds.of([str(r) for r in runs.categories])
    out["shown_from"] = shown_from(
        proposals["score"].to_numpy(dtype=np.float32, na_value=np.nan),
        conf[runs.codes],
        fixed[runs.codes],
        thresholds.base,
        always=_at_any_score(proposals["attributes"]),
        never=covered | _within(proposals["frame_id"], _sent_away(decisions)),
    )
    return out


def _sent_away(decisions: pd.DataFrame) -> list[str]:
    """Frames that were sent to hand-labelling and are not labelled yet."""
    if not (decisions["kind"] == "reject_frame").any():
        return []
    rows = decisions[decisions["kind"].isin(["accept_frame", "reject_frame", "undo", "redo"])]
    states = frame_states(rows)
    return [str(f) for f in states.loc[states["state"] == "hand", "frame_id"]]


def _within(column: pd.Series[Any], names: list[str]) -> NDArray[np.bool_]:
    """By row, whether it is one of the names; a categorical column is not made into strings."""
    if not names:
        return np.zeros(len(column), dtype=bool)
    return column.isin(names).to_numpy(dtype=bool)


def _at_any_score(attributes: pd.Series[Any]) -> NDArray[np.bool_]:
    """As :func:`labkit.core.visibility.at_any_score`, of attributes as JSON text."""
    out = np.zeros(len(attributes), dtype=bool)
    given = np.flatnonzero(attributes.notna().to_numpy(dtype=bool))
    # within a value the quotes would be escaped, so this can only be the beginning of an attribute
    marks = tuple(f'["{name}",' for name in (TRACKED_BY, DRIFT))
    texts = attributes.iloc[given].tolist()
    out[given] = [any(mark in text for mark in marks) for text in texts]
    return out


def _covered(proposals: pd.DataFrame, decided: pd.DataFrame) -> IntArray:
    """Position among the decided objects of the one that covers each proposal; -1 for none."""
    out: IntArray = np.full(len(proposals), -1, dtype=np.int64)
    if not len(decided) or not len(proposals):
        return out
    frame, frames = codes_of(decided["frame_id"])
    here = _codes_in(proposals["frame_id"], frames)
    near = np.flatnonzero(here >= 0)
    runs = pd.Index(pd.concat([decided["run_id"], _names(proposals["run_id"])]).dropna().unique())
    run, rest_run = _codes_in(decided["run_id"], runs), _codes_in(proposals["run_id"], runs)[near]
    track = _tracks(decided["track_id"])
    rest_track = _tracks(proposals["track_id"].iloc[near])
    one_run = len(runs) == 1 and not (run < 0).any()
    if not len(near) or (one_run and (not (track >= 0).any() or not (rest_track >= 0).any())):
        return out
    box = ["x1", "y1", "x2", "y2"]
    labels = pd.Index(pd.concat([decided["label"], _names(proposals["label"])]).unique())
    label = _codes_in(decided["label"], labels)
    rest_label = _codes_in(proposals["label"], labels)[near]
    by = covering(
        frame=np.r_[frame, here[near]],
        run=np.r_[run, rest_run],
        label=np.r_[label, rest_label],
        track=np.r_[track, rest_track],
        box=np.r_[
            decided[box].to_numpy(np.float64), proposals[box].iloc[near].to_numpy(np.float64)
        ],
        revision=np.r_[decided["revision"].to_numpy(np.int64), np.zeros(len(near), np.int64)],
    )
    out[near] = by[len(decided) :]
    return out


def _names(column: pd.Series[Any]) -> pd.Series[Any]:
    """The names that occur in a column, without a string per row where it is categorical."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return pd.Series(column.cat.categories.astype(object), dtype=object)
    return pd.Series(column.unique(), dtype=object)


def _codes_in(column: pd.Series[Any], names: pd.Index[Any]) -> IntArray:
    """Position of each value among the names; -1 where it is none of them."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        of_category = names.get_indexer(pd.Index(column.cat.categories.astype(object)))
        return np.append(of_category, -1)[column.cat.codes].astype(np.int64)
    return names.get_indexer(pd.Index(column)).astype(np.int64)


def _tracks(column: pd.Series[Any]) -> IntArray:
    """Track ids as integers; -1 for none."""
    if not column.notna().any():
        return np.full(len(column), -1, dtype=np.int64)
    return np.asarray(column.astype("Int64").to_numpy(dtype=np.int64, na_value=-1))


def _positions(among: pd.Series[Any], wanted: pd.Series[Any]) -> IntArray:
    """Where each wanted id stands among unique ones; -1 where it does not."""
    # factorize hashes Arrow strings as they are; an Index would make a Python string of each
    code, names = pd.factorize(pd.concat([among, wanted], ignore_index=True))
    where: IntArray = np.full(len(names), -1, dtype=np.int64)
    where[code[: len(among)]] = np.arange(len(among))
    return where[code[len(among) :]]


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
