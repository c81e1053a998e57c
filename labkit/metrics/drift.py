"""Does the model get worse? A Bernoulli CUSUM on the verdicts, its false-alarm rate computed."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, log
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labkit.core.errors import InputError
from labkit.core.registry import unknown
from labkit.metrics.book import Book

__all__ = ["BernoulliCusum", "Drift", "edit_drift"]

DRIFT_COLUMNS: Final = ("seq", "time", "frame_id", "event", "statistic", "alarm")
_EVENTS: Final = ("changed", "edited", "relabelled", "rejected", "corrected")
_MOST_STATES: Final = 4000


@dataclass(frozen=True)
class BernoulliCusum:
    """A CUSUM chart of 0/1 events that watches for a change of the rate from ``p0`` to ``p1``.

    The statistic adds up log-likelihood ratios, ``ln(p1/p0)`` for an event and
    ``ln((1-p1)/(1-p0))`` for none, is held at 0 from below, and alarms at the limit; after an
    alarm it starts again at 0. The two steps are scaled and rounded to whole numbers ``up`` and
    ``-down`` in a ratio within 1 % (as if ``p1`` were slightly different), so
    that the statistic is a Markov chain on ``0 .. limit - 1`` and average run lengths come from a
    linear system exactly, not by simulation.

    Attributes
    ----------
    p0, p1 : float
        Rate in control, and the rate to be found soon; ``p1 > p0`` watches for a rise,
        ``p1 < p0`` for a fall.
    up, down, limit : int
        Whole-number steps and the alarm limit.
    unit : float
        Log-likelihood ratio per whole step: ``limit * unit`` is the usual ``h``.
    arl0, arl1 : float
        Mean number of observations to an alarm while the rate is ``p0`` (a false alarm) and after
        it has become ``p1``, both starting from 0.

    References
    ----------
    Page (1954), Biometrika 41, 100-115; Brook and Evans (1972), Biometrika 59, 539-549 (run
    lengths by Markov chain); Reynolds and Stoumbos (1999), Journal of Quality Technology 31,
    87-108 (Bernoulli CUSUM).

    Examples
    --------
    >>> chart = lk.metrics.BernoulliCusum.design(p0=0.05, p1=0.10, arl0=500)
    >>> chart.arl0 >= 500 > chart.arl1
    True
    """

    p0: float
    p1: float
    up: int
    down: int
    limit: int
    unit: float
    arl0: float
    arl1: float

    @classmethod
    def design(cls, p0: float, p1: float, arl0: float = 2000.0) -> BernoulliCusum:
        """The chart with the lowest limit whose in-control average run length is >= ``arl0``."""
        if not (0 < p0 < 1 and 0 < p1 < 1) or p0 == p1:
            raise InputError(
                f"Rates {p0!r} and {p1!r} cannot be told apart", "", "two rates inside 0..1"
            )
        if not 1 <= arl0 <= 1e7:
            raise InputError(f"An average run length of {arl0!r} cannot be set", "1 to 1e7 can")
        event, none = abs(log(p1 / p0)), abs(log((1 - p1) / (1 - p0)))
        grows, shrinks = (event, none) if p1 > p0 else (none, event)
        step = _ratio(shrinks / grows)
        up, down = step.denominator, step.numerator
        rise = p0 if p1 > p0 else 1 - p0  # chance of a step up
        low, high = 0, max(1, up)
        while average_run_length(high, up, down, rise) < arl0:
            low, high = high, high * 2
            if high > _MOST_STATES:
                raise InputError(
                    f"No alarm limit gives a run length of {arl0:g} between {p0:g} and {p1:g}",
                    "the two rates are too near each other",
                    "set a larger odds ratio",
                )
        while high - low > 1:
            middle = (low + high) // 2
            enough = average_run_length(middle, up, down, rise) >= arl0
            low, high = (low, middle) if enough else (middle, high)
        after = p1 if p1 > p0 else 1 - p1
        return cls(
            p0=p0,
            p1=p1,
            up=up,
            down=down,
            limit=high,
            unit=grows / up,
            arl0=average_run_length(high, up, down, rise),
            arl1=average_run_length(high, up, down, after),
        )

    def run(self, events: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Statistic (log-likelihood ratio, >= 0) and alarm after each event."""
        ups = np.asarray(events, dtype=bool) == (self.p1 > self.p0)
        level = 0
        levels, alarm = np.zeros(len(ups), dtype=np.int64), np.zeros(len(ups), dtype=bool)
        for k, up in enumerate(ups.tolist()):
            level = max(0, level + (self.up if up else -self.down))
            levels[k] = level
            if level >= self.limit:
                alarm[k], level = True, 0
        return np.asarray(levels * self.unit, dtype=np.float64), alarm


def _ratio(value: float) -> Fraction:
    """The simplest fraction within 1 % of a positive number; small ones keep the chain small."""
    for denominator in range(1, 201):
        numerator = round(value * denominator)
        if numerator and abs(numerator / denominator - value) <= 0.01 * value:
            return Fraction(numerator, denominator)
    if value < 1 / 200:
        return Fraction(1, ceil(1 / value))
    return Fraction(value).limit_denominator(200)


def average_run_length(limit: int, up: int, down: int, rise: float) -> float:
    """Mean number of steps from 0 until the sum reaches ``limit``.

    The sum goes ``up`` with probability ``rise``, else down by ``down`` but not below 0. With
    ``Q`` the transitions among the states below the limit, the mean times solve
    ``(I - Q) t = 1`` (Brook and Evans).
    """
    state = np.arange(limit)
    matrix = np.eye(limit)
    matrix[state, np.maximum(0, state - down)] -= 1 - rise
    stays = state + up < limit
    matrix[state[stays], state[stays] + up] -= rise
    return float(np.linalg.solve(matrix, np.ones(limit))[0])


@dataclass(frozen=True)
class Drift:
    """What :func:`edit_drift` found.

    Attributes
    ----------
    curve : DataFrame
        One row per observation after the baseline: ``seq``, ``time``, ``frame_id``, ``event``,
        ``statistic`` and ``alarm``.
    first_alarm : Timestamp or None
        Time of the first alarm.
    cusum : BernoulliCusum or None
        The chart with its run lengths; None where there were too few observations for a baseline.
    baseline : int
        How many first observations ``p0`` was estimated; 0 where it was given.
    sentence : str
        All of this as a sentence.
    """

    curve: pd.DataFrame
    first_alarm: pd.Timestamp | None
    cusum: BernoulliCusum | None
    baseline: int
    sentence: str


def edit_drift(
    decisions: pd.DataFrame | Book,
    event: str = "changed",
    *,
    per: str = "object",
    p0: float | None = None,
    odds: float = 2.0,
    arl0: float = 2000.0,
    baseline: int = 200,
) -> Drift:
    """Watch the edit rate over time and raise an alarm when it has risen.

    While the rate stays at ``p0``, false alarms come on average once in ``arl0`` observations or
    less often (exactly: once in ``cusum.arl0``). That holds for independent observations and a
    ``p0`` that is known: an estimated one that came out too low makes false alarms more frequent,
    and objects of one frame that go wrong together do too (then watch ``per='frame'``).

    Parameters
    ----------
    decisions : DataFrame
        The ledger.
    event : {'changed', 'edited', 'relabelled', 'rejected', 'corrected'}
        What makes a final verdict on a proposal count 1: see the counts of
        :func:`labkit.metrics.rates.rates`.
    per : {'object', 'frame'}
        Observations are proposals judged, in the order of their last decision, or frames (1 where
        any of their proposals counts 1).
    p0 : float, optional
        The rate in control; else estimated from the first ``baseline`` observations as
        ``(events + 0.5) / (baseline + 1)``, after which watching begins.
    odds : float
        The change to be found soon, as the ratio of the odds ``p / (1 - p)``; below 1 for a fall.
    arl0 : float
        Least average number of observations between false alarms.
    baseline : int
        At least 20.

    Examples
    --------
    >>> lk.metrics.edit_drift(reviewed.decisions(), p0=0.05).baseline  # the rate was given
    0
    """
    if event not in _EVENTS:
        raise unknown("event", event, list(_EVENTS))
    if odds <= 0 or odds == 1 or not np.isfinite(odds):
        raise InputError(
            f"An odds ratio of {odds!r} is no change", "", "above 1, or between 0 and 1"
        )
    series = _series(Book.of(decisions), event, per)
    if p0 is None:
        if baseline < 20:
            raise InputError(f"A baseline of {baseline} is too short", "", "20 or more")
        first, rest = series.iloc[:baseline], series.iloc[baseline:]
        if len(first) < baseline:
            text = f"{len(first)} of the {baseline} {per}s needed for a baseline are decided"
            return Drift(_charted(rest.iloc[:0], None), None, None, len(first), text)
        rate = (float(first["event"].sum()) + 0.5) / (baseline + 1)
    else:
        rate, rest, baseline = p0, series, 0
    if not 0 < rate < 1:
        raise InputError(
            f"A rate in control of {rate!r} cannot be watched", "it has to lie in 0..1"
        )
    changed = odds * rate / (1 - rate)
    cusum = BernoulliCusum.design(rate, changed / (1 + changed), arl0)
    curve = _charted(rest, cusum)
    times = curve.loc[curve["alarm"], "time"]
    first_alarm = times.iloc[0] if len(times) else None
    return Drift(curve, first_alarm, cusum, baseline, _sentence(cusum, event, per, times))


def _series(book: Book, event: str, per: str) -> pd.DataFrame:
    """Observations in the order in which they became final: seq, time, frame_id, event."""
    objects = book.objects
    objects = objects[objects["verdict"] != "added"]
    verdict = objects["verdict"]
    happened = {
        "changed": objects["edited"] | objects["relabelled"],
        "edited": objects["edited"],
        "relabelled": objects["relabelled"],
        "rejected": verdict == "rejected",
        "corrected": verdict != "accepted",
    }[event]
    table = objects[["seq", "time", "frame_id"]].assign(event=happened.to_numpy(dtype=bool))
    table = table.sort_values("seq", kind="stable")
    if per == "frame":
        anything = table.groupby("frame_id", observed=True)["event"].any()
        table = table.drop_duplicates("frame_id", keep="last")
        table["event"] = anything.reindex(table["frame_id"].astype(object)).to_numpy(dtype=bool)
    elif per != "object":
        raise unknown("observation", per, ["object", "frame"])
    return table.reset_index(drop=True)


def _charted(series: pd.DataFrame, cusum: BernoulliCusum | None) -> pd.DataFrame:
    events = series["event"].to_numpy(dtype=bool)
    nothing: tuple[Any, Any] = np.zeros(len(events)), np.zeros(len(events), dtype=bool)
    statistic, alarm = cusum.run(events) if cusum else nothing
    out = series.assign(statistic=statistic, alarm=alarm)
    return out[list(DRIFT_COLUMNS)].reset_index(drop=True)


def _sentence(cusum: BernoulliCusum, event: str, per: str, times: pd.Series[Any]) -> str:
    alarm_text = (
        f"{len(times)} alarm{'s' * (len(times) > 1)}, the first on {times.iloc[0]:%Y-%m-%d %H:%M}"
        if len(times)
        else "no alarm"
    )
    return (
        f"{alarm_text}: watching whether the share of {per}s {event} went from {cusum.p0:.1%} to"
        f" {cusum.p1:.1%}; a false alarm comes about once in {cusum.arl0:,.0f} {per}s, a true"
        f" change is found after about {cusum.arl1:,.0f}"
    )
