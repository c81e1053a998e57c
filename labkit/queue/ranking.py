"""``rank`` puts frames in the order in which people should look; ``rerank`` does so again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labkit.core.errors import Argument, InputError
from labkit.core.registry import unknown
from labkit.core.tracks import Walked
from labkit.queue.build import build_context
from labkit.queue.calibration import calibrate
from labkit.queue.context import ScoreContext
from labkit.queue.filters import DECIDED, fraction, passing, score_bounds, states_of
from labkit.queue.order import (
    QUOTAS,
    Order,
    Placed,
    Request,
    by_callable,
    by_mix,
    by_score,
    orders,
    value,
)
from labkit.queue.reasons import reasons
from labkit.queue.scores import scores

__all__ = ["QUEUE_COLUMNS", "OrderLike", "rank", "rerank"]

QUEUE_COLUMNS = ("rank", "frame_id", "score", "rule", "reason")

OrderLike = str | Mapping[str, float] | Callable[[pd.DataFrame, pd.DataFrame], Any]


def resolve(order: OrderLike) -> Order:
    """The order that a name, a mix of weights or a callable stands for."""
    if isinstance(order, str):
        if order in orders:
            return orders[order]
        if order in scores:
            return by_score(scores[order])
        raise unknown("order", order, [*orders.names(), *scores.names()])
    if isinstance(order, Mapping):
        return by_mix(order)
    if callable(order):
        return by_callable(order)
    raise InputError(
        Argument("order", order) + " cannot be used",
        "it has to be a name, a mix of weights or a callable",
    )


def _queue(ctx: ScoreContext, placed: Placed, limit: int | None) -> pd.DataFrame:
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
        raise InputError(
            Argument("limit", limit) + " cannot be used", "it has to be a number from 1 up"
        )
    head = slice(limit)
    placed = replace(
        placed, frames=placed.frames[head], score=placed.score[head], rule=placed.rule[head]
    )
    return pd.DataFrame(
        {
            "rank": np.arange(1, len(placed.frames) + 1, dtype=np.int64),
            "frame_id": pd.Series(ctx.frame_ids[placed.frames], dtype=object).astype("str"),
            "score": placed.score.astype(np.float64),
            "rule": pd.Series(placed.rule, dtype=object).astype("str"),
            "reason": pd.Series(reasons(ctx, placed), dtype=object).astype("str"),
        },
        columns=list(QUEUE_COLUMNS),
    )


def rank(
    proposals: pd.DataFrame,
    frames: pd.DataFrame,
    *,
    order: OrderLike = "four-rules",
    conf: float = 0.5,
    borderline: tuple[float, float] = (0.4, 0.6),
    seed: int = 0,
    label_map: Mapping[str, str | None] | None = None,
    other: pd.DataFrame | None = None,
    sequences: Collection[str] = (),
    walked: Mapping[int, Walked] | None = None,
    labels: Collection[str] | str | None = None,
    groups: Collection[str] | str | None = None,
    score_range: tuple[float, float] | None = None,
    states: pd.Series[Any] | pd.DataFrame | None = None,
    decided: bool | None = None,
    limit: int | None = None,
    quotas: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Frames in the order in which people should look, each with its rule and reason.

    Parameters
    ----------
    proposals : DataFrame
        One run's proposals, from ``store_above`` up (hidden ones count as possible misses).
    frames : DataFrame
        The run's frames; those without a proposal are ranked as well.
    order : str, mapping or callable
        ``'four-rules'``, any score's name, weights of scores (``{'entropy': 1, 'flicker': 0.5}``,
        mixed by rank), or ``function(proposals, frames) -> Series`` by ``frame_id``.
    conf : float
        The score from which a reviewer is shown a proposal, 0..1.
    borderline : (float, float)
        Scores that count as undecided.
    seed : int
        For the random share and for ties.
    label_map : mapping, optional
        Model label to project label: labels that become one are not ambiguous. Without it, what
        the proposals themselves show of it.
    other : DataFrame, optional
        A second run's proposals, for ``disagreement``.
    sequences : names, optional
        Groups of single images that follow each other in time, for ``flicker``; videos need not
        be named.
    walked : mapping, optional
        Track id to where the run has looked for it, for ``drift``: tracks are lost in the direction
        of walking, and nowhere else. Without it they are taken to be walked forward over all.
    labels, groups, score_range, decided
        Filters, see :func:`labkit.queue.filters.passing`.
    states : Series or DataFrame, optional
        State by frame (``labkit.ledger.fold.frame_states``). Skipped frames are put last.
    limit : int, optional
        Only the first so many.
    quotas : mapping, optional
        Shares of ``borderline``, ``crowding``, ``ambiguity`` and ``random`` in ``four-rules``;
        rules left out get none. Default 0.4, 0.3, 0.2, 0.1.

    Returns
    -------
    DataFrame
        ``rank`` (from 1), ``frame_id``, ``score`` (by the rule; comparable within one rule),
        ``rule``, ``reason``. Every frame that passes is there once.

    Raises
    ------
    InputError, NotFoundError
        An argument that cannot be used; an unknown order, score, rule, label or group.
    """
    placing = resolve(order)
    ctx = build_context(
        proposals,
        frames,
        conf=fraction(conf, "conf"),
        borderline=score_bounds(borderline, "borderline"),
        seed=int(seed),
        label_map=label_map,
        other=other,
        sequences=sequences,
        walked=walked,
    )
    state = states_of(states, ctx.frame_ids)
    keep = passing(
        ctx, frames, state, labels=labels, groups=groups, score_range=score_range, decided=decided
    )
    request = Request(
        np.flatnonzero(keep), np.ones(ctx.n_frames), proposals, frames, quotas or QUOTAS
    )
    placed = placing(ctx, request)
    return _queue(ctx, _put_off(placed, state == "skipped"), limit)


def _put_off(placed: Placed, skipped: NDArray[np.bool_]) -> Placed:
    """Skipped frames go to the end, in the same order."""
    last = skipped[placed.frames]
    if not last.any():
        return placed
    index = np.concatenate([np.flatnonzero(~last), np.flatnonzero(last)])
    return replace(
        placed, frames=placed.frames[index], score=placed.score[index], rule=placed.rule[index]
    )


def rerank(
    queue: pd.DataFrame,
    proposals: pd.DataFrame,
    frames: pd.DataFrame,
    *,
    decisions: pd.DataFrame,
    states: pd.Series[Any] | pd.DataFrame,
    order: OrderLike = "four-rules",
    conf: float = 0.5,
    borderline: tuple[float, float] = (0.4, 0.6),
    seed: int = 0,
    label_map: Mapping[str, str | None] | None = None,
    other: pd.DataFrame | None = None,
    sequences: Collection[str] = (),
    walked: Mapping[int, Walked] | None = None,
    quotas: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """The queue after some decisions: what is done stays where it is, the rest is ordered again.

    Frames that were accepted, sent to hand-labelling or skipped keep their rank and their row, so
    a session's place in the queue stays valid. The others share the remaining ranks, with their
    scores multiplied by what the decisions say about their labels: where ``bus`` was wrong twice as
    often as its scores promised, frames with doubtful buses move up
    (:func:`labkit.queue.calibration.calibrate`). Decisions do not change the random share.

    Parameters
    ----------
    queue : DataFrame
        From :func:`rank` or ``rerank``; it fixes which frames are ranked.
    decisions : DataFrame
        The ledger's rows; undone ones do not count.
    states : Series or DataFrame
        State by frame (``labkit.ledger.fold.frame_states``).

    The other parameters are those of :func:`rank`.
    """
    placing = resolve(order)
    ctx = build_context(
        proposals,
        frames,
        conf=fraction(conf, "conf"),
        borderline=score_bounds(borderline, "borderline"),
        seed=int(seed),
        label_map=label_map,
        other=other,
        sequences=sequences,
        walked=walked,
    )
    queue = queue.reset_index(drop=True)
    frame_index = pd.Index(ctx.frame_ids, dtype=object)
    number = frame_index.get_indexer(pd.Index(queue["frame_id"], dtype=object))
    if (number < 0).any():
        raise unknown(
            "frame", queue["frame_id"][int(np.argmax(number < 0))], frame_index.tolist(), 3
        )
    done = np.isin(states_of(states, ctx.frame_ids), (*DECIDED, "skipped"))[number]
    runs = proposals["run_id"].unique() if "run_id" in proposals else None
    calibration = calibrate(ctx, decisions, None if runs is None else [str(r) for r in runs])
    before = value(ctx, "expected-errors")
    ctx = replace(ctx, factor=calibration.factors(ctx))
    after = value(ctx, "expected-errors")
    boost = np.divide(after, before, out=np.ones(ctx.n_frames), where=before > 0)
    placed = placing(ctx, Request(number[~done], boost, proposals, frames, quotas or QUOTAS))
    fresh = _queue(ctx, placed, None)
    fresh.index = pd.Index(np.flatnonzero(~done))
    kept = queue.loc[done, list(QUEUE_COLUMNS)]
    out: pd.DataFrame = pd.concat([part for part in (kept, fresh) if len(part)] or [fresh])
    out = out.sort_index().assign(rank=np.arange(1, len(out) + 1, dtype=np.int64))
    return out.reset_index(drop=True)
