"""From which threshold an object is shown, and the one comparison of that number.

Every object carries ``shown_from``: the highest threshold at which it is shown. It is made here,
by :func:`shown_from`, and compared here, by :func:`is_shown`; sessions, the page, exports, reports
and queues ask nothing else.

Stored scores are float32, so thresholds are compared as float32: 0.7 is shown at 0.7.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labkit.core.types import Attribute

__all__ = [
    "ALWAYS",
    "DRIFT",
    "NEVER",
    "TRACKED_BY",
    "Thresholds",
    "at_any_score",
    "is_carried",
    "is_shown",
    "shown_from",
]

ALWAYS: Final = 1.0
"""``shown_from`` of what is shown at any threshold."""

NEVER: Final = -1.0
"""``shown_from`` of what is shown at no threshold."""

TRACKED_BY: Final = "tracked_by"
"""Attribute of a proposal that a tracker carried to its frame: the tracker's name."""

DRIFT: Final = "drift"
"""Attribute of a tracked object that a person should look at: the reason in words."""


@dataclass(frozen=True)
class Thresholds:
    """From which score the proposals of each run are shown.

    Attributes
    ----------
    base : float
        Where the reviewer's threshold starts, 0..1.
    moved : mapping of str to float
        Run id → the score from which its proposals are shown at ``base``; the reviewer's threshold
        moves it. A run that is not named is shown from ``base`` up.
    fixed : mapping of str to float
        Run id → the score of a run that the reviewer's threshold does not move: a tracker's.
    """

    base: float = 0.5
    moved: Mapping[str, float] = field(default_factory=dict)
    fixed: Mapping[str, float] = field(default_factory=dict)

    def of(self, runs: Iterable[str | None]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """The score from which proposals of these runs are shown, and whether it is fixed."""
        names = list(runs)
        of = {r: self.fixed.get(r or "", self.moved.get(r or "", self.base)) for r in set(names)}
        conf = np.array([of[r] for r in names], dtype=np.float32)
        return conf, np.array([r in self.fixed for r in names], dtype=bool)


def shown_from(
    score: ArrayLike,
    conf: ArrayLike,
    fixed: ArrayLike,
    base: float,
    *,
    always: ArrayLike = False,
    never: ArrayLike = False,
) -> NDArray[np.float64]:
    """The highest threshold at which each object is shown.

    A proposal's score counts as it is, but where its run has another threshold than ``base``:
    at ``base``, each is held against the threshold of its own run.

    Parameters
    ----------
    score : array_like of float32, (n,)
        NaN for objects without one, which are not shown by their score.
    conf, fixed : array_like, (n,)
        See :meth:`Thresholds.of`.
    base : float
        Of :class:`Thresholds`.
    always, never : array_like of bool, (n,)
        What is shown at any threshold, or at none, whatever its score; ``never`` counts first.

    Returns
    -------
    ndarray of float64, (n,)
        ``ALWAYS``, ``NEVER``, or a float32 number.
    """
    value, own = np.asarray(score, dtype=np.float32), np.asarray(conf, dtype=np.float32)
    start = np.float32(base)
    enough = value >= own
    moved = np.where(
        enough, np.maximum(value, start), np.minimum(value, np.nextafter(start, np.float32(-1)))
    )
    # a run of the reviewer's own threshold keeps its scores, to the last bit
    moved = np.where(own == start, value, moved).astype(np.float64)
    out = np.where(fixed, np.where(enough, ALWAYS, NEVER), moved)
    out = np.where(np.isnan(value), NEVER, out)
    return np.where(never, NEVER, np.where(always, ALWAYS, out))


@overload
def is_shown(shown_from: float, threshold: float) -> bool: ...


@overload
def is_shown(shown_from: NDArray[Any], threshold: float) -> NDArray[np.bool_]: ...


def is_shown(shown_from: Any, threshold: float) -> Any:
    """Whether an object, or each of many, is shown at a threshold."""
    shown = np.float32(threshold) <= np.asarray(shown_from)
    return shown if shown.ndim else bool(shown)


def is_carried(attributes: Iterable[Attribute]) -> bool:
    """Whether a live tracker carried a proposal along to its frame (``tracked_by``)."""
    return any(a.name == TRACKED_BY for a in attributes)


def at_any_score(attributes: Iterable[Attribute]) -> bool:
    """Whether a proposal is shown however low its score is: a tracker's doubts matter most.

    It is what a live track carried along (``tracked_by``), or is flagged as drifting (``drift``).
    """
    return any(a.name in (TRACKED_BY, DRIFT) for a in attributes)
