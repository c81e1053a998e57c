"""How far reviewers agree: on objects (F1), on verdicts (kappa), among many (alpha)."""

from __future__ import annotations

from itertools import combinations
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from labkit.core.errors import InputError
from labkit.core.matching import match_boxes
from labkit.ledger.fold import fold
from labkit.metrics.book import Book
from labkit.metrics.intervals import share

__all__ = [
    "agreement",
    "agreement_f1",
    "cohen_kappa",
    "krippendorff_alpha",
    "verdict_matrix",
]

F1_COLUMNS: Final = ("label", "frames", "n_a", "n_b", "matched", "f1", "mean_iou")
PAIR_COLUMNS: Final = ("reviewer_a", "reviewer_b", "frames", "f1", "mean_iou", "objects", "kappa")
_BOX = ["x1", "y1", "x2", "y2"]


def cohen_kappa(a: ArrayLike, b: ArrayLike) -> float:
    """Cohen's kappa of two raters' categories of the same things.

    ``(po - pe) / (1 - pe)``: ``po`` is the share of things on which they agree, ``pe`` the share
    expected if each gave their categories at random in their own proportions.

    Parameters
    ----------
    a, b : array_like, (n,)
        One category per thing, of any kind that can be compared; pairs with a missing one are
        left out.

    Returns
    -------
    float
        1 perfect, 0 as by chance, down to -1; NaN without pairs, and where both used one and the
        same category throughout (agreement by chance is then certain and kappa undefined).

    References
    ----------
    Cohen (1960), Educational and Psychological Measurement 20, 37-46.

    Examples
    --------
    >>> lk.metrics.cohen_kappa(["nut", "nut", "bolt", "bolt"], ["nut", "nut", "bolt", "nut"])
    0.5
    """
    left, right = pd.Series(np.asarray(a, dtype=object)), pd.Series(np.asarray(b, dtype=object))
    if len(left) != len(right):
        raise InputError("These ratings cannot be compared", f"{len(left)} against {len(right)}")
    both = (left.notna() & right.notna()).to_numpy()
    if not both.any():
        return float("nan")
    codes, names = pd.factorize(pd.concat([left[both], right[both]], ignore_index=True))
    n, k = int(both.sum()), len(names)
    table = np.bincount(codes[:n] * k + codes[n:], minlength=k * k).reshape(k, k) / n
    po, pe = float(np.trace(table)), float(table.sum(0) @ table.sum(1))
    return float("nan") if k == 1 else (po - pe) / (1 - pe)


def krippendorff_alpha(ratings: ArrayLike | pd.DataFrame) -> float:
    """Krippendorff's alpha for nominal categories, any number of raters, missing ratings.

    ``1 - Do / De`` from the coincidence matrix: within each thing rated at least twice, every
    ordered pair of its ``m`` ratings counts ``1 / (m - 1)``; ``Do`` is the share of unequal pairs,
    ``De`` that share when all ratings are paired at random.

    Parameters
    ----------
    ratings : array_like or DataFrame, (raters, things)
        Categories; None or NaN where a rater gave none.

    Returns
    -------
    float
        1 perfect, 0 as by chance, negative below; NaN where nothing was rated twice or only one
        category was ever used (then there is no disagreement to expect).

    References
    ----------
    Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, University of Pennsylvania,
    section C.

    Examples
    --------
    >>> lk.metrics.krippendorff_alpha([["nut", "bolt", None], ["nut", "bolt", "bolt"]])
    1.0
    """
    values = np.asarray(ratings, dtype=object)
    if values.ndim != 2:
        raise InputError("These ratings cannot be compared", "they are not (raters, things)")
    raters, things = values.shape
    codes, names = pd.factorize(pd.Series(values.ravel(), dtype=object))
    thing = np.tile(np.arange(things), raters)
    rated = codes >= 0
    k = len(names)
    counts = np.bincount(thing[rated] * k + codes[rated], minlength=things * k)
    counts = counts.reshape(things, k).astype(np.float64)
    counts = counts[counts.sum(1) >= 2]
    m = counts.sum(1)
    n, margins = m.sum(), counts.sum(0)
    expected = n * n - float(margins @ margins)
    if not len(m) or expected == 0:
        return float("nan")
    observed = float(((m * m - (counts * counts).sum(1)) / (m - 1)).sum())
    return float(1 - (n - 1) * observed / expected)


def verdict_matrix(decisions: pd.DataFrame | Book) -> pd.DataFrame:
    """Verdicts on proposals: one row per reviewer, one column per object; missing where none.

    Only proposals that two reviewers or more judged have a column. Each verdict is the reviewer's
    final one: accepted, edited, relabelled or rejected. A later
    reviewer may have seen what an earlier one decided; agreement is of independent judgement only
    where frames were reviewed blind.

    Parameters
    ----------
    decisions : DataFrame
        The ledger, undone steps and all.

    Examples
    --------
    >>> queue = p.queue()
    >>> for name in ("ana", "ben"):
    ...     with p.review(queue, reviewer=name, scope="own") as s:
    ...         _ = s.accept_frame()
    >>> lk.metrics.verdict_matrix(p.decisions()).index.tolist()
    ['ana', 'ben']
    """
    objects = Book.of(decisions).reviewer_objects
    objects = objects[objects["verdict"] != "added"]
    objects = objects[objects["object_id"].duplicated(keep=False)]
    by = [objects["reviewer"].astype(object), objects["object_id"].astype(object)]
    return objects["verdict"].astype(object).groupby(by).first().unstack()  # noqa: PD010


def agreement_f1(
    proposals: pd.DataFrame,
    decisions: pd.DataFrame | Book,
    a: str,
    b: str,
    min_iou: float = 0.5,
) -> pd.DataFrame:
    """How well two reviewers' annotations of the same frames match, by label.

    Each reviewer's annotations are folded from their own decisions alone, on the frames that both
    accepted. Boxes of equal label are paired from the highest IoU down, each at most once;
    ``f1 = 2 * matched / (n_a + n_b)``, the same whichever of the two is taken as the truth.
    Reviewers who accept the same proposals unchanged agree by construction.

    Parameters
    ----------
    proposals : DataFrame
        ``PROPOSAL_COLUMNS``.
    decisions : DataFrame
        The ledger, undone steps and all.
    a, b : str
        The two reviewers.
    min_iou : float
        Boxes with at least this IoU are a pair, 0..1.

    Returns
    -------
    DataFrame
        One row per label, then ``all`` (sums over labels): ``frames`` compared, objects ``n_a`` and
        ``n_b``, pairs ``matched`` at ``min_iou`` or more, ``f1`` in 0..1 (NaN where neither has
        an object), ``mean_iou`` of the pairs.

    Examples
    --------
    >>> queue = p.queue()
    >>> for name in ("ana", "ben"):
    ...     with p.review(queue, reviewer=name, scope="own") as s:
    ...         _ = s.accept_frame()
    >>> table = lk.metrics.agreement_f1(p.proposals(), p.decisions(), "ana", "ben")
    >>> table[["frames", "f1"]].iloc[-1].tolist()
    [1.0, 1.0]
    """
    book = Book.of(decisions)
    return _f1_table(*_two(_Folded(proposals, book), a, b), min_iou)


def agreement(
    proposals: pd.DataFrame, decisions: pd.DataFrame | Book, min_iou: float = 0.5
) -> pd.DataFrame:
    """All pairs of reviewers: F1 over labels, and Cohen's kappa on verdicts.

    Parameters
    ----------
    proposals : DataFrame
        ``PROPOSAL_COLUMNS``.
    decisions : DataFrame
        The ledger, undone steps and all.
    min_iou : float
        Boxes with at least this IoU are a pair, 0..1.

    Returns
    -------
    DataFrame
        ``reviewer_a``, ``reviewer_b``; ``frames`` both accepted, with ``f1`` and ``mean_iou`` on
        them (:func:`agreement_f1`); ``objects`` (proposals) both judged, with ``kappa`` on them.
        ``attrs['alpha']`` is Krippendorff's alpha of all reviewers' verdicts.

    Examples
    --------
    >>> queue = p.queue()
    >>> for name in ("ana", "ben"):
    ...     with p.review(queue, reviewer=name, scope="own") as s:
    ...         _ = s.accept_frame()
    >>> table = lk.metrics.agreement(p.proposals(), p.decisions())
    >>> table[["reviewer_a", "reviewer_b", "frames", "f1"]]
      reviewer_a reviewer_b  frames   f1
    0        ana        ben       1  1.0
    """
    book = Book.of(decisions)
    matrix = verdict_matrix(book)
    folded = _Folded(proposals, book)
    rows = []
    for a, b in combinations(book.reviewers, 2):
        total = _f1_table(*_two(folded, a, b), min_iou).iloc[-1]
        one, two = (matrix.reindex(index=[r]).iloc[0] for r in (a, b))
        judged = int((one.notna() & two.notna()).sum())
        overlap = (total["frames"], total["f1"], total["mean_iou"])
        rows.append((a, b, *overlap, judged, cohen_kappa(one.to_numpy(), two.to_numpy())))
    out = pd.DataFrame(rows, columns=list(PAIR_COLUMNS))
    out.attrs["alpha"] = krippendorff_alpha(matrix.to_numpy())
    return out


class _Folded:
    """Each reviewer's own annotations of the frames that another accepted too, folded once."""

    def __init__(self, proposals: pd.DataFrame, book: Book) -> None:
        self.proposals, self.book = proposals, book
        code, names = book.frame
        accepted = {r: book.states(r) == "accepted" for r in book.reviewers}
        twice = sum((a.astype(np.int64) for a in accepted.values()), np.zeros(len(names))) >= 2
        self.frames = {r: set(names[a & twice]) for r, a in accepted.items()}
        self.rows = book.effective[twice[code] if len(names) else slice(0)]
        self._done: dict[str, pd.DataFrame] = {}

    def __getitem__(self, reviewer: str) -> pd.DataFrame:
        """The objects that stand."""
        if reviewer not in self._done:
            mine = self.rows["reviewer"] == reviewer
            mine &= self.rows["frame_id"].isin(self.frames[reviewer])
            own = self.book.raw[self.book.raw["seq"].isin(self.rows.loc[mine, "seq"])]
            shown = self.proposals[self.proposals["object_id"].isin(own["object_id"])]
            objects = fold(shown, own)
            self._done[reviewer] = objects[objects["state"].isin(["accepted", "edited", "added"])]
        return self._done[reviewer]


def _two(folded: _Folded, a: str, b: str) -> tuple[pd.DataFrame, pd.DataFrame, int]:
    for name in (a, b):
        if name not in folded.book.reviewers:
            reviewers = ", ".join(folded.book.reviewers) or "none yet"
            raise InputError(f"{name!r} has decided nothing", f"reviewers are {reviewers}")
    one, two = folded[a], folded[b]
    both = folded.frames[a] & folded.frames[b]
    return one[one["frame_id"].isin(both)], two[two["frame_id"].isin(both)], len(both)


def _f1_table(a: pd.DataFrame, b: pd.DataFrame, frames: int, min_iou: float) -> pd.DataFrame:
    def codes(column: str) -> tuple[NDArray[Any], NDArray[Any], pd.Index[Any]]:
        both = pd.concat([a[column].astype(object), b[column].astype(object)], ignore_index=True)
        code, names = pd.factorize(both, sort=True)
        return code[: len(a)], code[len(a) :], pd.Index(names)

    label_a, label_b, labels = codes("label")
    group_a, group_b, _ = codes("frame_id")
    pairs = match_boxes(
        a[_BOX].to_numpy(np.float64),
        b[_BOX].to_numpy(np.float64),
        min_iou,
        label_a,
        label_b,
        group_a,
        group_b,
    )
    k = len(labels)
    n_a, n_b = np.bincount(label_a, minlength=k), np.bincount(label_b, minlength=k)
    hit = np.bincount(label_a[pairs.i], minlength=k)
    iou = np.bincount(label_a[pairs.i], pairs.iou, minlength=k)
    n_a, n_b, hit, iou = (np.append(v, v.sum()) for v in (n_a, n_b, hit, iou))
    return pd.DataFrame(
        {
            "label": [*labels, "all"],
            "frames": frames,
            "n_a": n_a,
            "n_b": n_b,
            "matched": hit,
            "f1": share(2 * hit, n_a + n_b),
            "mean_iou": share(iou, hit),
        },
        columns=list(F1_COLUMNS),
    )
