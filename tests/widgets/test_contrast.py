"""Image filters of the session: what models see, people see."""

import io

import numpy as np
import pytest
from PIL import Image
from widgets.conftest import AtOnce, Bench, Now

from labkit.frames import FrameReader
from labkit.models.filters import FilterChain, FilterStep
from labkit.widgets.controller import Controller
from labkit.widgets.pictures import Pictures


def pixels(picture):
    return np.asarray(Image.open(io.BytesIO(picture.data)).convert("RGB"))


@pytest.fixture
def bench(session):
    bench = Bench(session)
    bench.controller.close()
    bench.controller = Controller(
        session,
        bench.out.send,
        bench.out,
        Now(Pictures(FrameReader(session.project.root), session.filters)),
        inbox=AtOnce(),
    )
    bench.tell({"type": "ready", "client": "me"})
    yield bench
    bench.controller.close()


def shown(bench):
    return pixels(bench.out.images[bench.session.frame_id])


def test_the_key_shows_what_models_see_and_the_file_again(bench, session):
    with FrameReader(session.project.root) as reader:
        plain = reader.read(session.view.frame)
    assert (shown(bench) == plain).all()
    bench.tell({"type": "contrast", "client": "me"})
    seen = session.source.read(session.view.frame)
    assert (shown(bench) == seen).all()  # without loss
    assert (seen != plain).any()
    assert "contrast" in bench.out.of("notice")[-1]["text"]
    bench.tell({"type": "contrast", "client": "me"})
    assert (shown(bench) == plain).all()
    assert session.filters.chain == FilterChain()


def test_a_filter_that_a_cell_switches_on_is_shown_on_every_frame_of_the_window(bench, session):
    session.filters.on("gamma", gamma=0.5)
    for place, frame_id in enumerate(session.order[:6]):
        frame = session.peek(place).frame
        assert (pixels(bench.out.images[frame_id]) == session.source.read(frame)).all()
    session.next()
    assert session.filters.chain == FilterChain((FilterStep.of("gamma", gamma=0.5),))
    assert session.project.decisions().empty


def test_a_closed_bench_listens_no_more(bench, session):
    bench.controller.close()
    before = len(bench.out.messages)
    session.filters.on("clahe")
    assert len(bench.out.messages) == before
