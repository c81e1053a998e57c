"""The IoU of tracks with the truth: pairs, losses, masks."""

from __future__ import annotations

import pandas as pd
import pytest
from factories import proposals_frame

from labkit.core.errors import InputError
from labkit.metrics import track_iou

FRAMES = [f"f{k}" for k in range(4)]


def table(rows: list[tuple[str, int | None, tuple[float, ...]]]) -> pd.DataFrame:
    given = [
        {"frame_id": f, "label": "a", "score": 1.0, "box": box, "track_id": track}
        for f, track, box in rows
    ]
    return proposals_frame(given)


LEFT, RIGHT = (0, 0, 10, 10), (50, 0, 60, 10)
TRUTH = [(f, track, box) for f in FRAMES for track, box in ((7, LEFT), (8, RIGHT))]


def test_tracks_are_paired_with_what_they_begin_on():
    mine = [(f, track, box) for f in FRAMES for track, box in ((1, RIGHT), (2, LEFT))]
    found = track_iou(table(mine), table(TRUTH))
    assert found.groupby("track_id")["true_id"].unique().map(list).to_dict() == {1: [8], 2: [7]}
    assert (found["iou"] == 1).all()
    assert len(found) == 8


def test_a_track_that_jumps_to_its_neighbour_is_not_forgiven():
    mine = [("f0", 1, LEFT), ("f1", 1, LEFT), ("f2", 1, RIGHT), ("f3", 1, RIGHT)]
    assert track_iou(table(mine), table(TRUTH))["iou"].tolist() == [1, 1, 0, 0]


def test_a_lost_track_counts_to_the_end_of_what_was_to_be_tracked():
    mine = [("f0", 1, LEFT), ("f1", 1, (0, 0, 10, 5))]
    found = track_iou(table(mine), table(TRUTH), FRAMES)
    assert found["iou"].tolist() == [1, 0.5, 0, 0]
    assert track_iou(table(mine), table(TRUTH))["iou"].tolist() == [1, 0.5]


def test_where_both_are_out_of_sight_nothing_counts():
    gone = [row for row in TRUTH if row[:2] != ("f3", 7)]
    mine = [(f, 1, LEFT) for f in FRAMES[:3]]
    assert track_iou(table(mine), table(gone), FRAMES)["frame_id"].tolist() == FRAMES[:3]


def test_a_track_on_nothing_scores_0_and_a_missing_column_is_named():
    mine = [("f0", 1, (200, 200, 210, 210))]
    found = track_iou(table(mine), table(TRUTH))
    assert found["true_id"].tolist() == [-1]
    assert found["iou"].tolist() == [0]
    with pytest.raises(InputError, match="track_id"):
        track_iou(table(mine).drop(columns="track_id"), table(TRUTH))
