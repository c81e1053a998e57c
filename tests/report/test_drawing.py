"""Objects on pictures: seen where they are, told apart without colour, never a crash."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from labkit.core.errors import InputError
from labkit.core.geometry import shape_from_keypoints, shape_from_mask, shape_from_rotated
from labkit.core.types import AnnotatedObject, Proposal, Shape, State
from labkit.report.drawing import caption, draw_objects
from labkit.report.palette import STATES, ink_on
from labkit.report.strokes import dashes, rings_of

BOX = (100.0, 80.0, 300.0, 240.0)


def grey(width: int = 400, height: int = 320, level: int = 128) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def thing(state: State = "accepted", label: str = "car", **given: object) -> AnnotatedObject:
    shape = given.pop("shape", Shape(box=BOX))
    return AnnotatedObject("o", "f", label, shape, state=state, score=0.5, **given)  # type: ignore[arg-type]


def changed(image: Image.Image, base: np.ndarray) -> np.ndarray:
    return np.abs(np.asarray(image).astype(int) - base).max(axis=2) > 8


def test_a_box_changes_the_pixels_on_its_edges_and_leaves_those_far_away() -> None:
    base = grey()
    touched = changed(draw_objects(base, [thing()], tags=False), base)
    assert touched[80, 150:300].all()
    assert touched[240, 100:300].all()
    assert touched[80:240, 300].all()
    assert not touched[:60].any()
    assert not touched[260:].any()
    assert not touched[:, 320:].any()
    assert not touched[130:230, 120:280].any()


@pytest.mark.parametrize("level", [0, 90, 255])
@pytest.mark.parametrize("state", get_args(State))
def test_every_state_is_visible_on_any_background(state: State, level: int) -> None:
    base = grey(level=level)
    assert changed(draw_objects(base, [thing(state)]), base)[78:84, 110:290].mean() > 0.2


def test_states_are_told_apart_without_colour() -> None:
    def lines(state: State) -> np.ndarray:
        image = draw_objects(grey(), [thing(state)], tags=False).convert("L")
        dark = np.asarray(image).astype(float)
        low, high = dark.min(), dark.max()
        return (dark - low) / max(high - low, 1)

    drawn = [lines(state) for state in get_args(State)]
    for k, one in enumerate(drawn):
        for other in drawn[k + 1 :]:
            assert (np.abs(one - other) > 0.25).sum() > 150


def test_line_styles_and_marks_are_all_different() -> None:
    assert len({s.line for s in STATES.values()}) == len({s.mark for s in STATES.values()}) == 5


def test_the_picture_given_is_not_changed() -> None:
    base = Image.fromarray(grey())
    draw_objects(base, [thing()])
    assert (np.asarray(base) == 128).all()


def test_a_thumbnail_is_drawn_in_its_own_pixels() -> None:
    base = grey(200, 160)
    touched = changed(draw_objects(base, [thing()], frame_size=(400, 320), tags=False), base)
    assert touched[40, 75:145].all()
    assert not touched[:, 160:].any()


def test_lines_grow_with_the_picture() -> None:
    def thickness(scale: int) -> int:
        base = grey(400 * scale, 320 * scale)
        shape = Shape(box=tuple(v * scale for v in BOX))
        image = draw_objects(base, [thing(shape=shape)], tags=False)
        return int(changed(image, base)[: 160 * scale, 180 * scale : 220 * scale].sum())

    assert thickness(5) > 1.6 * 5 * thickness(1)


def test_masks_are_filled_and_their_holes_are_not() -> None:
    mask = np.zeros((320, 400), bool)
    mask[80:240, 100:300] = True
    mask[140:180, 180:220] = False
    base = grey()
    touched = changed(draw_objects(base, [thing(shape=shape_from_mask(mask))], tags=False), base)
    assert touched[90:130, 110:290].all()
    assert not touched[150:170, 190:210].any()
    ring = max(rings_of(shape_from_mask(mask)), key=len)
    assert ring.min(axis=0) == pytest.approx([100, 80])
    assert ring.max(axis=0) == pytest.approx([300, 240])


def test_outlines_of_masks_lie_where_the_mask_is_and_cannot_be_changed() -> None:
    mask = np.zeros((320, 400), bool)
    mask[317:, 397:] = mask[0, 0] = True
    corner, far = sorted(rings_of(shape_from_mask(mask)), key=lambda ring: ring.max())
    assert (corner.min(axis=0), corner.max(axis=0)) == (
        pytest.approx([0, 0]),
        pytest.approx([1, 1]),
    )
    assert far.min(axis=0) == pytest.approx([397, 317])
    assert far.max(axis=0) == pytest.approx([400, 320])
    with pytest.raises(ValueError, match="read-only"):
        far += 1


def test_rotated_boxes_are_drawn_turned() -> None:
    base = grey()
    shape = shape_from_rotated(200, 160, 160, 40, np.pi / 4)
    touched = changed(draw_objects(base, [thing(shape=shape)], tags=False), base)
    x, y = 200 - 20 * np.sin(np.pi / 4), 160 + 20 * np.cos(np.pi / 4)
    assert touched[round(y), round(x)]
    assert not touched[110, 290]


def test_keypoints_show_where_they_were_seen_alone() -> None:
    base = grey()
    points = [(150.0, 150.0, 0.9), (250.0, 150.0, 0.2), (200.0, 200.0, 0.0)]
    shape = shape_from_keypoints(points, BOX)
    touched = changed(draw_objects(base, [thing(shape=shape)], tags=False), base)
    assert touched[150, 150]
    assert touched[150, 250]
    assert not touched[195:206, 195:206].any()


@pytest.mark.parametrize(
    "label",
    ["", "\n\t", "汽车", "مركبة", "🚗" * 30, "a\x00b\ud800c", "x" * 5000, "<b>&amp;</b>", "ǅ̷̧"],
)
def test_labels_in_any_script_can_be_drawn(label: str) -> None:
    base = grey()
    assert changed(draw_objects(base, [thing(label=label)]), base).any()
    assert "\n" not in caption(thing(label=label))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4), st.floats(0.01, 1e5), st.text()),
        max_size=6,
    )
)
def test_boxes_anywhere_can_be_drawn(rows: list[tuple[float, float, float, str]]) -> None:
    objects = [
        Proposal("f", k, label, 0.5, Shape(box=(x, y, x + size, y + size)))
        for k, (x, y, size, label) in enumerate(rows)
    ]
    image = draw_objects(grey(64, 48), objects)
    assert image.size == (64, 48)
    assert image.mode == "RGB"


@settings(deadline=None)
@given(st.floats(5, 500), st.floats(5, 500), st.floats(1, 40), st.floats(1, 40))
def test_dashes_cover_their_share_of_the_ring(w: float, h: float, on: float, off: float) -> None:
    ring = np.array([(0, 0), (w, 0), (w, h), (0, h)], dtype=float)
    length = sum(float(np.hypot(*np.diff(d, axis=0).T).sum()) for d in dashes(ring, (on, off)))
    assert length == pytest.approx(2 * (w + h) * on / (on + off), rel=1e-6)


def test_tags_are_readable_on_their_colours() -> None:
    for style in STATES.values():
        ink, paper = np.array(ink_on(style.colour)), np.array(style.colour)
        weights = np.array([0.2126, 0.7152, 0.0722])
        light, dark = sorted([weights @ (c / 255) ** 2.2 for c in (ink, paper)], reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5  # WCAG 2.2, level AA


def test_a_picture_of_another_kind_is_refused_in_a_sentence() -> None:
    with pytest.raises(InputError, match="uint8 RGB"):
        draw_objects(np.zeros((10, 10), np.float32), [])
