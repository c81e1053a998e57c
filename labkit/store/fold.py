"""Annotations and frame states as functions of proposals and decisions. Nothing is stored here.

All functions take and give DataFrames with the columns of :mod:`labkit.store.schema` and touch
only rows, never a project.
"""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from labkit.core.types import FRAME_VERDICTS, OBJECT_VERDICTS
from labkit.store.columns import geometry_from_json
from labkit.store.schema import ANNOTATION_COLUMNS, GEOMETRY_COLUMNS

__all__ = ["effective", "fold", "frame_states", "object_states"]

_FROM_PROPOSAL = [*GEOMETRY_COLUMNS, "attributes", "track_id"]


def effective(decisions: pd.DataFrame) -> pd.DataFrame:
    """The decisions that count: undone steps and the undo and redo rows themselves left out.

    Of several undo and redo rows of one step the last one holds. Order and index are kept.
    """
    kind = decisions["kind"]
    moves = kind.isin(["undo", "redo"])
    if not moves.any():
        return decisions
    last = decisions.loc[moves, ["target", "kind"]].drop_duplicates("target", keep="last")
    undone = set(last.loc[last["kind"] == "undo", "target"])
    return decisions[~moves & ~decisions["step"].isin(undone)]


def frame_states(decisions: pd.DataFrame) -> pd.DataFrame:
    """What became of each frame on which anything was decided.

    Returns
    -------
    DataFrame
        One row a frame, sorted by the order of the last verdict: ``frame_id``; ``state``, one of
        ``accepted``, ``hand`` (sent to hand-labelling), ``skipped`` and ``open`` (objects were
        decided, the frame was not); ``reviewer``, ``scripted``, ``time``, ``seq`` and
        ``threshold`` of the row that made the state; ``hand_labelled``: accepted after it had
        been sent to hand-labelling.
    """
    rows = effective(decisions)
    rows = rows[rows["kind"] != "comment"]
    verdict = rows[rows["kind"].isin(FRAME_VERDICTS)]
    firm = verdict[verdict["kind"] != "skip"].drop_duplicates("frame_id", keep="last")
    skipped = verdict[~verdict["frame_id"].isin(firm["frame_id"])]
    skipped = skipped.drop_duplicates("frame_id", keep="last")
    known = pd.concat([firm["frame_id"], skipped["frame_id"]])
    opened = rows[~rows["frame_id"].isin(known)].drop_duplicates("frame_id", keep="last")
    out = pd.concat([firm, skipped, opened]).sort_values("seq", kind="stable")
    names = {"accept_frame": "accepted", "reject_frame": "hand", "skip": "skipped"}
    out = out.assign(state=out["kind"].map(names).fillna("open"))
    sent = verdict.loc[verdict["kind"] == "reject_frame", "frame_id"]
    out["hand_labelled"] = (out["state"] == "accepted") & out["frame_id"].isin(sent)
    columns = ["frame_id", "state", "reviewer", "scripted", "time", "seq", "threshold"]
    return out[[*columns, "hand_labelled"]].reset_index(drop=True)


def object_states(decisions: pd.DataFrame) -> pd.DataFrame:
    """The state of each object on which anything was decided, without its geometry.

    An object that a person added stays ``added`` and one that was edited stays ``edited``, also
    when it is accepted later; a reject ends both, and an accept after it starts anew.

    Returns
    -------
    DataFrame
        One row an object, in the order of its last decision: ``object_id``, ``frame_id``,
        ``state`` (accepted, edited, rejected, added), ``label``, ``score``, ``run_id``,
        ``reviewer``, ``scripted``, ``time``, ``revision`` (the ``seq`` of the last decision) and
        ``after``, the object's JSON.
    """
    rows = effective(decisions)
    rows = rows[rows["kind"].isin(OBJECT_VERDICTS)]
    code, _ = pd.factorize(rows["object_id"])
    n = int(code.max()) + 1 if len(code) else 0
    kind = rows["kind"].to_numpy(dtype=object)
    position = np.arange(len(rows))

    def last_of(mask: np.ndarray) -> np.ndarray:
        where = np.full(n, -1)
        where[code[mask]] = position[mask]  # the last assignment wins, rows are in order
        return where

    last = last_of(np.ones(len(rows), dtype=bool))
    rejected = last_of(kind == "reject")
    edited = last_of((kind == "edit") | (kind == "relabel")) > rejected
    added = last_of(kind == "add") > rejected
    state = np.full(n, "accepted", dtype=object)
    state[edited] = "edited"
    state[added] = "added"
    state[rejected == last] = "rejected"
    order = np.argsort(last, kind="stable")
    out = rows.iloc[last[order]].assign(state=state[order])
    out["label"] = out["label_after"].where(out["label_after"].notna(), out["label_before"])
    out["after"] = out["after"].where(out["after"].notna(), out["before"])
    out = out.rename(columns={"seq": "revision"})
    names = ["object_id", "frame_id", "state", "label", "score", "run_id", "reviewer"]
    return out[[*names, "scripted", "time", "revision", "after"]].reset_index(drop=True)


def fold(proposals: pd.DataFrame, decisions: pd.DataFrame) -> pd.DataFrame:
    """All objects as they stand: decided ones first in the order of deciding, then proposals.

    Accepted objects take their geometry from the proposal where it is given (accepting changes
    nothing), all others from the ledger. Undecided proposals have the state ``proposed``, no
    reviewer and revision 0.

    Parameters
    ----------
    proposals : DataFrame
        ``PROPOSAL_COLUMNS``; may be empty.
    decisions : DataFrame
        ``DECISION_COLUMNS``, as the ledger holds them.

    Returns
    -------
    DataFrame
        ``ANNOTATION_COLUMNS``; masks, polygons, keypoints and rotated boxes as in proposals.
    """
    states = object_states(decisions)
    position = pd.Index(proposals["object_id"]).get_indexer(states["object_id"])
    from_proposal = (states["state"] == "accepted").to_numpy() & (position >= 0)
    taken = proposals[_FROM_PROPOSAL].take(position[from_proposal])
    taken.index = states.index[from_proposal]
    parsed = geometry_from_json(json.loads(t) for t in states.loc[~from_proposal, "after"])
    parsed.index = states.index[~from_proposal]
    decided = states.drop(columns="after").join(_stack(taken, parsed))
    seen = np.zeros(len(proposals), dtype=bool)
    seen[position[position >= 0]] = True
    rest = proposals.loc[~seen].assign(state="proposed", reviewer=None, scripted=False, revision=0)
    rest["time"] = pd.Series(pd.NaT, rest.index, decided["time"].dtype)
    for name in ("frame_id", "label", "run_id"):
        rest[name] = rest[name].astype(object)
    columns = list(ANNOTATION_COLUMNS)
    return _stack(decided[columns], rest[columns]).reset_index(drop=True)


def _stack(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """Concatenate, without pandas' warning about empty parts and with stable dtypes."""
    parts = [p for p in (a, b) if len(p)]
    out = pd.concat(parts) if len(parts) > 1 else (parts[0] if parts else a).copy()
    for name in ("x1", "y1", "x2", "y2"):
        out[name] = out[name].astype("float64")
    out["track_id"] = out["track_id"].astype("Int64")
    return out
