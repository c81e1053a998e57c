"""The parts of a report that compare: threshold, savings, progress, drift, agreement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from labkit.core.errors import InputError
from labkit.metrics import advise_threshold, agreement, edit_drift, roi
from labkit.report.blocks import Block, Table, Text, count, duration, number, plural
from labkit.report.curves import plot_drift, plot_progress, plot_threshold
from labkit.report.facts import Facts
from labkit.report.figures import figure_block
from labkit.report.plots import plot_agreement

__all__ = [
    "agreement_blocks",
    "drift_blocks",
    "progress_blocks",
    "roi_blocks",
    "threshold_blocks",
]

_MOST_PAIRS = 30


def progress_blocks(facts: Facts) -> Sequence[Block]:
    """Errors found so far, and whether the queue brought them forward."""
    errors = facts.errors
    total = int(errors["errors"].sum())
    if not total:
        return [Text("Nothing had to be corrected on the frames reviewed so far.")]
    half = int(np.searchsorted(errors["errors"].cumsum().to_numpy(), total / 2)) + 1
    text = (
        f"{plural(total, 'error')} on {plural(len(errors), 'frame')}; half of them had been met "
        f"after {plural(half, 'frame')}."
    )
    alt = "Errors corrected against frames reviewed. " + text
    caption = "A curve above the dotted line says that the queue brought the errors forward."
    return [Text(text), figure_block(plot_progress(errors), alt, caption)]


def drift_blocks(facts: Facts) -> Sequence[Block]:
    """Whether the correction rate has risen."""
    drift = edit_drift(facts.book, "corrected")
    text = drift.sentence[:1].upper() + drift.sentence[1:] + "."
    if drift.cusum is None or drift.curve.empty:
        return [Text(text, "note")]
    figure = plot_drift(
        drift.curve, drift.cusum.limit * drift.cusum.unit, "Share of proposals changed or removed"
    )
    kind: Literal["text", "warning"] = "text" if drift.first_alarm is None else "warning"
    return [Text(text, kind), figure_block(figure, "Correction rate and CUSUM statistic. " + text)]


def agreement_blocks(facts: Facts) -> Sequence[Block]:
    """Pairs of reviewers: F1, kappa; alpha over all."""
    if len(facts.book.reviewers) < 2:
        return [Text("Agreement needs two reviewers on the same frames; there is one.", "note")]
    pairs = agreement(facts.proposals, facts.book)
    shared = pairs[(pairs["frames"] > 0) | (pairs["objects"] > 0)]
    if shared.empty:
        return [Text("No two reviewers have judged the same frames yet.", "note")]
    records: list[dict[Any, Any]] = shared.to_dict("records")
    rows = [
        (
            f"{r['reviewer_a']} and {r['reviewer_b']}",
            count(r["frames"]),
            number(r["f1"]),
            number(r["mean_iou"]),
            count(r["objects"]),
            number(r["kappa"]),
        )
        for r in records[:_MOST_PAIRS]
    ]
    columns = ["reviewers", "frames both accepted", "F1 at IoU 0.5", "mean IoU"]
    columns += ["proposals both judged", "Cohen's kappa"]
    blocks: list[Block] = [Table("Agreement in pairs", columns, rows, frozenset(range(1, 6)))]
    blocks.append(Text(f"Krippendorff's alpha over all verdicts: {number(pairs.attrs['alpha'])}."))
    names = sorted(set(shared["reviewer_a"]) | set(shared["reviewer_b"]))
    matrix = pd.DataFrame(np.nan, index=names, columns=names)
    for r in records:
        a, b = str(r["reviewer_a"]), str(r["reviewer_b"])
        matrix.loc[a, b] = matrix.loc[b, a] = r["f1"]
    if matrix.notna().any(axis=None) and len(names) > 2:
        alt = "F1 of each pair of reviewers; the numbers are in the table."
        blocks.append(figure_block(plot_agreement(matrix), alt))
    return blocks


def threshold_blocks(facts: Facts) -> Sequence[Block]:
    """The advised threshold of each detector's run, with its curve."""
    blocks: list[Block] = []
    proposals = facts.proposals
    for run in facts.runs:
        own = proposals[proposals["run_id"] == run.run_id]
        if run.kind != "detector" or own.empty:
            continue
        try:
            advice = advise_threshold(own, facts.book)
        except InputError as exc:
            blocks.append(Text(f"{run.run_id}: {exc}", "note"))
            continue
        text = f"{run.run_id}: {advice.sentence}."
        costs, n = advice.costs, len(advice.frames)
        given = advice.curve
        curve = pd.DataFrame(
            {
                "threshold": given["threshold"],
                "cost": given["clicks_per_frame"],
                "remove": given["false_alarms"] * costs.reject / n,
                "add": given["misses"] * costs.add / n,
                "change": (given["edits"] * costs.edit + given["relabels"] * costs.relabel) / n,
                "seen": given["seen"],
            }
        )
        figure = plot_threshold(curve, advice.recommended, run.conf, (advice.lo, advice.hi))
        caption = (
            f"Counted on {plural(n, 'frame')}: {costs.reject:g} to remove, {costs.add:g} to add, "
            f"{costs.edit:g} to edit, {costs.relabel:g} to relabel, {costs.frame:g} a frame. The "
            "blue field is the interval of the recommendation; hatched is what review did not show."
        )
        blocks += [
            Text(text),
            figure_block(figure, "Clicks per frame at each threshold. " + text, caption),
        ]
    return blocks or [Text("No detector's proposals have been reviewed yet.", "note")]


def roi_blocks(facts: Facts) -> Sequence[Block]:
    """Review against hand-labelling, and where the time by hand comes from."""
    result = roi(facts.book)
    text = result.sentence[:1].upper() + result.sentence[1:] + "."
    blocks: list[Block] = [Text(text)]
    if np.isfinite(result.speedup):
        word = "saved" if result.saved_hours >= 0 else "lost"
        blocks.append(
            Text(
                f"Over {plural(result.objects, 'object')} on {plural(result.frames, 'frame')} that "
                f"is {duration(abs(result.saved_hours) * 3600)} {word}."
            )
        )
    return blocks
