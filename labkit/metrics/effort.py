"""One row per frame: its state, the time and clicks spent on it, and what came of it."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labkit.ledger.objects import IntArray, codes_of, last_row
from labkit.metrics.rows import CODE, Rows, any_row, codes_in, named

__all__ = ["FRAME_TABLE", "frames_of"]

FRAME_TABLE: Final = (
    "frame_id",
    "reviewer",
    "run_id",
    "time",
    "scripted",
    "state",
    "sent",
    "hand_labelled",
    "reviewed",
    "review_s",
    "hand_s",
    "clicks",
    "hand_clicks",
    "objects",
    "true_objects",
    "drawn",
)


def frames_of(book: Rows, objects: pd.DataFrame, per_reviewer: bool) -> pd.DataFrame:
    """The frame table, of everybody's work added up or of each reviewer's own."""
    raw = book.lean
    raw = raw[raw["frame_id"].notna()]
    raw_codes, ids = codes_of(raw["frame_id"])
    key, who, n = raw_codes, np.arange(len(ids)), len(ids)
    reviewer, reviewers = codes_of(raw["reviewer"])
    if per_reviewer:
        width = max(1, len(reviewers))
        pairs, key = np.unique(raw_codes * width + reviewer, return_inverse=True)
        n, who = len(pairs), pairs // width
    at = raw.iloc[last_row(key, n)]
    # frames on which no decision stands any more are only in the raw ledger
    frame_codes = book.frame[1].get_indexer(ids)
    hand_from = np.append(book.hand_from, -1)[frame_codes]
    by_hand = (hand_from[raw_codes] >= 0) & (raw["seq"].to_numpy() > hand_from[raw_codes])
    spent: dict[str, Any] = {}
    for name, column in (("s", "active_s"), ("clicks", "clicks")):
        value = raw[column].fillna(0.0).to_numpy()
        spent[f"all_{name}"] = np.bincount(key, value, n)
        spent[f"hand_{name}"] = np.bincount(key[by_hand], value[by_hand], n)
    only = 0 if len(book.run[1]) == 1 else -1
    run = np.append(book.run[0], only)[frame_codes]
    table = pd.DataFrame(
        {
            "frame_id": named(ids, who),
            "reviewer": at["reviewer"].astype("category").array,
            "run_id": named(book.run[1], run[who]),
            "time": at["time"].array,
            "scripted": at["scripted"].to_numpy(),
            "state": _states_of(book, ids, who, at["reviewer"], per_reviewer),
            "sent": _sent(book, ids, reviewers, pairs if per_reviewer else who, per_reviewer),
            "hand_labelled": hand_from[who] >= 0,
            "reviewed": any_row(key, ~by_hand, n),
            "review_s": (spent["all_s"] - spent["hand_s"]).astype(np.float64),
            "hand_s": spent["hand_s"].astype(np.float64),
            "clicks": (spent["all_clicks"] - spent["hand_clicks"]).astype(np.int64),
            "hand_clicks": spent["hand_clicks"].astype(np.int64),
        }
    )
    code = codes_in(objects["frame_id"], ids)
    if per_reviewer:
        who_code = codes_in(objects["reviewer"], reviewers)
        code = np.searchsorted(pairs, code * width + who_code)
    drawn = objects["by_hand"].to_numpy()
    kept = ~drawn & (objects["verdict"] != "rejected").to_numpy()
    table["sent"] &= (table["state"] == "hand") | table["hand_labelled"]
    table["objects"] = np.bincount(code[~drawn], minlength=n)
    table["true_objects"] = np.bincount(code[kept], minlength=n)
    table["drawn"] = np.bincount(code[drawn], minlength=n)
    return table


def _sent(
    book: Rows,
    ids: pd.Index[Any],
    reviewers: pd.Index[Any],
    rows: IntArray,
    per_reviewer: bool,
) -> NDArray[np.bool_]:
    """Whether a ``reject_frame`` stands on each frame, or on each pair of frame and reviewer."""
    sent = book.effective[book.kind == CODE["reject_frame"]]
    code = codes_in(sent["frame_id"], ids)
    if per_reviewer:
        code = code * max(1, len(reviewers)) + codes_in(sent["reviewer"], reviewers)
    return np.isin(rows, code)


def _states_of(
    book: Rows, ids: pd.Index[Any], who: IntArray, reviewer: pd.Series[Any], per_reviewer: bool
) -> pd.Categorical:
    """State of each row's frame, by everybody's decisions or by the row's reviewer's own."""
    frame_codes = book.frame[1].get_indexer(ids)[who]
    state = np.full(len(who), "open", dtype=object)
    if not per_reviewer:
        state = np.append(book.states(), "open")[frame_codes]
    for name in book.reviewers if per_reviewer else ():
        own = (reviewer == name).to_numpy()
        state[own] = np.append(book.states(name), "open")[frame_codes[own]]
    return pd.Categorical(state, categories=["accepted", "hand", "skipped", "open"])
