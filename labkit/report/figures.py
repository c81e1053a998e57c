"""What all plots share: size, looks, colours, and the way to PNG. No pyplot, no global state."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, Final, ParamSpec

import matplotlib.style
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import PercentFormatter

from labkit.core.errors import InputError
from labkit.report import blocks
from labkit.report.fonts import clean
from labkit.report.palette import INK, OKABE_ITO, hex_of

__all__ = [
    "ALARM",
    "BLUE",
    "GRID",
    "INK_HEX",
    "MUTED",
    "bare",
    "figure_block",
    "figure_png",
    "need",
    "new_figure",
    "percent_axis",
    "short",
    "styled",
]

P = ParamSpec("P")

INK_HEX, MUTED, GRID = hex_of(INK), "#57606a", "#d8dee4"
BLUE, ALARM = hex_of(OKABE_ITO["blue"]), hex_of(OKABE_ITO["vermillion"])
_STYLE: Final = {
    "axes.axisbelow": True,
    "axes.edgecolor": GRID,
    "axes.grid": True,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 9,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK_HEX,
    "axes.titlelocation": "left",
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.unicode_minus": True,
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "font.size": 9,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.5,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "lines.solid_capstyle": "round",
    "text.color": INK_HEX,
    "text.parse_math": False,
    "xtick.color": MUTED,
    "xtick.labelsize": 8.5,
    "xtick.major.size": 0,
    "ytick.color": MUTED,
    "ytick.labelsize": 8.5,
    "ytick.major.size": 0,
}
_WIDTH = 6.0


@contextmanager
def _style() -> Iterator[None]:
    """The style of labkit, whatever the notebook has set; the notebook's is restored afterwards."""
    with matplotlib.style.context(["default", _STYLE]):
        yield


def styled(plot: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw in labkit's own style, whatever the notebook has set."""

    @wraps(plot)
    def inside(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with _style():
            return plot(*args, **kwargs)

    return inside


def new_figure(height: float, **grid: Any) -> tuple[Figure, Any]:
    """A figure 600 pixels wide and ``height`` inches high, with its axes."""
    layout = ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.06)
    figure = Figure(figsize=(_WIDTH, height), layout=layout)
    return figure, figure.subplots(**grid)


def need(df: pd.DataFrame, columns: Sequence[str], what: str) -> None:
    """Raise an :class:`InputError` where columns are missing or there is no row."""
    missing = [c for c in columns if c not in df.columns]
    if missing:
        raise InputError(f"{what} cannot be drawn", f"the columns {', '.join(missing)} are missing")
    if df.empty:
        raise InputError(f"{what} cannot be drawn", "there is nothing in it yet")


def percent_axis(axis: Any) -> None:
    """Label an axis' shares 0..1 as percentages."""
    axis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def bare(ax: Axes, *, grid: str) -> None:
    """Keep the grid lines of one direction, and the axis line that they start from."""
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


def figure_block(figure: Figure, alt: str, caption: str = "") -> blocks.Figure:
    """The figure as a part of a page, with a text for those who cannot see it."""
    return blocks.Figure(blocks.data_uri(figure_png(figure), "image/png"), alt, caption)


def short(name: object, most: int = 22) -> str:
    """A name cut to ``most`` characters, on one printable line."""
    text = clean(name)
    return text if len(text) <= most else text[: most - 1] + "…"
