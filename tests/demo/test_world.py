import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.core.errors import InputError
from labkit.core.geometry import decode_mask
from labkit.demo import DAY, LABELS, MIN_VISIBLE, NIGHT, clip, still
from labkit.demo.chance import Dice, scene_seed

SMALL = (192, 256)
ROOT = Path(__file__).resolve().parents[2]
seeds = st.integers(0, 2**63 - 1)
domains = st.sampled_from([DAY, NIGHT])


def digest(*scenes):
    h = hashlib.sha256()
    for scene in scenes:
        h.update(scene.image.tobytes())
        h.update(scene.ids.astype("<u2").tobytes())
        for o in scene.objects:
            h.update(repr((o.label, o.shape.to_json(), o.track_id, o.visible)).encode())
    return h.hexdigest()[:16]


def small_scenes():
    moving = [clip(5, d, 12, SMALL, leaves=1, enters=1) for d in (DAY, NIGHT)]
    yield "day", digest(*(still(s, DAY, SMALL) for s in range(6)))
    yield "night", digest(*(still(s, NIGHT, SMALL) for s in range(6)))
    yield "clips", digest(*moving[0], *moving[1])


STORED = {"day": "83378ccce554f930", "night": "bd07c4eb9ad06871", "clips": "9c4c14f0c12c65a1"}


def test_the_bytes_of_small_scenes_are_those_that_were_stored():
    assert dict(small_scenes()) == STORED


def test_a_processor_without_vector_units_draws_the_same_bytes():
    """What the code paths of other machines give, as far as one machine can tell."""
    code = "from test_world import small_scenes; print(dict(small_scenes()))"
    plain = {
        "OPENCV_CPU_DISABLE": "SSE4.1,SSE4.2,AVX,FP16,AVX2,AVX512-SKX",
        "NPY_DISABLE_CPU_FEATURES": _numpy_features(),
        "OPENCV_IPP": "disabled",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{Path(__file__).parent}",
    }
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env={**os.environ, **plain},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == str(STORED)


def _numpy_features():
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    return " ".join(f for f in __cpu_dispatch__ if __cpu_features__.get(f))


@given(seed=seeds, domain=domains)
@settings(max_examples=8, deadline=None)
def test_the_same_seed_is_the_same_scene_whatever_was_drawn_before(seed, domain):
    first = digest(still(seed, domain, SMALL))
    still(seed ^ 1, domain, SMALL)
    assert digest(still(seed, domain, SMALL)) == first
    assert digest(still(seed ^ 1, domain, SMALL)) != first


def test_day_and_night_share_no_layout():
    day, night = still(3, DAY, SMALL), still(3, NIGHT, SMALL)
    assert [o.shape.box for o in day.objects] != [o.shape.box for o in night.objects]
    assert day.image.mean() > night.image.mean() + 30


@given(
    seed=seeds,
    domain=domains,
    size=st.sampled_from([(384, 512), SMALL, (256, 256), (301, 200), (96, 640)]),
)
@settings(max_examples=40, deadline=None)
def test_the_truth_of_any_scene_is_consistent(seed, domain, size):
    scene = still(seed, domain, size)
    assert scene.image.shape == (*size, 3)
    assert scene.image.dtype == np.uint8
    assert scene.ids.shape == size
    assert len({o.track_id for o in scene.objects}) == len(scene.objects)
    for o in scene.objects:
        mask = decode_mask(o.shape.mask)
        assert np.array_equal(mask, scene.ids == o.track_id)
        ys, xs = np.nonzero(mask)
        assert o.shape.box == (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
        assert MIN_VISIBLE <= o.visible <= 1
        assert o.label in LABELS
        assert (o.shape.keypoints is not None) == (o.label == "bolt")


@given(seed=seeds, domain=domains)
@settings(max_examples=30, deadline=None)
def test_head_and_tip_lie_on_the_bolt_where_they_are_seen(seed, domain):
    scene = still(seed, domain)
    height, width = scene.ids.shape
    for o in scene.objects:
        for x, y, v in o.shape.keypoints or ():
            inside = 0 <= x < width and 0 <= y < height
            assert (v > 0) == inside
            if inside:
                assert (v == 1) == bool(scene.ids[int(y), int(x)] == o.track_id)
        if o.label == "bolt" and o.visible == 1:
            (hx, hy, hv), (tx, ty, tv) = o.shape.keypoints
            assert hv == tv == 1
            x1, y1, x2, y2 = o.shape.box
            assert np.hypot(hx - tx, hy - ty) > 0.7 * max(x2 - x1, y2 - y1)


PLAIN = replace(
    DAY, blur=(0, 0), motion_blur=(0, 0), noise=(0, 0), shadow=(0, 0), distractors=(0, 0), gantry=0
)


@pytest.mark.parametrize("seed", range(8))
def test_masks_are_what_was_painted(seed):
    """Against the same belt without parts, all that differs is the parts and their soft rim."""
    full = still(seed, replace(PLAIN, objects=(6, 6)))
    empty = still(seed, replace(PLAIN, objects=(0, 0)))
    assert not empty.objects
    changed = np.abs(full.image.astype(int) - empty.image).max(axis=2) > 0
    mask = full.ids > 0
    rim = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    assert not (changed & ~rim).any()
    assert changed[mask].mean() > 0.97
    assert mask.mean() > 0.01


@pytest.mark.parametrize("seed", range(12))
def test_a_part_alone_within_the_frame_is_seen_whole_and_has_the_promised_size(seed):
    scene = still(seed, replace(PLAIN, objects=(1, 1)))
    (o,) = scene.objects
    x1, y1, x2, y2 = o.shape.box
    if x1 > 0 and y1 > 0 and x2 < 512 and y2 < 384:
        assert o.visible == 1
        assert 24 <= max(x2 - x1, y2 - y1) <= 92
    else:
        assert o.visible <= 1


def test_parts_cover_each_other_and_leave_the_frame():
    scenes = [still(s) for s in range(40)]
    visible = np.array([o.visible for s in scenes for o in s.objects])
    assert 0.03 < (visible < 0.95).mean() < 0.5
    counts = [len(s.objects) for s in scenes]
    assert min(counts) >= 3
    assert max(counts) <= 10
    assert {o.label for s in scenes for o in s.objects} == set(LABELS)


@given(seed=seeds, domain=domains, gantry=st.sampled_from([None, True, False]))
@settings(max_examples=12, deadline=None)
def test_promised_objects_leave_and_enter(seed, domain, gantry):
    scenes = list(clip(seed, domain, 24, SMALL, leaves=2, enters=2, gantry=gantry))
    assert [s.index for s in scenes] == list(range(24))
    first = {o.track_id: o.visible for o in scenes[0].objects}
    last = {o.track_id: o.visible for o in scenes[-1].objects}
    in_first, in_last = set(np.unique(scenes[0].ids)), set(np.unique(scenes[-1].ids))
    assert sum(v >= 0.5 and k not in in_last for k, v in first.items()) >= 2
    assert sum(v >= 0.5 and k not in in_first for k, v in last.items()) >= 2


@given(seed=seeds, domain=domains)
@settings(max_examples=12, deadline=None)
def test_a_track_id_is_one_object_that_moves_smoothly(seed, domain):
    where, labels = {}, {}
    for scene in clip(seed, domain, 20, SMALL):
        for o in scene.objects:
            assert labels.setdefault(o.track_id, o.label) == o.label
            if o.visible < 1:
                where.pop(o.track_id, None)
                continue
            box = np.array(o.shape.box)
            before = where.get(o.track_id, box)
            assert np.abs(box - before).max() <= 12
            where[o.track_id] = box


def test_things_in_a_clip_turn_and_slide_on_the_belt():
    steps, turned = set(), 0
    for seed in range(4):
        ends = {}
        for scene in clip(seed, DAY, 30):
            for o in scene.objects:
                if o.visible == 1:
                    ends.setdefault(o.track_id, []).append(o)
        for seen in ends.values():
            box = np.array([o.shape.box for o in seen])
            centre = (box[:, :2] + box[:, 2:]) / 2
            if len(box) > 10:
                steps.add(tuple(np.round((centre[-1] - centre[0]) / (len(box) - 1))))
                turned += np.ptp(box[:, 2] - box[:, 0]) > 6
    assert len(steps) > 4
    assert turned > 1


def test_hardly_visible_objects_are_left_out_of_the_truth_but_painted():
    left_out = 0
    for scene in clip(1, DAY, 60, SMALL, leaves=1):
        known = {o.track_id: o.visible for o in scene.objects}
        assert all(v >= MIN_VISIBLE for v in known.values())
        left_out += 1 in scene.ids and 1 not in known
    assert left_out > 0


def test_a_clip_is_drawn_as_it_is_asked_for():
    scenes = clip(0, DAY, 3000, SMALL)
    assert [s.index for s in islice(scenes, 2)] == [0, 1]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: still(0, DAY, (50, 512)), "96 to 1024"),
        (lambda: still(0, DAY, (384, 2000)), "96 to 1024"),
        (lambda: still(-1), "seed"),
        (lambda: clip(0, DAY, 0), "at least one frame"),
        (lambda: clip(0, DAY, 3, leaves=1), "more frames"),
        (lambda: clip(0, DAY, 40, leaves=30), "side by side"),
    ],
)
def test_bad_input_is_named_before_anything_is_drawn(call, says):
    with pytest.raises(InputError, match=says):
        call()


def test_importing_the_demo_is_light():
    code = "import sys, labkit.demo; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"cv2", "numpy", "pandas", "torch"} & set(run.stdout.split())


def test_seeds_of_different_sets_do_not_meet():
    made = {scene_seed("stills", a, b) for a in range(40) for b in range(200)}
    assert len(made) == 8000
    assert all(0 <= s < 2**63 for s in made)


@given(st.integers(0, 2**32), st.integers(-5, 5), st.integers(0, 9))
def test_dice_stay_within_bounds(seed, low, more):
    dice = Dice("x", seed)
    drawn = [dice.whole(low, low + more) for _ in range(50)]
    assert low <= min(drawn) <= max(drawn) <= low + more
    assert {dice.choice("ab", (1, 0)) for _ in range(20)} == {"a"}
