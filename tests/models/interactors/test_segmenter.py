"""The front of an interactor: checks first, clicks before the rest, newest preview, any thread."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor, wait

import numpy as np
import pytest

pytest.importorskip("sam2")

import torch

from labkit.core.errors import InputError
from labkit.core.prompts import Prompts, Stroke
from labkit.core.types import Rle
from labkit.frames.errors import FrameError
from labkit.models.embeddings import embeddings
from labkit.models.interactors.segmenter import Segmenter
from labkit.models.worker import Priority, worker

torch.set_num_threads(1)


@pytest.fixture
def segmenter(random_sam2, drawn):
    with Segmenter.open(random_sam2, drawn, "cpu") as opened:
        yield opened


class Busy:
    """Keeps the worker busy until it is let go."""

    def __init__(self) -> None:
        self._go, entered = threading.Event(), threading.Event()
        self.future = worker().submit(
            lambda: (entered.set(), self._go.wait(10)), priority=Priority.CLICK
        )
        assert entered.wait(10)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._go.set()
        self.future.result(10)


@pytest.mark.parametrize(
    ("prompts", "words"),
    [
        (Prompts.click(200, 5), r"\(200, 5\) is outside of the frame of 128 x 96"),
        (Prompts.click(5, -1), "outside of the frame"),
        (Prompts.click(float("nan"), 5), "is not finite"),
        (Prompts.boxed((0, 0, float("nan"), 5)), "no finite area"),
        (Prompts.boxed((50, 5, 20, 60)), "no finite area"),
        (Prompts.boxed((300, 5, 320, 60)), "outside of the frame"),
        (Prompts(mask=Rle(10, 10, "T3")), "it is 10 x 10, the frame 128 x 96"),
        (Prompts(), "no point, box, stroke or mask"),
        (Prompts(strokes=(Stroke(((5, 5), (9, 9))),)), "takes no strokes.*it takes box, mask"),
    ],
)
def test_bad_prompts_raise_at_once_in_one_line_before_anything_is_queued(
    segmenter, drawn, prompts, words
):
    segmenter.set_frame(drawn.frame(700)[0]).result(30)
    with Busy():  # so that nothing could answer
        for ask in (segmenter.segment, segmenter.submit, segmenter.preview):
            with pytest.raises(InputError, match=words) as caught:
                ask(prompts)
            assert "\n" not in str(caught.value)
        with pytest.raises(InputError, match=words):
            segmenter.segment_many([Prompts.click(5, 5), prompts])
    assert segmenter.segment(Prompts.click(5, 5))


def test_without_a_frame_there_is_nothing_to_segment(segmenter):
    with pytest.raises(InputError, match="no frame has been set"):
        segmenter.segment(Prompts.click(1, 1))


def test_a_frame_is_read_and_encoded_once_however_often_one_clicks(segmenter, drawn):
    (one, _), (two, _) = drawn.frame(700), drawn.frame(701)
    segmenter.set_frame(one)
    first = segmenter.segment(Prompts.click(50, 40))
    segmenter.segment(Prompts.click(20, 20))
    segmenter.set_frame(two)
    segmenter.segment(Prompts.click(50, 40))
    segmenter.set_frame(one)
    again = segmenter.segment(Prompts.click(50, 40))
    assert drawn.reads == [one.frame_id, two.frame_id]
    assert [m.rle for m in again] == [m.rle for m in first]
    assert segmenter.info.device == "cpu"


def test_a_call_is_about_the_frame_that_was_set_when_it_was_made(segmenter, drawn):
    small, large = drawn.frame(700)[0], drawn.frame(701, (128, 160))[0]
    segmenter.set_frame(small)
    with Busy():
        early = segmenter.submit(Prompts.click(50, 40))
        segmenter.set_frame(large)
        late = segmenter.submit(Prompts.click(50, 40))
    assert early.result(30)[0].mask.shape == (96, 128)
    assert late.result(30)[0].mask.shape == (128, 160)


def test_the_newest_preview_wins_and_commits_all_arrive(segmenter, drawn):
    segmenter.set_frame(drawn.frame(700)[0])
    with Busy():
        previews = [segmenter.preview(Prompts.click(x, 40)) for x in (10, 20, 30)]
        commits = [segmenter.submit(Prompts.click(x, 40)) for x in (10, 20)]
    assert previews[-1].result(30)[0].prompts == Prompts.click(30, 40)
    assert [c.result(30)[0].prompts.points[0][0] for c in commits] == [10, 20]
    for old in previews[:-1]:
        with pytest.raises(CancelledError):
            old.result(1)


def test_prefetching_makes_the_first_click_read_nothing_and_new_wishes_cancel_old(segmenter, drawn):
    frames = [drawn.frame(seed)[0] for seed in range(700, 706)]
    wait(segmenter.prefetch(frames[:2]), 30)
    assert drawn.reads == [f.frame_id for f in frames[:2]]
    segmenter.set_frame(frames[1])
    segmenter.segment(Prompts.click(5, 5))
    assert len(drawn.reads) == 2
    with Busy():
        old = segmenter.prefetch(frames[2:5])
        new = segmenter.prefetch(frames[5:])
    wait(new, 30)
    assert all(f.cancelled() for f in old)
    assert drawn.reads[2:] == [frames[5].frame_id]


def test_a_click_goes_before_frames_that_are_prepared(segmenter, drawn):
    frames = [drawn.frame(seed)[0] for seed in range(700, 704)]
    segmenter.set_frame(frames[0]).result(30)
    order = []
    with Busy():
        wishes = segmenter.prefetch(frames[1:])
        for wish in wishes:
            wish.add_done_callback(lambda _: order.append("ahead"))
        segmenter.submit(Prompts.click(5, 5)).add_done_callback(lambda _: order.append("click"))
    wait(wishes, 30)
    assert order == ["click", "ahead", "ahead", "ahead"]


def test_filters_are_part_of_the_key(segmenter, drawn):
    frame, _ = drawn.frame(700)
    segmenter.set_frame(frame)
    plain = segmenter.segment(Prompts.click(50, 40))
    drawn.key, drawn.images[frame.frame_id] = "dark", drawn.images[frame.frame_id] // 3
    dark = segmenter.segment(Prompts.click(50, 40))
    assert not np.array_equal(dark[0].logits, plain[0].logits)
    assert len(embeddings()) == 2
    drawn.key = ""
    assert np.array_equal(segmenter.segment(Prompts.click(50, 40))[0].logits, plain[0].logits)


def test_a_frame_that_cannot_be_read_says_so_and_the_next_one_works(segmenter, drawn):
    good, bad = drawn.frame(700)[0], drawn.frame(701)[0]
    image = drawn.images.pop(bad.frame_id)
    read = drawn.read

    def broken(frame):
        if frame.frame_id not in drawn.images:
            raise FrameError("This frame cannot be read", "it is truncated")
        return read(frame)

    drawn.read = broken
    wait(segmenter.prefetch([bad]), 30)
    with pytest.raises(FrameError, match="truncated"):
        segmenter.set_frame(bad).result(30)
    with pytest.raises(FrameError, match="truncated"):
        segmenter.segment(Prompts.click(5, 5))
    segmenter.set_frame(good)
    assert segmenter.segment(Prompts.click(5, 5))
    drawn.images[bad.frame_id] = image
    segmenter.set_frame(bad)
    assert segmenter.segment(Prompts.click(5, 5))


def test_many_threads_get_each_their_own_answer(segmenter, drawn):
    segmenter.set_frame(drawn.frame(700)[0])
    places = [(5 + 7 * k, 10 + 5 * k) for k in range(12)]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda p: segmenter.segment(Prompts.click(*p))[0], places))
    assert [m.prompts.points[0] for m in found] == places


def test_many_objects_let_clicks_go_first(segmenter, drawn, monkeypatch):
    monkeypatch.setattr("labkit.models.interactors.segmenter._PIECE", 4)
    segmenter.set_frame(drawn.frame(700)[0])
    prompts = [Prompts.boxed((x, 10, x + 20, 40)) for x in range(0, 100, 10)]
    order, clicks = [], []
    inner = segmenter._interactor.segment_many

    def watched(piece):
        if not clicks:  # a click while the first piece is at work
            clicks.append(segmenter.submit(Prompts.click(5, 5)))
            clicks[0].add_done_callback(lambda _: order.append("click"))
        order.append(len(piece))
        return inner(piece)

    monkeypatch.setattr(segmenter._interactor, "segment_many", watched)
    found = segmenter.segment_many(prompts)
    assert [m.prompts for m in found] == prompts
    assert order == [4, "click", 4, 2]


def test_the_gestures_points_are_counted_before_anything_is_queued(random_sam2, drawn):
    with Segmenter.open(f"dextr:{random_sam2}", drawn, "cpu") as segmenter:
        segmenter.set_frame(drawn.frame(700)[0])
        with pytest.raises(InputError, match=r"at least 4 points: there are 2.*top, bottom"):
            segmenter.submit(Prompts.clicks([(5, 5), (9, 9)]))


def test_closing_cancels_wishes_and_refuses_further_calls(random_sam2, drawn):
    closed = []
    segmenter = Segmenter.open(random_sam2, drawn, "cpu", on_close=lambda: closed.append(1))
    with Busy():
        wishes = segmenter.prefetch([drawn.frame(700)[0]])
        segmenter.close()
        segmenter.close()
    assert wishes[0].cancelled()
    assert closed == [1]
    with pytest.raises(InputError, match="is closed"):
        segmenter.set_frame(drawn.frame(700)[0])
