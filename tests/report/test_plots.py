"""Plots: they show the numbers given, survive odd names and data, and leave no trace."""

from __future__ import annotations

import io
import sys

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from labkit.core.errors import InputError
from labkit.report import curves, plots
from labkit.report.figures import figure_png

ODD = ["<img src=x onerror=alert(1)>", "$x^{$", "汽车", "\\frac", "a\nb", "x" * 200, "50% _off_ #1"]


def rate_rows(names: list[str]) -> pd.DataFrame:
    rows = [
        (name, metric, 0.2, 0.1, 0.4, 10 + k)
        for k, name in enumerate(names)
        for metric in ("edited", "missed")
    ]
    return pd.DataFrame(rows, columns=["group", "metric", "value", "lo", "hi", "n"])


def threshold_curve() -> pd.DataFrame:
    x = np.arange(0.1, 0.95, 0.1)
    return pd.DataFrame({"threshold": x, "cost": 5 * (x - 0.4) ** 2 + 2, "seen": x > 0.35})


def every_plot() -> dict[str, Figure]:
    drift = pd.DataFrame({"event": [0, 1] * 30, "statistic": np.linspace(0, 3, 60)})
    names = ["ana", "bo"]
    return {
        "rates": plots.plot_rates(rate_rows(["car", "dog"])),
        "scores": plots.plot_scores(
            pd.DataFrame({"score": [0.1, 0.9, 0.95], "verdict": ["rejected", "accepted", "edited"]})
        ),
        "times": plots.plot_times([1.0, 2.0, 3.0, 50.0]),
        "agreement": plots.plot_agreement(pd.DataFrame([[1, 0.5], [0.5, 1]], names, names)),
        "drift": curves.plot_drift(drift.assign(alarm=drift["statistic"] > 2.99), 3.0),
        "threshold": curves.plot_threshold(threshold_curve(), 0.4, 0.5, (0.3, 0.5)),
        "progress": curves.plot_progress(pd.DataFrame({"errors": [3, 1, 0]})),
    }


def words(figure: Figure) -> str:
    from matplotlib.text import Text

    return "\n".join(t.get_text() for t in figure.findobj(Text))


def test_every_figure_is_600_pixels_wide_and_has_ink_on_white() -> None:
    for name, figure in every_plot().items():
        image = Image.open(io.BytesIO(figure_png(figure, dpi=100))).convert("RGB")
        pixels = np.asarray(image)
        assert image.width == 600, name
        assert (pixels[0, 0] == 255).all(), name
        assert (pixels.min(axis=2) < 160).sum() > 300, name


def test_plots_leave_the_notebooks_settings_and_pyplot_alone() -> None:
    before = dict(mpl.rcParams)
    for figure in every_plot().values():
        figure_png(figure, dpi=50)
    assert dict(mpl.rcParams) == before
    if "matplotlib.pyplot" in sys.modules:
        assert not sys.modules["matplotlib.pyplot"].get_fignums()


def test_a_dark_notebook_still_gets_a_light_figure() -> None:
    with mpl.rc_context({"figure.facecolor": "black", "text.usetex": False, "font.size": 40}):
        figure = plots.plot_times([1.0, 2.0])
        image = Image.open(io.BytesIO(figure_png(figure, dpi=50))).convert("RGB")
    assert image.getpixel((0, 0)) == (255, 255, 255)


def test_names_from_data_are_text_and_never_formulas() -> None:
    figure = plots.plot_rates(rate_rows(ODD))
    figure_png(figure, dpi=50)
    assert "$x^{$" in words(figure)
    matrix = pd.DataFrame(np.eye(len(ODD)), ODD, ODD)
    figure_png(plots.plot_agreement(matrix, name="$^{"), dpi=50)
    series = pd.DataFrame({"errors": [1, 2] * len(ODD), "series": ODD * 2})
    figure_png(curves.plot_progress(series), dpi=50)


def test_the_advised_threshold_is_said_and_marked() -> None:
    figure = curves.plot_threshold(threshold_curve(), 0.4, current=0.5)
    assert "recommended: 0.40, 2.0 clicks per frame" in words(figure)
    assert "shown now: 0.50" in words(figure)


def test_the_median_is_said() -> None:
    assert "median 2 s" in words(plots.plot_times([1.0, 2.0, 3.0, np.nan]))


def test_the_heat_map_holds_its_numbers_and_a_dash_where_there_is_none() -> None:
    matrix = pd.DataFrame([[np.nan, 0.25], [0.25, np.nan]], ["a", "b"], ["a", "b"])
    assert words(plots.plot_agreement(matrix)).count("0.25") == 2


def test_the_histogram_counts_every_scored_object_once() -> None:
    rng = np.random.default_rng(0)
    verdicts = rng.choice(["accepted", "edited", "relabelled", "rejected"], 500)
    objects = pd.DataFrame({"score": rng.random(500), "verdict": pd.Categorical(verdicts)})
    figure = plots.plot_scores(objects)
    heights = sum(bar.get_height() for bars in figure.axes[0].containers for bar in bars)
    assert heights == 500


def test_only_the_largest_groups_are_shown() -> None:
    figure = plots.plot_rates(rate_rows([f"label {k:02d}" for k in range(50)]), most=5)
    assert "label 49" in words(figure)
    assert "label 10" not in words(figure)


def test_nothing_to_draw_is_said_in_a_sentence() -> None:
    with pytest.raises(InputError, match="nothing in it yet"):
        plots.plot_rates(rate_rows([]))
    with pytest.raises(InputError, match="nothing in it yet"):
        plots.plot_rates(rate_rows(["a"]).assign(value=np.nan, lo=np.nan, hi=np.nan))
    with pytest.raises(InputError, match="columns cost are missing"):
        curves.plot_threshold(pd.DataFrame({"threshold": [0.1]}), 0.1)
    with pytest.raises(InputError, match="no frame has a time"):
        plots.plot_times([np.nan])
    with pytest.raises(InputError, match="not square"):
        plots.plot_agreement(pd.DataFrame())


@pytest.mark.parametrize("n", [1, 2, 3])
def test_very_little_data_can_be_drawn(n: int) -> None:
    zero = pd.DataFrame({"event": [0] * n, "statistic": [0.0] * n, "alarm": [False] * n})
    figure_png(curves.plot_drift(zero, None), dpi=50)
    figure_png(curves.plot_progress(pd.DataFrame({"errors": [0] * n})), dpi=50)
    figure_png(plots.plot_times([0.0] * n), dpi=50)
    rows = pd.DataFrame({"score": [1.0] * n, "verdict": ["accepted"] * n})
    figure_png(plots.plot_scores(rows), dpi=50)
    figure_png(plots.plot_rates(rate_rows(["a"] * n)), dpi=50)
