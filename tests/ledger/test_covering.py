"""What a person has decided, or has a tracker carry along, need not be said twice."""

from __future__ import annotations

import numpy as np
import pytest

from labkit.ledger.covering import COVERED_IOU, covering

BOX = (0.0, 0.0, 100.0, 100.0)


def covers(*objects: dict) -> list[int]:
    """``covering`` of objects that are alike where nothing else is said."""
    plain = {"frame": 0, "run": 0, "label": 0, "track": -1, "revision": 0, "carried": False}
    rows = [{**plain, "box": BOX, **o} for o in objects]
    columns = {name: np.array([r[name] for r in rows]) for name in ("box", *plain)}
    return covering(**columns).tolist()


def test_another_runs_proposal_is_covered_and_the_same_runs_is_not() -> None:
    decided = {"revision": 5}
    assert covers(decided, {"run": 1}) == [-1, 0]
    assert covers(decided, {}) == [-1, -1]
    assert covers(decided, {"run": 1, "label": 1}) == [-1, -1]
    assert covers(decided, {"run": 1, "frame": 1}) == [-1, -1]


@pytest.mark.parametrize(("width", "covered"), [(70, True), (69, False), (100, True)])
def test_from_what_overlap_on(width: float, covered: bool) -> None:
    assert COVERED_IOU == 0.7
    near = {"run": 1, "box": (0.0, 0.0, float(width), 100.0)}
    assert (covers({"revision": 1}, near)[1] == 0) == covered


def test_a_decided_object_covers_one_proposal_of_each_run_the_nearest() -> None:
    near, far = (0.0, 0.0, 95.0, 100.0), (0.0, 0.0, 80.0, 100.0)
    found = covers(
        {"revision": 1}, {"run": 1, "box": far}, {"run": 1, "box": near}, {"run": 2, "box": far}
    )
    assert found == [-1, -1, 0, 0]


def test_a_track_is_covered_wherever_it_is_by_the_latest_decision() -> None:
    away = (500.0, 500.0, 600.0, 600.0)
    one, two = {"revision": 9, "track": 7}, {"revision": 4, "track": 7, "run": 2}
    assert covers(one, two, {"track": 7, "box": away}) == [-1, -1, 0]
    assert covers(one, {"track": 8, "box": away}) == [-1, -1]


def test_what_is_carried_along_covers_a_detection_but_no_other_carried_object() -> None:
    carried = {"run": 1, "carried": True, "track": 7}
    assert covers(carried, {}) == [-1, 0]
    assert covers(carried, {"label": 1}) == [-1, -1]
    assert covers(carried, {"run": 2, "carried": True, "track": 8}) == [-1, -1]
    # one that repeats a decided object itself covers nothing
    assert covers({"revision": 3, "run": 2}, carried, {"run": 3}) == [-1, 0, 0]


def test_nothing_covers_nothing() -> None:
    empty = np.zeros(0, dtype=np.int64)
    names = ("frame", "run", "label", "track", "revision")
    given = dict.fromkeys(names, empty)
    assert covering(box=np.zeros((0, 4)), carried=np.zeros(0, bool), **given).tolist() == []
