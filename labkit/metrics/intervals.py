"""Uncertainty of a share (Wilson) and of a ratio of sums (bootstrap over frames)."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labkit.core.errors import InputError

__all__ = ["bootstrap_ratio", "share", "wilson"]

FloatArray = NDArray[np.float64]


def check_level(level: float) -> float:
    """The confidence level, when it lies strictly between 0 and 1."""
    if not 0 < level < 1:
        raise InputError(f"The confidence level {level!r} cannot be used", "it has to lie in 0..1")
    return float(level)


def share(k: ArrayLike, n: ArrayLike) -> FloatArray:
    """``k / n``, NaN where ``n`` is 0: a rate of nothing is unknown, not 0."""
    top, bottom = np.asarray(k, dtype=np.float64), np.asarray(n, dtype=np.float64)
    out = np.full(np.broadcast(top, bottom).shape, np.nan)
    return np.asarray(np.divide(top, bottom, out=out, where=bottom > 0))


def wilson(k: ArrayLike, n: ArrayLike, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
    """Wilson's score interval of a binomial share, without continuity correction.

    Unlike the textbook interval (p plus or minus z standard errors) it stays inside 0..1 and keeps
    its level near 0 and 1. It takes the ``n`` trials to be independent; objects of one frame
    often are not, so for clustered data it is somewhat too narrow.

    Parameters
    ----------
    k, n : array_like
        Successes and trials, ``0 <= k <= n``.
    level : float
        Confidence level in 0..1.

    Returns
    -------
    lo, hi : ndarray of float64
        Both in 0..1 with ``lo <= k / n <= hi``; NaN where ``n`` is 0.

    References
    ----------
    Wilson (1927), Journal of the American Statistical Association 22, 209-212; Brown, Cai and
    DasGupta (2001), Statistical Science 16, 101-133.

    Examples
    --------
    >>> low, high = lk.metrics.wilson(8, 10)
    >>> round(float(low), 2), round(float(high), 2)
    (0.49, 0.94)
    """
    z = NormalDist().inv_cdf(0.5 + check_level(level) / 2)
    trials = np.asarray(n, dtype=np.float64)
    p = share(k, n)
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = (p + z * z / (2 * trials)) / (1 + z * z / trials)
        half = z / (1 + z * z / trials) * np.sqrt(p * (1 - p) / trials + (z / (2 * trials)) ** 2)
    # at k = 0 and k = n the bounds are 0 and 1 exactly; rounding must not cross the estimate
    lo = np.minimum(np.clip(centre - half, 0, 1), p)
    hi = np.maximum(np.clip(centre + half, 0, 1), p)
    lo, hi = np.where(p == 0, 0.0, lo), np.where(p == 1, 1.0, hi)
    return np.where(np.isnan(p), np.nan, lo), np.where(np.isnan(p), np.nan, hi)


def bootstrap_ratio(
    top: ArrayLike, bottom: ArrayLike, draws: int = 1000, seed: int = 0
) -> FloatArray:
    """Bootstrap values of ``sum(top) / sum(bottom)``, resampling rows (frames) with replacement.

    Rows are resampled whole, so that what belongs to one frame stays together.

    Returns
    -------
    ndarray of float64, (draws,)
        NaN where a resample has nothing below the line.
    """
    a, b = np.asarray(top, dtype=np.float64), np.asarray(bottom, dtype=np.float64)
    rng: np.random.Generator = np.random.default_rng(seed)
    out = np.full(draws, np.nan)
    if not len(a):
        return out
    for d in range(draws):
        pick: NDArray[Any] = rng.integers(0, len(a), len(a))
        below = b[pick].sum()
        if below > 0:
            out[d] = a[pick].sum() / below
    return out
