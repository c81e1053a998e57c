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

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labkit.core.errors import InputError
from labkit.core.types import KINDS, OBJECT_VERDICTS
from labkit.store.fold import effective, frame_states
from labkit.store.schema import DECISION_COLUMNS

__all__ = ["FRAME_TABLE", "OBJECT_TABLE", "VERDICTS", "Book", "frame_table", "object_table"]

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

_NEEDED = tuple(c for c in DECISION_COLUMNS if c not in ("before", "after", "comment", "tool"))
_CODE = {kind: k for k, kind in enumerate(KINDS)}
IntArray = NDArray[np.int64]


def _last(codes: IntArray, size: int) -> IntArray:
    """Position of the last row of each code; -1 where there is none."""
    return _last_of(codes, np.ones(len(codes), dtype=bool), size)


def _first(codes: IntArray, size: int) -> IntArray:
    """Position of the first row of each code; -1 where there is none."""
    out: IntArray = np.full(size, -1, dtype=np.int64)
    out[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    return out


def _last_of(codes: IntArray, flag: NDArray[np.bool_], size: int) -> IntArray:
    """Position of the last flagged row of each code; -1 where there is none."""
    out: IntArray = np.full(size, -1, dtype=np.int64)
    out[codes[flag]] = np.flatnonzero(flag)
    return out


def _any(codes: IntArray, flag: NDArray[np.bool_], size: int) -> NDArray[np.bool_]:
    out = np.zeros(size, dtype=bool)
    out[codes[flag]] = True
    return out


def _codes(values: pd.Series[Any]) -> tuple[IntArray, pd.Index[Any]]:
    codes, names = pd.factorize(values)
    return codes.astype(np.int64), pd.Index(names)


def _named(names: pd.Index[Any], codes: IntArray) -> pd.Categorical:
    """Names by code, -1 for none, without a string a row."""
    return pd.Categorical.from_codes(codes, categories=names)


@dataclass(frozen=True)
class Book:
    """A ledger and the tables made of it, each computed when it is first asked for.

    Parameters
    ----------
    raw : DataFrame
        ``DECISION_COLUMNS``, in the order of ``seq``.
    """

    raw: pd.DataFrame

    @classmethod
    def of(cls, decisions: pd.DataFrame | Book) -> Book:
        """The book of a ledger; a book is returned as it is."""
        if isinstance(decisions, Book):
            return decisions
        missing = [c for c in _NEEDED if c not in decisions.columns]
        if missing:
            raise InputError(
                "These decisions cannot be counted",
                f"the columns {', '.join(missing)} are missing",
                "pass what Project.decisions() returns",
            )
        raw = decisions
        if not raw["seq"].is_monotonic_increasing:
            raw = raw.sort_values("seq", kind="stable")
        return cls(raw.reset_index(drop=True))

    @cached_property
    def lean(self) -> pd.DataFrame:
        """The ledger without the JSON, which no count needs."""
        df = self.raw.loc[:, list(_NEEDED)].copy()
        df["time"] = pd.to_datetime(df["time"], utc=True)
        for name in ("active_s", "clicks", "score", "threshold"):
            df[name] = pd.to_numeric(df[name]).astype("float64")
        df["scripted"] = df["scripted"].fillna(value=False).astype(bool)
        df["seq"] = df["seq"].astype("int64")
        return df

    @cached_property
    def effective(self) -> pd.DataFrame:
        """The rows that stand: undone steps, and the undo and redo rows themselves, taken out."""
        return effective(self.lean).reset_index(drop=True)

    @cached_property
    def reviewers(self) -> list[str]:
        """Who decided something that stands, sorted."""
        return sorted(str(r) for r in self.effective["reviewer"].dropna().unique())

    @cached_property
    def scripted_share(self) -> float:
        """Share of the standing decisions behind which there was no person; NaN of none."""
        rows = self.effective["scripted"]
        return float(rows.mean()) if len(rows) else float("nan")

    @cached_property
    def objects(self) -> pd.DataFrame:
        """One row an object: everybody's decisions on it merged in ledger order."""
        return _objects(self, per_reviewer=False)

    @cached_property
    def reviewer_objects(self) -> pd.DataFrame:
        """One row an object and reviewer: the verdict of each one's own decisions."""
        return _objects(self, per_reviewer=True)

    @cached_property
    def frames(self) -> pd.DataFrame:
        """One row a frame, its effort added up over all who worked on it."""
        return _frames(self, per_reviewer=False)

    @cached_property
    def reviewer_frames(self) -> pd.DataFrame:
        """One row a frame and reviewer."""
        return _frames(self, per_reviewer=True)

    # -- shared columns of the standing rows, as integer codes

    @cached_property
    def _kind(self) -> NDArray[Any]:
        return pd.Categorical(self.effective["kind"], categories=list(KINDS)).codes.astype(np.int64)

    @cached_property
    def _frame(self) -> tuple[IntArray, pd.Index[Any]]:
        return _codes(self.effective["frame_id"])

    @cached_property
    def _object(self) -> tuple[IntArray, pd.Index[Any]]:
        return _codes(self.effective["object_id"])

    @cached_property
    def _own(self) -> NDArray[np.bool_]:
        """By object: whether a person drew it."""
        codes, names = self._object
        return _any(codes, (self._kind == _CODE["add"]) & (codes >= 0), len(names))

    @cached_property
    def _hand_from(self) -> IntArray:
        """By frame: seq of the ``reject_frame`` after which it was drawn by hand; else -1."""
        frame, names = self._frame
        kind, (obj, _) = self._kind, self._object
        sent = np.flatnonzero(kind == _CODE["reject_frame"])
        since: IntArray = np.full(len(names), len(kind), dtype=np.int64)
        since[frame[sent]] = sent
        after = np.arange(len(kind)) > since[frame]
        keeps = np.isin(kind, [_CODE[k] for k in ("accept", "edit", "relabel")]) & (obj >= 0)
        keeps[keeps] = ~self._own[obj[keeps]]
        drawn = _any(frame, after & (kind == _CODE["add"]), len(names))
        hand = drawn & ~_any(frame, after & keeps, len(names))
        seq = self.effective["seq"].to_numpy()
        out: IntArray = np.full(len(names), -1, dtype=np.int64)
        out[hand] = seq[since[hand]]
        return out

    @cached_property
    def _run(self) -> tuple[IntArray, pd.Index[Any]]:
        """By frame: the run that was reviewed there, last named first.

        A frame on which nothing names a run (it showed no object) belongs to the ledger's only
        run, where there is only one.
        """
        codes, names = _codes(self.effective["run_id"])
        frame, frames = self._frame
        out: IntArray = np.full(len(frames), 0 if len(names) == 1 else -1, dtype=np.int64)
        out[frame[codes >= 0]] = codes[codes >= 0]
        return out, names


def object_table(decisions: pd.DataFrame | Book) -> pd.DataFrame:
    """One row an object that people decided on: its final verdict (see the module's text).

    Returns
    -------
    DataFrame
        ``OBJECT_TABLE``: ``verdict`` is exclusive (``relabelled`` before ``edited``), while the
        flags ``edited`` and ``relabelled`` may both be set. ``model_label`` is the proposal's
        label (none for added objects), ``label`` the final one (the model's where rejected).
        ``run_id`` of an added object is the run reviewed on its frame. ``complete`` says that the
        frame was accepted under review, so that what the model missed there is known.
    """
    return Book.of(decisions).objects


def frame_table(decisions: pd.DataFrame | Book) -> pd.DataFrame:
    """One row a frame in the ledger: state, effort, and how many objects came of it.

    Returns
    -------
    DataFrame
        ``FRAME_TABLE``. ``sent`` marks frames sent to hand-labelling that nobody took back to
        review; ``reviewed`` those with a row before that, which every frame has, but not every
        pair of frame and reviewer. ``review_s`` and ``clicks`` are active seconds and clicks of all rows,
        undone ones too (they cost time all the same), up to the moment a hand-labelled frame was
        sent away; ``hand_s`` and ``hand_clicks`` those after it. ``objects`` counts verdicts on
        proposals and objects added under review, ``true_objects`` those of them that were kept,
        ``drawn`` the objects drawn by hand.
    """
    return Book.of(decisions).frames


def _objects(book: Book, per_reviewer: bool) -> pd.DataFrame:
    eff, kind = book.effective, book._kind
    rows = np.flatnonzero(
        np.isin(kind, [_CODE[k] for k in OBJECT_VERDICTS]) & (book._object[0] >= 0)
    )
    kind = kind[rows]
    obj, n = book._object[0][rows], len(book._object[1])
    opened = _first(obj, n)
    labels, names = _codes(
        pd.concat([eff["label_before"], eff["label_after"]], ignore_index=True).iloc[
            np.concatenate([rows, rows + len(eff)])
        ]
    )
    before, after = labels[: len(rows)], labels[len(rows) :]
    key, who = obj, np.arange(n)
    if per_reviewer:
        reviewer, reviewers = _codes(eff["reviewer"].iloc[rows])
        pair = obj * max(1, len(reviewers)) + reviewer
        unique, key = np.unique(pair, return_inverse=True)
        n, who = len(unique), unique // max(1, len(reviewers))
    last = _last(key, n)
    known = last >= 0
    last, who = last[known], who[known]
    own = book._own[who]
    gone = kind[last] == _CODE["reject"]
    first_row = opened[who]
    model = np.where(before[first_row] >= 0, before[first_row], after[first_row])
    final = np.where(gone, model, np.where(after[last] >= 0, after[last], model))
    # a reject ends earlier edits; what is accepted again after it starts anew (as in fold)
    edits, rejects = (_last_of(key, kind == _CODE[k], n)[known] for k in ("edit", "reject"))
    edited = (edits > rejects) & ~own
    relabelled = (final != model) & ~gone & ~own
    verdict = np.select([own, gone, relabelled, edited], [4, 3, 2, 1], default=0)
    if per_reviewer:  # a reviewer who only touches what somebody else drew judges no proposal
        own_add = _any(key, kind == _CODE["add"], n)[known]
        keep = ~(own & (gone | ~own_add))
    else:
        keep = ~(own & gone)
    at = eff.iloc[rows[last[keep]]]
    frame = book._frame[0][rows[last[keep]]]
    own, first_row = own[keep], first_row[keep]
    began = eff["seq"].to_numpy()[rows[first_row]]
    hand_from = book._hand_from[frame]
    run = np.where(own, book._run[0][frame], _codes_in(at["run_id"], book._run[1]))
    return pd.DataFrame(
        {
            "seq": at["seq"].to_numpy(),
            "object_id": at["object_id"].array,
            "frame_id": _named(book._frame[1], frame),
            "run_id": _named(book._run[1], run),
            "reviewer": at["reviewer"].astype("category").array,
            "time": at["time"].array,
            "scripted": at["scripted"].to_numpy(),
            "score": np.where(own, np.nan, eff["score"].to_numpy()[rows[first_row]]),
            "threshold": at["threshold"].to_numpy(),
            "model_label": _named(names, np.where(own, -1, model[keep])),
            "label": _named(names, final[keep]),
            "verdict": pd.Categorical.from_codes(verdict[keep], categories=list(VERDICTS)),
            "edited": edited[keep],
            "relabelled": relabelled[keep],
            "by_hand": own & (hand_from >= 0) & (began > hand_from),
            "complete": _complete(book, frame, at["reviewer"], per_reviewer),
        }
    )


def _codes_in(values: pd.Series[Any], names: pd.Index[Any]) -> IntArray:
    return pd.Categorical(values, categories=names).codes.astype(np.int64)


def _state_codes(book: Book, rows: pd.DataFrame) -> NDArray[Any]:
    """State of each frame (by the book's frame code) that these decisions alone give."""
    states = frame_states(rows)
    out: NDArray[Any] = np.full(len(book._frame[1]), "open", dtype=object)
    out[book._frame[1].get_indexer(pd.Index(states["frame_id"]))] = states["state"].astype(object)
    return out


def _complete(
    book: Book, frame: IntArray, reviewer: pd.Series[Any], per_reviewer: bool
) -> NDArray[np.bool_]:
    """Whether the frame was accepted (by this reviewer) without being drawn by hand."""
    if not per_reviewer:
        done = _state_codes(book, book.effective) == "accepted"
        return np.asarray(done[frame] & (book._hand_from[frame] < 0), dtype=bool)
    out = np.zeros(len(frame), dtype=bool)
    for name in book.reviewers:
        mine = (reviewer == name).to_numpy()
        done = _state_codes(book, book.effective[book.effective["reviewer"] == name]) == "accepted"
        out[mine] = done[frame[mine]] & (book._hand_from[frame[mine]] < 0)
    return out


def _frames(book: Book, per_reviewer: bool) -> pd.DataFrame:
    raw = book.lean
    raw = raw[raw["frame_id"].notna()]
    raw_codes, ids = _codes(raw["frame_id"])
    key, who, n = raw_codes, np.arange(len(ids)), len(ids)
    reviewer, reviewers = _codes(raw["reviewer"])
    if per_reviewer:
        width = max(1, len(reviewers))
        pairs, key = np.unique(raw_codes * width + reviewer, return_inverse=True)
        n, who = len(pairs), pairs // width
    at = raw.iloc[_last(key, n)]
    # frames of which nothing stands any more are in the raw ledger alone
    known = book._frame[1].get_indexer(ids)
    hand_from = np.append(book._hand_from, -1)[known]
    by_hand = (hand_from[raw_codes] >= 0) & (raw["seq"].to_numpy() > hand_from[raw_codes])
    spent: dict[str, Any] = {}
    for name, column in (("s", "active_s"), ("clicks", "clicks")):
        value = raw[column].fillna(0.0).to_numpy()
        spent[f"all_{name}"] = np.bincount(key, value, n)
        spent[f"hand_{name}"] = np.bincount(key[by_hand], value[by_hand], n)
    only = 0 if len(book._run[1]) == 1 else -1
    run = np.append(book._run[0], only)[known]
    table = pd.DataFrame(
        {
            "frame_id": _named(ids, who),
            "reviewer": at["reviewer"].astype("category").array,
            "run_id": _named(book._run[1], run[who]),
            "time": at["time"].array,
            "scripted": at["scripted"].to_numpy(),
            "state": _states_of(book, ids, who, at["reviewer"], per_reviewer),
            "sent": _sent(book, ids, reviewers, pairs if per_reviewer else who, per_reviewer),
            "hand_labelled": hand_from[who] >= 0,
            "reviewed": _any(key, ~by_hand, n),
            "review_s": (spent["all_s"] - spent["hand_s"]).astype(np.float64),
            "hand_s": spent["hand_s"].astype(np.float64),
            "clicks": (spent["all_clicks"] - spent["hand_clicks"]).astype(np.int64),
            "hand_clicks": spent["hand_clicks"].astype(np.int64),
        }
    )
    objects = book.reviewer_objects if per_reviewer else book.objects
    code = _codes_in(objects["frame_id"], ids)
    if per_reviewer:
        who_code = _codes_in(objects["reviewer"], reviewers)
        code = np.searchsorted(pairs, code * width + who_code)
    drawn = objects["by_hand"].to_numpy()
    kept = ~drawn & (objects["verdict"] != "rejected").to_numpy()
    table["sent"] &= (table["state"] == "hand") | table["hand_labelled"]
    table["objects"] = np.bincount(code[~drawn], minlength=n)
    table["true_objects"] = np.bincount(code[kept], minlength=n)
    table["drawn"] = np.bincount(code[drawn], minlength=n)
    return table


def _sent(
    book: Book,
    ids: pd.Index[Any],
    reviewers: pd.Index[Any],
    rows: IntArray,
    per_reviewer: bool,
) -> NDArray[np.bool_]:
    """Whether a ``reject_frame`` stands on each frame, or on each pair of frame and reviewer."""
    sent = book.effective[book._kind == _CODE["reject_frame"]]
    code = _codes_in(sent["frame_id"], ids)
    if per_reviewer:
        code = code * max(1, len(reviewers)) + _codes_in(sent["reviewer"], reviewers)
    return np.isin(rows, code)


def _states_of(
    book: Book, ids: pd.Index[Any], who: IntArray, reviewer: pd.Series[Any], per_reviewer: bool
) -> pd.Categorical:
    """State of each row's frame, by everybody's decisions or by the row's reviewer's own."""
    known = book._frame[1].get_indexer(ids)[who]
    if not per_reviewer:
        state = np.append(_state_codes(book, book.effective), "open")[known]
    else:
        state = np.full(len(who), "open", dtype=object)
        for name in book.reviewers:
            mine = (reviewer == name).to_numpy()
            own = _state_codes(book, book.effective[book.effective["reviewer"] == name])
            state[mine] = np.append(own, "open")[known[mine]]
    return pd.Categorical(state, categories=["accepted", "hand", "skipped", "open"])
