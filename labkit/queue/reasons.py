"""The reason column of a queue: first the rule's words, then other reasons to look at the frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labkit.queue.context import ScoreContext
from labkit.queue.order import Placed, value
from labkit.queue.scores import scores
from labkit.queue.words import Phrases

__all__ = ["reasons"]

ALSO = ("borderline", "ambiguity")
"""Scores whose words are worth reading under any rule."""

_INSTEAD = {"rest": "expected-errors"}


def reasons(ctx: ScoreContext, placed: Placed) -> NDArray[np.object_]:
    """One line per row of the queue: ``'3 boxes at 0.45; bus 0.48 / truck 0.44'``."""
    rules = [str(name) for name in dict.fromkeys(placed.rule.tolist())]
    parts: list[list[str]] = [[] for _ in placed.frames]
    made: dict[str, Phrases] = {}

    def add(name: str, at: NDArray[np.bool_]) -> None:
        places = np.flatnonzero(at)
        if name not in made:
            made[name] = scores[name].words(ctx, value(ctx, name))
        phrases = made[name][placed.frames[places]].tolist()
        for k, phrase in zip(places.tolist(), phrases, strict=True):
            if phrase:
                parts[k].append(phrase)

    for rule in rules:
        name = _INSTEAD.get(rule, rule)
        if name in scores:
            add(name, placed.rule == rule)
    everywhere = np.ones(len(parts), dtype=bool)
    for name in placed.leading:
        add(name, everywhere)
    for name in ALSO:
        if name not in placed.leading:
            add(name, placed.rule != name)
    boxes = ctx.per_frame()[placed.frames] > 0
    lines = []
    for given, any_box, rule, number in zip(
        parts, boxes.tolist(), placed.rule.tolist(), placed.score.tolist(), strict=True
    ):
        if rule not in scores and rule not in ("rest", "mix"):
            given = [f"{rule} {number:.3g}", *given]
        lines.append("; ".join(given) or ("nothing uncertain" if any_box else "no boxes"))
    return np.array(lines, dtype=object)
