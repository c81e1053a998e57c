"""Plots of what changes along a line, be it time or a threshold: DataFrame in, Figure out."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from labkit.report.figures import (
    ALARM,
    BLUE,
    GRID,
    INK_HEX,
    MUTED,
    bare,
    need,
    new_figure,
    percent_axis,
    short,
    styled,
)
from labkit.report.palette import OKABE_ITO, hex_of

__all__ = ["plot_drift", "plot_progress", "plot_threshold"]

_PARTS: Final = {
    "remove": ("to remove", "vermillion", (0, (1, 1.5))),
    "add": ("to add", "purple", (0, (5, 2))),
    "change": ("to change", "orange", (0, (6, 2, 1, 2))),
}


@styled
def plot_drift(
    curve: pd.DataFrame, limit: float | None = None, what: str = "Share of objects changed"
) -> Figure:
    """The rate of an event over the review, and below it the CUSUM statistic with its alarms.

    Parameters
    ----------
    curve : DataFrame
        In the order of review: ``event`` (bool or 0..1), ``statistic`` and ``alarm`` (bool), as
        :func:`labkit.metrics.edit_drift` gives them.
    limit : float, optional
        The statistic at which the alarm goes off.
    what : str
        What the events' share is.
    """
    need(curve, ["event", "statistic", "alarm"], "The plot of drift")
    figure, (top, low) = new_figure(3.4, nrows=2, sharex=True, height_ratios=[3, 2])
    x = np.arange(1, len(curve) + 1)
    window = int(np.clip(len(curve) // 12, 10, 200))
    rate = curve["event"].astype(float).rolling(window, min_periods=1).mean().to_numpy(copy=True)
    # the first values of a running mean are noise
    rate[: min(window // 2, len(rate) - 1)] = np.nan
    top.plot(x, rate, color=BLUE, linewidth=1.8)
    top.set_title(what)
    top.set_title(
        f"running mean of {window}", loc="right", fontsize=8, fontweight="normal", color=MUTED
    )
    top.set_ylim(0, min(1.02, max(0.1, 1.2 * float(np.nanmax(rate)))))
    percent_axis(top.yaxis)
    low.plot(x, curve["statistic"], color=INK_HEX, linewidth=1.2)
    if limit is not None:
        low.axhline(limit, color=ALARM, linewidth=1.2, linestyle=(0, (5, 3)))
        note = {"xytext": (0, 3), "textcoords": "offset points", "fontsize": 8.5}
        low.annotate("alarm level", (x[0], limit), color="#a83800", **note)
    for at in np.flatnonzero(curve["alarm"].to_numpy(dtype=bool)):
        for ax in (top, low):
            ax.axvline(x[at], color=ALARM, linewidth=1)
        low.plot(x[at], curve["statistic"].iloc[at], "X", color=ALARM, markersize=8)
    low.set_title("CUSUM statistic")
    highest = max(float(curve["statistic"].max()), limit or 0.0)
    low.set_ylim(0, 1.3 * highest or 1)
    low.set_xlabel("in the order of review")
    for ax in (top, low):
        bare(ax, grid="y")
        ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    return figure


@styled
def plot_threshold(
    curve: pd.DataFrame,
    recommended: float,
    current: float | None = None,
    interval: tuple[float, float] | None = None,
) -> Figure:
    """What a frame costs at each threshold, with the recommended one.

    Parameters
    ----------
    curve : DataFrame
        ``threshold`` 0..1 ascending, ``cost`` in clicks per frame; optionally ``remove``, ``add``
        and ``change``, the parts of it, and ``seen``, False where the review did not show what
        lies at the threshold.
    recommended : float
        One of the thresholds.
    current : float, optional
        The threshold that reviewers are shown now.
    interval : (float, float), optional
        Of the recommendation.
    """
    need(curve, ["threshold", "cost"], "The threshold curve")
    x, cost = (curve[c].to_numpy(dtype=float) for c in ("threshold", "cost"))
    figure, ax = new_figure(3.0)
    top = 1.3 * float(np.nanmax(cost)) or 1.0
    if interval is not None:
        ax.axvspan(*interval, color=BLUE, alpha=0.1, linewidth=0)
    ax.plot(x, cost, color=BLUE, linewidth=2.2, label="all")
    for column, (name, hue, dash) in _PARTS.items():
        if column in curve:
            colour = hex_of(OKABE_ITO[hue])
            ax.plot(x, curve[column], color=colour, linewidth=1.5, linestyle=dash, label=name)
    if "seen" in curve and not curve["seen"].all():
        unseen = float(x[~curve["seen"].to_numpy(dtype=bool)].max())
        look = {
            "facecolor": "none",
            "edgecolor": GRID,
            "hatch": "///",
            "linewidth": 0,
            "zorder": 0,
        }
        ax.axvspan(x[0], unseen, **look)
    best = int(np.argmin(np.abs(x - recommended)))
    ax.axvline(x[best], 0, cost[best] / top, color=INK_HEX, linewidth=1)
    ax.plot(x[best], cost[best], "o", color=INK_HEX, markersize=8, zorder=4)
    ax.set_title(f"recommended: {x[best]:.2f}, {cost[best]:.1f} clicks per frame", loc="right")
    if current is not None and abs(current - x[best]) > 1e-9:
        ax.axvline(current, 0, 0.8, color=MUTED, linewidth=1, linestyle=(0, (2, 2)))
        note = {"xytext": (4, -2), "textcoords": "offset points", "color": MUTED, "va": "top"}
        ax.annotate(f"shown now: {current:.2f}", (current, 0.8 * top), **note)
    ax.set_ylim(0, top)
    ax.set_xlim(x[0], x[-1])
    ax.set_xlabel("threshold: proposals from this score up are shown")
    ax.set_title("Clicks per frame")
    ax.legend(loc="upper left", ncols=4, borderaxespad=0.2, columnspacing=1.4, handlelength=2.4)
    bare(ax, grid="y")
    return figure


@styled
def plot_progress(progress: pd.DataFrame) -> Figure:
    """Errors found against frames reviewed; the diagonal is what a random order would find.

    Parameters
    ----------
    progress : DataFrame
        In the order of review, ``errors``: the errors that were corrected on each frame; with
        ``series``, one line for each of its values.
    """
    need(progress, ["errors"], "The progress curve")
    figure, ax = new_figure(3.0)
    named = "series" in progress
    colours = [BLUE, ALARM, hex_of(OKABE_ITO["green"]), hex_of(OKABE_ITO["purple"]), INK_HEX]
    dashes: list[Any] = ["-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2))]
    most, longest = 0.0, 1
    parts = progress.groupby("series", observed=True, sort=False) if named else [("", progress)]
    for k, (name, part) in enumerate(parts):
        errors_met = np.concatenate([[0], np.cumsum(part["errors"].to_numpy(dtype=float))])
        most, longest = max(most, errors_met[-1]), max(longest, len(part))
        ax.plot(
            errors_met,
            color=colours[k % 5],
            linewidth=2,
            linestyle=dashes[k % 4],
            label=short(name),
        )
        if not named:
            ax.fill_between(
                np.arange(len(errors_met)), errors_met, color=BLUE, alpha=0.08, linewidth=0
            )
    ax.plot([0, longest], [0, most], color=MUTED, linewidth=1, linestyle=(0, (2, 2)))
    ax.annotate(
        "even",
        (0.62 * longest, 0.6 * most),
        xytext=(6, -10),
        textcoords="offset points",
        color=MUTED,
    )
    ax.set_xlim(0, longest)
    ax.set_ylim(0, 1.08 * most or 1)
    ax.set_title("Errors found and corrected so far")
    ax.set_xlabel("frames reviewed")
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    if named:
        ax.legend(loc="lower right")
    bare(ax, grid="y")
    return figure
