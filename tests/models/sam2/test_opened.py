"""SAM2's weights are read once, for clicks and for tracks, and are freed for both."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

pytest.importorskip("sam2")

from labkit import models
from labkit.core.errors import InputError
from labkit.core.geometry import decode_mask
from labkit.core.prompts import Prompts
from labkit.core.tracks import Keyframe
from labkit.core.types import Shape
from labkit.models.interactors import open_interactor
from labkit.models.sam2 import opened
from labkit.models.sam2.names import find
from labkit.models.trackers import open_tracker, tracker_names
from labkit.models.worker import worker

BOX = (20.0, 10.0, 90.0, 80.0)


@pytest.fixture(autouse=True)
def nothing_open():
    models.release()
    yield
    models.release()


def test_an_interactor_and_a_tracker_share_the_weights_and_not_the_settings(random_sam2, drawn):
    open_interactor(random_sam2, drawn, "cpu")
    open_tracker(random_sam2, "cpu")
    assert models.memory().models == ("random_sam2 on cpu",)
    files = find(random_sam2)
    clicks = worker().call(opened.image_model, files, "cpu")
    video = worker().call(opened.video_model, files, "cpu")
    tensors = zip(clicks.state_dict().values(), video.state_dict().values(), strict=True)
    assert all(a.data_ptr() == b.data_ptr() for a, b in tensors)
    assert clicks.sam_mask_decoder.dynamic_multimask_via_stability
    assert not video.sam_mask_decoder.dynamic_multimask_via_stability


def test_release_frees_a_tracker_on_its_way_and_the_next_step_opens_it_again(random_sam2, drawn):
    frame, scene = drawn.frame(700)
    key = Keyframe(frame.frame_id, 1, "nut", Shape(BOX))

    def walk(release):
        session = open_tracker(random_sam2, "cpu").open(frame.width, frame.height)
        worker().call(session.prompt, 0, scene.image, [key])
        if release:
            held = weakref.ref(worker().call(opened.video_model, find(random_sam2), "cpu"))
            models.release()
            gc.collect()
            assert held() is None
            assert models.memory().models == ()
        (found,) = worker().call(session.step, 1, scene.image)
        worker().call(session.close)
        return found

    before, after = walk(release=False), walk(release=True)
    assert after.signals == before.signals
    assert (after.shape is None) == (before.shape is None)
    if before.shape is not None:
        assert np.array_equal(decode_mask(after.shape.mask), decode_mask(before.shape.mask))


def test_clicks_answer_the_same_whether_or_not_a_tracker_is_open(random_sam2, drawn):
    frame, _ = drawn.frame(700)

    def masks():
        interactor = open_interactor(random_sam2, drawn, "cpu")
        worker().call(interactor.set_frame, frame)
        return worker().call(interactor.segment, Prompts.click(50, 40))

    alone = masks()
    models.release()
    open_tracker(random_sam2, "cpu")
    assert [m.score for m in masks()] == [m.score for m in alone]


def test_closing_a_session_opens_nothing(random_sam2):
    session = open_tracker(random_sam2, "cpu").open(64, 48)
    models.release()
    worker().call(session.close)
    assert models.memory().models == ()


def test_a_tracker_is_named_like_an_interactor(random_sam2):
    assert {"flow", "mil", "sam2-nano", "sam2"} <= set(tracker_names())
    with pytest.raises(InputError, match="No tracker was named"):
        open_tracker("")
