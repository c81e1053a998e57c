"""The parts of a report that measure: rates, scores, time, drift, threshold, agreement, worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from labkit.core.errors import LabkitError
from labkit.metrics import rates, timing
from labkit.report import outcomes
from labkit.report.blocks import (
    Block,
    Section,
    Table,
    Text,
    count,
    duration,
    number,
    percent,
    plural,
    with_interval,
)
from labkit.report.facts import Facts
from labkit.report.figures import figure_block
from labkit.report.plots import plot_rates, plot_scores, plot_times

__all__ = ["measure_sections", "numbers"]

_RATES = {
    "edit_rate": "edited",
    "shape_rate": "in shape",
    "relabel_rate": "in label",
    "removal_rate": "removed",
    "correction_rate": "edited or removed",
    "miss_rate": "missed",
}
_PLOTTED = ("edit_rate", "removal_rate", "miss_rate")
_AT_THE_TOP = ("edit_rate", "removal_rate", "correction_rate", "miss_rate")
_MOST_LABELS = 30


def numbers(facts: Facts) -> list[tuple[str, str, str]]:
    """The figures at the top: name, value, detail."""
    total = rates(facts.book).iloc[0]
    time = timing(facts.book).iloc[0]
    done, frames = facts.done, len(facts.frames)
    share = f"{percent(done / frames, 0)} of {frames:,}" if frames else ""
    out = [("frames reviewed", count(done), share)]
    out.append(("objects judged", count(total["n"]), f"{count(total['added'])} more added"))
    for rate in _AT_THE_TOP:
        span = with_interval(total[rate], total[f"{rate}_lo"], total[f"{rate}_hi"])
        value, _, interval = span.partition(" (")
        out.append((_RATES[rate], value, interval and f"{interval[:-1]} %"))
    median = time["seconds_per_frame_median"]
    out.append(("median time per frame", duration(median), f"{duration(time['seconds'])} in all"))
    return out


def measure_sections(facts: Facts) -> list[Section]:
    """All measuring parts; a part for which data is missing says what is missing."""
    parts: list[tuple[str, str, Callable[[Facts], Sequence[Block]]]] = [
        ("rates", "How often people changed what was proposed", _rates),
        ("scores", "Can the scores be trusted?", _scores),
        ("threshold", "Which threshold costs least", outcomes.threshold_blocks),
        ("time", "How long it takes", _time),
        ("roi", "Is review worth it?", outcomes.roi_blocks),
        ("progress", "Errors found so far", outcomes.progress_blocks),
        ("drift", "Does the model get worse?", outcomes.drift_blocks),
        ("agreement", "Do reviewers agree?", outcomes.agreement_blocks),
    ]
    if facts.decisions.empty:
        names = "Rates, scores, threshold, time, drift and agreement"
        text = f"{names} need decisions, and none has been made yet."
        return [Section("rates", "Metrics", [Text(text, "note")])]
    sections = []
    for anchor, title, build in parts:
        try:
            blocks = build(facts)
        except LabkitError as exc:  # one part that fails must not cost the whole page
            blocks = [Text(f"This part cannot be shown. {exc}", "note")]
        if blocks:
            sections.append(Section(anchor, title, blocks))
    return sections


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
        f"and {plural(more, 'label')} judged less often: labkit.metrics.summary() has them all."
        if more > 0
        else "",
    )
    long = [
        (str(r["label"]), word, r[rate], r[f"{rate}_lo"], r[f"{rate}_hi"], r["n"])
        for _, r in by_label.iterrows()
        for rate, word in _RATES.items()
        if rate in _PLOTTED
    ]
    frame = pd.DataFrame(long, columns=["group", "metric", "value", "lo", "hi", "n"])
    parts = [
        f"{r['group']}: {r['metric']} {percent(r['value'])}" for _, r in frame.head(9).iterrows()
    ]
    blocks: list[Block] = []
    if frame["value"].notna().any():
        alt = "Rates by label with intervals. " + "; ".join(parts)
        caption = "Points are shares, bars their 95 % intervals; in brackets how many were judged."
        blocks.append(figure_block(plot_rates(frame), alt, caption))
    text = (
        "Edited: kept after the shape, the attributes (in shape) or the label (in label) were "
        "changed. Removed: taken away. All are shares of the proposals judged. Missed: objects "
        "that a person had to add, as a share of all objects on accepted frames. An interval takes "
        "objects to be independent and is too narrow where those of one frame go wrong together."
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
    return [figure_block(plot_scores(judged), alt, caption)]


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
                number(row["clicks_per_frame"], 1),
            )
        )
    columns = ["reviewer", "frames", "median per frame", "90 % under", "mean per object"]
    columns += ["frames per hour", "clicks per frame"]
    table = Table("Active time, idle time left out", columns, rows, frozenset(range(1, 7)))
    alt = f"Distribution of the active time of {len(finished):,} frames: median {rows[0][2]}."
    return [table, figure_block(plot_times(finished["review_s"]), alt)]
