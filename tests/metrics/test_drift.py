import numpy as np
import pandas as pd
import pytest
from factories import decisions_frame
from metrics.ledgers import judged, nothing

from labkit.core.errors import InputError, NotFoundError
from labkit.metrics import BernoulliCusum, edit_drift
from labkit.metrics.drift import average_run_length


def run_lengths(cusum: BernoulliCusum, p: float, charts: int, seed: int) -> np.ndarray:
    """Steps to the first alarm of many charts at once, each with random events of rate p."""
    rng = np.random.default_rng(seed)
    sign = cusum.p1 > cusum.p0
    level, length = np.zeros(charts, dtype=int), np.zeros(charts, dtype=int)
    alive, step = np.arange(charts), 0
    while len(alive):
        step += 1
        up = (rng.random(len(alive)) < p) == sign
        level = np.maximum(0, level + np.where(up, cusum.up, -cusum.down))
        done = level >= cusum.limit
        length[alive[done]] = step
        alive, level = alive[~done], level[~done]
    return length


@pytest.mark.parametrize(("p0", "p1"), [(0.1, 0.2), (0.3, 0.5), (0.2, 0.1), (0.02, 0.05)])
def test_false_alarms_come_as_seldom_as_computed(p0: float, p1: float) -> None:
    cusum = BernoulliCusum.design(p0, p1, arl0=300)
    lengths = run_lengths(cusum, p0, 4000, seed=5)
    error = lengths.std(ddof=1) / np.sqrt(len(lengths))
    assert abs(lengths.mean() - cusum.arl0) < 4 * error
    assert cusum.arl0 >= 300
    lengths = run_lengths(cusum, p1, 4000, seed=6)
    error = lengths.std(ddof=1) / np.sqrt(len(lengths))
    assert abs(lengths.mean() - cusum.arl1) < 4 * error
    assert cusum.arl1 < cusum.arl0 / 3


def test_the_limit_is_the_lowest_that_keeps_the_promise() -> None:
    cusum = BernoulliCusum.design(0.1, 0.2, arl0=1000)
    assert average_run_length(cusum.limit - 1, cusum.up, cusum.down, 0.1) < 1000 <= cusum.arl0


def test_run_length_of_a_chain_solved_by_hand() -> None:
    # limit 2, steps +1 and -1, rise 1/2: t0 = 1 + t0/2 + t1/2 and t1 = 1 + t0/2, so t0 = 6
    assert average_run_length(2, 1, 1, 0.5) == pytest.approx(6)
    # an alarm at the first event: geometric
    assert average_run_length(1, 1, 1, 0.1) == pytest.approx(10)


def test_the_statistic_is_the_log_likelihood_ratio() -> None:
    cusum = BernoulliCusum.design(0.1, 0.2, arl0=1e5)
    statistic, alarm = cusum.run(np.array([1, 1, 0, 1], dtype=bool))
    up, down = np.log(2), np.log(0.9 / 0.8)
    expected = [up, 2 * up, 2 * up - down, 3 * up - down]
    np.testing.assert_allclose(statistic, expected, rtol=0.01)
    assert not alarm.any()


def test_it_starts_again_after_an_alarm() -> None:
    cusum = BernoulliCusum.design(0.1, 0.2, arl0=200)
    statistic, alarm = cusum.run(np.ones(50, dtype=bool))
    first = int(np.argmax(alarm))
    assert alarm.sum() == 50 // (first + 1)
    assert statistic[first + 1] == statistic[0]


def ledger(edited: np.ndarray, per_frame: int = 1) -> pd.DataFrame:
    kinds = np.where(edited, "edit", "accept")
    rows = [judged(k, f"f{i // per_frame:05d}", i % per_frame) for i, k in enumerate(kinds)]
    return decisions_frame(rows)


def test_a_rise_is_found_and_a_steady_rate_is_not() -> None:
    rng = np.random.default_rng(0)
    steady, worse = rng.random(600) < 0.1, rng.random(300) < 0.4
    table = ledger(np.concatenate([steady, worse]))
    drift = edit_drift(table, arl0=5000)
    assert drift.baseline == 200
    assert len(drift.curve) == 700
    assert drift.first_alarm is not None
    changed = table["time"].iloc[600]
    assert changed < drift.first_alarm < changed + pd.Timedelta(seconds=60)
    assert drift.first_alarm == drift.curve.loc[drift.curve["alarm"], "time"].iloc[0]
    assert "the first on 2026-01-05" in drift.sentence
    quiet = edit_drift(ledger(steady), arl0=5000)
    assert quiet.first_alarm is None
    assert not quiet.curve["alarm"].any()


def test_a_fall_is_found_with_odds_below_one() -> None:
    rng = np.random.default_rng(1)
    table = ledger(np.concatenate([rng.random(300) < 0.4, rng.random(300) < 0.1]))
    assert edit_drift(table, odds=0.5, p0=0.4).first_alarm > table["time"].iloc[300]


def test_undone_edits_do_not_alarm() -> None:
    rows = [judged("accept", f"f{k:03d}", 0) for k in range(50)]
    for k in range(50, 100):
        rows.append(judged("edit", f"f{k:03d}", 0, step=f"s{k}"))
        rows.append({**rows[0], "kind": "undo", "object_id": None, "target": f"s{k}"})
        rows.append(judged("accept", f"f{k:03d}", 0))
    assert edit_drift(decisions_frame(rows), p0=0.05).first_alarm is None
    assert edit_drift(ledger(np.arange(100) >= 50), p0=0.05).first_alarm is not None


def test_frames_as_observations() -> None:
    table = ledger(np.tile([True, False, False], 20), per_frame=3)
    drift = edit_drift(table, per="frame", p0=0.5)
    assert len(drift.curve) == 20
    assert drift.curve["event"].all()


def test_too_little_to_watch() -> None:
    for table in (nothing(), ledger(np.zeros(199, dtype=bool))):
        drift = edit_drift(table)
        assert drift.cusum is None
        assert not len(drift.curve)
        assert {"statistic", "alarm", "time"} <= set(drift.curve.columns)
        assert "needed for a baseline" in drift.sentence


@pytest.mark.parametrize(
    "given",
    [{"odds": 1.0}, {"odds": -2.0}, {"p0": 0.0}, {"p0": 1.5}, {"baseline": 3}, {"arl0": 0.0}],
)
def test_bad_arguments(given: dict) -> None:
    with pytest.raises(InputError):
        edit_drift(ledger(np.zeros(300, dtype=bool)), **given)


def test_unknown_names() -> None:
    with pytest.raises(NotFoundError, match="edited"):
        edit_drift(nothing(), "edit")
    with pytest.raises(NotFoundError, match="object"):
        edit_drift(nothing(), per="objects")
