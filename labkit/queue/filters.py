"""Which frames go into a queue: by class, group, score range, decided or not."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labkit.core.errors import Argument, InputError
from labkit.core.registry import unknown
from labkit.queue.context import ScoreContext

__all__ = ["DECIDED", "fraction", "passing", "states_of"]

DECIDED = ("accepted", "hand")
"""States of a frame that somebody has finished; a skipped frame is put off, not decided."""

Mask = NDArray[np.bool_]


def fraction(value: Any, name: str) -> float:
    """A finite number 0..1, or an error that names the argument."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not 0 <= number <= 1:
        raise InputError(
            Argument(name, value) + " cannot be used", "it has to be a number from 0 to 1"
        )
    return number


def score_bounds(value: Any, name: str) -> tuple[float, float]:
    """Two fractions, the lower first."""
    try:
        low, high = value
    except (TypeError, ValueError):
        raise InputError(
            Argument(name, value) + " cannot be used", "it has to be (low, high)"
        ) from None
    low, high = fraction(low, name), fraction(high, name)
    if low > high:
        raise InputError(Argument(name, value) + " cannot be used", "low is above high")
    return low, high


def states_of(states: pd.Series[Any] | pd.DataFrame | None, ids: NDArray[Any]) -> NDArray[Any]:
    """The state of each frame as an object array, ``'open'`` where nothing is known.

    Parameters
    ----------
    states : Series, DataFrame or None
        A Series indexed by ``frame_id``, or the table of ``labkit.ledger.fold.frame_states``.
    """
    if states is None:
        return np.full(len(ids), "open", dtype=object)
    if isinstance(states, pd.DataFrame):
        states = states.set_index("frame_id")["state"]
    state_of = dict(zip(states.index.tolist(), states.tolist(), strict=True))
    return np.array([state_of.get(i, "open") for i in ids], dtype=object)


def _chosen(given: Collection[str] | str) -> list[str]:
    return [given] if isinstance(given, str) else list(given)


def passing(
    ctx: ScoreContext,
    frames: pd.DataFrame,
    state: NDArray[Any],
    *,
    labels: Collection[str] | str | None = None,
    groups: Collection[str] | str | None = None,
    score_range: tuple[float, float] | None = None,
    decided: bool | None = None,
) -> Mask:
    """Which frames pass all filters, ``(n_frames,)``.

    A filter chooses frames. It does not hide objects from the scores: a reviewer sees the
    whole frame.

    Parameters
    ----------
    labels : names, optional
        Frames with a proposal of one of these project labels; it has to be shown (at or above
        ``conf``) unless ``score_range`` says otherwise.
    groups : names, optional
        Frames of these videos or folders.
    score_range : (low, high), optional
        Frames with a proposal (of ``labels``, if given) in this range, inclusive.
    decided : bool, optional
        True: only accepted and hand-labelled frames; False: only the others.

    Raises
    ------
    NotFoundError
        A label that no proposal has, or an unknown group.
    """
    keep = np.ones(ctx.n_frames, dtype=bool)
    if labels is not None or score_range is not None:
        hit = ctx.shown
        if score_range is not None:
            low, high = (np.float32(v) for v in score_bounds(score_range, "score_range"))
            hit = (ctx.score >= low) & (ctx.score <= high)
        if labels is not None:
            hit = hit & np.isin(ctx.label, _label_codes(ctx, _chosen(labels)))
        keep &= ctx.per_frame(np.flatnonzero(hit)) > 0
    if groups is not None:
        if "group" not in frames:
            raise InputError("Frames cannot be filtered by group", "they have no column 'group'")
        group = np.asarray(frames["group"], dtype=object)
        group_names = list(dict.fromkeys(group.tolist()))
        for name in _chosen(groups):
            if name not in group_names:
                raise unknown("group", name, group_names)
        wanted = set(_chosen(groups))
        keep &= np.array([g in wanted for g in group.tolist()], dtype=bool)
    if decided is not None:
        keep &= np.isin(state, DECIDED) == decided
    return keep


def _label_codes(ctx: ScoreContext, labels: list[str]) -> list[int]:
    labels_present = [ctx.names[k] for k in np.unique(ctx.label).tolist()]
    for name in labels:
        if labels_present and name not in labels_present:
            raise unknown("label in these proposals", name, labels_present)
    return [ctx.names.index(name) for name in labels if name in ctx.names]
