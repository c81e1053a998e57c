"""Plots of what was counted: DataFrame in, matplotlib Figure out.

Every figure is made to be read at a width of 600 pixels on white, by colour-blind readers too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from labkit.core.errors import InputError
from labkit.report.blocks import NONE
from labkit.report.figures import (
    BLUE,
    INK_HEX,
    MUTED,
    bare,
    need,
    new_figure,
    percent_axis,
    short,
    styled,
)
from labkit.report.fonts import clean, family_for
from labkit.report.palette import OKABE_ITO, STATES, hex_of

__all__ = ["plot_agreement", "plot_rates", "plot_scores", "plot_times"]

_VERDICTS: Final = {
    "accepted": hex_of(STATES["accepted"].colour),
    "edited": hex_of(STATES["edited"].colour),
    "relabelled": hex_of(OKABE_ITO["yellow"]),
    "rejected": hex_of(STATES["rejected"].colour),
}
_HATCHES: Final = {"edited": "///", "relabelled": "...", "rejected": "xxx"}


@styled
def plot_rates(rates: pd.DataFrame, most: int = 20) -> Figure:
    """Rates by group as points with their intervals, one panel per rate.

    Parameters
    ----------
    rates : DataFrame
        Long: ``group``, ``metric``, ``value``, ``lo``, ``hi`` (all 0..1) and ``n``, the count
        below the line. Panels and rows come in the order of first appearance.
    most : int, default 20
        Groups shown, those with the greatest ``n``.
    """
    need(rates, ["group", "metric", "value", "lo", "hi", "n"], "The plot of rates")
    need(rates[rates["value"].notna()], ["group"], "The plot of rates")
    sizes = rates.groupby("group", observed=True, sort=False)["n"].max()
    groups = list(sizes.nlargest(most).index)
    metrics = list(dict.fromkeys(rates["metric"]))
    shown = rates[rates["group"].isin(groups) & rates["value"].notna()]
    end = 1.04 * float(shown["hi"].max()) if len(shown) else 1.0
    height = 0.85 + 0.26 * max(2, len(groups))
    figure, axes = new_figure(height, ncols=len(metrics), sharey=True, squeeze=False)
    rows = {group: -k for k, group in enumerate(groups)}
    for ax, metric in zip(axes[0], metrics, strict=True):
        part = shown[shown["metric"] == metric]
        y = part["group"].astype(object).map(rows)
        ax.hlines(y, part["lo"], part["hi"], color=BLUE, linewidth=2.2, alpha=0.45)
        ax.plot(part["value"], y, "o", color=BLUE, markersize=5, clip_on=False)
        ax.set_title(clean(metric))
        ax.set_xlim(0, min(1.0, max(0.1, end)))
        ax.xaxis.set_major_locator(MaxNLocator(3))
        percent_axis(ax.xaxis)
        bare(ax, grid="x")
        ax.spines["left"].set_visible(False)
    names = [f"{short(g)}  ({sizes[g]:,.0f})" for g in groups]
    axes[0][0].set_yticks([rows[g] for g in groups], names, color=INK_HEX, family=family_for(names))
    axes[0][0].set_ylim(-len(groups) + 0.4, 0.6)
    return figure


@styled
def plot_scores(objects: pd.DataFrame, bins: int = 20) -> Figure:
    """How many objects were kept, changed and removed at each score, and the share kept.

    Parameters
    ----------
    objects : DataFrame
        One row per reviewed proposal: ``score`` 0..1 and ``verdict`` (``accepted``, ``edited``,
        ``relabelled`` or ``rejected``); rows without a score are left out.
    bins : int, default 20
        Bins of equal width from 0 to 1.
    """
    need(objects, ["score", "verdict"], "The plot of scores")
    rows = objects[objects["score"].notna()]
    edges = np.linspace(0, 1, bins + 1)
    verdicts = rows["verdict"].astype(object)
    counts = {
        v: np.histogram(rows.loc[verdicts == v, "score"].to_numpy(dtype=float), edges)[0]
        for v in _VERDICTS
    }
    total = np.sum(list(counts.values()), axis=0)
    figure, (top, low) = new_figure(3.9, nrows=2, sharex=True, height_ratios=[3, 2.4])
    base, middle = np.zeros(bins), (edges[:-1] + edges[1:]) / 2
    for verdict, colour in _VERDICTS.items():
        if counts[verdict].any():
            top.bar(
                middle,
                counts[verdict],
                0.92 / bins,
                bottom=base,
                color=colour,
                edgecolor="white",
                linewidth=0.5,
                hatch=_HATCHES.get(verdict),
                label={"rejected": "removed"}.get(verdict, verdict),
            )
            base = base + counts[verdict]
    top.set_title("Reviewed objects by score")
    top.legend(loc="upper left", ncols=4, bbox_to_anchor=(0, 1.02), borderaxespad=0.2)
    top.set_ylim(0, 1.25 * max(1, total.max()))
    top.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    kept = total - counts["rejected"]
    shown = total > 0
    with np.errstate(invalid="ignore"):
        share = kept / total
    low.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (2, 2)))
    low.plot(middle[shown], share[shown], color=BLUE, linewidth=1.2, alpha=0.6)
    sizes = 12 + 60 * total[shown] / max(1, total.max())
    low.scatter(middle[shown], share[shown], s=sizes, color=BLUE, zorder=3)
    low.set_title("Share that was kept")
    note = "dotted: as sure as the score says; larger points: more objects"
    low.set_title(note, loc="right", fontsize=8, fontweight="normal", color=MUTED)
    low.set_ylim(-0.05, 1.08)
    low.set_xlim(0, 1)
    low.set_xlabel("score of the model")
    percent_axis(low.yaxis)
    for ax in (top, low):
        bare(ax, grid="y")
    return figure


@styled
def plot_times(seconds: Sequence[float] | pd.Series[float]) -> Figure:
    """Distribution of the active time per frame, with its median and 90th percentile.

    Parameters
    ----------
    seconds : sequence of float
        Active seconds, one value per frame. The longest 1 % are counted in the last bar.
    """
    values = np.asarray(seconds, dtype=float)
    values = values[np.isfinite(values)]
    if not len(values):
        raise InputError("The plot of times cannot be drawn", "no frame has a time yet")
    end = max(float(np.quantile(values, 0.99)), 1e-3)
    bins = int(np.clip(np.sqrt(len(values)) * 2, 8, 40))
    figure, ax = new_figure(2.6)
    clipped = np.minimum(values, end)
    heights, _, _ = ax.hist(
        clipped, bins=bins, range=(0, end), color=BLUE, edgecolor="white", linewidth=0.6
    )
    marks = [(float(np.median(values)), "median"), (float(np.quantile(values, 0.9)), "90 %")]
    for k, (at, name) in enumerate(marks):
        ax.axvline(at, color=INK_HEX, linewidth=1.2, linestyle="-" if k == 0 else (0, (4, 2)))
        # the second one sits lower, so that close lines keep their words apart
        left = at > 0.8 * end
        ax.annotate(
            f"{name} {at:.3g} s",
            (at, (1.22 - 0.12 * k) * heights.max()),
            xytext=(-4 if left else 4, 0),
            textcoords="offset points",
            ha="right" if left else "left",
            va="top",
            fontsize=8.5,
        )
    ax.set_ylim(0, 1.25 * heights.max())
    ax.set_xlim(0, end)
    ax.set_xlabel("active seconds per frame")
    ax.set_title("Frames by time")
    ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    bare(ax, grid="y")
    return figure


@styled
def plot_agreement(matrix: pd.DataFrame, name: str = "F1", most: int = 16) -> Figure:
    """Agreement of each reviewer with each other one as a heat map with the numbers in it.

    Parameters
    ----------
    matrix : DataFrame
        Square: reviewers by reviewers, values up to 1; NaN where two have no frame in common.
    name : str, default 'F1'
        What the numbers are.
    most : int, default 16
        Reviewers shown.
    """
    if matrix.empty or matrix.shape[0] != matrix.shape[1]:
        raise InputError(
            "The agreement map cannot be drawn",
            f"its shape is {matrix.shape}, not square and filled",
        )
    matrix = matrix.iloc[:most, :most]
    values, n = matrix.to_numpy(dtype=float), len(matrix)
    figure, ax = new_figure(min(6.0, 1.3 + 0.42 * n))
    colours = mpl.colormaps["Blues"].with_extremes(bad="#eaedf0")
    low = min(0.0, float(np.nanmin(values))) if np.isfinite(values).any() else 0.0
    ax.imshow(values, cmap=colours, vmin=low, vmax=1.15, aspect="equal")
    for i in range(n):
        for j in range(n):
            v = values[i, j]
            dark = np.isfinite(v) and (v - low) / (1.15 - low) > 0.55
            text = f"{v:.2f}" if np.isfinite(v) else NONE
            ax.text(
                j,
                i,
                text,
                ha="center",
                va="center",
                color="white" if dark else INK_HEX,
                fontsize=8.5,
            )
    names = [short(c, 16) for c in matrix.columns]
    family = family_for(names)
    turned = n > 4 or max(map(len, names)) > 6
    ax.set_xticks(range(n), names, rotation=35 * turned, ha="right" if turned else "center")
    ax.set_yticks(range(n), [short(c, 16) for c in matrix.index])
    for label in [*ax.get_xticklabels(), *ax.get_yticklabels()]:
        label.set(family=family, color=INK_HEX)
    ax.set_title(f"Agreement of reviewers ({clean(name)})")
    ax.grid(visible=False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return figure
