"""Pictures of prompts, answers and tracks."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from labkit.core.errors import InputError
from labkit.core.prompts import MaskProposal, Prompts, Stroke
from labkit.core.tracks import Keyframe
from labkit.core.types import Attribute, Manifest, Proposal, Shape
from labkit.project import Project
from labkit.report import draw_answer, draw_prompts, flagged_frames, track_sheet
from labkit.store import RunStore

GREY = np.full((120, 160, 3), 128, np.uint8)


def changed(picture: Image.Image) -> np.ndarray:
    """Pixels that are not grey any more."""
    return np.abs(np.asarray(picture).astype(int) - 128).max(axis=2) > 25


def test_positive_and_negative_clicks_look_different_and_lie_where_they_were_made():
    drawn = draw_prompts(GREY, Prompts.clicks([(40, 60), (120, 60)], [1, 0]))
    here = changed(drawn)
    assert here[57:63, 37:43].all()
    assert here[57:63, 117:123].all()
    assert not here[:, 70:90].any()
    left, right = (np.asarray(drawn)[50:70, x - 10 : x + 10].mean((0, 1)) for x in (40, 120))
    assert left[1] > left[0]
    assert right[0] > right[1]


def test_boxes_and_strokes_are_drawn():
    assert changed(draw_prompts(GREY, Prompts.boxed((30, 20, 130, 100))))[20, 30:130].any()
    stroke = Stroke(((20.0, 30.0), (140.0, 30.0)), positive=True, width=6)
    assert changed(draw_prompts(GREY, Prompts(strokes=(stroke,))))[30, 25:135].all()


def test_an_answer_shows_its_mask_and_an_empty_one_its_prompts_alone():
    mask = np.zeros((120, 160), bool)
    mask[30:90, 60:140] = True
    click = Prompts.click(20, 20)
    assert changed(draw_answer(GREY, MaskProposal(mask, 0.9, click)))[35:85, 65:135].all()
    empty = draw_answer(GREY, MaskProposal(np.zeros_like(mask), 0.0, click))
    assert np.array_equal(np.asarray(empty), np.asarray(draw_prompts(GREY, click)))


def test_around_a_box_the_object_is_enlarged():
    mask = np.zeros((120, 160), bool)
    mask[50:60, 70:85] = True
    answer = MaskProposal(mask, 0.9, Prompts.click(77, 55))
    whole, part = (
        changed(draw_answer(GREY, answer, around=box)) for box in (None, (70, 50, 85, 60))
    )
    assert part.shape == whole.shape
    assert part.sum() > 5 * whole.sum()


@pytest.fixture(scope="module")
def tracked(tmp_path_factory):
    """A square that moves steadily over twelve frames."""
    root = tmp_path_factory.mktemp("tracked")
    rng = np.random.default_rng(0)
    (root / "frames").mkdir()
    texture = rng.integers(60, 255, (30, 30, 3), dtype=np.uint8)
    for k in range(12):
        pixels = np.full((96, 128, 3), 40, np.uint8)
        pixels[30:60, 20 + 4 * k : 50 + 4 * k] = texture
        Image.fromarray(pixels).save(root / "frames" / f"{k:02d}.png")
    with Project.create(root / "p", labels=["square"]) as p:
        p.add_frames(root / "frames")
        ids = p.frames()["frame_id"].tolist()
        p.track([Keyframe(ids[0], 1, "square", Shape((20, 30, 50, 60)))], tracker="flow")
        yield p


def test_every_so_many_frames_are_on_the_sheet_and_the_last_one(tracked):
    ids = tracked.frames()["frame_id"].tolist()
    given = {"columns": 4, "tile_size": (128, 96)}
    by_hand = track_sheet(tracked, frames=[ids[0], ids[5], ids[10], ids[11]], **given)
    assert np.array_equal(np.asarray(track_sheet(tracked, every=5, **given)), np.asarray(by_hand))


def test_flagged_frames_stand_out_with_their_reason(tracked, tmp_path):
    with Project.create(tmp_path / "p", labels=["square"]) as p:
        p.add_frames(tracked.root.parent / "frames")
        ids = p.frames()["frame_id"].tolist()
        run = RunStore.create(p.root, Manifest("", "made", kind="tracker", part_size=12), ids)
        flag = (Attribute("drift", "jump"),)
        shape = Shape((20, 30, 50, 60))
        run.write_part(
            0,
            [
                Proposal(f, 0, "square", 0.9, shape, track_id=1, attributes=flag * (k == 7))
                for k, f in enumerate(ids)
            ],
        )
        run.finish()
        assert flagged_frames(p) == {ids[7]: "track 1 (square): it jumped"}
        size = (128, 96)
        calm, loud = (np.asarray(track_sheet(p, frames=[ids[k]], tile_size=size)) for k in (6, 7))
    alert = np.array([168, 56, 0])
    assert not (calm == alert).all(axis=2).any()
    assert (loud == alert).all(axis=2).sum() > 300


def test_a_sheet_without_tracks_or_with_too_many_frames_is_refused(tracked, tmp_path):
    with Project.create(tmp_path / "q", labels=["a"]) as empty, pytest.raises(InputError):
        track_sheet(empty)
    with pytest.raises(InputError, match="from 1 up"):
        track_sheet(tracked, every=0)
