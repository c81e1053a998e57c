"""The ledger read once: one row per object, one row per frame. All metrics are counted from these.

**What is one reviewed object.** A proposal on which at least one decision stands after undone
steps are taken out. Its *final* verdict counts once, however often it was touched:

==============  =================================================================================
``rejected``    the last decision on it rejects it
``relabelled``  kept, and its label is no longer the model's (whatever else was changed)
``edited``      kept under the model's label, and its shape or attributes were edited
``accepted``    kept as it was proposed
``added``       drawn by a person and still there; an object that was added and then rejected is
                not a verdict on the model and leaves no row
==============  =================================================================================

A proposal without a decision is not reviewed: accepting a frame at threshold *t* writes an
``accept`` for each object shown, so that what lies below *t* has no row and no verdict.

**Hand-labelled frames.** A frame sent to hand-labelling (``reject_frame``) that was then drawn by
``add`` without keeping a proposal. What is drawn there is not a miss of the model: the reviewer did
not work from its proposals. Those objects are ``by_hand``, count in no rate, and their time is
kept apart (``hand_s``). A reviewer who keeps a proposal after ``reject_frame`` has gone back to
reviewing; that frame is a reviewed one.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labkit.core.types import KINDS, OBJECT_VERDICTS
from labkit.ledger.objects import IntArray, ObjectRows, codes_of, label_codes, object_rows
from labkit.metrics.rows import CODE, Rows, codes_in, named

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
_VERDICT_OF_KIND: Final = np.array(
    [OBJECT_VERDICTS.index(k) if k in OBJECT_VERDICTS else -1 for k in KINDS], dtype=np.int64
)
"""Code of an object's verdict by the code of a row's kind."""


def objects_of(book: Rows, per_reviewer: bool) -> pd.DataFrame:
    """The object table, of everybody's decisions merged or of each reviewer's own."""
    at = np.flatnonzero(
        np.isin(book.kind, [CODE[k] for k in OBJECT_VERDICTS]) & (book.object[0] >= 0)
    )
    standing, obj, known = book.effective.iloc[at], book.object[0][at], len(book.object[1])
    # an object that was only commented on has no verdict
    by = obj
    if per_reviewer:
        reviewer, reviewers = codes_of(standing["reviewer"])
        by = obj * max(1, len(reviewers)) + reviewer
    key = np.unique(by, return_inverse=True)[1]
    objects = object_rows(
        _VERDICT_OF_KIND[book.kind[at]],
        obj,
        known,
        label_codes(standing["label_before"], standing["label_after"]),
        key,
    )
    # no verdict: an object drawn and taken back, or a change to one that a person drew
    added = np.zeros(len(objects.last), dtype=bool)
    added[key[book.kind[at] == CODE["add"]]] = True
    keep = np.flatnonzero(~objects.drawn | (~objects.rejected & added))
    return _table(book, standing, book.frame[0][at], objects, keep, per_reviewer)


def _table(
    book: Rows,
    standing: pd.DataFrame,
    frame_of: IntArray,
    objects: ObjectRows,
    keep: IntArray,
    per_reviewer: bool,
) -> pd.DataFrame:
    drawn, gone, relabelled = objects.drawn, objects.rejected, objects.relabelled
    verdict = np.select([drawn, gone, relabelled, objects.edited], [4, 3, 2, 1], default=0)
    drawn, first, rows = drawn[keep], objects.first[keep], standing.iloc[objects.last[keep]]
    label = np.where(gone, objects.model_label, objects.label)
    frame = frame_of[objects.last[keep]]
    began, sent = standing["seq"].to_numpy()[first], book.hand_from[frame]
    run = np.where(drawn, book.run[0][frame], codes_in(rows["run_id"], book.run[1]))
    return pd.DataFrame(
        {
            "seq": rows["seq"].to_numpy(),
            "object_id": rows["object_id"].array,
            "frame_id": named(book.frame[1], frame),
            "run_id": named(book.run[1], run),
            "reviewer": rows["reviewer"].astype("category").array,
            "time": rows["time"].array,
            "scripted": rows["scripted"].to_numpy(),
            "score": np.where(drawn, np.nan, standing["score"].to_numpy()[first]),
            "threshold": rows["threshold"].to_numpy(),
            "model_label": named(objects.labels, objects.model_label[keep]),
            "label": named(objects.labels, label[keep]),
            "verdict": named(pd.Index(VERDICTS), verdict[keep]),
            "edited": objects.edited[keep],
            "relabelled": relabelled[keep],
            "by_hand": drawn & (sent >= 0) & (began > sent),
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
        own = (reviewer == name).to_numpy()
        done[own] = (book.states(name) == "accepted")[frame[own]]
    return np.asarray(done & (book.hand_from[frame] < 0), dtype=bool)
