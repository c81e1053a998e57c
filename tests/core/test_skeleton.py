"""Skeletons: what a person may write, and what is refused in one line."""

import pytest

from labkit.core.errors import LabkitError
from labkit.core.skeleton import COCO_PERSON, Skeleton, check_skeletons, limbs_of


@pytest.mark.parametrize(
    "given",
    [
        Skeleton(("head", "tip"), ((0, 1),)),
        {"names": ["head", "tip"], "limbs": [[0, 1]]},
        Skeleton(("head", "tip"), ((0, 1),)).to_json(),
    ],
)
def test_one_skeleton_is_written_in_several_ways(given):
    assert Skeleton.of(given) == Skeleton(("head", "tip"), ((0, 1),))


def test_names_alone_and_a_known_name():
    assert Skeleton.of(["a", "b"]) == Skeleton(("a", "b"))
    assert Skeleton.of("coco-person") is COCO_PERSON
    assert len(COCO_PERSON.names) == 17
    assert len(COCO_PERSON.limbs) == 19
    knee, ankle = COCO_PERSON.names.index("left_knee"), COCO_PERSON.names.index("left_ankle")
    assert (ankle, knee) in COCO_PERSON.limbs


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ([], "name"),
        (["a", "a"], "once"),
        (["a", ""], "name"),
        (["a", "b\tc"], "control"),
        ({"names": ["a", "b"], "limbs": [(0, 2)]}, "0 to 1"),
        ({"names": ["a", "b"], "limbs": [(1, 1)]}, "(1, 1)"),
        ({"names": ["a", "b"], "limbs": ["ab"]}, "numbers"),
        ({"nmaes": ["a"]}, "nmaes"),
        ("coco-persn", "coco-person"),
    ],
)
def test_what_is_no_skeleton_is_refused_in_one_line(given, word):
    with pytest.raises(LabkitError) as caught:
        Skeleton.of(given)
    assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_label_is_named_with_the_known_ones():
    with pytest.raises(LabkitError, match="bolt"):
        check_skeletons({"blot": ["head", "tip"]}, ["bolt", "nut"])


def test_limbs_fit_the_number_of_keypoints():
    bolt = Skeleton(("head", "middle", "tip"), ((0, 1), (1, 2)))
    assert limbs_of(bolt, 3) == bolt.limbs
    assert limbs_of(bolt, 2) == ((0, 1),)
    assert limbs_of(None, 17) == COCO_PERSON.limbs
    assert limbs_of(None, 5) == ()
