"""What the review says so far: a table and small plots that follow the ledger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import ipywidgets
import pandas as pd

from labkit.core.errors import LabkitError
from labkit.project import Project
from labkit.widgets.markup import line, table
from labkit.widgets.panel import Panel

__all__ = ["MetricsPanel"]

_BEAT_S: Final = 3.0
_DPI: Final = 90
_RATES: Final = {
    "edit_rate": "edited",
    "removal_rate": "removed",
    "correction_rate": "either",
    "miss_rate": "missed",
}
_PLOTS: Final = {
    "rates": "Plot: how often labels are edited, removed and missed",
    "scores": "Plot: scores of what was kept and of what was not",
    "time": "Plot: active time per frame",
}
"""Name → what a screen reader says; the numbers stand in the table."""


class MetricsPanel(Panel):
    """Rates by label and plots, drawn again when decisions arrive, every three seconds at most.

    Parameters
    ----------
    project : Project

    Examples
    --------
    >>> panel = lk.MetricsPanel(p)
    >>> panel.title
    'Metrics'
    >>> panel.close()
    """

    title = "Metrics"

    def __init__(self, project: Project) -> None:
        super().__init__()
        self.project = project
        self._seen = -1
        self.head = ipywidgets.HTML()
        self.table = ipywidgets.HTML()
        area = ipywidgets.Layout(width="330px", display="none")
        self.plots = {
            name: ipywidgets.Image(format="png", layout=area).add_class(f"lkp-plot-{name}")
            for name in _PLOTS
        }
        self._guard.pictures = {f"lkp-plot-{name}": what for name, what in _PLOTS.items()}
        shown = ipywidgets.HBox(
            list(self.plots.values()), layout=ipywidgets.Layout(flex_flow="row wrap", width="100%")
        )
        shown.add_class("lkp-plots")
        self.build(self.head, self.table, shown)
        self.head.value = line("There are no decisions yet.", "dim")

    def watch(self) -> None:
        """Look at the ledger every few seconds."""
        self.desk.every(_BEAT_S, self.refresh, "watch")

    def refresh(self) -> None:
        """Compute and draw again where the ledger has grown."""
        seq = self.project.ledger.last_seq()
        if seq == self._seen:
            return
        self._seen = seq
        decisions = self.project.decisions()
        if decisions.empty:
            self.head.value = line("There are no decisions yet.", "dim")
            return
        from labkit import metrics

        summary = metrics.summary(decisions)
        self.head.value = line(_headline(summary, decisions), "plain")
        self.table.value = _table(summary)
        for name, figure in _figures(summary, decisions).items():
            self._draw(self.plots[name], figure)

    def _draw(self, image: ipywidgets.Image, figure: Any) -> None:
        if figure is None:
            image.layout.display = "none"
            return
        from labkit.report.figures import figure_png

        image.value = figure_png(figure, dpi=_DPI)
        image.layout.display = ""

    def static_text(self) -> str:
        """How many decisions there are."""
        return f"{len(self.project.decisions())} decisions"

    def static_html(self) -> str:
        """The table, without plots."""
        from labkit import metrics

        decisions = self.project.decisions()
        if decisions.empty:
            return line("There are no decisions yet.")
        summary = metrics.summary(decisions)
        return line(_headline(summary, decisions)) + _table(summary)


def _headline(summary: pd.DataFrame, decisions: pd.DataFrame) -> str:
    from labkit.metrics import headline

    total = summary.iloc[-1]
    scripted = float(summary.attrs.get("scripted_share") or 0)
    text = f"{headline(total)}. {_count(total['frames'], 'frame')} finished, "
    text += f"{_count(total['added'], 'object')} added, {_time(total['seconds'])} of work"
    return text + (f"; {scripted:.0%} decided by a script" if scripted else "")


def _count(n: float, one: str) -> str:
    return f"{int(n)} {one if int(n) == 1 else one + 's'}"


def _time(seconds: float) -> str:
    whole = round(float(seconds)) if seconds == seconds else 0
    if whole < 120:
        return f"{whole} s"
    return f"{whole // 60} min" if whole < 7200 else f"{whole // 3600} h {whole // 60 % 60} min"


def _share(row: pd.Series[Any], rate: str) -> str:
    value, low, high = (row[f"{rate}{end}"] for end in ("", "_lo", "_hi"))
    return "" if pd.isna(value) else f"{value:.0%} ({low:.0%} to {high:.0%})"


def _table(summary: pd.DataFrame) -> str:
    rows = [
        (
            r["label"],
            int(r["n"]),
            *(_share(r, rate) for rate in _RATES),
            ""
            if pd.isna(r["seconds_per_frame_median"])
            else f"{r['seconds_per_frame_median']:.1f} s",
        )
        for _, r in summary.iterrows()
    ]
    head = ("label", "judged", *_RATES.values(), "median time per frame")
    return table(head, rows, numbers=range(1, len(head)))


def _figures(summary: pd.DataFrame, decisions: pd.DataFrame) -> dict[str, Any]:
    """The plots by name; None where there is too little for one."""
    from labkit import metrics
    from labkit.report import plots

    objects = metrics.object_table(decisions)
    judged = objects[objects["verdict"] != "added"]
    frames = metrics.frame_table(decisions)
    done = frames[frames["state"] != "open"]
    long = [
        (str(r["label"]), word, r[rate], r[f"{rate}_lo"], r[f"{rate}_hi"], r["n"])
        for _, r in summary.iloc[:-1].iterrows()
        for rate, word in _RATES.items()
    ]
    table = pd.DataFrame(long, columns=["group", "metric", "value", "lo", "hi", "n"])
    wanted: dict[str, Callable[[], Any]] = {
        "rates": lambda: plots.plot_rates(table, most=8),
        "scores": lambda: plots.plot_scores(judged),
        "time": lambda: plots.plot_times(done["review_s"]),
    }
    out: dict[str, Any] = {}
    for name, draw in wanted.items():
        try:
            out[name] = draw()
        except LabkitError:
            out[name] = None
    return out
