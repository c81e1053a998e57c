import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from labkit.core.errors import InputError
from labkit.metrics.intervals import bootstrap_ratio, share, wilson


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.99])
def test_wilson_equals_statsmodels(level: float) -> None:
    n = np.repeat([1, 2, 7, 50, 1000], 5)
    k = np.floor(n * np.tile([0, 0.1, 0.5, 0.9, 1], 5)).astype(int)
    lo, hi = wilson(k, n, level)
    their_lo, their_hi = proportion_confint(k, n, 1 - level, method="wilson")
    np.testing.assert_allclose(lo, their_lo, atol=1e-12)
    np.testing.assert_allclose(hi, their_hi, atol=1e-12)


def test_a_rate_of_nothing_is_unknown() -> None:
    lo, hi = wilson([0, 1], [0, 2])
    assert np.isnan(lo[0])
    assert np.isnan(hi[0])
    assert np.isfinite([lo[1], hi[1]]).all()
    assert np.isnan(share(0, 0))


@given(st.integers(1, 10**7), st.floats(0, 1), st.floats(0.01, 0.999))
def test_wilson_holds_the_estimate(n: int, part: float, level: float) -> None:
    k = round(part * n)
    lo, hi = wilson(k, n, level)
    assert 0 <= lo <= k / n <= hi <= 1


@pytest.mark.parametrize("level", [0, 1, -0.1, 95, float("nan")])
def test_an_impossible_level_is_refused(level: float) -> None:
    with pytest.raises(InputError, match="confidence level"):
        wilson(1, 2, level)


def test_bootstrap_resamples_frames_and_repeats_with_its_seed() -> None:
    rng = np.random.default_rng(3)
    objects = rng.integers(1, 9, 200)
    seconds = objects * rng.gamma(4, 1, 200)
    draws = bootstrap_ratio(seconds, objects, 1000, seed=1)
    np.testing.assert_array_equal(draws, bootstrap_ratio(seconds, objects, 1000, seed=1))
    ratio = seconds.sum() / objects.sum()
    # delta method: the standard error of a ratio of sums
    error = np.std(seconds - ratio * objects, ddof=1) / objects.mean() / np.sqrt(200)
    assert abs(draws.mean() - ratio) < error / 3
    assert draws.std() == pytest.approx(error, rel=0.15)
