"""Splits keep groups together; names are safe and unique."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from factories import frames_frame
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.core.errors import InputError
from labkit.exchange.names import frame_stems, safe_stem
from labkit.exchange.splits import assign_splits, place_groups

SHARES = st.lists(st.integers(1, 20), min_size=1, max_size=4).map(
    lambda parts: {f"s{k}": n / sum(parts) for k, n in enumerate(parts)}
)


@given(st.lists(st.integers(1, 300), min_size=1, max_size=60), SHARES, st.integers(0, 9))
def test_sizes_come_as_near_as_the_largest_group_allows(sizes, shares, seed: int) -> None:
    place = place_groups(sizes, list(shares.values()), seed)
    for k, share in enumerate(shares.values()):
        got = sum(n for n, p in zip(sizes, place, strict=True) if p == k)
        assert got <= share * sum(sizes) + max(sizes) + 1e-6
        assert got >= share * sum(sizes) - (len(shares) - 1) * max(sizes) - 1e-6
    assert len(set(place)) == min(len(sizes), len(shares))  # none empty that need not be


def table(groups: list[int]) -> pd.DataFrame:
    df = frames_frame([f"{k:016x}" for k in range(len(groups))])
    return df.assign(group=[f"g{g}" for g in groups])


@given(st.lists(st.integers(0, 12), min_size=1, max_size=80), SHARES, st.integers(0, 5))
@settings(max_examples=30, deadline=None)
def test_a_group_never_straddles(groups, shares, seed: int) -> None:
    df = table(groups)
    plan = assign_splits(df, shares, seed, by="group")
    of = df["frame_id"].map(plan.of)
    assert of.notna().all()
    assert of.groupby(df["group"]).nunique().max() == 1


@given(st.lists(st.integers(0, 5), min_size=4, max_size=40), st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_the_order_of_frames_is_no_matter(groups, random) -> None:
    df = table(groups)
    order = list(range(len(df)))
    random.shuffle(order)
    shares = {"train": 0.75, "val": 0.25}
    assert assign_splits(df, shares, 3).of == assign_splits(df.iloc[order], shares, 3).of


def test_another_seed_gives_another_split() -> None:
    df = table(list(range(40)))
    shares = {"train": 0.5, "val": 0.5}
    plans = [assign_splits(df, shares, s).of for s in (0, 0, 1)]
    assert plans[0] == plans[1] != plans[2]


def test_one_flat_folder_is_split_by_image_and_says_so() -> None:
    df = table([0] * 10)
    shares = {"train": 0.8, "val": 0.2}
    plan = assign_splits(df, shares)
    assert pd.Series(plan.of).value_counts().to_dict() == {"train": 8, "val": 2}
    assert "split by image" in plan.notes[0]
    plan = assign_splits(df, shares, by="group")
    assert set(plan.of.values()) == {"train"}
    assert any("cannot be split" in n for n in plan.notes)


def test_one_video_cannot_be_split_but_by_frame() -> None:
    df = table([0] * 10).assign(sha256=[f"v{k}" for k in range(10)], index=range(10))
    shares = {"train": 0.8, "val": 0.2}
    plan = assign_splits(df, shares)
    assert set(plan.of.values()) == {"train"}
    assert any("cannot be split" in n for n in plan.notes)
    plan = assign_splits(df, shares, by="frame")
    assert set(plan.of.values()) == {"train", "val"}
    assert any("straddle" in n for n in plan.notes)


def test_a_video_beside_loose_images_stays_whole() -> None:
    video = table([0] * 6).assign(sha256=[f"v{k}" for k in range(6)], index=range(6))
    images = table([0] * 6).assign(frame_id=[f"i{k}" for k in range(6)], group="g0")
    df = pd.concat([video, images], ignore_index=True)
    plan = assign_splits(df, {"train": 0.5, "val": 0.5})
    assert len({plan.of[i] for i in video["frame_id"]}) == 1
    assert set(plan.of.values()) == {"train", "val"}


def test_shares_that_the_groups_do_not_allow_are_named() -> None:
    plan = assign_splits(table([0] * 90 + [1] * 10), {"train": 0.5, "val": 0.5})
    assert any("too large" in n and "90%" in n for n in plan.notes)


@pytest.mark.parametrize(
    "split",
    [{}, {"train": 0.8}, {"train": 0.8, "val": 0.3}, {"train": 1.5, "val": -0.5},
     {"../up": 1.0}, {"a": float("nan"), "b": 0.5}, {"Val": 0.5, "val": 0.5}, {"train": "most"},
     0.8, "train"],
)  # fmt: skip
def test_unusable_splits(split: dict) -> None:
    with pytest.raises(InputError) as caught:
        assign_splits(table([0, 1]), split)
    assert "\n" not in str(caught.value)


def stems(uris: list[str], indices: list[int] | None = None) -> list[str]:
    df = frames_frame([f"{k:016x}" for k in range(len(uris))])
    df = df.assign(uri=uris)
    if indices:
        df = df.assign(index=indices, sha256=[f"v{k}" for k in range(len(uris))])
    return frame_stems(df).tolist()


def test_two_files_of_one_name_do_not_collide() -> None:
    names = stems(["x/000.jpg", "y/000.png", "y/001.jpg", "z/000_0000000000000000.jpg"])
    assert names[2] == "001"
    assert len({n.casefold() for n in names}) == 4
    assert all(n.startswith("000_") for n in (names[0], names[1]))


def test_frames_of_a_video_are_numbered() -> None:
    assert stems(["a/my clip.mp4"] * 2, [3, 123]) == ["my clip_000003", "my clip_000123"]


NASTY = st.text(min_size=0, max_size=300) | st.sampled_from(
    ["../../etc/passwd", "a\nb", "q\"'<>|?*", "..", ".", "", "con", "NUL.x", "é" * 200, "😀", " . "]
)


@given(st.lists(NASTY, min_size=1, max_size=6))
@settings(max_examples=50, deadline=None)
def test_any_name_is_made_safe_and_unique(names: list[str]) -> None:
    out = stems([f"{n}.jpg" for n in names])
    assert len({n.casefold() for n in out}) == len(names)
    for stem in out:
        assert re.fullmatch(r"[\w.()+ -]+", stem)
        assert stem[0] not in ".- "
        assert len(f"{stem}.jpg".encode()) < 255


@given(NASTY)
def test_a_safe_name_stays_as_it_is(name: str) -> None:
    assert safe_stem(safe_stem(name)) == safe_stem(name)
