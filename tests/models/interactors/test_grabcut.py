"""GrabCut: from a box, corrected by strokes and clicks, the same every time."""

import numpy as np
import pytest
from models.pictures import Pictures, disc

from labkit.core.errors import InputError
from labkit.core.geometry import encode_mask, mask_iou
from labkit.core.prompts import Prompts, Stroke
from labkit.demo.world import still
from labkit.frames import FrameReader, scan
from labkit.models.interactors import open_interactor

IMAGE, TRUTH = disc()
BOX = (47, 27, 113, 93)


def opened(image):
    source = Pictures(a=image)
    grabcut = open_interactor("grabcut", source)
    grabcut.set_frame(source.frame("a"))
    return grabcut


def two_tone():
    """A disc of which one half has another colour, on ground with a spot of the disc's colour."""
    image, mask = disc()
    image[:, :80][mask[:, :80]] = (60, 70, 220)
    image[50:70, 112:118] = (200, 60, 50)
    return image, mask


def test_a_box_around_the_object_is_enough():
    (found,) = opened(IMAGE).segment(Prompts.boxed(BOX))
    assert mask_iou(found.mask, TRUTH) > 0.97
    assert found.mask.shape == TRUTH.shape
    assert found.mask.dtype == bool
    assert not found.mask[:, 114:].any()


def test_the_same_prompts_give_the_same_mask():
    scene = still(5)
    box = Prompts.boxed(scene.objects[0].shape.box)
    grabcut = opened(scene.image)
    first = grabcut.segment(box)[0].mask
    grabcut.segment(Prompts.boxed(scene.objects[1].shape.box))
    assert np.array_equal(grabcut.segment(box)[0].mask, first)
    assert np.array_equal(opened(scene.image).segment(box)[0].mask, first)


def test_strokes_bring_in_what_was_missed_and_take_out_what_was_too_much():
    image, mask = two_tone()
    grabcut = opened(image)
    wide = (47, 27, 120, 93)
    (alone,) = grabcut.segment(Prompts.boxed(wide))
    strokes = (
        Stroke(((60, 50), (60, 70)), positive=True, width=5),
        Stroke(((115, 50), (115, 70)), positive=False, width=7),
    )
    (helped,) = grabcut.segment(Prompts(box=wide, strokes=strokes))
    assert mask_iou(helped.mask, mask) > max(0.95, mask_iou(alone.mask, mask))
    assert helped.mask[50:70, 60].all()
    assert not helped.mask[50:70, 115].any()


def test_clicks_are_small_strokes():
    image, _ = two_tone()
    prompts = (
        Prompts.boxed((47, 27, 120, 93)).with_click(60, 60).with_click(115, 60, positive=False)
    )
    (found,) = opened(image).segment(prompts)
    assert found.mask[60, 60]
    assert not found.mask[60, 115]


def test_a_stroke_outside_of_the_box_belongs_to_the_object():
    grabcut = opened(IMAGE)
    prompts = Prompts(box=(47, 27, 80, 93), strokes=(Stroke(((85, 60), (105, 60))),))
    assert grabcut.segment(prompts)[0].mask[60, 85:105].all()


def test_an_earlier_mask_is_a_start():
    rough = np.zeros_like(TRUTH)
    rough[35:85, 55:105] = True
    (found,) = opened(IMAGE).segment(Prompts(mask=encode_mask(rough)))
    assert mask_iou(found.mask, TRUTH) > max(0.95, mask_iou(rough, TRUTH))


def test_strokes_of_both_kinds_do_without_a_box():
    strokes = (Stroke(((70, 60), (90, 60))), Stroke(((10, 10), (150, 10)), positive=False))
    (found,) = opened(IMAGE).segment(Prompts(strokes=strokes))
    assert mask_iou(found.mask, TRUTH) > 0.95
    with pytest.raises(InputError, match="strokes on the object and on the background"):
        opened(IMAGE).segment(Prompts.click(80, 60))


def test_large_frames_are_looked_at_smaller_and_answered_in_full():
    image, mask = disc((1500, 2000), (1000, 750), 450)
    (found,) = opened(image).segment(Prompts.boxed((540, 290, 1460, 1210)))
    assert found.mask.shape == (1500, 2000)
    assert mask_iou(found.mask, mask) > 0.97


@pytest.mark.parametrize(
    "box",
    [(0, 0, 160, 120), (10, 10, 11, 11), (-20, -20, 300, 300), (0, 0, 2, 1), (40.2, 7, 90, 8)],
)
def test_boxes_with_little_to_learn_from_are_answered(box):
    (found,) = opened(IMAGE).segment(Prompts.boxed(box))
    assert found.mask.shape == TRUTH.shape
    outside = np.ones_like(TRUTH)
    outside[max(0, int(box[1])) : int(box[3]) + 1, max(0, int(box[0])) : int(box[2]) + 1] = False
    assert not (found.mask & outside).any()


def test_a_frame_of_one_colour_is_answered():
    flat = np.full((60, 80, 3), 90, np.uint8)
    assert opened(flat).segment(Prompts.boxed((20, 20, 60, 40)))[0].mask.shape == (60, 80)


def test_it_beats_the_filled_box_on_the_parts_of_the_world():
    cut, filled = [], []
    for seed in (11, 12, 13):
        scene = still(seed)
        grabcut = opened(scene.image)
        many = [Prompts.boxed(o.shape.box) for o in scene.objects]
        for part, found in zip(scene.objects, grabcut.segment_many(many), strict=True):
            truth = scene.ids == part.track_id
            x1, y1, x2, y2 = (int(v) for v in part.shape.box)
            box = np.zeros_like(truth)
            box[y1:y2, x1:x2] = True
            cut.append(mask_iou(found.mask, truth))
            filled.append(mask_iou(box, truth))
    assert np.mean(cut) > np.mean(filled)


@pytest.mark.data
def test_it_answers_on_a_real_frame(bedroom):
    frame = scan(bedroom / "00000.jpg", root=bedroom).frames[0]
    grabcut = open_interactor("grabcut", FrameReader(bedroom))
    grabcut.set_frame(frame)
    (found,) = grabcut.segment(Prompts.boxed((300, 200, 500, 400)))
    assert found.mask.shape == (540, 960)
    assert not found.mask[:190].any()
