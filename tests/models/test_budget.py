"""Where memory runs out: caches first, then smaller batches, then one line; the worker lives on."""

from __future__ import annotations

import subprocess
import sys

import pytest

from labkit import models
from labkit.core.errors import InputError
from labkit.models.budget import in_chunks, is_out_of_memory
from labkit.models.worker import worker


class Card:
    """Fails above a size, as a card does; counts what it was asked."""

    def __init__(self, fits: int) -> None:
        self.fits, self.asked = fits, []

    def __call__(self, items):
        self.asked.append(len(items))
        if len(items) > self.fits:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return [2 * x for x in items]


def test_caches_are_dropped_before_the_chunk_is_halved():
    card = Card(fits=3)
    assert in_chunks(range(20), 8, card) == [2 * x for x in range(20)]
    assert card.asked[:4] == [8, 8, 4, 2]  # once more with empty caches, then halved
    assert set(card.asked[4:]) == {2}  # and small it stays


def test_what_never_fits_is_one_line_with_a_remedy_and_the_worker_lives_on():
    with pytest.raises(InputError, match=r"not enough memory.*Tried to allocate.*device='cpu'"):
        worker().call(in_chunks, [1], 1, Card(fits=0))
    assert worker().call(in_chunks, [1], 1, Card(fits=1)) == [2]


def test_other_errors_are_passed_on():
    def broken(items):
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        in_chunks([1], 1, broken)


def test_all_the_ways_in_which_memory_runs_out_are_known():
    torch = pytest.importorskip("torch")
    assert is_out_of_memory(torch.OutOfMemoryError("x"))
    assert is_out_of_memory(MemoryError())
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)
    assert not is_out_of_memory(ValueError("out of memory"))


def test_memory_is_told_without_loading_anything():
    code = (
        "import sys, labkit.models as m; x = m.memory(); "
        "print(x.models, x.embeddings_host, *[n for n in ('torch', 'cv2', 'sam2') "
        "if n in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["()", "0"]


def test_release_frees_models_and_embeddings_and_the_next_click_opens_them_again(
    random_sam2, drawn
):
    from labkit.core.prompts import Prompts
    from labkit.models.interactors.segmenter import Segmenter

    models.release()  # what other tests have opened
    frame, _ = drawn.frame(700)
    with Segmenter.open(random_sam2, drawn, "cpu") as segmenter:
        segmenter.set_frame(frame)
        before = segmenter.segment(Prompts.click(50, 40))
        held = models.memory()
        assert held.models == ("random_sam2 on cpu",)
        assert held.embeddings_host > 100_000
        models.release()
        assert models.memory().models == ()
        assert models.memory().embeddings_host == 0
        after = segmenter.segment(Prompts.click(50, 40))
    assert [m.score for m in after] == pytest.approx([m.score for m in before], abs=1e-5)
    assert drawn.reads == [frame.frame_id] * 2
