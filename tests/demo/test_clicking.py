"""A person who clicks where a mask is wrong."""

import numpy as np
import pytest

from labkit.core.prompts import MaskProposal
from labkit.demo.clicking import clicked, deepest, inner_point, next_click


def square(x1, y1, x2, y2):
    mask = np.zeros((60, 80), bool)
    mask[y1:y2, x1:x2] = True
    return mask


class Learner:
    """Knows the pixels around each positive click, and unlearns those around negative ones."""

    def __init__(self):
        self.asked = []

    def segment(self, prompts):
        self.asked.append(prompts)
        y, x = np.mgrid[:60, :80]
        mask = np.zeros((60, 80), bool)
        for (px, py), label in zip(prompts.points, prompts.labels, strict=True):
            mask[np.hypot(x - px, y - py) < 8] = bool(label)
        return [MaskProposal(mask, 0.5, prompts)]


def test_the_deepest_pixel_is_in_the_middle_and_knows_its_depth():
    x, y, depth = deepest(square(10, 10, 31, 31))
    assert (x, y) == (20, 20)
    assert depth == pytest.approx(11, abs=0.6)


def test_the_deepest_pixel_of_a_ring_is_on_it():
    ring = square(10, 10, 50, 50) & ~square(14, 14, 46, 46)
    x, y = inner_point(ring)
    assert ring[y, x]


def test_the_next_click_goes_to_the_larger_fault():
    truth = square(10, 10, 40, 40)
    x, y, positive = next_click(truth, square(10, 10, 20, 40))
    assert positive
    assert truth[y, x]
    assert x >= 20
    x, y, positive = next_click(truth, square(10, 10, 70, 40))
    assert not positive
    assert x >= 40


def test_three_clicks_build_on_each_other():
    truth, learner = square(10, 20, 60, 36), Learner()
    answers = clicked(learner, truth, 3)
    assert [len(p.points) for p in learner.asked] == [1, 2, 3]
    assert learner.asked[1].mask == answers[0].rle
    covered = [np.count_nonzero(a.mask & truth) for a in answers]
    assert covered[0] < covered[1] < covered[2]
