"""Annotations and frame states as functions of proposals and decisions. Nothing is stored here.

All functions take and give DataFrames with the columns of :mod:`labkit.store.schema` and touch
only rows, never a project.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from labkit.core.rows import GEOMETRY_COLUMNS
from labkit.core.types import OBJECT_VERDICTS
from labkit.ledger.geometry import geometry_from_json
from labkit.ledger.schema import ANNOTATION_COLUMNS

__all__ = ["FOLLOW", "effective", "fold", "frame_states", "object_states"]

FOLLOW = "follow"
"""Tool of the acceptance that puts an object on a track, which its proposal does not know."""

_STATE_COLUMNS = ["frame_id", "reviewer", "scripted", "time", "seq", "threshold"]
_OBJECT_COLUMNS = ["object_id", "frame_id", "run_id", "reviewer", "scripted", "time", "seq"]
_OBJECT_COLUMNS += ["label_before", "label_after", "score"]
_FROM_PROPOSAL = [*GEOMETRY_COLUMNS, "attributes", "track_id"]


def effective(decisions: pd.DataFrame) -> pd.DataFrame:
    """The decisions that count: undone steps and the undo and redo rows themselves left out.

    Of several undo and redo rows of one step the last one holds. Order and index are kept.
    """
    standing = _standing(decisions)
    return decisions if standing.all() else decisions[standing]


def _standing(decisions: pd.DataFrame) -> np.ndarray:
    """By row, whether it counts."""
    moves = decisions["kind"].isin(["undo", "redo"]).to_numpy(dtype=bool)
    last = decisions.loc[moves, ["target", "kind"]].drop_duplicates("target", keep="last")
    undone = last.loc[last["kind"] == "undo", "target"]
    if not len(undone):
        return ~moves
    return ~moves & ~decisions["step"].isin(undone).to_numpy(dtype=bool)


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
    rows = decisions[[*_STATE_COLUMNS, "kind"]]
    rows = rows[_standing(decisions) & (rows["kind"] != "comment").to_numpy(dtype=bool)]
    code, names = pd.factorize(rows["frame_id"])
    kind, n = _flags(rows["kind"]), len(names)
    firm = _last(code, kind("accept_frame", "reject_frame"), n)
    skipped = _last(code, kind("skip"), n)
    opened = _last(code, np.ones(len(rows), dtype=bool), n)
    made = np.where(firm >= 0, firm, np.where(skipped >= 0, skipped, opened))
    sent = _last(code, kind("reject_frame"), n) >= 0
    states = {"accept_frame": "accepted", "reject_frame": "hand", "skip": "skipped"}
    out = rows.iloc[made].assign(sent=sent).sort_values("seq", kind="stable")
    out["state"] = out["kind"].map(states).fillna("open")
    out["hand_labelled"] = (out["state"] == "accepted") & out["sent"]
    frame_id, *rest = _STATE_COLUMNS
    return out[[frame_id, "state", *rest, "hand_labelled"]].reset_index(drop=True)


def _flags(kind: pd.Series) -> Callable[..., np.ndarray]:
    """A function that tells, by row, whether its kind is one of those named."""

    def one_of(*names: str) -> np.ndarray:
        return kind.isin(names).to_numpy(dtype=bool)

    return one_of


def _last(code: np.ndarray, mask: np.ndarray, n: int) -> np.ndarray:
    """By code, the position of the last row that the mask marks; -1 where there is none."""
    where = np.full(n, -1)
    where[code[mask]] = np.flatnonzero(mask)  # the last assignment wins, rows are in order
    return where


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
    out = _object_rows(decisions)
    out["after"] = _json(decisions, out["row"].to_numpy())
    return out.drop(columns=["row", "changed"])


def _object_rows(decisions: pd.DataFrame) -> pd.DataFrame:
    """Object states; ``row``, the last decision's position; ``changed``, by edit, add or new track.

    The JSON is left out: copying it for every object costs more than all the rest.
    """
    kind = _flags(decisions["kind"])
    rows = np.flatnonzero(_standing(decisions) & kind(*OBJECT_VERDICTS))
    code, names = pd.factorize(decisions["object_id"].iloc[rows])
    n = len(names)
    tracked = (decisions["tool"] == FOLLOW).to_numpy(dtype=bool)[rows]
    last = _last(code, np.ones(len(rows), dtype=bool), n)
    rejected = _last(code, kind("reject")[rows], n)
    changed = _last(code, kind("edit", "relabel")[rows], n)
    added = _last(code, kind("add")[rows], n)
    state = np.full(n, "accepted", dtype=object)
    state[changed > rejected] = "edited"
    state[added > rejected] = "added"
    state[rejected == last] = "rejected"
    order = np.argsort(last, kind="stable")
    out: pd.DataFrame = decisions[_OBJECT_COLUMNS].iloc[rows[last[order]]]
    label = out["label_after"].where(out["label_after"].notna(), out["label_before"])
    out = out.assign(state=state[order], label=label, row=rows[last[order]])
    given = _last(code, tracked, n)
    out["changed"] = (np.maximum(np.maximum(changed, added), given) >= 0)[order]
    out = out.rename(columns={"seq": "revision"}).reset_index(drop=True)
    columns = ["object_id", "frame_id", "state", "label", "score", "run_id", "reviewer"]
    return out.reindex(columns=[*columns, "scripted", "time", "revision", "row", "changed"])


def _json(decisions: pd.DataFrame, rows: np.ndarray) -> np.ndarray:
    """The object after each of these decisions; before it, where it was rejected."""
    after = decisions["after"].iloc[rows].to_numpy(dtype=object)
    before = decisions["before"].iloc[rows].to_numpy(dtype=object)
    return np.where(pd.notna(after), after, before)


def fold(proposals: pd.DataFrame, decisions: pd.DataFrame) -> pd.DataFrame:
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

    Returns
    -------
    DataFrame
        ``ANNOTATION_COLUMNS``; masks, polygons, keypoints and rotated boxes as in proposals.
    """
    states = _object_rows(decisions)
    position = _positions(proposals["object_id"], states["object_id"])
    from_proposal = ~states["changed"].to_numpy(dtype=bool) & (position >= 0)
    taken = proposals[_FROM_PROPOSAL].take(position[from_proposal])
    taken.index = states.index[from_proposal]
    texts = _json(decisions, states.loc[~from_proposal, "row"].to_numpy())
    parsed = geometry_from_json(texts.tolist())
    parsed.index = states.index[~from_proposal]
    decided = states.drop(columns=["row", "changed"]).join(_stack(taken, parsed))
    seen = np.zeros(len(proposals), dtype=bool)
    seen[position[position >= 0]] = True
    rest = proposals.loc[~seen].assign(state="proposed", reviewer=None, scripted=False, revision=0)
    rest["time"] = pd.Series(pd.NaT, rest.index, decided["time"].dtype)
    for name in ("frame_id", "label", "run_id"):
        rest[name] = rest[name].astype(object)
    columns = list(ANNOTATION_COLUMNS)
    return _stack(decided[columns], rest[columns]).reset_index(drop=True)


def _positions(among: pd.Series[Any], wanted: pd.Series[Any]) -> np.ndarray:
    """Where each wanted id stands among unique ones; -1 where it does not."""
    # factorize hashes Arrow strings as they are; an Index would make a Python string of each
    code, names = pd.factorize(pd.concat([among, wanted], ignore_index=True))
    where = np.full(len(names), -1)
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
