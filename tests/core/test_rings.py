"""Rings: traced from masks and filled again, checked where drawn, thinned to a budget."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from labkit.core.errors import InputError
from labkit.core.geometry import decode_mask, polygon_area, polygons_to_mask
from labkit.core.rings import outlines, thin_rings

BOW_TIE = (0, 0, 10, 10, 10, 0, 0, 10)


@st.composite
def stars(draw):
    """Rings around a centre: valid, with as many corners as they please."""
    count = draw(st.integers(3, 80))
    radii = draw(st.lists(st.floats(3, 60), min_size=count, max_size=count))
    angles = np.arange(count) * 2 * np.pi / count
    points = np.stack([np.cos(angles), np.sin(angles)], -1) * np.array(radii)[:, None]
    return (points + draw(st.integers(60, 90))).ravel().tolist()


@st.composite
def masks(draw):
    """Blots of rectangles, some of them taken out again: parts and holes of all kinds."""
    mask = np.zeros((40, 50), bool)
    for _ in range(draw(st.integers(1, 6))):
        x, y = draw(st.integers(0, 46)), draw(st.integers(0, 36))
        w, h = draw(st.integers(1, 20)), draw(st.integers(1, 20))
        mask[y : y + h, x : x + w] = draw(st.booleans())
    return mask


def fill(rings, width, height):
    flat = [np.ravel(ring).tolist() for ring in rings]
    if not flat:
        return np.zeros((height, width), bool)
    return decode_mask(polygons_to_mask(flat, width, height))


@given(masks())
def test_outlines_with_their_holes_give_the_mask_back_to_the_pixel(mask):
    parts = outlines(mask)
    height, width = mask.shape
    back = fill([p.ring for p in parts], width, height)
    assert (back | ~mask).all()
    for hole in (h for p in parts for h in p.holes):
        # islands in holes have rings of their own
        back &= ~(fill([hole], width, height) & ~mask)
    assert (back == mask).all()


def test_the_largest_part_comes_first_and_holes_belong_to_their_part():
    mask = np.zeros((60, 80), bool)
    mask[2:8, 2:8] = True
    mask[20:50, 20:60] = True
    mask[30:40, 30:40] = False
    first, second = outlines(mask)
    assert polygon_area(first.ring) > polygon_area(second.ring)
    assert (len(first.holes), len(second.holes)) == (1, 0)
    assert outlines(np.zeros((5, 5), bool)) == []


@pytest.mark.parametrize(
    ("ring", "says"), [((0, 0, 10), "pairs of x, y"), ((0, 0, 10, 0, float("nan"), 3), "finite")]
)
def test_what_is_not_a_ring_is_said_in_one_line(ring, says):
    with pytest.raises(InputError, match=says) as caught:
        thin_rings([ring])
    assert "\n" not in str(caught.value)


def test_a_bow_tie_is_repaired_to_two_triangles():
    parts = thin_rings([BOW_TIE]).rings
    assert [len(p) for p in parts] == [6, 6]
    assert [polygon_area(p) for p in parts] == [25, 25]
    assert thin_rings([(0, 0, 10, 0, 5, 0)]).rings == ()


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=3, max_size=12))
def test_whatever_is_drawn_the_rings_are_valid(points):
    for ring in thin_rings([np.ravel(points)]).rings:
        assert shapely.Polygon(np.reshape(ring, (-1, 2))).is_valid
        assert polygon_area(ring) > 0


@given(st.lists(stars(), min_size=1, max_size=3), st.integers(3, 60), st.floats(0, 3))
def test_the_budget_is_kept_and_rings_stay_valid(rings, budget, tolerance):
    thin = thin_rings(rings, tolerance, budget)
    assert 3 <= thin.points <= budget
    assert thin.tolerance >= tolerance
    assert len(thin.rings) + thin.dropped == len(rings)
    assert all(shapely.Polygon(np.reshape(r, (-1, 2))).is_valid for r in thin.rings)


def test_a_ring_of_which_geos_keeps_four_points_becomes_a_triangle():
    ring = [63, 60, 62.49, 63.13, 57.33, 71.7, 57.3, 61.3, 57.3, 58.7, 59.33, 57.08, 68.11, 49.84]
    thin = thin_rings([ring], 0, 3)
    assert thin.points == 3
    assert polygon_area(thin.rings[0]) > 0


@given(stars(), st.integers(3, 40))
def test_no_much_smaller_tolerance_would_have_met_the_budget(ring, budget):
    thin = thin_rings([ring], 0, budget)
    if thin.tolerance > 0.02:
        assert thin_rings([ring], thin.tolerance - 0.02).points > budget


@given(stars(), st.floats(0, 5))
def test_no_outline_moves_much_further_than_the_tolerance(ring, tolerance):
    before = shapely.LinearRing(np.reshape(ring, (-1, 2)))
    (thin,) = thin_rings([ring], tolerance).rings
    after = shapely.LinearRing(np.reshape(thin, (-1, 2)))
    # GEOS thins a ring from its first point to its last, and then takes out that point itself
    assert shapely.hausdorff_distance(before, after) <= 2 * tolerance + 1e-6


def test_the_smallest_parts_go_where_triangles_are_too_many():
    squares = [(x, 0, x + s, 0, x + s, s, x, s) for x, s in ((0, 4), (10, 8), (30, 2), (40, 6))]
    thin = thin_rings(squares, budget=8)
    assert thin.dropped == 2
    assert [min(r[::2]) for r in thin.rings] == [10, 40]


@pytest.mark.parametrize("bad", [{"tolerance": -1}, {"tolerance": float("nan")}, {"budget": 2}])
def test_a_tolerance_or_budget_that_cannot_be_is_an_error(bad):
    with pytest.raises(InputError, match=r"tolerance .* 0 pixels|budget of 2 points"):
        thin_rings([BOW_TIE], **bad)
