"""The parts of a report that measure: rates, scores, time, drift, threshold, agreement, worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Plot

from labkit.core.errors import InputError, LabkitError
from labkit.metrics import advise_threshold, agreement, edit_drift, rates, roi, timing
from labkit.report import plots
from labkit.report.blocks import (
    Block,
    Figure,
    Section,
    Table,
    Text,
    count,
    data_uri,
    duration,
    percent,
    plural,
    with_interval,
)
from labkit.report.facts import Facts

__all__ = ["errors_by_frame", "measure_sections", "numbers"]

_RATES = {
    "edit_rate": "edited",
    "relabel_rate": "relabelled",
    "removal_rate": "removed",
    "miss_rate": "missed",
}
_MOST_LABELS = 30


def numbers(facts: Facts) -> list[tuple[str, str, str]]:
    """The figures at the top: name, value, detail."""
    total = rates(facts.book).iloc[0]
    time = timing(facts.book).iloc[0]
    done, frames = facts.done, len(facts.frames)
    share = f"{percent(done / frames, 0)} of {frames:,}" if frames else ""
    out = [("frames reviewed", count(done), share)]
    out.append(("objects judged", count(total["n"]), f"{count(total['added'])} more added"))
    for rate, word in (("correction_rate", "changed or removed"), ("miss_rate", "missed")):
        lo, hi = total[f"{rate}_lo"], total[f"{rate}_hi"]
        span = "" if pd.isna(lo) else f"{100 * lo:.1f}–{100 * hi:.1f} %"
        out.append((word, percent(total[rate]), span))
    median = time["seconds_per_frame_median"]
    out.append(("median time a frame", duration(median), f"{duration(time['seconds'])} in all"))
    return out


def measure_sections(facts: Facts) -> list[Section]:
    """All measuring parts; a part for which data is missing says what is missing."""
    parts: list[tuple[str, str, Callable[[Facts], Sequence[Block]]]] = [
        ("rates", "How often people changed what was proposed", _rates),
        ("scores", "Can the scores be trusted?", _scores),
        ("threshold", "Which threshold costs least", _threshold),
        ("time", "How long it takes", _time),
        ("roi", "Is review worth it?", _roi),
        ("progress", "Errors found so far", _progress),
        ("drift", "Does the model get worse?", _drift),
        ("agreement", "Do reviewers agree?", _agreement),
    ]
    if facts.decisions.empty:
        names = "Rates, scores, threshold, time, drift and agreement"
        text = f"{names} need decisions, and none has been made yet."
        return [Section("rates", "Metrics", [Text(text, "note")])]
    sections = []
    for anchor, title, build in parts:
        try:
            blocks = build(facts)
        except LabkitError as exc:  # a part that cannot be had must not cost the whole page
            blocks = [Text(f"Not to be had here. {exc}", "note")]
        if blocks:
            sections.append(Section(anchor, title, blocks))
    return sections


def _plot(figure: Plot, alt: str, caption: str = "") -> Figure:
    return Figure(data_uri(plots.figure_png(figure), "image/png"), alt, caption)


def _rates(facts: Facts) -> Sequence[Block]:
    by_label = rates(facts.book, "label").sort_values("n", ascending=False, kind="stable")
    total = rates(facts.book)
    if not total["n"].iloc[0] and not total["true_objects"].iloc[0]:
        return [Text("No object has been judged yet.", "note")]
    rows = [_rate_row("all labels", total.iloc[0])]
    rows += [_rate_row(str(r["label"]), r) for _, r in by_label.head(_MOST_LABELS).iterrows()]
    more = len(by_label) - _MOST_LABELS
    columns = ["label", "judged", *_RATES.values(), "precision", "recall"]
    table = Table(
        "Rates by label with 95 % Wilson intervals",
        columns,
        rows,
        frozenset(range(1, len(columns))),
        f"and {plural(more, 'label')} judged more seldom: labkit.metrics.summary() has them all."
        if more > 0
        else "",
    )
    long = [
        (str(r["label"]), word, r[rate], r[f"{rate}_lo"], r[f"{rate}_hi"], r["n"])
        for _, r in by_label.iterrows()
        for rate, word in _RATES.items()
        if rate != "relabel_rate"
    ]
    frame = pd.DataFrame(long, columns=["group", "metric", "value", "lo", "hi", "n"])
    said = [
        f"{r['group']}: {r['metric']} {percent(r['value'])}" for _, r in frame.head(9).iterrows()
    ]
    blocks: list[Block] = []
    if len(frame):
        alt = "Rates by label with intervals. " + "; ".join(said)
        caption = "Points are shares, bars their 95 % intervals; in brackets how many were judged."
        blocks.append(_plot(plots.plot_rates(frame), alt, caption))
    text = (
        "Edited: kept after the shape was changed. Relabelled: kept under another label. Removed: "
        "taken away. All three are shares of the proposals judged. Missed: objects that a person "
        "had to add, as a share of all objects on accepted frames. An interval takes objects to be "
        "independent and is too narrow where those of one frame go wrong together."
    )
    return [*blocks, table, Text(text)]


def _rate_row(name: str, row: pd.Series[Any]) -> tuple[str, ...]:
    cells = [with_interval(row[r], row[f"{r}_lo"], row[f"{r}_hi"]) for r in _RATES]
    return (name, count(row["n"]), *cells, percent(row["precision"]), percent(row["recall"]))


def _scores(facts: Facts) -> Sequence[Block]:
    objects = facts.book.objects
    judged = objects[objects["score"].notna() & (objects["verdict"] != "added")]
    if judged.empty:
        return [Text("No proposal with a score has been judged yet.", "note")]
    kept = judged["verdict"] != "rejected"
    alt = (
        f"Histogram of the scores of {len(judged):,} judged proposals by verdict, and the share "
        f"that was kept at each score; {percent(float(kept.mean()))} were kept in all, their mean "
        f"score is {judged['score'].mean():.2f}."
    )
    caption = (
        "Where the points lie above the dotted line, the model is better than its scores say. Only "
        "what was shown to a reviewer is judged, so there is nothing below the threshold."
    )
    return [_plot(plots.plot_scores(judged), alt, caption)]


def _time(facts: Facts) -> Sequence[Block]:
    frames = facts.book.frames
    finished = frames[(frames["state"] != "open") & frames["reviewed"]]
    if finished.empty or not float(finished["review_s"].sum()):
        return [Text("No frame has a measured time yet.", "note")]
    rows = []
    by_person = timing(facts.book, "reviewer")
    for name, row in [
        ("all", timing(facts.book).iloc[0]),
        *((r["reviewer"], r) for _, r in by_person.iterrows()),
    ]:
        rows.append(
            (
                str(name),
                count(row["frames"]),
                duration(row["seconds_per_frame_median"]),
                duration(row["seconds_per_frame_p90"]),
                duration(row["seconds_per_object_mean"]),
                count(row["frames_per_hour"]),
                "–" if pd.isna(row["clicks_per_frame"]) else f"{row['clicks_per_frame']:.1f}",
            )
        )
    columns = ["reviewer", "frames", "median a frame", "90 % under", "mean an object"]
    columns += ["frames an hour", "clicks a frame"]
    table = Table("Active time, idle time left out", columns, rows, frozenset(range(1, 7)))
    alt = f"Distribution of the active time of {len(finished):,} frames: median {rows[0][2]}."
    return [table, _plot(plots.plot_times(finished["review_s"]), alt)]


def errors_by_frame(facts: Facts) -> pd.DataFrame:
    """What was corrected on each reviewed frame, in the order of review.

    Returns
    -------
    DataFrame
        Indexed by ``frame_id``: ``edited``, ``relabelled``, ``rejected``, ``added`` and
        ``errors``, their sum.
    """
    objects = facts.book.objects
    objects = objects[~objects["by_hand"]]
    kinds = ["edited", "relabelled", "rejected", "added"]
    verdict = objects["verdict"].astype(object)
    table = pd.crosstab(objects["frame_id"].astype(object), verdict).reindex(
        columns=kinds, fill_value=0
    )
    reviewed = facts.states[facts.states["state"] != "skipped"].sort_values("seq")
    table = table.reindex(reviewed["frame_id"].to_numpy(), fill_value=0)
    table.index.name = "frame_id"
    return table.assign(errors=table.sum(axis=1))


def _progress(facts: Facts) -> Sequence[Block]:
    errors = errors_by_frame(facts)
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
    return [Text(text), _plot(plots.plot_progress(errors), alt, caption)]


def _drift(facts: Facts) -> Sequence[Block]:
    drift = edit_drift(facts.book, "corrected")
    text = drift.sentence[:1].upper() + drift.sentence[1:] + "."
    if drift.cusum is None or drift.curve.empty:
        return [Text(text, "note")]
    figure = plots.plot_drift(
        drift.curve, drift.cusum.limit * drift.cusum.unit, "Share of proposals changed or removed"
    )
    kind = "warning" if drift.first_alarm is not None else "text"
    return [Text(text, kind), _plot(figure, "Correction rate and CUSUM statistic. " + text)]


def _agreement(facts: Facts) -> Sequence[Block]:
    if len(facts.book.reviewers) < 2:
        return [Text("Agreement needs two reviewers on the same frames; there is one.", "note")]
    pairs = agreement(facts.proposals, facts.book)
    shared = pairs[(pairs["frames"] > 0) | (pairs["objects"] > 0)]
    if shared.empty:
        return [Text("No two reviewers have judged the same frames yet.", "note")]
    rows = [
        (
            f"{r.reviewer_a} and {r.reviewer_b}",
            count(r.frames),
            _number(r.f1),
            _number(r.mean_iou),
            count(r.objects),
            _number(r.kappa),
        )
        for r in shared.head(_MOST_LABELS).itertuples()
    ]
    columns = ["reviewers", "frames both accepted", "F1 at IoU 0.5", "mean IoU"]
    columns += ["proposals both judged", "Cohen's kappa"]
    blocks: list[Block] = [Table("Agreement in pairs", columns, rows, frozenset(range(1, 6)))]
    blocks.append(Text(f"Krippendorff's alpha over all verdicts: {_number(pairs.attrs['alpha'])}."))
    names = sorted(set(shared["reviewer_a"]) | set(shared["reviewer_b"]))
    matrix = pd.DataFrame(np.nan, index=names, columns=names)
    for r in shared.itertuples():
        matrix.loc[r.reviewer_a, r.reviewer_b] = matrix.loc[r.reviewer_b, r.reviewer_a] = r.f1
    if matrix.notna().any(axis=None) and len(names) > 2:
        alt = "F1 of each pair of reviewers; the numbers stand in the table."
        blocks.append(_plot(plots.plot_agreement(matrix), alt))
    return blocks


def _number(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:.2f}"


def _threshold(facts: Facts) -> Sequence[Block]:
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
        figure = plots.plot_threshold(curve, advice.recommended, run.conf, (advice.lo, advice.hi))
        caption = (
            f"Counted on {plural(n, 'frame')}: {costs.reject:g} to remove, {costs.add:g} to add, "
            f"{costs.edit:g} to edit, {costs.relabel:g} to relabel, {costs.frame:g} a frame. The "
            "blue field is the interval of the recommendation."
        )
        blocks += [
            Text(text),
            _plot(figure, "Clicks per frame at each threshold. " + text, caption),
        ]
    return blocks or [Text("No detector's proposals have been reviewed yet.", "note")]


def _roi(facts: Facts) -> Sequence[Block]:
    found = roi(facts.book)
    text = found.sentence[:1].upper() + found.sentence[1:] + "."
    blocks: list[Block] = [Text(text)]
    if np.isfinite(found.speedup):
        word = "saved" if found.saved_hours >= 0 else "lost"
        blocks.append(
            Text(
                f"Over {plural(found.objects, 'object')} on {plural(found.frames, 'frame')} that is "
                f"{duration(abs(found.saved_hours) * 3600)} {word}."
            )
        )
    return blocks
