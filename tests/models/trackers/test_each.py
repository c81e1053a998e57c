"""``flow`` and ``mil`` against the world's truth, and on everything that can go wrong."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # moving.py

from moving import as_kind, iou_with_truth, keyframes, scenes, still_iou, walk

from labkit.core.errors import InputError
from labkit.core.geometry import decode_mask, paired_iou, shape_from_polygons
from labkit.core.prompts import Prompts
from labkit.core.tracks import Keyframe, Tracked
from labkit.core.types import Shape
from labkit.models.trackers import open_tracker

SIZE = {"width": 512, "height": 384}


def opened(name: str, **options):
    return open_tracker(name).open(**{**SIZE, **options})


@pytest.mark.parametrize(
    ("name", "kind", "domain", "least"),
    [
        ("flow", "box", "day", 0.85),
        ("flow", "mask", "day", 0.92),
        ("flow", "box", "night", 0.9),
        ("mil", "box", "day", 0.6),
    ],
)
def test_it_follows_and_beats_a_box_that_stays(name, kind, domain, least) -> None:
    clip = scenes(2, 20, domain)
    session, first = opened(name), keyframes(clip[0], kind)
    answer = session.prompt(0, clip[0].image, first)
    assert [t.shape.box for t in answer] == [k.shape.box for k in first]
    results = walk(session, clip)
    found = iou_with_truth(results, clip)
    assert found > least
    assert found > still_iou(clip, first) + 0.3
    for one in (t for r in results for t in r):
        assert 0 <= one.score <= 1
        assert np.isfinite(list(one.signals.values())).all()


def test_signals_say_what_the_score_rests_on() -> None:
    clip = scenes(1, 20)
    session = opened("flow")
    session.prompt(0, clip[0].image, keyframes(clip[0]))
    for one in session.step(1, clip[1].image):
        assert 0 <= one.signals["forward_backward"] < 1
        assert 0 < one.signals["inliers"] <= 1


def test_backward_and_in_the_middle() -> None:
    clip = scenes(2, 20)
    session = opened("flow", backward=True)
    session.prompt(19, clip[19].image, keyframes(clip[19]))
    joined = keyframes(clip[10])[0]
    late = replace(joined, track_id=900)
    session.prompt(10, clip[10].image, [late])  # known before the walk comes there
    results = walk(session, clip, backward=True)
    assert iou_with_truth(results[:10], clip[9:][::-1]) > 0.85
    assert all(t.track_id != 900 for r in results[:9] for t in r)  # 19 to 10, prompted on 10
    seen = [t for r in results[9:] for t in r if t.track_id == 900]
    assert len(seen) == 10
    truth = {s.index: {o.track_id: o.shape.box for o in s.objects} for s in clip}
    boxes = [truth[9 - k].get(joined.track_id) for k in range(10)]
    pairs = [(t.shape.box, b) for t, b in zip(seen, boxes, strict=True) if t.shape and b]
    assert np.mean([paired_iou([a], [b])[0] for a, b in pairs]) > 0.8


def test_a_mask_and_a_polygon_move_with_what_is_inside() -> None:
    clip = scenes(3, 20)
    nut = next(o for o in clip[0].objects if o.visible > 0.95)
    x1, y1, x2, y2 = nut.shape.box
    square = shape_from_polygons([[x1, y1, x2, y1, x2, y2, x1, y2]])
    keys = [Keyframe("f", 1, "nut", as_kind(nut.shape, "mask")), Keyframe("f", 2, "nut", square)]
    session = opened("flow")
    session.prompt(0, clip[0].image, keys)
    for scene in clip[1:8]:
        mask, ring = session.step(scene.index, scene.image)
    truth = next(o for o in clip[7].objects if o.track_id == nut.track_id).shape
    a, b = decode_mask(mask.shape.mask), decode_mask(truth.mask)
    assert (a & b).sum() / (a | b).sum() > 0.85
    assert len(ring.shape.polygons[0]) == 8
    assert paired_iou([ring.shape.box], [truth.box])[0] > 0.8


def test_slow_motion_below_a_pixel_adds_up_for_masks() -> None:
    texture = np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8)
    import cv2

    big = cv2.GaussianBlur(cv2.resize(texture, (640, 480)), (0, 0), 2)
    frames = [
        cv2.warpAffine(big, np.float32([[1, 0, 0.3 * k], [0, 1, 0]]), (640, 480)) for k in range(21)
    ]
    mask = np.zeros((480, 640), bool)
    mask[200:260, 200:280] = True
    from labkit.core.geometry import shape_from_mask

    session = opened("flow", width=640, height=480)
    session.prompt(0, frames[0], [Keyframe("f", 1, "x", shape_from_mask(mask))])
    for k, image in enumerate(frames[1:], start=1):
        (one,) = session.step(k, image)
    assert one.shape.box == pytest.approx((206, 200, 286, 260), abs=1.01)


@pytest.mark.parametrize("name", ["flow", "mil"])
def test_what_leaves_is_lost_and_nothing_breaks(name) -> None:
    clip = scenes(4, 24, leaves=1)
    gone = {o.track_id for o in clip[0].objects} - {o.track_id for o in clip[-1].objects}
    session = opened(name)
    first = [k for k in keyframes(clip[0]) if k.track_id in gone]
    assert first
    session.prompt(0, clip[0].image, first)
    results = walk(session, clip)
    assert all(len(r) == len(first) for r in results)  # it answers for each object on every frame
    lost = [t.shape is None for t in results[-1]]
    assert all(lost) if name == "flow" else any(lost)  # mil may cling to the edge for a while
    for one in (t for r in results for t in r if t.shape is not None):
        x1, y1, x2, y2 = one.shape.box
        assert 0 <= x1 < x2 <= 512
        assert 0 <= y1 < y2 <= 384


@pytest.mark.parametrize("name", ["flow", "mil"])
def test_nothing_to_see_is_lost_or_still_but_never_nan(name) -> None:
    blank = np.full((384, 512, 3), 128, np.uint8)
    session = opened(name)
    boxes = [
        (10, 10, 60, 60),
        (0, 0, 3, 3),
        (-40, -40, 5, 5),
        (500, 370, 600, 400),
        (0, 0, 512, 384),
    ]
    keys = [Keyframe("f", n, "x", Shape(b)) for n, b in enumerate(boxes)]
    session.prompt(0, blank, keys)
    for k in range(1, 3):
        for one in session.step(k, blank):
            assert np.isfinite(one.score)
            assert one.shape is None or np.isfinite(one.shape.box).all()


@pytest.mark.parametrize("name", ["flow", "mil"])
def test_recall_goes_on_as_if_it_had_been_there(name) -> None:
    clip = scenes(2, 20)
    whole, first = opened(name), keyframes(clip[0])[: 9 if name == "flow" else 2]
    whole.prompt(0, clip[0].image, first)
    results = walk(whole, clip)
    resumed = opened(name)
    resumed.prompt(0, clip[0].image, first)  # a resumed run prompts with all its keyframes
    resumed.recall(10, clip[10].image, results[9])
    again = walk(resumed, clip[10:])
    assert [[t.track_id for t in r] for r in again] == [
        [t.track_id for t in r] for r in results[10:]
    ]
    pairs = [
        (a.shape.box, b.shape.box)
        for r, q in zip(again, results[10:], strict=True)
        for a, b in zip(r, q, strict=True)
        if a.shape and b.shape
    ]
    assert len(pairs) > 8
    ious = [paired_iou([a], [b])[0] for a, b in pairs]
    assert np.mean(ious) > (0.97 if name == "flow" else 0.7)  # mil has to learn anew


@pytest.mark.parametrize("name", ["flow", "mil"])
def test_the_same_twice(name) -> None:
    clip = scenes(1, 20)[:6]
    out = []
    for _ in range(2):
        session = opened(name)
        session.prompt(0, clip[0].image, keyframes(clip[0])[:2])
        out.append(walk(session, clip))
    assert out[0] == out[1]


def test_correct_drop_and_leave() -> None:
    clip = scenes(2, 20)
    session, first = opened("flow"), keyframes(clip[0])
    session.prompt(0, clip[0].image, first)
    session.step(1, clip[1].image)
    moved = replace(first[0], shape=Shape((100, 100, 160, 160)))
    out = Keyframe("f", first[1].track_id, "x", outside=True)
    (there, outside) = session.prompt(2, clip[2].image, [moved, out])
    assert there.shape.box == (100, 100, 160, 160)
    assert outside.shape is None
    session.drop(first[2].track_id)
    on_two = session.step(2, clip[2].image)
    assert {t.track_id for t in on_two}.isdisjoint({k.track_id for k in first[:3]})
    on_three = {t.track_id: t for t in session.step(3, clip[3].image)}
    assert paired_iou([on_three[first[0].track_id].shape.box], [(100, 100, 160, 160)])[0] > 0.5
    assert on_three[first[1].track_id].shape is None
    assert first[2].track_id not in on_three
    session.close()
    assert session.step(4, clip[4].image) == []


def test_a_frame_that_was_left_out_does_not_matter() -> None:
    clip = scenes(1, 20)
    session = opened("flow")
    first = keyframes(clip[0])
    session.prompt(0, clip[0].image, first)
    session.recall(1, clip[1].image, [Tracked(77, None, 0.0)])
    results = [session.step(s.index, s.image) for s in clip[2:8:2]]
    assert iou_with_truth([r[: len(first)] for r in results], clip[:8:2]) > 0.9
    assert all(r[-1] == Tracked(77, None, 0.0) for r in results)


@pytest.mark.parametrize(
    ("keyframe", "words"),
    [
        (Keyframe("f", 1, "x", prompts=Prompts.click(3, 4)), "cannot start from clicks"),
        (Keyframe("f", 1, "x", Shape((600, 10, 700, 90))), "outside of the frame"),
        (Keyframe("f", 1, "x", prompts=Prompts.boxed((9, 9, np.nan, 40))), "finite"),
        (
            Keyframe("f", 1, "x", Shape((1, 1, 9, 9), polygons=((1, 1, np.nan, 3, 9, 9),))),
            "polygon is not finite",
        ),
    ],
)
@pytest.mark.parametrize("name", ["flow", "mil"])
def test_bad_keyframes_are_refused_in_one_line(name, keyframe, words) -> None:
    session = opened(name)
    image = np.zeros((384, 512, 3), np.uint8)
    good = Keyframe("f", 2, "x", Shape((9, 9, 60, 60)))
    with pytest.raises(InputError, match=words):
        session.prompt(0, image, [good, keyframe])
    assert session.step(1, image) == []  # all or nothing


def test_masks_and_frames_of_another_size_are_refused() -> None:
    clip = scenes(1, 20)
    session = opened("flow", width=256)
    with pytest.raises(InputError, match="512 x 384, the pass 256 x 384"):
        session.prompt(0, clip[0].image, [])
    with pytest.raises(InputError, match="its mask is 512 x 384"):
        session.prompt(0, clip[0].image[:, :256], keyframes(clip[0], "mask"))


def test_many_objects_are_followed_in_one_go() -> None:
    clip = scenes(2, 20)
    rng = np.random.default_rng(0)
    corners = rng.uniform((0, 0), (460, 340), (600, 2))
    keys = [
        Keyframe("f", n, "x", Shape((x, y, x + 40, y + 40))) for n, (x, y) in enumerate(corners)
    ]
    session = opened("flow")
    session.prompt(0, clip[0].image, keys)
    assert len(session.step(1, clip[1].image)) == 600


@pytest.mark.data
@pytest.mark.parametrize(("name", "frames"), [("flow", 60), ("mil", 12)])
def test_real_frames(bedroom: Path, name: str, frames: int) -> None:
    from PIL import Image

    paths = sorted(bedroom.rglob("*.jpg"))[:frames]
    keys = [
        Keyframe("f", 1, "girl", Shape((310, 0, 510, 400))),
        Keyframe("f", 2, "pillow", Shape((538, 288, 678, 416))),
    ]
    session = opened(name, width=960, height=540)
    for k, path in enumerate(paths):
        with Image.open(path) as opened_image:
            image = np.asarray(opened_image.convert("RGB"))
        out = session.prompt(k, image, keys) if k == 0 else session.step(k, image)
    pillow = out[1].shape.box
    at_the_end = {"flow": (496, 300, 640, 430), "mil": (530, 293, 670, 421)}[name]
    assert paired_iou([pillow], [at_the_end])[0] > 0.7
    assert [t.track_id for t in out] == [1, 2]
