"""SAM2 as an interactor: what sam2's own predictor says, for one object or thousands."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

pytest.importorskip("sam2")

import torch

from labkit.core.errors import InputError, NotFoundError
from labkit.core.geometry import encode_mask
from labkit.core.prompts import Prompts
from labkit.demo.embedded import SMALL_SAM2, WEIGHTS
from labkit.models.interactors import interactor_names, open_interactor
from labkit.models.sam2 import decode, opened
from labkit.models.sam2.names import find
from labkit.models.worker import worker

trained = pytest.mark.skipif(
    not (WEIGHTS / SMALL_SAM2).exists(), reason="the small SAM2 is not trained yet (make weights)"
)
torch.set_num_threads(1)

BOXES = [(10, 12, 40, 44), (30.5, 8, 90, 70.25), (0, 0, 128, 96), (100, 80, 127, 95)]


@pytest.fixture
def looking(random_sam2, drawn):
    frame, scene = drawn.frame(700)
    interactor = worker().call(open_interactor, random_sam2, drawn, "cpu")
    worker().call(interactor.set_frame, frame)
    return interactor, frame, scene


@pytest.fixture
def bare(random_sam2, looking):
    """sam2's own predictor of the same model on the same frame."""
    from sam2.sam2_image_predictor import SAM2ImagePredictor

    interactor, _, scene = looking

    def make():
        model = opened.image_model(interactor.files, "cpu")
        predictor = SAM2ImagePredictor(model)
        predictor._bb_feat_sizes = [(model.image_size // s,) * 2 for s in (4, 8, 16)]
        predictor.set_image(scene.image)
        return predictor

    predictor = worker().call(make)
    return lambda **given: worker().call(lambda: predictor.predict(**given))


def same(mine, theirs):
    """Equal but for pixels whose logit is 0 to the last bit."""
    return np.count_nonzero(mine != (theirs > 0)) <= 2


def test_a_click_gives_three_masks_best_first_equal_to_the_packages(looking, bare):
    interactor, frame, _ = looking
    found = worker().call(interactor.segment, Prompts.click(50, 40))
    masks, scores, logits = bare(point_coords=np.array([[50, 40]]), point_labels=np.array([1]))
    assert len(found) == 3
    assert [m.score for m in found] == sorted((float(s) for s in scores), reverse=True)
    for mine, k in zip(found, np.argsort(-scores), strict=True):
        assert mine.mask.shape == (frame.height, frame.width)
        assert mine.mask.dtype == bool
        assert same(mine.mask, masks[k])
        assert np.allclose(mine.logits[0], logits[k], atol=1e-3)


@pytest.mark.parametrize("kind", ["box", "clicks", "both", "logits"])
def test_every_kind_of_prompt_equals_the_packages(looking, bare, kind):
    interactor, _, _ = looking
    clicks = Prompts.clicks([(50, 40), (20, 20)], [1, 0])
    given = {"point_coords": np.array(clicks.points), "point_labels": np.array(clicks.labels)}
    prompts = clicks
    if kind == "box":
        prompts, given = Prompts.boxed(BOXES[1]), {}
    if kind in ("box", "both"):
        prompts = Prompts(clicks.points, clicks.labels, BOXES[1]) if kind == "both" else prompts
        given["box"] = np.array(BOXES[1])
    if kind == "logits":
        first = worker().call(interactor.segment, Prompts.click(50, 40))[0]
        prompts = Prompts(clicks.points, clicks.labels, logits=first.logits)
        given["mask_input"] = first.logits
    (found,) = worker().call(interactor.segment, prompts)
    masks, scores, _ = bare(multimask_output=False, **given)
    assert same(found.mask, masks[0])
    assert found.score == pytest.approx(float(scores[0]), abs=1e-4)


def test_a_mask_is_a_prompt_alone_or_with_others(looking):
    interactor, _, scene = looking
    mask = encode_mask(scene.ids == scene.objects[0].track_id)
    alone = worker().call(interactor.segment, Prompts(mask=mask))
    other = worker().call(interactor.segment, Prompts(mask=encode_mask(scene.ids < 0)))
    assert len(alone) == 1
    assert not np.array_equal(alone[0].logits, other[0].logits)
    both = worker().call(interactor.segment_many, [Prompts(mask=mask, box=BOXES[0])] * 2)
    assert both[0].rle == both[1].rle


def test_logits_of_another_model_are_refused_in_one_line(looking):
    interactor, _, _ = looking
    strange = Prompts(logits=np.zeros((1, 7, 7), np.float32))
    with pytest.raises(InputError, match="another model gave them"):
        worker().call(interactor.segment, strange)


def test_many_objects_in_one_call_equal_one_call_an_object(looking, bare):
    interactor, _, _ = looking
    prompts = [Prompts.boxed(b) for b in BOXES]
    prompts.insert(1, Prompts.click(50, 40))
    prompts.insert(3, Prompts.clicks([(50, 40), (20, 20)], [1, 0]))
    many = worker().call(interactor.segment_many, prompts)
    for one, p in zip(many, prompts, strict=True):
        best = worker().call(interactor.segment, p)[0]
        assert one.prompts is p
        assert one.score == pytest.approx(best.score, abs=1e-4)
        assert np.count_nonzero(one.mask != best.mask) <= 2
    masks, _, _ = bare(box=np.array(BOXES[0]), multimask_output=False)
    assert same(many[0].mask, masks[0])


def boxes_everywhere(frame, count):
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, (frame.width - 20, frame.height - 20), (count, 2))
    return [Prompts.boxed((x, y, x + 15, y + 12)) for x, y in corners]


def test_five_thousand_boxes_are_decoded_in_small_chunks_and_held_small(looking, monkeypatch):
    interactor, frame, _ = looking
    prompts, sizes = boxes_everywhere(frame, 5000), []
    blob = np.full((1, 1, 96, 96), -5, np.float32)
    blob[..., 40:60, 30:50] = 5

    def quick(model, embedding, chunk, size, *, several):
        """Stands for the model, which the soak test below runs."""
        sizes.append(len(chunk))
        return decode.Decoded(np.repeat(blob, len(chunk), 0), np.ones((len(chunk), 1), np.float32))

    monkeypatch.setattr(decode, "decode", quick)
    many = worker().call(interactor.segment_many, prompts)
    assert [m.prompts for m in many] == prompts
    assert sum(sizes) == 5000
    assert max(sizes) <= 32
    assert all(m.logits is None for m in many)
    held = sum(len(m.rle.counts) for m in many)
    assert held < 5000 * frame.height * frame.width / 50  # as RLE, not as pixels
    assert np.count_nonzero(many[-1].mask) > 100


@pytest.mark.soak
def test_five_thousand_boxes_work_in_bounded_memory(looking):
    import psutil

    interactor, frame, _ = looking
    worker().call(interactor.segment_many, boxes_everywhere(frame, 64))
    before = psutil.Process().memory_info().rss
    many = worker().call(interactor.segment_many, boxes_everywhere(frame, 5000))
    assert len(many) == 5000
    assert psutil.Process().memory_info().rss - before < 300 * 2**20


def test_memory_that_runs_out_halves_the_batch_and_changes_nothing_else(looking, monkeypatch):
    interactor, _, _ = looking
    prompts = [Prompts.boxed((x, 10, x + 20, 40)) for x in range(0, 100, 5)]
    whole = worker().call(interactor.segment_many, prompts)
    inner, sizes = decode.decode, []

    def small_card(model, embedding, chunk, size, *, several):
        sizes.append(len(chunk))
        if len(chunk) > 6:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")
        return inner(model, embedding, chunk, size, several=several)

    monkeypatch.setattr(decode, "decode", small_card)
    again = worker().call(interactor.segment_many, prompts)
    assert max(sizes) > 6 >= sizes[-1]
    assert [m.score for m in again] == pytest.approx([m.score for m in whole], abs=1e-4)
    monkeypatch.setattr(decode, "decode", lambda *a, **k: (_ for _ in ()).throw(MemoryError("no")))
    with pytest.raises(InputError, match=r"not enough memory.*device='cpu'"):
        worker().call(interactor.segment, prompts[0])
    monkeypatch.undo()
    assert worker().call(interactor.segment, prompts[0])


logits = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    elements=st.floats(-8, 8, width=16),
)


@given(logits, st.integers(1, 60), st.integers(1, 60))
@settings(max_examples=200)
def test_enlarging_is_torchs_interpolation_wherever_the_mask_is(low, height, width):
    theirs = torch.nn.functional.interpolate(
        torch.from_numpy(low.copy())[None, None],
        (height, width),
        mode="bilinear",
        align_corners=False,
    )[0, 0].numpy()
    mine = decode.enlarge(low, (height, width))
    clear = np.abs(theirs) > 1e-4
    assert np.array_equal(mine[clear], (theirs > 0)[clear])
    assert decode.enlarge_to_rle(low, (height, width)) == encode_mask(mine)


# ---- gestures and names


def test_extreme_points_are_their_box_and_four_clicks(random_sam2, drawn):
    frame, _ = drawn.frame(700)
    gesture = worker().call(open_interactor, f"dextr:{random_sam2}", drawn, "cpu")
    plain = worker().call(open_interactor, random_sam2, drawn, "cpu")
    points = [(60, 10), (20, 40), (90, 45), (55, 80)]
    clicks = Prompts.clicks(points)
    for one in (gesture, plain):
        worker().call(one.set_frame, frame)
    (found,) = worker().call(gesture.segment, clicks)
    (want,) = worker().call(
        plain.segment, Prompts(clicks.points, clicks.labels, box=(20, 10, 90, 80))
    )
    assert found.rle == want.rle
    assert found.prompts is clicks
    assert worker().call(gesture.segment_many, [clicks])[0].prompts is clicks
    assert gesture.info.min_points == 4
    with pytest.raises(InputError, match=r"Four extreme points.*there are 3"):
        worker().call(gesture.segment, Prompts.clicks(points[:3]))
    with pytest.raises(InputError, match="on one line"):
        worker().call(gesture.segment, Prompts.clicks([(5, y) for y in (1, 2, 3, 4)]))


def test_inside_and_outside_points_need_their_box(random_sam2, drawn):
    frame, _ = drawn.frame(700)
    gesture = worker().call(open_interactor, f"iog:{random_sam2}", drawn, "cpu")
    worker().call(gesture.set_frame, frame)
    full = Prompts.clicks([(50, 40), (22, 12)], [1, 0])
    with pytest.raises(InputError, match="there is no box"):
        worker().call(gesture.segment, full)
    boxed = Prompts(full.points, full.labels, box=(20, 10, 90, 80))
    assert worker().call(gesture.segment, boxed)[0].prompts is boxed
    with pytest.raises(InputError, match="outside of the box"):
        worker().call(gesture.segment, Prompts(((5, 5),), (1,), box=(20, 10, 90, 80)))


def test_unknown_names_list_the_known_and_the_nearest(drawn):
    assert {"sam2", "dextr", "iog", "sam2-nano"} <= set(interactor_names())
    with pytest.raises(NotFoundError, match=r"known are .*sam2.*did you mean 'dextr'"):
        open_interactor("dexter", drawn)
    with pytest.raises(NotFoundError, match="did you mean 'sam2-nano'"):
        open_interactor("iog:sam2-nan", drawn)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_a_card_that_is_not_there_is_one_line(random_sam2, drawn):
    with pytest.raises(InputError, match=r"'cuda' cannot be used.*no CUDA device"):
        worker().call(open_interactor, random_sam2, drawn, "cuda")


@trained
def test_the_small_model_finds_the_parts_of_its_world(drawn):
    interactor = worker().call(open_interactor, "sam2-nano", drawn, "cpu")
    values = []
    for seed in range(700, 704):
        frame, scene = drawn.frame(seed, (256, 256))
        worker().call(interactor.set_frame, frame)
        parts = [o for o in scene.objects if np.count_nonzero(scene.ids == o.track_id) > 300]
        truth = [scene.ids == o.track_id for o in parts]
        boxes = []
        for mask in truth:
            y, x = np.nonzero(mask)
            boxes.append(Prompts.boxed((x.min(), y.min(), x.max() + 1, y.max() + 1)))
        for found, mask in zip(worker().call(interactor.segment_many, boxes), truth, strict=True):
            values.append(np.count_nonzero(found.mask & mask) / np.count_nonzero(found.mask | mask))
    assert len(values) > 8
    assert np.median(values) > 0.6


@pytest.mark.soak
def test_hiera_tiny_in_its_real_size_runs_with_random_weights(tmp_path, drawn):
    from labkit.models.sam2.build import build
    from labkit.models.sam2.names import _config

    path = tmp_path / "sam2.1_hiera_tiny.pt"
    torch.save({"model": build(_config("sam2.1", "t")).state_dict()}, path)
    assert find(path).config.name == "sam2.1_hiera_t.yaml"
    frame, _ = drawn.frame(700)
    interactor = worker().call(open_interactor, path, drawn, "cpu")
    worker().call(interactor.set_frame, frame)
    found = worker().call(interactor.segment, Prompts.click(50, 40))
    assert [m.mask.shape for m in found] == [(96, 128)] * 3
    assert found[0].logits.shape == (1, 256, 256)
    many = worker().call(interactor.segment_many, [Prompts.boxed(b) for b in BOXES])
    assert len(many) == 4
