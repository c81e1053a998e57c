"""The sweep finds what comparing everything finds; a match is one to one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.core.geometry import box_iou
from labkit.core.matching import cross_pairs, match_boxes, overlapping_pairs


def random_boxes(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, 100, (n, 2)).round(rng.integers(0, 3))
    return np.c_[xy, xy + rng.uniform(1, 60, (n, 2))].astype(np.float32), rng.integers(0, 3, n)


@given(st.integers(0, 10_000), st.integers(0, 40), st.sampled_from([0.0, 0.3, 0.7]))
def test_the_sweep_finds_all_pairs_and_no_other(seed, n, min_iou) -> None:
    boxes, group = random_boxes(seed, n)
    iou = box_iou(boxes, boxes)
    together = group[:, None] == group[None]
    near = np.abs(iou - min_iou) < 1e-5  # float32 may fall on either side
    want = np.triu((iou > min_iou) & together, 1)
    pairs = overlapping_pairs(boxes, group, min_iou)
    found = np.zeros((n, n), bool)
    found[pairs.i, pairs.j] = True
    assert ((found == want) | near).all()
    assert len(pairs.i) == found.sum()
    assert pairs.iou == pytest.approx(iou[pairs.i, pairs.j], abs=1e-4)


@given(st.integers(0, 10_000), st.integers(0, 20), st.integers(0, 20))
def test_crossing_two_sets(seed, n, m) -> None:
    a, ga = random_boxes(seed, n)
    b, gb = random_boxes(seed + 1, m)
    want = (box_iou(a, b) > 0) & (ga[:, None] == gb[None])
    pairs = cross_pairs(a, ga, b, gb)
    found = np.zeros((n, m), bool)
    found[pairs.i, pairs.j] = True
    assert (found == want).mean() > 0.999 if n and m else not len(pairs.i)


@given(st.integers(0, 10_000), st.integers(1, 20), st.integers(1, 20), st.booleans())
def test_a_match_is_one_to_one_and_leaves_no_pair_free(seed, n, m, ranked) -> None:
    a, ga = random_boxes(seed, n)
    b, gb = random_boxes(seed + 7, m)
    priority = np.random.default_rng(seed).random(n) if ranked else None
    pairs = match_boxes(a, b, 0.3, group_a=ga, group_b=gb, priority=priority)
    assert len(set(pairs.i.tolist())) == len(pairs.i)
    assert len(set(pairs.j.tolist())) == len(pairs.j)
    assert (pairs.iou >= 0.3 - 1e-6).all()
    assert (ga[pairs.i] == gb[pairs.j]).all()
    assert sorted(pairs.i.tolist()) == pairs.i.tolist()
    free = (box_iou(a, b) >= 0.3) & (ga[:, None] == gb[None])
    free[pairs.i] = False
    free[:, pairs.j] = False
    assert not free.any()


def test_priority_lets_the_better_score_choose_first() -> None:
    truth = [(0, 0, 10, 10)]
    guesses = [(0, 0, 10, 9), (0, 0, 10, 10)]
    assert match_boxes(guesses, truth).i.tolist() == [1]
    assert match_boxes(guesses, truth, priority=[0.9, 0.5]).i.tolist() == [0]


def test_labels_must_agree_where_given() -> None:
    a, b = [(0, 0, 10, 10)], [(0, 0, 10, 10)]
    assert len(match_boxes(a, b, labels_a=["x"], labels_b=["y"]).i) == 0
    assert len(match_boxes(a, b, labels_a=["x"], labels_b=["x"]).i) == 1


def test_the_bound_is_inclusive() -> None:
    assert len(match_boxes([(0, 0, 10, 10)], [(0, 0, 10, 5)], 0.5).i) == 1
