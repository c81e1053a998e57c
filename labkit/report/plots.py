"""Plots of metrics: DataFrame in, matplotlib Figure out. No pyplot, no global state.

Every figure is made to be read at a width of 600 pixels on white, by colour-blind readers too.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, Final, ParamSpec

import matplotlib as mpl
import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from labkit.core.errors import InputError
from labkit.report.fonts import clean, family_for
from labkit.report.palette import INK, OKABE_ITO, STATES, hex_of

__all__ = [
    "figure_png",
    "plot_agreement",
    "plot_drift",
    "plot_progress",
    "plot_rates",
    "plot_scores",
    "plot_threshold",
    "plot_times",
]

P = ParamSpec("P")

_INK, _MUTED, _GRID = hex_of(INK), "#57606a", "#d8dee4"
_BLUE, _ALARM = hex_of(OKABE_ITO["blue"]), hex_of(OKABE_ITO["vermillion"])
_VERDICTS: Final = {
    "accepted": hex_of(STATES["accepted"].colour),
    "edited": hex_of(STATES["edited"].colour),
    "relabelled": hex_of(OKABE_ITO["yellow"]),
    "rejected": hex_of(STATES["rejected"].colour),
}
_HATCHES: Final = {"edited": "///", "relabelled": "...", "rejected": "xxx"}
_STYLE: Final = {
    "axes.axisbelow": True,
    "axes.edgecolor": _GRID,
    "axes.grid": True,
    "axes.labelcolor": _MUTED,
    "axes.labelsize": 9,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": _INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.unicode_minus": True,
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "font.size": 9,
    "grid.color": _GRID,
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.5,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "lines.solid_capstyle": "round",
    "text.color": _INK,
    "text.parse_math": False,
    "xtick.color": _MUTED,
    "xtick.labelsize": 8.5,
    "xtick.major.size": 0,
    "ytick.color": _MUTED,
    "ytick.labelsize": 8.5,
    "ytick.major.size": 0,
}
_WIDTH = 6.0


@contextmanager
def _style() -> Iterator[None]:
    """Our own looks, whatever the notebook has set; the notebook's are put back afterwards."""
    with matplotlib.style.context(["default", _STYLE]):
        yield


def _styled(plot: Callable[P, Figure]) -> Callable[P, Figure]:
    @wraps(plot)
    def inside(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with _style():
            return plot(*args, **kwargs)

    return inside


def _figure(height: float, **grid: Any) -> tuple[Figure, Any]:
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.06, h_pad=0.06)
    return figure, figure.subplots(**grid)


def _need(df: pd.DataFrame, columns: Sequence[str], what: str) -> None:
    missing = [c for c in columns if c not in df.columns]
    if missing:
        raise InputError(f"{what} cannot be drawn", f"the columns {', '.join(missing)} are missing")
    if df.empty:
        raise InputError(f"{what} cannot be drawn", "there is nothing in it yet")


def _percent(axis: Any) -> None:
    axis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def _bare(ax: Axes, *, grid: str) -> None:
    ax.grid(visible=False, axis="x" if grid == "y" else "y")
    ax.spines["left" if grid == "y" else "bottom"].set_visible(False)


def figure_png(figure: Figure, dpi: int = 200) -> bytes:
    """The figure as PNG bytes, at twice its size on the page by default."""
    out = io.BytesIO()
    with _style(), warnings.catch_warnings():
        # a script that no font here holds is drawn as boxes; the table has the text
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure.savefig(out, format="png", dpi=dpi, metadata={"Software": None})
    return out.getvalue()


@_styled
def plot_rates(rates: pd.DataFrame, most: int = 20) -> Figure:
    """Rates by group as points with their intervals, one panel a rate.

    Parameters
    ----------
    rates : DataFrame
        Long: ``group``, ``metric``, ``value``, ``lo``, ``hi`` (all 0..1) and ``n``, the count
        below the line. Panels and rows come in the order of first appearance.
    most : int, default 20
        Groups shown, those with the greatest ``n``.
    """
    _need(rates, ["group", "metric", "value", "lo", "hi", "n"], "The plot of rates")
    sizes = rates.groupby("group", observed=True, sort=False)["n"].max()
    groups = list(sizes.nlargest(most).index)
    metrics = list(dict.fromkeys(rates["metric"]))
    shown = rates[rates["group"].isin(groups) & rates["value"].notna()]
    end = 1.04 * float(shown["hi"].max()) if len(shown) else 1.0
    height = 0.85 + 0.26 * max(2, len(groups))
    figure, axes = _figure(height, ncols=len(metrics), sharey=True, squeeze=False)
    rows = {group: -k for k, group in enumerate(groups)}
    for ax, metric in zip(axes[0], metrics, strict=True):
        part = shown[shown["metric"] == metric]
        y = part["group"].astype(object).map(rows)
        ax.hlines(y, part["lo"], part["hi"], color=_BLUE, linewidth=2.2, alpha=0.45)
        ax.plot(part["value"], y, "o", color=_BLUE, markersize=5, clip_on=False)
        ax.set_title(clean(metric))
        ax.set_xlim(0, min(1.0, max(0.1, end)))
        ax.xaxis.set_major_locator(MaxNLocator(3))
        _percent(ax.xaxis)
        _bare(ax, grid="x")
        ax.spines["left"].set_visible(False)
    names = [f"{_short(g)}  ({sizes[g]:,.0f})" for g in groups]
    axes[0][0].set_yticks([rows[g] for g in groups], names, color=_INK, family=family_for(names))
    axes[0][0].set_ylim(-len(groups) + 0.4, 0.6)
    return figure


def _short(name: object, most: int = 22) -> str:
    text = clean(name)
    return text if len(text) <= most else text[: most - 1] + "…"


@_styled
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
    _need(curve, ["event", "statistic", "alarm"], "The plot of drift")
    figure, (top, low) = _figure(3.4, nrows=2, sharex=True, height_ratios=[3, 2])
    x = np.arange(1, len(curve) + 1)
    window = int(np.clip(len(curve) // 12, 10, 200))
    rate = curve["event"].astype(float).rolling(window, min_periods=1).mean().to_numpy(copy=True)
    # the first values of a running mean jump about and say nothing
    rate[: min(window // 2, len(rate) - 1)] = np.nan
    top.plot(x, rate, color=_BLUE, linewidth=1.8)
    top.set_title(what)
    top.set_title(
        f"running mean of {window}", loc="right", fontsize=8, fontweight="normal", color=_MUTED
    )
    top.set_ylim(0, min(1.02, max(0.1, 1.2 * float(np.nanmax(rate)))))
    _percent(top.yaxis)
    low.plot(x, curve["statistic"], color=_INK, linewidth=1.2)
    if limit is not None:
        low.axhline(limit, color=_ALARM, linewidth=1.2, linestyle=(0, (5, 3)))
        note = {"xytext": (0, 3), "textcoords": "offset points", "fontsize": 8.5}
        low.annotate("alarm level", (x[0], limit), color="#a83800", **note)
    for at in np.flatnonzero(curve["alarm"].to_numpy(dtype=bool)):
        for ax in (top, low):
            ax.axvline(x[at], color=_ALARM, linewidth=1)
        low.plot(x[at], curve["statistic"].iloc[at], "X", color=_ALARM, markersize=8)
    low.set_title("CUSUM statistic")
    highest = max(float(curve["statistic"].max()), limit or 0.0)
    low.set_ylim(0, 1.3 * highest or 1)
    low.set_xlabel("in the order of review")
    for ax in (top, low):
        _bare(ax, grid="y")
        ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    return figure


@_styled
def plot_scores(objects: pd.DataFrame, bins: int = 20) -> Figure:
    """How many objects were kept, changed and removed at each score, and the share kept.

    Parameters
    ----------
    objects : DataFrame
        One row a reviewed proposal: ``score`` 0..1 and ``verdict`` (``accepted``, ``edited``,
        ``relabelled`` or ``rejected``); rows without a score are left out.
    bins : int, default 20
        Bins of equal width from 0 to 1.
    """
    _need(objects, ["score", "verdict"], "The plot of scores")
    rows = objects[objects["score"].notna()]
    edges = np.linspace(0, 1, bins + 1)
    verdicts = rows["verdict"].astype(object)
    counts = {
        v: np.histogram(rows.loc[verdicts == v, "score"].to_numpy(dtype=float), edges)[0]
        for v in _VERDICTS
    }
    total = np.sum(list(counts.values()), axis=0)
    figure, (top, low) = _figure(3.9, nrows=2, sharex=True, height_ratios=[3, 2.4])
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
    low.plot([0, 1], [0, 1], color=_MUTED, linewidth=1, linestyle=(0, (2, 2)))
    low.plot(middle[shown], share[shown], color=_BLUE, linewidth=1.2, alpha=0.6)
    sizes = 12 + 60 * total[shown] / max(1, total.max())
    low.scatter(middle[shown], share[shown], s=sizes, color=_BLUE, zorder=3)
    low.set_title("Share that was kept")
    note = "dotted: as sure as the score says; larger points: more objects"
    low.set_title(note, loc="right", fontsize=8, fontweight="normal", color=_MUTED)
    low.set_ylim(-0.05, 1.08)
    low.set_xlim(0, 1)
    low.set_xlabel("score of the model")
    _percent(low.yaxis)
    for ax in (top, low):
        _bare(ax, grid="y")
    return figure


@_styled
def plot_times(seconds: Sequence[float] | pd.Series[float]) -> Figure:
    """Distribution of the active time per frame, with its median and 90th percentile.

    Parameters
    ----------
    seconds : sequence of float
        Active seconds, one value a frame. The longest 1 % are counted in the last bar.
    """
    values = np.asarray(seconds, dtype=float)
    values = values[np.isfinite(values)]
    if not len(values):
        raise InputError("The plot of times cannot be drawn", "no frame has a time yet")
    end = max(float(np.quantile(values, 0.99)), 1e-3)
    bins = int(np.clip(np.sqrt(len(values)) * 2, 8, 40))
    figure, ax = _figure(2.6)
    clipped = np.minimum(values, end)
    heights, _, _ = ax.hist(clipped, bins, (0, end), color=_BLUE, edgecolor="white", linewidth=0.6)
    marks = [(float(np.median(values)), "median"), (float(np.quantile(values, 0.9)), "90 %")]
    for k, (at, name) in enumerate(marks):
        ax.axvline(at, color=_INK, linewidth=1.2, linestyle="-" if k == 0 else (0, (4, 2)))
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
    _bare(ax, grid="y")
    return figure


_PARTS: Final = {
    "remove": ("to remove", "vermillion", (0, (1, 1.5))),
    "add": ("to add", "purple", (0, (5, 2))),
    "change": ("to change", "orange", (0, (6, 2, 1, 2))),
}


@_styled
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
    _need(curve, ["threshold", "cost"], "The threshold curve")
    x, cost = (curve[c].to_numpy(dtype=float) for c in ("threshold", "cost"))
    figure, ax = _figure(3.0)
    top = 1.3 * float(np.nanmax(cost)) or 1.0
    if interval is not None:
        ax.axvspan(*interval, color=_BLUE, alpha=0.1, linewidth=0)
    ax.plot(x, cost, color=_BLUE, linewidth=2.2, label="all")
    for column, (name, hue, dash) in _PARTS.items():
        if column in curve:
            colour = hex_of(OKABE_ITO[hue])
            ax.plot(x, curve[column], color=colour, linewidth=1.5, linestyle=dash, label=name)
    if "seen" in curve and not curve["seen"].all():
        unseen = float(x[~curve["seen"].to_numpy(dtype=bool)].max())
        look = {
            "facecolor": "none",
            "edgecolor": _GRID,
            "hatch": "///",
            "linewidth": 0,
            "zorder": 0,
        }
        ax.axvspan(x[0], unseen, label="not shown in review", **look)
    best = int(np.argmin(np.abs(x - recommended)))
    ax.axvline(x[best], 0, cost[best] / top, color=_INK, linewidth=1)
    ax.plot(x[best], cost[best], "o", color=_INK, markersize=8, zorder=4)
    ax.set_title(f"recommended: {x[best]:.2f}, {cost[best]:.1f} clicks a frame", loc="right")
    if current is not None and abs(current - x[best]) > 1e-9:
        ax.axvline(current, 0, 0.8, color=_MUTED, linewidth=1, linestyle=(0, (2, 2)))
        note = {"xytext": (4, -2), "textcoords": "offset points", "color": _MUTED, "va": "top"}
        ax.annotate(f"shown now: {current:.2f}", (current, 0.8 * top), **note)
    ax.set_ylim(0, top)
    ax.set_xlim(x[0], x[-1])
    ax.set_xlabel("threshold: proposals from this score up are shown")
    ax.set_title("Clicks per frame")
    ax.legend(loc="upper left", ncols=5, borderaxespad=0.2, columnspacing=1.4, handlelength=2.4)
    _bare(ax, grid="y")
    return figure


@_styled
def plot_progress(progress: pd.DataFrame) -> Figure:
    """Errors met against frames reviewed; the diagonal is what a random order would meet.

    Parameters
    ----------
    progress : DataFrame
        In the order of review, ``errors``: the errors that were corrected on each frame; with
        ``series``, one line for each of its values.
    """
    _need(progress, ["errors"], "The progress curve")
    figure, ax = _figure(3.0)
    named = "series" in progress
    colours = [_BLUE, _ALARM, hex_of(OKABE_ITO["green"]), hex_of(OKABE_ITO["purple"]), _INK]
    dashes: list[Any] = ["-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2))]
    most, longest = 0.0, 1
    parts = progress.groupby("series", observed=True, sort=False) if named else [("", progress)]
    for k, (name, part) in enumerate(parts):
        met = np.concatenate([[0], np.cumsum(part["errors"].to_numpy(dtype=float))])
        most, longest = max(most, met[-1]), max(longest, len(part))
        ax.plot(met, color=colours[k % 5], linewidth=2, linestyle=dashes[k % 4], label=_short(name))
        if not named:
            ax.fill_between(np.arange(len(met)), met, color=_BLUE, alpha=0.08, linewidth=0)
    ax.plot([0, longest], [0, most], color=_MUTED, linewidth=1, linestyle=(0, (2, 2)))
    ax.annotate(
        "even",
        (0.62 * longest, 0.6 * most),
        xytext=(6, -10),
        textcoords="offset points",
        color=_MUTED,
    )
    ax.set_xlim(0, longest)
    ax.set_ylim(0, 1.08 * most or 1)
    ax.set_title("Errors found and corrected so far")
    ax.set_xlabel("frames reviewed")
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    if named:
        ax.legend(loc="lower right")
    _bare(ax, grid="y")
    return figure


@_styled
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
    figure, ax = _figure(min(6.0, 1.3 + 0.42 * n))
    colours = mpl.colormaps["Blues"].with_extremes(bad="#eaedf0")
    low = min(0.0, float(np.nanmin(values))) if np.isfinite(values).any() else 0.0
    ax.imshow(values, cmap=colours, vmin=low, vmax=1.15, aspect="equal")
    for i in range(n):
        for j in range(n):
            v = values[i, j]
            dark = np.isfinite(v) and (v - low) / (1.15 - low) > 0.55
            text = f"{v:.2f}" if np.isfinite(v) else "–"
            ax.text(
                j, i, text, ha="center", va="center", color="white" if dark else _INK, fontsize=8.5
            )
    names = [_short(c, 16) for c in matrix.columns]
    family = family_for(names)
    turned = n > 4 or max(map(len, names)) > 6
    ax.set_xticks(range(n), names, rotation=35 * turned, ha="right" if turned else "center")
    ax.set_yticks(range(n), [_short(c, 16) for c in matrix.index])
    for label in [*ax.get_xticklabels(), *ax.get_yticklabels()]:
        label.set(family=family, color=_INK)
    ax.set_title(f"Agreement of reviewers ({clean(name)})")
    ax.grid(visible=False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return figure
