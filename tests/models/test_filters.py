"""Filters change what is seen, never what is stored, until they are switched off."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models.pictures import Pictures

from labkit.core.errors import InputError
from labkit.models.filters import FILTERS, FilterChain, FilteredSource, FilterStep, FilterSwitch

DARK = np.random.default_rng(0).integers(10, 60, (40, 50, 3), dtype=np.uint8)


def chains():
    steps = st.one_of(
        st.just(FilterStep.of("equalize")),
        st.builds(
            lambda c, t: FilterStep.of("clahe", c, t), st.floats(0.1, 40), st.integers(1, 16)
        ),
        st.builds(lambda g: FilterStep.of("gamma", g), st.floats(0.1, 10)),
    )
    return st.lists(steps, max_size=4).map(lambda s: FilterChain(tuple(s)))


@settings(max_examples=40)
@given(chains(), st.integers(1, 40), st.integers(1, 40), st.integers(0, 9))
def test_pixels_keep_shape_and_kind_and_the_input_stays(chain, height, width, seed):
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    image.flags.writeable = False
    before = image.copy()
    out = chain(image)
    assert (out.shape, out.dtype) == (image.shape, np.uint8)
    assert np.array_equal(image, before)


@given(chains())
def test_a_chain_is_read_as_it_is_written(chain):
    assert FilterChain.parse(chain.key) == chain
    assert hash(FilterChain.parse(str(chain))) == hash(chain)


def test_numbers_may_be_left_out_or_named():
    key = "clahe(clip=2,tiles=8)|gamma(gamma=0.8)"
    assert FilterChain.parse("clahe | gamma(0.8)").key == key
    assert FilterChain.parse("clahe(tiles=8, clip=2.0)|gamma(gamma=.8)").key == key
    assert FilterChain.parse("").key == ""
    assert not FilterChain.parse("")


def test_each_filter_does_what_its_name_says():
    assert FilterStep.of("gamma", 0.5)(DARK).mean() > DARK.mean() + 20
    assert FilterStep.of("gamma", 2)(DARK).mean() < DARK.mean()
    assert np.array_equal(FilterStep.of("gamma", 1)(DARK), DARK)
    assert np.ptp(FilterStep.of("equalize")(DARK)) > 2 * np.ptp(DARK)
    large = np.tile(DARK, (8, 8, 1))
    weak, strong = (FilterStep.of("clahe", clip)(large).std() for clip in (1, 8))
    assert DARK.std() < weak < strong


def test_grey_stays_grey():
    grey = np.repeat(DARK[..., :1], 3, axis=2)
    for name in FILTERS.names():
        out = FilterStep.of(name)(grey)
        assert np.array_equal(out[..., 0], out[..., 2])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("clahe(clip=0)", r"clip=0 is not between 0.01 and 40"),
        ("clahe(tiles=2.5)", r"tiles=2.5 is not a whole number"),
        ("gamma(nan)", r"gamma=nan is not between"),
        ("gamma(dark)", r"is not a number"),
        ("gamma(1, 2)", r"its parameters: gamma"),
        ("equalize(3)", r"its parameters: none"),
        ("gamma(g=2)", r"unexpected keyword argument 'g'"),
        ("gama(2)", r"did you mean 'gamma'"),
        ("gamma(2", r"write it like"),
        ("clahe||gamma", r"write it like"),
    ],
)
def test_a_bad_chain_is_said_in_one_line(text, says):
    with pytest.raises(InputError, match=says) as caught:
        FilterChain.parse(text)
    assert "\n" not in str(caught.value)


def test_only_rgb_bytes_can_be_filtered():
    for image in (DARK[..., 0], DARK.astype(float), np.zeros((4, 4, 4), np.uint8)):
        with pytest.raises(InputError, match="not uint8"):
            FilterStep.of("gamma", 2)(image)


def test_a_switch_holds_for_all_following_frames_until_it_is_off():
    pictures = Pictures(a=DARK, b=DARK[::-1])
    switch = FilterSwitch()
    seen = FilteredSource(pictures, switch)
    assert (seen.key, switch.chain.key) == ("", "")
    assert seen.read(pictures.frame("a")) is DARK
    switch.on("gamma", gamma=0.5)
    switch.on("clahe")
    switch.on("gamma", gamma=0.7)
    assert seen.key == "gamma(gamma=0.7)|clahe(clip=2,tiles=8)"
    for name in "ab":
        assert np.array_equal(
            seen.read(pictures.frame(name)), FilterChain.parse(seen.key)(pictures.images[name])
        )
    held = seen.now()
    switch.off("gamma")
    switch.off("gamma")
    assert (seen.key, held.key) == (
        "clahe(clip=2,tiles=8)",
        "gamma(gamma=0.7)|clahe(clip=2,tiles=8)",
    )
    switch.clear()
    assert np.array_equal(seen.read(pictures.frame("b")), DARK[::-1])
    with pytest.raises(InputError, match="No image filter is called 'sharpen'"):
        switch.off("sharpen")


def test_a_refused_number_leaves_the_switch_as_it_was():
    switch = FilterSwitch(FilterChain.parse("gamma(0.5)"))
    with pytest.raises(InputError, match="gamma=50"):
        switch.on("gamma", gamma=50)
    assert switch.chain.key == "gamma(gamma=0.5)"
