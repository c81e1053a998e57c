import numpy as np
import pytest
from factories import decisions_frame
from metrics.ledgers import judged, nothing, story, whole

from labkit.core.errors import NotFoundError
from labkit.metrics import timing
from labkit.metrics.time import TIMES


def test_a_story_with_known_answers() -> None:
    row = timing(story()).iloc[0]
    # f1: 9 rows of 1 s, 5 objects; f2: 6 rows (undone ones too), 1 object; f3: 3 s until it was
    # sent away; f4: 1 s; f5 is open
    assert (row["frames"], row["objects"], row["seconds"]) == (4, 6, 19)
    assert row["seconds_per_frame_median"] == 4.5
    assert row["seconds_per_frame_mean"] == 19 / 4
    assert row["seconds_per_frame_p90"] == pytest.approx(np.quantile([9, 6, 3, 1], 0.9))
    assert row["seconds_per_object_mean"] == pytest.approx(19 / 6)
    assert row["seconds_per_object_median"] == pytest.approx(np.median([9 / 5, 6]))
    assert row["objects_per_hour"] == pytest.approx(6 * 3600 / 19)
    assert row["frames_per_hour"] == pytest.approx(4 * 3600 / 19)
    assert row["clicks_per_frame"] == (9 + 6 + 1 + 1) / 4


def test_by_reviewer_a_shared_frame_is_one_of_each() -> None:
    rows = [judged("accept", "f", 0, active_s=4.0), whole("accept_frame", "f", active_s=2.0)]
    rows += [{**whole("accept_frame", "f", active_s=10.0), "reviewer": "bo"}]
    table = timing(decisions_frame(rows), "reviewer").set_index("reviewer")
    assert table["seconds"].to_dict() == {"ana": 6.0, "bo": 10.0}
    assert timing(decisions_frame(rows)).iloc[0][["frames", "seconds"]].tolist() == [1, 16]


def test_a_skipped_frame_took_its_time() -> None:
    row = timing(decisions_frame([whole("skip", "f", active_s=7.0)])).iloc[0]
    assert (row["frames"], row["seconds"], row["objects"]) == (1, 7, 0)
    assert np.isnan(row["seconds_per_object_mean"])


def test_an_empty_ledger_and_a_wrong_name() -> None:
    assert timing(nothing(), "reviewer").columns.tolist() == ["reviewer", *TIMES]
    assert timing(nothing()).iloc[0]["frames"] == 0
    with pytest.raises(NotFoundError, match="known are run"):
        timing(nothing(), "score")
