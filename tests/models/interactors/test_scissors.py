"""The live wire follows edges, and the interactor closes it."""

import numpy as np
import pytest
from models.pictures import Pictures, disc

from labkit.core.errors import InputError
from labkit.core.geometry import decode_mask, mask_iou, polygons_to_mask
from labkit.core.prompts import Prompts
from labkit.frames import FrameReader, scan
from labkit.models.interactors import open_interactor
from labkit.models.interactors.livewire import LiveWire

IMAGE, TRUTH = disc()
ON_RIM = [(80, 30), (110, 60), (80, 90), (50, 60)]


def far_from_rim(path):
    return np.abs(np.hypot(path[:, 0] - 80, path[:, 1] - 60) - 30).max()


def test_the_wire_runs_along_the_edge_and_not_straight():
    wire = LiveWire(IMAGE)
    wire.add_anchor(*ON_RIM[0])
    path = wire.preview(*ON_RIM[1])
    assert path[0].tolist() == [80.5, 30.5]
    assert path[-1].tolist() == [110.5, 60.5]
    assert far_from_rim(path) < 3  # a straight line would be 9 pixels away from it
    assert np.abs(np.diff(path, axis=0)).max() == 1  # pixel by pixel


def test_a_click_sets_the_wire_that_was_shown():
    wire = LiveWire(IMAGE)
    assert wire.preview(80, 30).shape == (0, 2)
    wire.add_anchor(*ON_RIM[0])
    wire.preview(60, 50)
    shown = wire.preview(*ON_RIM[1])
    assert np.array_equal(wire.add_anchor(*ON_RIM[1]), shown)
    assert np.array_equal(wire.path, shown)


def test_beyond_the_threshold_of_action_the_wire_stays_where_it_was():
    wire = LiveWire(IMAGE, threshold=20)
    wire.add_anchor(80, 30)
    held = wire.preview(95, 35)
    assert held[-1].tolist() == [95.5, 35.5]
    assert np.array_equal(wire.preview(110, 60), held)
    assert np.array_equal(wire.preview(float("nan"), 3), held)
    wire.threshold = 60
    assert wire.preview(110, 60)[-1].tolist() == [110.5, 60.5]


def test_an_anchor_beyond_the_threshold_is_reached_all_the_same():
    wire = LiveWire(IMAGE, threshold=8)
    wire.add_anchor(80, 30)
    path = wire.add_anchor(110, 60)
    assert path[-1].tolist() == [110.5, 60.5]
    assert far_from_rim(path) < 3


def test_the_last_anchor_is_taken_back_with_its_wire():
    wire = LiveWire(IMAGE)
    for point in ON_RIM[:2]:
        wire.add_anchor(*point)
    before, shown = wire.path, wire.preview(*ON_RIM[2])
    wire.add_anchor(*ON_RIM[2])
    assert len(wire.path) > len(before)
    assert wire.undo()
    assert np.array_equal(wire.path, before)
    assert wire.anchors == [(80.5, 30.5), (110.5, 60.5)]
    assert np.array_equal(wire.preview(*ON_RIM[2]), shown)
    assert [wire.undo(), wire.undo(), wire.undo()] == [True, True, False]
    assert len(wire.path) == 0


def test_the_closed_wire_is_the_object():
    wire = LiveWire(IMAGE)
    for k, point in enumerate(ON_RIM):
        assert wire.closes(81, 31) == (k >= 3)
        wire.add_anchor(*point)
    closed = wire.close()
    assert mask_iou(closed.mask, TRUTH) > 0.93
    assert len(closed.polygons) == 1
    assert mask_iou(decode_mask(polygons_to_mask(closed.polygons, 160, 120)), closed.mask) > 0.97
    assert not wire.closes(*ON_RIM[1])


def test_a_point_at_the_far_corner_belongs_to_the_last_pixel():
    wire = LiveWire(IMAGE)
    wire.add_anchor(160, 120)
    assert wire.anchors == [(159.5, 119.5)]


@pytest.mark.parametrize("point", [(-1, 5), (5, 121), (float("nan"), 5), (float("inf"), 5)])
def test_an_anchor_that_is_not_on_the_image_is_refused_and_nothing_is_lost(point):
    wire = LiveWire(IMAGE)
    wire.add_anchor(80, 30)
    with pytest.raises(InputError, match="not on the image of 160 x 120"):
        wire.add_anchor(*point)
    assert wire.anchors == [(80.5, 30.5)]


def test_what_cannot_be_done_is_said():
    wire = LiveWire(IMAGE)
    wire.add_anchor(80, 30)
    with pytest.raises(InputError, match="the same place"):
        wire.add_anchor(80.4, 30.4)
    with pytest.raises(InputError, match="1 anchors, and needs three"):
        wire.close()
    with pytest.raises(InputError, match="8 pixels or more"):
        wire.threshold = 2
    with pytest.raises(InputError, match="not uint8"):
        LiveWire(IMAGE[..., 0])


def test_the_interactor_takes_clicks_as_anchors():
    source = Pictures(a=IMAGE)
    scissors = open_interactor("scissors", source)
    assert scissors.info.min_points == 3
    with pytest.raises(InputError, match="no frame"):
        scissors.segment(Prompts.clicks(ON_RIM))
    scissors.set_frame(source.frame("a"))
    doubled = [ON_RIM[0], *ON_RIM, ON_RIM[-1]]
    (found,) = scissors.segment(Prompts.clicks(doubled))
    assert mask_iou(found.mask, TRUTH) > 0.93
    assert found.mask.shape == TRUTH.shape
    with pytest.raises(InputError, match="negative points"):
        scissors.segment(Prompts.clicks(ON_RIM, [1, 1, 1, 0]))
    with pytest.raises(InputError, match="2 anchors"):
        scissors.segment(Prompts.clicks(ON_RIM[:2]))
    with pytest.raises(InputError, match=r"'cuda:0'.*computes on the CPU"):
        open_interactor("scissors", source, "cuda:0")


@pytest.mark.data
def test_it_answers_on_a_real_frame(bedroom):
    frame = scan(bedroom / "00000.jpg", root=bedroom).frames[0]
    scissors = open_interactor("scissors", FrameReader(bedroom))
    scissors.set_frame(frame)
    points = [(300, 200), (420, 210), (430, 330), (310, 320)]
    (found,) = scissors.segment(Prompts.clicks(points))
    assert found.mask.shape == (540, 960)
    assert 1000 < found.mask.sum() < 540 * 960 / 2
