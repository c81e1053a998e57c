"""The order of frames in a queue, and the rule that put each one in its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labkit.core.errors import InputError
from labkit.core.registry import Registry, unknown
from labkit.queue.context import ScoreContext
from labkit.queue.scores import Score, Values, scores

__all__ = [
    "QUOTAS",
    "Order",
    "Placed",
    "Request",
    "by_callable",
    "by_mix",
    "by_score",
    "orders",
    "value",
]

Ints = NDArray[np.intp]

QUOTAS: Mapping[str, float] = {"borderline": 0.4, "crowding": 0.3, "ambiguity": 0.2, "random": 0.1}
"""Shares of the places that the four rules get while they have frames left."""

CROWDED = 0.75
"""A frame is crowded if it is among the upper quarter of its run."""


@dataclass(frozen=True, eq=False)
class Request:
    """What an order is given: which frames to place, and with what weight.

    Attributes
    ----------
    frames : ndarray of int
        Numbers of the frames to place.
    boost : ndarray, (n_frames,)
        Factor on a score: what decisions so far say about the frame's labels. 1 before any
        decision. Expected errors include it already; chance never uses it.
    proposals, table : DataFrame
        As the user passed them, for callables.
    quotas : mapping
        For ``four-rules``.
    """

    frames: Ints
    boost: Values
    proposals: pd.DataFrame
    table: pd.DataFrame
    quotas: Mapping[str, float] = field(default_factory=lambda: QUOTAS)


@dataclass(frozen=True, eq=False)
class Placed:
    """Frames in the order of the queue, with the rule of each and its score by that rule.

    ``leading`` are the scores whose words are given first, where they differ from the rules.
    """

    frames: Ints
    score: Values
    rule: NDArray[Any]
    leading: tuple[str, ...] = ()


Order = Callable[[ScoreContext, Request], Placed]

orders: Registry[Order] = Registry("order", "orders", callable)
"""Named orders. Every score's name is an order as well."""


def value(ctx: ScoreContext, name: str) -> Values:
    """A score of all frames, computed once per context."""
    return ctx.once(scores[name])


def _boosted(ctx: ScoreContext, request: Request, name: str) -> Values:
    # expected errors carry the decisions' evidence themselves; chance ignores them
    plain = name in ("expected-errors", "random")
    return value(ctx, name) if plain else value(ctx, name) * request.boost


def sorted_by(ctx: ScoreContext, frames: Ints, key: Values, then: Values) -> Ints:
    """Frames by descending key; ties by ``then``, descending, and by a seeded hash of the frame.

    Ties use a hash instead of the order of adding, so that equal frames come from all sources.
    """
    chance = value(ctx, "random")
    return frames[np.lexsort((chance[frames], -then[frames], -key[frames]))]


def _one(ctx: ScoreContext, frames: Ints, key: Values, rule: str) -> Placed:
    chosen = sorted_by(ctx, frames, key, value(ctx, "expected-errors"))
    return Placed(chosen, key[chosen], np.full(len(chosen), rule, dtype=object))


def by_score(score: Score) -> Order:
    """The order by one score, highest first."""

    def order(ctx: ScoreContext, request: Request) -> Placed:
        return _one(ctx, request.frames, _boosted(ctx, request, score.name), score.name)

    return order


def by_mix(weights: Mapping[str, float]) -> Order:
    """The order by a weighted mean of scores, each as its rank among the frames (0..1).

    Ranks are mixed instead of values, because a count of boxes and a probability have no common
    unit. Frames that tie share their mean rank. A negative weight prefers low scores.
    """
    from scipy.stats import rankdata

    for name in weights:
        scores[name]
    factors = np.array([float(w) for w in weights.values()])
    if not len(factors) or not np.isfinite(factors).all() or not np.abs(factors).sum() > 0:
        raise InputError(
            f"The mix {dict(weights)!r} cannot be used", "it needs finite weights, not all 0"
        )

    def order(ctx: ScoreContext, request: Request) -> Placed:
        total, frames = np.zeros(ctx.n_frames), request.frames
        for name, weight in zip(weights, factors, strict=True):
            rank = rankdata(_boosted(ctx, request, name)[frames]) - 1
            total[frames] += weight * rank / max(len(frames) - 1, 1)
        placed = _one(ctx, frames, total / np.abs(factors).sum(), "mix")
        names = sorted(weights, key=lambda k: -abs(weights[k]))
        return Placed(placed.frames, placed.score, placed.rule, tuple(names))

    return order


def by_callable(function: Callable[..., Any]) -> Order:
    """The order by the Series of ``function(proposals, frames)``, highest first.

    The Series is indexed by ``frame_id``. Frames that are missing from it or NaN come last.
    """
    rule = getattr(function, "__name__", type(function).__name__)
    rule = "custom" if rule == "<lambda>" else rule

    def order(ctx: ScoreContext, request: Request) -> Placed:
        answer = function(request.proposals, request.table)
        if not isinstance(answer, pd.Series) or not answer.index.is_unique:
            raise InputError(
                f"The order {rule!r} cannot be used",
                f"it returned {type(answer).__name__}, not one number per frame",
                "return a Series indexed by frame_id, each frame once",
            )
        index = pd.Index(answer.index.astype(object))
        positions = index.get_indexer(pd.Index(ctx.frame_ids, dtype=object))
        if ctx.n_frames and not (positions >= 0).any():
            raise InputError(
                f"The order {rule!r} cannot be used",
                "its Series names none of the frames",
                "return a Series indexed by frame_id",
            )
        answers = pd.to_numeric(answer, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        key = np.where(positions >= 0, answers[positions], np.nan)
        # a boost moves a frame up, also where the user's numbers are negative
        key = np.where(key > 0, key * request.boost, key / request.boost)
        placed = _one(ctx, request.frames, np.where(np.isnan(key), -np.inf, key), rule)
        return Placed(placed.frames, key[placed.frames], placed.rule)

    return order


def _shares(quotas: Mapping[str, float]) -> dict[str, float]:
    for name in quotas:
        if name not in QUOTAS:
            raise unknown("rule", name, list(QUOTAS))
    shares = {name: float(quotas.get(name, 0)) for name in QUOTAS}
    given = np.array(list(shares.values()))
    if not np.isfinite(given).all() or (given < 0).any() or not given.sum() > 0:
        raise InputError(
            f"The quotas {dict(quotas)!r} cannot be used",
            "they have to be shares from 0 up, not all 0",
            f"the rules are {', '.join(QUOTAS)}",
        )
    return shares


@orders.register("four-rules")
def four_rules(ctx: ScoreContext, request: Request) -> Placed:
    """Borderline, crowding, ambiguity and chance take turns, each by its quota.

    The rules say what kind of doubt a frame raises: at least one borderline box; among the upper
    quarter of the run by crowding; at least one ambiguous object. How much there is to correct is
    the same question under each of them, so each offers its frames by expected errors, ties by the
    rule's own score. The random share is drawn from the frames that meet no condition, so that the
    model's confident mistakes are met as well. At each place the rule furthest behind its quota
    goes first, at a tie in the order named; so every beginning of the queue holds the mix that was
    asked for. What no rule claims follows when the others have run out, by expected errors, as
    rule ``rest``; chance keeps its share of the places there too. The score is the number of
    expected errors, for the random share the number drawn.
    """
    shares = _shares(request.quotas)
    frames = request.frames
    claimed = np.zeros(ctx.n_frames, dtype=bool)
    errors, chance = value(ctx, "expected-errors"), value(ctx, "random")
    lists: dict[str, Ints] = {}
    for name in ("borderline", "crowding", "ambiguity"):
        key = value(ctx, name)
        least = np.quantile(key, CROWDED) if name == "crowding" and len(key) else 0.0
        meets = frames[(key[frames] > 0) & (key[frames] >= least)] if shares[name] else frames[:0]
        claimed[meets] = True
        lists[name] = sorted_by(ctx, meets, errors, key)
    rest = frames[~claimed[frames]]
    lists["random"] = sorted_by(ctx, rest, chance, errors) if shares["random"] else rest[:0]
    lists["rest"] = sorted_by(ctx, rest, errors, chance)
    turns = _take_turns(lists, {k: v / sum(shares.values()) for k, v in shares.items()})
    chosen = np.array([frame for frame, _ in turns], dtype=np.intp)
    rule = np.array([name for _, name in turns], dtype=object)
    return Placed(chosen, np.where(rule == "random", chance[chosen], errors[chosen]), rule)


def _take_turns(lists: Mapping[str, Ints], shares: Mapping[str, float]) -> list[tuple[int, str]]:
    """Draw each frame once: chance at its share of the places, the rules in turn at the others.

    Stride scheduling: a list's next turn is at ``(turns + 1/2) / share``, the earliest goes first.
    A rule that has run out leaves its places to the other rules, not to chance, and when all have,
    ``rest`` takes them.
    """
    queues = {name: iter(frames.tolist()) for name, frames in lists.items()}
    due = {name: 0.5 / share for name, share in shares.items() if share > 0}
    next_chance = due.pop("random", np.inf)
    taken: set[int] = set()
    drawn: list[tuple[int, str]] = []

    def draw(name: str) -> bool:
        for frame in queues[name]:
            if frame not in taken:
                taken.add(frame)
                drawn.append((frame, name))
                return True
        return False

    while True:
        if next_chance <= len(drawn) + 1:
            next_chance = next_chance + 1 / shares["random"] if draw("random") else np.inf
        elif due:
            name = min(due, key=due.__getitem__)
            if draw(name):
                due[name] += 1 / shares[name]
            else:
                del due[name]
        elif not draw("rest"):
            return drawn
