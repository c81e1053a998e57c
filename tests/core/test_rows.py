"""Rows of tables as objects, whatever stands for a missing value."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.core.rows import (
    attributes_from_json,
    attributes_to_json,
    frame_from_row,
    is_missing,
    object_from_row,
)
from labkit.core.types import Attribute, LabelChoice, Rle
from labkit.core.visibility import NEVER

NOTHING = [None, float("nan"), pd.NA, pd.NaT, np.float64("nan")]

ROW = {
    "object_id": "r/f/0",
    "frame_id": "f",
    "run_id": "r",
    "label": "vehicle",
    "model_label": "car",
    "score": np.float32(0.7),
    "label_2": "truck",
    "score_2": np.float32(0.2),
    "x1": 1.0,
    "y1": 2.0,
    "x2": 30.0,
    "y2": 40.0,
    "track_id": 7,
    "attributes": None,
} | dict.fromkeys(
    ["label_3", "score_3", "rotated", "polygons", "mask_h", "mask_w", "mask_counts", "keypoints"]
)


@pytest.mark.parametrize("nothing", NOTHING, ids=lambda v: type(v).__name__)
def test_every_kind_of_nothing_is_none(nothing):
    assert is_missing(nothing)
    row = dict.fromkeys(["track_id", "run_id", "score", "model_label"], nothing)
    one = object_from_row(ROW | row)
    assert (one.track_id, one.run_id, one.score, one.shown_from) == (None, None, None, NEVER)
    assert one.shape.polygons is None


@pytest.mark.parametrize("value", [0, 0.0, "", False, "nan"])
def test_what_only_looks_like_nothing_is_something(value):
    assert not is_missing(value)


def test_a_proposal_is_undecided_and_keeps_the_models_words():
    one = object_from_row(ROW)
    assert (one.state, one.label, one.revision) == ("proposed", "vehicle", 0)
    assert one.choices == (
        LabelChoice("car", float(np.float32(0.7))),
        LabelChoice("truck", float(np.float32(0.2))),
    )
    assert one.shown_from == np.float32(0.7)


def test_every_part_of_a_shape_comes_from_its_columns():
    parts = {
        "rotated": np.array([15, 20, 10, 8, 0.5]),
        "polygons": [np.array([1, 2, 30, 2, 30, 40])],
        "keypoints": np.array([5, 6, 1.0, 7, 8, 0.0]),
        "mask_h": 48,
        "mask_w": 64,
        "mask_counts": "abc",
    }
    shape = object_from_row(ROW | parts).shape
    assert shape.box == (1, 2, 30, 40)
    assert shape.rotated == (15, 20, 10, 8, 0.5)
    assert shape.polygons == ((1, 2, 30, 2, 30, 40),)
    assert shape.keypoints == ((5, 6, 1), (7, 8, 0))
    assert shape.mask == Rle(48, 64, "abc")


def test_a_folded_row_says_what_was_decided():
    decided = {
        "state": "edited",
        "reviewer": "ana",
        "revision": 3,
        "edited": True,
        "covered_by": None,
        "shown_from": 1.0,
    }
    one = object_from_row(ROW | decided)
    assert (one.state, one.reviewer, one.revision, one.edited) == ("edited", "ana", 3, True)
    assert (one.model_label, one.covered_by, one.shown_from) == ("car", None, 1.0)
    assert one.relabelled


names = st.text(min_size=1, max_size=5)
values = st.one_of(st.text(max_size=5), st.booleans(), st.floats(0, 1))
attributes = st.lists(
    st.builds(Attribute, names, values, st.none() | st.floats(0, 1)), max_size=3
).map(tuple)


@given(attributes)
def test_attributes_go_through_json_and_back(given_ones):
    assert attributes_from_json(attributes_to_json(given_ones)) == given_ones


def test_a_frame_without_a_time_has_none():
    row = {"frame_id": "f", "source": "s", "uri": "a.jpg", "index": np.int64(0), "width": 4}
    row |= {"height": 3, "time_s": float("nan"), "sha256": "s", "group": ".", "orientation": 1}
    frame = frame_from_row(row | {"name": "a.jpg"})
    assert (frame.index, frame.time_s, frame.width) == (0, None, 4)
    assert frame_from_row(row | {"time_s": 1.5}).time_s == 1.5
