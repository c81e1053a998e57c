"""``labkit metrics`` and ``labkit report``: what the review says about the model and the work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labkit.cli.common import AsJson, ProjectFolder, opened
from labkit.cli.text import Share, safe, table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["metrics", "report", "sentences", "summary_table"]

COUNTS = {"n": "judged", "accepted": "kept", "changed": "edited", "rejected": "removed"}
COUNTS |= {"added": "added"}
RATES = {"edit_rate": "edit rate", "removal_rate": "removal rate", "correction_rate": "either"}
RATES |= {"miss_rate": "miss rate", "precision": "precision", "recall": "recall"}


def metrics(
    project: ProjectFolder,
    as_json: AsJson = False,
    csv: Annotated[
        Path | None, typer.Option(help="Write the summary with all columns to this file.")
    ] = None,
) -> None:
    """Print rates by label, and what drift, threshold and time say."""
    from labkit.metrics import headline, overview, summary

    with opened(project, read_only=True) as p:
        if csv is not None:
            summary(p).to_csv(csv, index=False)
        if as_json:
            print(json.dumps(overview(p), indent=2))
            return
        counted = summary(p)
        print(headline(counted.iloc[-1]))
        print(summary_table(counted))
        for line in sentences(overview(p)):
            print(line)


def summary_table(summary: pd.DataFrame, most: int | None = None) -> str:
    """The main columns of :func:`labkit.metrics.summary` as text.

    Parameters
    ----------
    summary : DataFrame
    most : int, optional
        Only the labels with the most judged objects, and ``all``.
    """
    labels, total = summary.iloc[:-1], summary.iloc[-1:]
    if most is not None:
        labels = labels.assign(size=labels["n"] + labels["added"])
        labels = labels.sort_values("size", ascending=False, kind="stable").head(most)
    rows = [
        [row["label"], *(row[name] for name in COUNTS), *(Share(row[name]) for name in RATES)]
        for part in (labels, total)
        for row in part.to_dict("records")
    ]
    return table(rows, ["label", *COUNTS.values(), *RATES.values()])


def sentences(overview: dict[str, Any]) -> list[str]:
    """What the numbers say, one line per topic."""
    advice = overview["threshold"].values()
    said = [
        *(a.get("sentence") or a.get("reason", "") for a in advice),
        overview["drift"]["sentence"],
        overview["roi"]["sentence"],
    ]
    return [safe(text) for text in said if text]


def report(
    project: ProjectFolder,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The page; default: report.html in PROJECT.")
    ] = None,
    frames: Annotated[int, typer.Option(help="Frames on the contact sheet, 0 to 500.")] = 24,
) -> None:
    """Write one self-contained HTML page: tables, plots and a contact sheet."""
    with opened(project, read_only=True) as p:
        print(safe(p.report(out or project / "report.html", frames=frames)))
