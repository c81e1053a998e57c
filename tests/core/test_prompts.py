"""Prompts as parameters and files hold them."""

from __future__ import annotations

import pytest

from labkit.core.errors import InputError
from labkit.core.prompts import Prompts, Stroke

GIVEN = {
    "label": "dog",
    "points": [[1, 2], [3, 4]],
    "labels": [1, 0],
    "box": [0, 0, 9, 9],
    "strokes": [{"points": [[1, 1], [5, 5]], "positive": False, "width": 3}],
}


def test_everything_that_was_said_is_there() -> None:
    stroke = Stroke(((1.0, 1.0), (5.0, 5.0)), positive=False, width=3.0)
    expected = Prompts.clicks([(1, 2), (3, 4)], [1, 0])
    assert Prompts.from_json(GIVEN) == Prompts(
        expected.points, expected.labels, (0, 0, 9, 9), strokes=(stroke,)
    )


def test_what_an_interactor_does_not_take_is_left_out() -> None:
    got = Prompts.from_json(GIVEN, {"points", "negative points"})
    assert got == Prompts.clicks([(1, 2), (3, 4)], [1, 0])


def test_clicks_are_positive_where_nothing_else_is_said() -> None:
    assert Prompts.from_json({"points": [[1, 2]]}) == Prompts.click(1, 2)


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"points": [[1]]},
        {"points": [1, 2]},
        {"points": [[1, 2]], "labels": [1, 1]},
        {"points": [[1, 2]], "labels": [3]},
        {"box": [1, 2, 3]},
        {"box": ["a", 0, 1, 1]},
        {"strokes": [{"width": 3}]},
    ],
)
def test_what_cannot_be_read_is_refused(bad) -> None:
    with pytest.raises(InputError):
        Prompts.from_json(bad)
