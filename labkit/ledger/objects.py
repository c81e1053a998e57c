"""What standing decisions say of each object, as arrays: shared by the fold and the metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from labkit.core.types import KINDS, OBJECT_VERDICTS
from labkit.ledger.transitions import STATES, decide_all

__all__ = [
    "IntArray",
    "LabelCodes",
    "ObjectRows",
    "codes_in",
    "codes_of",
    "first_row",
    "kind_codes",
    "label_codes",
    "last_row",
    "object_rows",
]

IntArray = NDArray[np.int64]

_REJECTED = STATES.index("rejected")
_ADD = OBJECT_VERDICTS.index("add")


def codes_of(values: pd.Series[Any]) -> tuple[IntArray, pd.Index[Any]]:
    """Integer codes in the order of appearance (-1 for missing), and the names they stand for."""
    codes, names = pd.factorize(values)
    return codes.astype(np.int64), pd.Index(names)


def codes_in(column: pd.Series[Any], names: pd.Index[Any]) -> IntArray:
    """Position of each value among the names; -1 where it is none of them."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        of_category = names.get_indexer(pd.Index(column.cat.categories.astype(object)))
        return np.append(of_category, -1)[column.cat.codes].astype(np.int64)
    return names.get_indexer(pd.Index(column)).astype(np.int64)


def last_row(codes: IntArray, size: int, flag: NDArray[np.bool_] | None = None) -> IntArray:
    """Position of the last (flagged) row of each code; -1 where there is none."""
    out: IntArray = np.full(size, -1, dtype=np.int64)
    if flag is None:
        out[codes] = np.arange(len(codes))
    else:
        out[codes[flag]] = np.flatnonzero(flag)
    return out


def first_row(codes: IntArray, size: int) -> IntArray:
    """Position of the first row of each code; -1 where there is none."""
    out: IntArray = np.full(size, -1, dtype=np.int64)
    out[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    return out


@dataclass(frozen=True)
class ObjectRows:
    """One entry per object, or per object and reviewer; labels are codes, -1 for none.

    Attributes
    ----------
    first : ndarray of int
        Position of the first row on the object, by anybody.
    last : ndarray of int
        Position of the last row.
    state : ndarray of int
        Index into ``STATES``.
    drawn : ndarray of bool
        A person added it.
    edited : ndarray of bool
        Shape or attributes of a proposal were changed and kept.
    relabelled : ndarray of bool
        A proposal was kept under another label.
    label, model_label : ndarray of int
        The label now (of a rejected object: when it was rejected), and the one under which it was
        proposed, which drawn objects do not have.
    labels : Index
        The names of the labels.
    """

    first: IntArray
    last: IntArray
    state: IntArray
    drawn: NDArray[np.bool_]
    edited: NDArray[np.bool_]
    relabelled: NDArray[np.bool_]
    label: IntArray
    model_label: IntArray
    labels: pd.Index[Any]

    @property
    def rejected(self) -> NDArray[np.bool_]:
        """Whether the last decision rejects it."""
        out: NDArray[np.bool_] = self.state == _REJECTED
        return out

    def names(self, codes: IntArray) -> NDArray[Any]:
        """Labels by code; None for -1."""
        return np.append(self.labels.to_numpy(dtype=object), [None])[codes]


class LabelCodes(NamedTuple):
    """The labels before and after each decision as codes, -1 for none, and their names."""

    before: IntArray
    after: IntArray
    names: pd.Index[Any]

    def take(self, rows: IntArray) -> LabelCodes:
        """Those of some of the decisions."""
        return LabelCodes(self.before[rows], self.after[rows], self.names)


def label_codes(before: pd.Series[Any], after: pd.Series[Any]) -> LabelCodes:
    """The two label columns of a ledger as codes of one list of names."""
    codes, names = codes_of(pd.concat([before, after], ignore_index=True))
    return LabelCodes(codes[: len(before)], codes[len(before) :], names)


def kind_codes(kinds: pd.Series[Any]) -> IntArray:
    """Index of each kind in ``KINDS``."""
    found = pc.index_in(pa.array(kinds, pa.string()), value_set=pa.array(KINDS, pa.string()))
    return np.asarray(found.fill_null(-1), dtype=np.int64)


def object_rows(
    kind: IntArray,
    obj: IntArray,
    n: int,
    labels: LabelCodes,
    key: IntArray | None = None,
) -> ObjectRows:
    """Fold the verdicts on objects.

    Parameters
    ----------
    kind : ndarray of int, (m,)
        By standing row, in order: index into ``OBJECT_VERDICTS``.
    obj : ndarray of int, (m,)
        The object's code, 0..n-1. Each of them occurs, but where there is a ``key``.
    n : int
        Number of objects.
    labels : LabelCodes, (m,)
    key : ndarray of int, (m,), optional
        What there is an entry for, 0.., where it is not the object: an object and a reviewer. All
        rows of a key are of one object.
    """
    before, after = labels.before, labels.after
    each = obj if key is None else key
    size = n if key is None else int(each.max()) + 1 if len(each) else 0
    last = last_row(each, size)
    of = obj[last]
    first = first_row(obj, n)[of]
    state, edited = decide_all(each, kind, size)
    drawn = np.zeros(n, dtype=bool)
    drawn[obj[kind == _ADD]] = True
    drawn = drawn[of]
    label = np.where(after[last] >= 0, after[last], before[last])
    model = np.where(before[first] >= 0, before[first], after[first])
    relabelled = (label != model) & (state != _REJECTED) & ~drawn
    return ObjectRows(
        first,
        last,
        state,
        drawn,
        edited & ~drawn,
        relabelled,
        label,
        np.where(drawn, -1, model),
        labels.names,
    )
