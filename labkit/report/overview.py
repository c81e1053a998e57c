"""The parts of a report that say what was done: frames, runs, reviewers, labels, failures."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

import pandas as pd

from labkit._version import __version__
from labkit.core.types import Manifest
from labkit.report.blocks import NONE, Block, Section, Table, Text, count, duration, percent, plural
from labkit.report.facts import Facts

__all__ = ["banners", "closing_sections", "lead", "opening_sections"]

_MOST_ROWS = 100


def lead(facts: Facts) -> str:
    """The line under the title."""
    groups = facts.frames["group"].nunique()
    parts = [
        plural(len(facts.frames), "frame"),
        plural(groups, "folder or video", "folders or videos"),
    ]
    parts += [plural(len(facts.runs), "run"), plural(len(facts.decisions), "decision")]
    text = "Project " + facts.project.name + ": " + ", ".join(parts) + "."
    times = facts.decisions["time"]
    if len(times):
        text += f" Reviewed from {times.min():%Y-%m-%d %H:%M} to {times.max():%Y-%m-%d %H:%M} UTC."
    return text


def banners(facts: Facts) -> list[str]:
    """Warnings at the top of the page."""
    total, scripted = len(facts.decisions), facts.scripted
    if not scripted:
        return []
    if scripted == total:
        return [
            f"All {total:,} decisions were made by a script, not by a person. The rates, times and "
            "agreement on this page describe that script."
        ]
    return [
        f"{scripted:,} of {total:,} decisions ({percent(scripted / total)}) were made by a script, "
        "not by a person. The figures here mix both; the table of reviewers tells them apart."
    ]


def opening_sections(facts: Facts) -> list[Section]:
    """Runs and reviewers."""
    return [
        Section("runs", "What the models proposed", _runs(facts)),
        Section("reviewers", "Who reviewed", _reviewers(facts)),
    ]


def closing_sections(facts: Facts) -> list[Section]:
    """Frames that need attention, the label map, versions."""
    return [
        Section("attention", "Frames that need attention", _attention(facts)),
        Section("labels", "Labels and what was dropped", _labels(facts)),
        Section("versions", "Versions", _versions(facts)),
    ]


def _parameters(run: Manifest) -> str:
    shown = {"conf": run.conf, "store_above": run.store_above, **run.params}
    return ", ".join(f"{name}={value}" for name, value in shown.items() if value is not None)


def _runs(facts: Facts) -> Sequence[Block]:
    if not facts.runs:
        if facts.frames.empty:
            return [Text("The project holds no frame yet: add some with add_frames().", "note")]
        return [Text("No model has run over these frames yet: start one with predict().", "note")]
    rows = [
        (
            run.run_id,
            run.model,
            (run.weights_sha256 or NONE)[:12],
            run.status,
            count(run.frames),
            count(run.proposals),
            count(len(run.failures)),
            (run.created or NONE).replace("T", " ").replace("+00:00", ""),
            _parameters(run),
        )
        for run in facts.runs
    ]
    columns = ["run", "model", "weights SHA-256, first 12", "status", "frames", "proposals"]
    columns += ["failed", "begun (UTC)", "parameters"]
    blocks: list[Block] = [
        Table("Runs, oldest first", columns, rows, frozenset({4, 5, 6})),
    ]
    overlap = [run.run_id for run in facts.runs if run.class_scores == "overlap"]
    if overlap:
        text = "These models give one class per object, so that ambiguity is read from overlapping "
        blocks.append(Text(text + "boxes of different classes: " + ", ".join(overlap) + "."))
    return blocks


def _reviewers(facts: Facts) -> Sequence[Block]:
    decisions = facts.decisions
    if decisions.empty:
        return [Text("Nobody has decided anything yet.", "note")]
    rows = []
    for name, part in decisions.groupby("reviewer", sort=True):
        states = facts.states[facts.states["reviewer"] == name]["state"]
        scripted = float(part["scripted"].fillna(value=False).astype(bool).mean())
        if scripted in (0, 1):
            nature = "script" if scripted else "person"
        else:
            nature = f"script for {percent(scripted)}"
        rows.append(
            (
                str(name),
                nature,
                count(len(part)),
                count(int((states == "accepted").sum())),
                count(int((states == "hand").sum())),
                count(int((states == "skipped").sum())),
                duration(float(part["active_s"].sum())),
                count(float(part["clicks"].sum())),
            )
        )
    columns = [
        "reviewer",
        "person or script",
        "decisions",
        "frames accepted",
        "sent to hand-labelling",
    ]
    columns += ["skipped", "active time", "clicks and keys"]
    note = "Active time leaves idle time out. A frame counts for the person whose verdict holds."
    return [Table("Reviewers", columns, rows, frozenset(range(2, 8))), Text(note)]


def _attention(facts: Facts) -> Sequence[Block]:
    blocks: list[Block] = []
    if facts.failures:
        rows = [
            (facts.name_of(f.frame_id) if f.frame_id else f.uri, f.reason)
            for f in facts.failures[:_MOST_ROWS]
        ]
        title = f"{plural(len(facts.failures), 'frame')} could not be used"
        blocks.append(Table(title, ["frame", "reason"], rows, more=_more(len(facts.failures))))
    if len(facts.hand):
        listed = [
            (facts.name_of(str(r.frame_id)), str(r.reviewer), f"{r.time:%Y-%m-%d %H:%M}", comment)
            for r, comment in zip(
                facts.hand.head(_MOST_ROWS).itertuples(), _comments(facts, facts.hand), strict=False
            )
        ]
        title = f"Hand-label list: {plural(len(facts.hand), 'frame')}"
        columns = ["frame", "sent by", "when (UTC)", "comment"]
        blocks.append(Table(title, columns, listed, more=_more(len(facts.hand))))
    waiting = facts.states[facts.states["state"].isin(["skipped", "open"])]
    if len(waiting):
        names = [facts.name_of(str(i)) for i in waiting["frame_id"].head(20)]
        more = f" and {len(waiting) - 20:,} more" if len(waiting) > 20 else ""
        text = f"Begun or skipped, without a verdict ({plural(len(waiting), 'frame')}): "
        blocks.append(Text(text + ", ".join(names) + more + "."))
    untouched = len(facts.frames) - len(facts.states)
    if untouched > 0 and len(facts.states):
        blocks.append(Text(f"{plural(untouched, 'frame')} nobody has looked at yet."))
    return blocks or [Text("None: no frame failed and none waits for hand-labelling.")]


def _comments(facts: Facts, frames: pd.DataFrame) -> list[str]:
    with_comment = facts.decisions[facts.decisions["comment"].fillna("") != ""]
    last = with_comment.drop_duplicates("frame_id", keep="last").set_index("frame_id")["comment"]
    return [str(last.get(i, "")) for i in frames["frame_id"]]


def _more(n: int) -> str:
    return f"and {n - _MOST_ROWS:,} more" if n > _MOST_ROWS else ""


def _labels(facts: Facts) -> Sequence[Block]:
    labels = facts.project.labels
    text = ", ".join(labels) if labels else "none yet"
    blocks: list[Block] = [Text(f"Labels of the project, in the order of exports: {text}.")]
    for run in facts.runs:
        rows = [
            (model, project or "dropped", count(run.dropped.get(model, 0)) if not project else NONE)
            for model, project in run.label_map.items()
            if project != model or run.dropped.get(model)
        ]
        same = sum(1 for model, project in run.label_map.items() if project == model)
        mapped = set(run.label_map)
        rows += [(m, "dropped", count(n)) for m, n in run.dropped.items() if m not in mapped]
        rows.sort(key=lambda r: (r[1] == "dropped", -run.dropped.get(r[0], 0), r[1], r[0]))
        lost = sum(run.dropped.values())
        text = f"{run.run_id}: {plural(same, 'label')} under the same name, "
        text += f"{plural(lost, 'proposal')} dropped." if lost else "no proposal dropped."
        blocks.append(Text(text))
        if rows:
            columns = ["the model's label", "became", "proposals dropped"]
            shown, more = rows[:_MOST_ROWS], _more(len(rows))
            blocks.append(Table(f"Label map of {run.run_id}", columns, shown, frozenset({2}), more))
    return blocks


def _versions(facts: Facts) -> Sequence[Block]:
    columns = ["package", "this report"]
    names: dict[str, list[str]] = {
        "labkit": [__version__],
        "python": [platform.python_version()],
    }
    for package in ("pandas", "numpy", "matplotlib", "pillow"):
        try:
            names[package] = [version(package)]
        except PackageNotFoundError:
            names[package] = [NONE]
    for k, run in enumerate(facts.runs[-5:]):
        columns.append(run.run_id)
        for package in run.versions:
            names.setdefault(package, [NONE])
        for package, row in names.items():
            row += [NONE] * (k + 1 - len(row)) + [str(run.versions.get(package, NONE))]
    rows = [(package, *values) for package, values in names.items()]
    return [Table("Versions of the packages used", columns, rows)]
