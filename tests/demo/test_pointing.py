"""What is pointed at in the drawn world lies where it says."""

from __future__ import annotations

import numpy as np
import pytest

from labkit.core.errors import InputError
from labkit.core.geometry import decode_mask
from labkit.core.rows import shape_from_row
from labkit.demo import clip, point_at, truth_table

FRAMES = ["a", "b"]


@pytest.fixture(scope="module")
def known():
    return truth_table(list(clip(3, frames=2, leaves=0, enters=0)), FRAMES)


def masks(known, frame):
    rows = known[known["frame_id"] == frame].to_dict("records")
    return {int(r["track_id"]): decode_mask(shape_from_row(r).mask) for r in rows}


def test_clicks_are_on_or_beside_the_object_as_their_labels_say(known):
    truth = masks(known, "a")
    pointed = point_at(known, "a")
    assert {o["track_id"] for o in pointed} == set(truth)
    for item in pointed:
        mask = truth[item["track_id"]]
        for (x, y), label in zip(item["points"], item["labels"], strict=True):
            assert mask[y, x] == bool(label)
    assert 0 in {label for item in pointed for label in item["labels"]}  # a nut has a hole


def test_outlines_run_along_the_rim(known):
    truth = masks(known, "a")
    for item in point_at(known, "a"):
        mask = np.pad(truth[item["track_id"]], 2)
        for x, y in item["outline"]:
            near = mask[round(y) : round(y) + 5, round(x) : round(x) + 5]
            assert near.any()
            assert not near.all()


def test_those_wanted_come_in_the_order_asked_for(known):
    ids = sorted(masks(known, "a"))[:3]
    assert [o["track_id"] for o in point_at(known, "a", tracks=ids[::-1])] == ids[::-1]
    two = point_at(known, "a", n=2, until=["b"])
    assert len({o["label"] for o in two}) == 2
    with pytest.raises(InputError, match="nothing to point at"):
        point_at(known, "nowhere")
