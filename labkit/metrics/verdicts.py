"""The ledger read once: one row an object, one row a frame. All metrics are counted from these.

**What is one reviewed object.** A proposal on which at least one decision stands after undone
steps are taken out. Its *final* verdict counts once, however often it was touched:

==============  =================================================================================
``rejected``    the last decision on it rejects it
``relabelled``  kept, and its label is no longer the model's (whatever else was changed)
``edited``      kept under the model's label, and its shape or attributes were edited
``accepted``    kept as it was proposed
``added``       drawn by a person and still there; an object that was added and then rejected is
                nobody's verdict on the model and leaves no row
==============  =================================================================================

A proposal without a decision is not reviewed: accepting a frame at threshold *t* writes an
``accept`` for each object shown, so that what lies below *t* has no row and no verdict.

**Hand-labelled frames.** A frame sent to hand-labelling (``reject_frame``) that was then drawn by
``add`` without keeping a proposal. What is drawn there is no miss of the model, for nobody looked
at its proposals as a draft: those objects are ``by_hand``, count in no rate, and their time is
kept apart (``hand_s``). A reviewer who keeps a proposal after ``reject_frame`` has gone back to
reviewing; that frame is a reviewed one.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labkit.core.types import OBJECT_VERDICTS
from labkit.metrics.rows import (
    CODE,
    IntArray,
    Rows,
    any_row,
    codes_in,
    codes_of,
    first_row,
    last_of,
    last_row,
    named,
)

__all__ = ["OBJECT_TABLE", "VERDICTS", "objects_of"]

VERDICTS: Final = ("accepted", "edited", "relabelled", "rejected", "added")
OBJECT_TABLE: Final = (
    "seq",
    "object_id",
    "frame_id",
    "run_id",
    "reviewer",
    "time",
    "scripted",
    "score",
    "threshold",
    "model_label",
    "label",
    "verdict",
    "edited",
    "relabelled",
    "by_hand",
    "complete",
)


class _Labels:
    """The label columns of some rows as codes of one list of names; -1 for none."""

    def __init__(self, before: pd.Series[Any], after: pd.Series[Any]) -> None:
        codes, self.names = codes_of(pd.concat([before, after], ignore_index=True))
        self.before, self.after = codes[: len(before)], codes[len(before) :]

    def model(self, first: IntArray) -> IntArray:
        """The label under which an object came up, by the position of its first row."""
        return np.where(self.before[first] >= 0, self.before[first], self.after[first])


def objects_of(book: Rows, per_reviewer: bool) -> pd.DataFrame:
    """The object table, of everybody's decisions merged or of each reviewer's own."""
    kinds = [CODE[k] for k in OBJECT_VERDICTS]
    at = np.flatnonzero(np.isin(book.kind, kinds) & (book.object[0] >= 0))
    eff, kind, obj = book.effective.iloc[at], book.kind[at], book.object[0][at]
    labels = _Labels(eff["label_before"], eff["label_after"])
    # one key a row of the result, and which object each key is of
    key, names = obj, book.object[1]
    if per_reviewer:
        reviewer, names = codes_of(eff["reviewer"])
        key = obj * max(1, len(names)) + reviewer
    keys, key = np.unique(key, return_inverse=True)
    of = keys // max(1, len(names)) if per_reviewer else keys
    n = len(keys)
    first, last = first_row(obj, len(book.object[1]))[of], last_row(key, n)
    own, gone = book.own[of], kind[last] == CODE["reject"]
    model = labels.model(first)
    final = np.where(gone | (labels.after[last] < 0), model, labels.after[last])
    # a reject ends earlier edits; what is accepted again after it starts anew (as in fold)
    edited = last_of(key, kind == CODE["edit"], n) > last_of(key, kind == CODE["reject"], n)
    edited &= ~own
    relabelled = (final != model) & ~gone & ~own
    verdict = np.select([own, gone, relabelled, edited], [4, 3, 2, 1], default=0)
    # what a person drew and took back is no verdict; nor is touching what somebody else drew
    keep = np.flatnonzero(~own | (~gone & any_row(key, kind == CODE["add"], n)))
    own, first, rows = own[keep], first[keep], eff.iloc[last[keep]]
    frame = book.frame[0][at[last[keep]]]
    began, sent = eff["seq"].to_numpy()[first], book.hand_from[frame]
    run = np.where(own, book.run[0][frame], codes_in(rows["run_id"], book.run[1]))
    return pd.DataFrame(
        {
            "seq": rows["seq"].to_numpy(),
            "object_id": rows["object_id"].array,
            "frame_id": named(book.frame[1], frame),
            "run_id": named(book.run[1], run),
            "reviewer": rows["reviewer"].astype("category").array,
            "time": rows["time"].array,
            "scripted": rows["scripted"].to_numpy(),
            "score": np.where(own, np.nan, eff["score"].to_numpy()[first]),
            "threshold": rows["threshold"].to_numpy(),
            "model_label": named(labels.names, np.where(own, -1, model[keep])),
            "label": named(labels.names, final[keep]),
            "verdict": named(pd.Index(VERDICTS), verdict[keep]),
            "edited": edited[keep],
            "relabelled": relabelled[keep],
            "by_hand": own & (sent >= 0) & (began > sent),
            "complete": _complete(book, frame, rows["reviewer"], per_reviewer),
        }
    )


def _complete(
    book: Rows, frame: IntArray, reviewer: pd.Series[Any], per_reviewer: bool
) -> NDArray[np.bool_]:
    """Whether the frame was accepted (by this reviewer) without being drawn by hand."""
    done = np.zeros(len(frame), dtype=bool)
    if not per_reviewer:
        done = (book.states() == "accepted")[frame]
    for name in book.reviewers if per_reviewer else ():
        mine = (reviewer == name).to_numpy()
        done[mine] = (book.states(name) == "accepted")[frame[mine]]
    return np.asarray(done & (book.hand_from[frame] < 0), dtype=bool)
