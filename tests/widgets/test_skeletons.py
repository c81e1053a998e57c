"""The limbs between keypoints, as both canvases draw them."""

from types import SimpleNamespace

import pytest

from labkit.widgets.looks import SKELETON, limbs_of, skeletons_json

BOLT = SimpleNamespace(names=("head", "neck", "tip"), limbs=((0, 1), (1, 2)))


@pytest.mark.parametrize(
    ("label", "count", "limbs"),
    [
        ("bolt", 3, [(0, 1), (1, 2)]),
        ("nut", 3, ()),
        ("bolt", 2, ((0, 1),)),
        ("bolt", 17, SKELETON),
    ],
)
def test_the_label_s_own_skeleton_counts_where_it_has_as_many_names(label, count, limbs):
    assert limbs_of(label, count, skeletons_json({"bolt": BOLT})) == limbs


def test_skeletons_go_to_the_browser_as_lists():
    assert skeletons_json({"bolt": BOLT}) == {
        "bolt": {"names": ["head", "neck", "tip"], "limbs": [[0, 1], [1, 2]]}
    }
