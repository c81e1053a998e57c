"""From which threshold an object is shown: made in one place, compared in one place."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.core.types import Attribute
from labkit.core.visibility import (
    ALWAYS,
    DRIFT,
    NEVER,
    TRACKED_BY,
    Thresholds,
    at_any_score,
    is_shown,
    shown_from,
)

SCORES = st.floats(0, 1, width=32)


def made(score: float, run: str, thresholds: Thresholds, **given_: bool) -> float:
    conf, fixed = thresholds.of([run])
    return float(shown_from([score], conf, fixed, thresholds.base, **given_)[0])


@pytest.mark.parametrize("score", [0.1, 0.3, 0.7, 0.9, 1.0])
def test_a_score_of_the_threshold_is_shown(score: float) -> None:
    value = made(np.float32(score), "r", Thresholds())
    assert is_shown(value, score)
    assert value == np.float32(score)


def test_many_are_compared_as_one_is() -> None:
    values = np.array([NEVER, 0.0, np.float32(0.49996), 0.5, ALWAYS])
    assert is_shown(values, 0.5).tolist() == [is_shown(float(v), 0.5) for v in values]
    assert is_shown(values, 0.5).tolist() == [False, False, False, True, True]
    assert is_shown(values, 0.0).tolist() == [False, True, True, True, True]
    assert is_shown(values, 1.0).tolist() == [False, False, False, False, True]


@given(SCORES, SCORES, SCORES)
def test_at_the_base_each_run_is_held_against_its_own_threshold(score, conf, base) -> None:
    value = made(score, "r", Thresholds(base, moved={"r": conf}))
    assert is_shown(value, base) == (np.float32(score) >= np.float32(conf))


@given(SCORES, SCORES, SCORES, SCORES)
def test_moving_the_threshold_down_shows_more_and_up_less(score, conf, low, high) -> None:
    low, high = sorted((low, high))
    value = made(score, "r", Thresholds(0.5, moved={"r": conf}))
    assert is_shown(value, low) or not is_shown(value, high)


@given(SCORES, SCORES, SCORES)
def test_one_threshold_for_all_is_the_score(score, threshold, asked) -> None:
    value = made(score, "r", Thresholds(asked, moved={"r": asked}))
    assert value == score
    assert is_shown(value, threshold) == (score >= threshold)


@given(SCORES, SCORES, SCORES)
def test_a_trackers_run_is_held_against_its_own_threshold_always(score, conf, threshold) -> None:
    value = made(score, "r", Thresholds(0.5, fixed={"r": conf}))
    assert value in (ALWAYS, NEVER)
    assert is_shown(value, threshold) == (np.float32(score) >= np.float32(conf))


def test_what_is_decided_refused_or_without_a_score() -> None:
    assert made(0.1, "r", Thresholds(), always=True) == ALWAYS
    assert made(0.9, "r", Thresholds(), always=True, never=True) == NEVER
    assert made(np.nan, "r", Thresholds()) == NEVER


def test_a_trackers_doubts_are_shown_at_any_score() -> None:
    assert at_any_score([Attribute("color", "red"), Attribute(DRIFT, "jump")])
    assert at_any_score([Attribute(TRACKED_BY, "flow")])
    assert not at_any_score([Attribute("keyframe", "drawn")])
