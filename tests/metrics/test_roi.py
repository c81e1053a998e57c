import numpy as np
import pytest
from factories import decisions_frame
from metrics.ledgers import added, judged, nothing, story, whole

from labkit.core.errors import NotFoundError
from labkit.metrics import roi
from labkit.metrics.roi import CITED


def test_measured_on_the_frames_drawn_by_hand() -> None:
    found = roi(story())
    # review: f1 9 s, f2 6 s, f3 3 s until sent away, f4 1 s; objects f1 4 (one rejected), f2 1
    assert found.review_s == pytest.approx(19 / 5)
    assert found.hand_s == pytest.approx((8 + 12 + 2) / 2)
    assert found.measured
    assert (found.hand_frames, found.hand_objects, found.objects, found.frames) == (1, 2, 5, 2)
    assert found.speedup == pytest.approx(11 / 3.8)
    assert found.lo <= found.speedup <= found.hi
    assert found.saved_hours == pytest.approx(5 * (11 - 3.8) / 3600)
    assert "measured on 1 hand-labelled frame (2 objects)" in found.sentence


def reviewed(n: int, **given: object) -> list:
    rows = []
    for k in range(n):
        rows.append(judged("accept", f"f{k}", 0, active_s=2.0 + k % 3, **given))
        rows.append(whole("accept_frame", f"f{k}", active_s=0.0, **given))
    return rows


def test_cited_where_nothing_was_drawn_by_hand_and_named() -> None:
    found = roi(decisions_frame(reviewed(30)))
    assert (found.review_s, found.hand_s) == (3.0, 25.5)
    assert not found.measured
    assert found.hand_frames == 0
    assert "Su, Deng and Fei-Fei (2012)" in found.sentence
    clicked = roi(decisions_frame(reviewed(30)), "papadopoulos2017")
    assert clicked.speedup == pytest.approx(7 / 3)
    assert "Extreme clicking" in clicked.source
    assert set(CITED) == {"su2012", "papadopoulos2017"}
    with pytest.raises(NotFoundError, match="su2012"):
        roi(nothing(), "su2013")


def test_the_interval_is_seeded_and_narrows_with_frames() -> None:
    few, many = (roi(decisions_frame(reviewed(n)), seed=4) for n in (9, 300))
    assert few == roi(decisions_frame(reviewed(9)), seed=4)
    assert many.hi - many.lo < (few.hi - few.lo) / 3
    assert many.lo < many.speedup < many.hi


def test_scripted_seconds_are_said_to_be_nobodys() -> None:
    found = roi(decisions_frame(reviewed(5, scripted=True)))
    assert found.scripted_share == 1
    assert "100% of the decisions are scripted" in found.sentence


def test_nothing_to_compare() -> None:
    for ledger in (nothing(), decisions_frame([whole("reject_frame", "f"), added("f", "x")])):
        found = roi(ledger)
        assert np.isnan(found.speedup)
        assert found.objects == 0
        assert found.saved_hours == 0
        assert found.sentence.startswith("No object stands")
