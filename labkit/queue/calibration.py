"""What decisions say about the model's scores: errors seen over errors expected, by label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labkit.core.visibility import is_shown
from labkit.ledger.fold import decided_objects, frame_states
from labkit.queue.context import ScoreContext

__all__ = ["PRIOR", "Calibration", "calibrate"]

PRIOR = 2.0
"""Seen and expected errors that every ratio starts with, so that a few decisions move it little."""

BINS = 10

Key = tuple[str, int]


@dataclass(frozen=True)
class Calibration:
    """Ratios of errors seen to errors expected; 1 where nothing is known.

    Attributes
    ----------
    shown : mapping of (label, score bin)
        For proposals at or above the threshold. Bin ``k`` is scores ``[k/10, (k+1)/10)``.
    label : mapping of label
        The same over all scores, for bins without a decision.
    hidden : mapping of label
        For proposals below the threshold: objects that people added or confirmed there.
    """

    shown: Mapping[Key, float] = field(default_factory=dict)
    label: Mapping[str, float] = field(default_factory=dict)
    hidden: Mapping[str, float] = field(default_factory=dict)

    def factors(self, ctx: ScoreContext) -> NDArray[np.float32]:
        """The factor on the expected error of each proposal, ``(m,)``, above 0."""
        table = np.ones((max(len(ctx.names), 1), BINS), dtype=np.float32)
        below = np.ones(max(len(ctx.names), 1), dtype=np.float32)
        for k, name in enumerate(ctx.names):
            table[k] = [self.shown.get((name, b), self.label.get(name, 1.0)) for b in range(BINS)]
            below[k] = self.hidden.get(name, 1.0)
        return np.where(ctx.shown, table[ctx.label, _bins(ctx.score)], below[ctx.label])


def _bins(score: Any) -> NDArray[np.intp]:
    return np.clip(np.floor(np.asarray(score, dtype=np.float64) * BINS), 0, BINS - 1).astype(
        np.intp
    )


def _ratio(seen: float, expected: float, prior: float = 1.0) -> float:
    """Posterior mean of a Poisson rate ratio under a Gamma(PRIOR * prior, PRIOR) prior."""
    return (seen + PRIOR * prior) / (expected + PRIOR)


def calibrate(
    ctx: ScoreContext, decisions: pd.DataFrame, runs: Collection[str] | None = None
) -> Calibration:
    """Compare the errors that people found with those that the scores promised.

    A ratio is ``(seen + 2) / (expected + 2)``: the posterior mean of a Poisson rate ratio under a
    gamma prior with mean 1, which is the usual shrinkage of standardised ratios (Clayton & Kaldor,
    Biometrics 1987). A score bin is shrunk to its label in the same way, and a label to 1.

    Above the threshold an error is a reject or another label; expected are ``1 - score``. A moved
    box is no error here: the score does not speak of its edges. Below the threshold an error is an
    object that people added or confirmed although it was not shown; expected is the sum of the
    scores hidden on the accepted frames.

    Parameters
    ----------
    ctx : ScoreContext
        Of the run, with the frames that were decided.
    decisions : DataFrame
        The ledger; undone rows do not count.
    runs : collection of str, optional
        The run whose scores are calibrated: verdicts on proposals of other runs say nothing about
        them and are left out. By default they are all taken to be of this run.
    """
    if not len(decisions):
        return Calibration()
    objects = decided_objects(decisions)
    objects["model_label"] = objects["model_label"].astype(object)
    judged = objects[objects["model_label"].notna() & objects["score"].notna()]
    if runs is not None:
        judged = judged[judged["run_id"].isin(list(runs))]
    judged = judged.assign(
        score=judged["score"].astype("float64"),
        wrong=(judged["state"] == "rejected") | judged["relabelled"],
    )
    shown = is_shown(judged["score"].to_numpy(np.float32), ctx.conf)
    label, by_bin = {}, {}
    for name, rows in judged[shown].groupby("model_label", sort=True):
        expected = 1 - rows["score"]
        label[str(name)] = _ratio(float(rows["wrong"].sum()), float(expected.sum()))
        for k, part in rows.groupby(_bins(rows["score"])):
            seen, due = float(part["wrong"].sum()), float((1 - part["score"]).sum())
            by_bin[str(name), int(str(k))] = _ratio(seen, due, label[str(name)])
    added = objects[objects["state"] == "added"]
    confirmed = judged.loc[~shown & ~judged["wrong"], "model_label"]
    return Calibration(by_bin, label, _hidden(ctx, decisions, added, confirmed))


def _hidden(
    ctx: ScoreContext, decisions: pd.DataFrame, added: pd.DataFrame, confirmed: pd.Series[Any]
) -> dict[str, float]:
    states = frame_states(decisions)
    # only a frame that was accepted as a whole says that nothing else is on it
    done = states.loc[states["state"] == "accepted", "frame_id"].astype(object).unique()
    accepted = np.isin(ctx.frame_ids.astype(str), done.astype(str))
    hidden = accepted[ctx.frame] & ~ctx.shown
    expected = np.bincount(ctx.label[hidden], ctx.score[hidden], len(ctx.names))
    drawn = added.loc[added["frame_id"].astype(object).isin(done), "label"]
    seen = Counter([*drawn.astype(str), *confirmed.astype(str)])
    return {
        name: _ratio(float(seen[name]), float(expected[k]))
        for k, name in enumerate(ctx.names)
        if expected[k] > 0 or name in seen
    }
