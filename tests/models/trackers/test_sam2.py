"""SAM2 as a tracker: the package's own masks, bounded memory, and what a person may say when."""

from pathlib import Path

import numpy as np
import pytest

from labkit.core.errors import InputError, ModelUnavailableError, NotFoundError
from labkit.core.geometry import decode_mask, encode_mask, shape_from_mask, shape_from_polygons
from labkit.core.prompts import Prompts
from labkit.core.tracks import Keyframe, Tracked
from labkit.core.types import Rle, Shape
from labkit.demo import DAY, clip

pytest.importorskip("sam2")

import torch
from PIL import Image
from safetensors.torch import save_file

from labkit.models.detectors.base import OutOfMemoryError
from labkit.models.sam2.build import build, video_predictor
from labkit.models.sam2.video import VideoMemory
from labkit.models.trackers import open_tracker
from labkit.models.trackers.sam2 import Sam2Session

FOLDER = Path(__file__).parents[3] / "labkit" / "demo" / "weights"
CONFIG, WEIGHTS = FOLDER / "sam2_nano.yaml", FOLDER / "sam2_nano.safetensors"
SIZE = 128, 96
BOX = (30.0, 20.0, 80.0, 60.0)

trained = pytest.mark.skipif(
    not WEIGHTS.exists(), reason="the small SAM2 is not trained yet (make weights)"
)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """YAML and weights of a model for small pictures, that was never trained.

    It believes that every object is there.
    """
    folder = tmp_path_factory.mktemp("weights")
    config, weights = folder / "some.yaml", folder / "some.safetensors"
    text = CONFIG.read_text("utf-8").replace("- 28\n", "- 8\n")
    config.write_text(text.replace("image_size: 448", "image_size: 128"), encoding="utf-8")
    torch.manual_seed(3)
    model = build(config)
    with torch.no_grad():
        model.sam_mask_decoder.pred_obj_score_head.layers[-1].bias += 4
    save_file(model.state_dict(), weights)
    return config, weights


@pytest.fixture(scope="module")
def model(files):
    model = build(*files)
    assert model.image_size == 128
    return model


@pytest.fixture(scope="module")
def stock(files):
    """The package's own predictor of that model."""
    return video_predictor(*files)


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """A folder of twelve JPEGs, and their pixels."""
    folder = tmp_path_factory.mktemp("video")
    for t, scene in enumerate(clip(720, DAY, 12, size=SIZE[::-1])):
        Image.fromarray(scene.image).save(folder / f"{t:03}.jpg", quality=97)
    return folder, [np.array(Image.open(p)) for p in sorted(folder.iterdir())]


def a_mask(x=40, y=30):
    mask = np.zeros(SIZE[::-1], bool)
    mask[y : y + 30, x : x + 40] = True
    return mask


def key(number, shape=None, **more):
    return Keyframe("f", number, "nut", shape, **more)


def boxed(number, box=BOX):
    return key(number, Shape(box))


def masked(number, mask):
    return key(number, shape_from_mask(mask))


def session(model, *, backward=False, at_once=None, size=SIZE):
    return Sam2Session(VideoMemory(lambda: model, *size, backward=backward, at_once=at_once))


def mask_of(tracked):
    return decode_mask(tracked.shape.mask) if tracked.shape else np.zeros((1, 1), bool)


def iou(a, b):
    union = np.count_nonzero(a | b)
    return np.count_nonzero(a & b) / union if union else 1.0


def ids(tracked):
    return [t.track_id for t in tracked]


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("both_ends", [False, True])
def test_logits_are_those_of_the_package(stock, model, video, backward, both_ends):
    folder, images = video
    state = stock.init_state(str(folder))
    order = list(range(11, -1, -1) if backward else range(12))
    first, other = order[0], order[-1]
    stock.add_new_points_or_box(state, first, 1, box=np.array(BOX, np.float32))
    stock.add_new_points_or_box(state, first, 2, points=[[60.0, 50.0]], labels=[1])
    stock.add_new_mask(state, first, 3, a_mask())
    mine = session(model, backward=backward)
    clicked = key(2, prompts=Prompts.click(60, 50))
    mine.prompt(first, images[first], [boxed(1), clicked, masked(3, a_mask())])
    if both_ends:
        stock.add_new_mask(state, other, 3, a_mask(20, 40))
        mine.prompt(other, images[other], [masked(3, a_mask(20, 40))])
    compared = 0
    for t, numbers, wanted in stock.propagate_in_video(state, first, reverse=backward):
        if t == first:
            continue
        for answer in mine.memory.step(t, images[t]):
            full = torch.nn.functional.interpolate(answer.logits, SIZE[::-1], mode="bilinear")
            theirs = torch.stack([wanted[numbers.index(k)] for k in answer.track_ids])
            assert torch.allclose(full, theirs, atol=1e-3)
            compared += len(theirs)
    assert compared == 11 * 3 - both_ends


def test_memory_does_not_grow_with_the_video(model, video):
    _, images = video
    mine = session(model)
    mine.prompt(0, images[0], [boxed(1), masked(2, a_mask())])
    sizes = []
    for t in range(1, 25):
        mine.step(t, images[t % 12])
        sizes.append(mine.memory.nbytes)
    assert len(set(sizes[8:])) == 1
    assert sizes[0] < sizes[8]
    mine.close()
    assert mine.memory.nbytes == 0


def test_objects_join_leave_and_are_dropped(model, video):
    _, images = video
    mine = session(model)
    mine.prompt(0, images[0], [boxed(1), boxed(2), boxed(3)])
    mine.prompt(4, images[4], [boxed(4)])  # said before its time: nothing is followed until then
    mine.prompt(3, images[3], [key(2, outside=True)])
    mine.drop(9)
    followed = {}
    for t in range(1, 6):
        if t == 2:
            mine.drop(3)
        followed[t] = ids(mine.step(t, images[t]))
    assert followed == {1: [1, 2, 3], 2: [1, 2], 3: [1], 4: [1], 5: [1, 4]}
    assert ids(mine.prompt(6, images[6], [boxed(2)])) == [2]
    assert ids(mine.step(7, images[7])) == [1, 2, 4]


def test_objects_of_different_pasts_are_prompted_together(model, video):
    _, images = video
    mine, alone = session(model), session(model)
    mine.prompt(0, images[0], [boxed(1)])
    mine.step(1, images[1])
    mine.prompt(1, images[1], [boxed(2)])
    other = (10.0, 10.0, 50.0, 50.0)
    both = mine.prompt(2, images[2], [boxed(1, other), boxed(2, other)])
    (wanted,) = alone.prompt(2, images[2], [boxed(1, other)])
    assert [t.shape for t in both] == [wanted.shape] * 2
    assert ids(mine.step(3, images[3])) == [1, 2]


def test_masks_are_given_back_and_confidence_lies_between_0_and_1(model, video):
    _, images = video
    mine = session(model)
    ring = (40.0, 30.0, 80.0, 30.0, 80.0, 60.0, 40.0, 60.0)
    keys = [masked(5, a_mask()), boxed(1), key(2, shape_from_polygons([ring]))]
    said = mine.prompt(0, images[0], [*keys, key(7, outside=True)])
    assert ids(said) == [5, 1, 2, 7]
    assert (mask_of(said[0]) == a_mask()).all()
    assert iou(mask_of(said[2]), a_mask()) > 0.99
    assert said[3].shape is None
    for tracked in (*said[:3], *mine.step(1, images[1])):
        assert set(tracked.signals) == {"object_score", "iou"}
        assert 0 <= tracked.score <= min(tracked.signals.values()) <= 1
        if tracked.shape is not None:
            assert tracked.shape.box == shape_from_mask(mask_of(tracked)).box


def small(mask):
    return Rle(mask.height // 2, mask.width, mask.counts)


BAD = {
    "it covers no pixel": key(1, Shape(BOX, mask=encode_mask(np.zeros(SIZE[::-1], bool)))),
    "its mask is 128 x 48, the frame 128 x 96": key(
        1, Shape(BOX, mask=small(shape_from_mask(a_mask()).mask))
    ),
    "three finite points": key(1, Shape(BOX, polygons=((1.0, 2.0, float("nan"), 4.0, 5.0, 6.0),))),
    "at least three": key(1, Shape(BOX, polygons=((1.0, 2.0, 3.0, 4.0),))),
    "covers no pixel": key(1, shape_from_polygons([(900, 900, 950, 900, 950, 950)])),
    "is outside of the frame": boxed(1, (500, 500, 600, 600)),
    "is not finite": key(1, prompts=Prompts.click(float("nan"), 3)),
}


@pytest.mark.parametrize("why", BAD)
def test_a_bad_keyframe_is_named_and_nothing_is_lost(model, video, why):
    _, images = video
    mine = session(model)
    mine.prompt(0, images[0], [boxed(1)])
    before = mine.memory.nbytes
    with pytest.raises(InputError, match=f"The keyframe of track 1 cannot be used: .*{why}") as at:
        mine.prompt(0, images[0], [boxed(2), BAD[why]])
    assert "\n" not in str(at.value)
    assert mine.memory.nbytes == before
    assert ids(mine.step(1, images[1])) == [1]


def test_a_frame_of_another_size_is_refused_and_the_walk_goes_on(model, video):
    _, images = video
    mine = session(model)
    mine.prompt(0, images[0], [boxed(1)])
    with pytest.raises(InputError, match="it is 64 x 96, the frames before it 128 x 96"):
        mine.step(1, images[1][:, :64])
    assert ids(mine.step(1, images[1])) == [1]


@pytest.fixture
def batches(model):
    """Numbers of objects that went through the model together."""
    seen = []
    hook = model.memory_encoder.register_forward_hook(
        lambda _m, given, _o: seen.append(len(given[1]))
    )
    yield seen
    hook.remove()


def test_many_objects_go_through_the_model_in_chunks(model, video, batches):
    _, images = video
    mine = session(model, at_once=8)
    mine.prompt(0, images[0], [boxed(k, (k, k, k + 30, k + 30)) for k in range(20)])
    assert ids(mine.step(1, images[1])) == list(range(20))
    assert batches == [8, 8, 4] * 2


def test_out_of_memory_halves_the_chunk_then_says_so(model, video, batches, monkeypatch):
    _, images = video
    fits = 2
    real = model._track_step

    def narrow(position, first, feats, *more):
        if feats[0].shape[1] > fits:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB\nand a trace")
        return real(position, first, feats, *more)

    mine, free = session(model, at_once=8), session(model, at_once=8)
    keys = [boxed(k, (k * 5, k * 5, k * 5 + 30, k * 5 + 30)) for k in range(8)]
    free.prompt(0, images[0], keys)
    wanted = free.step(1, images[1])
    monkeypatch.setattr(model, "_track_step", narrow)
    batches.clear()
    mine.prompt(0, images[0], keys)
    got = mine.step(1, images[1])
    assert batches == [2, 2, 2, 2] * 2
    assert ids(got) == ids(wanted)
    assert min(iou(mask_of(a), mask_of(b)) for a, b in zip(got, wanted, strict=True)) > 0.99
    fits = 0
    with pytest.raises(OutOfMemoryError, match="Following 8 objects ran out of memory: CUDA out"):
        mine.step(2, images[2])
    fits = 2
    assert ids(mine.step(2, images[2])) == ids(wanted)  # nothing was lost


def test_more_objects_than_fit_are_refused_before_anything_is_done(model, video, monkeypatch):
    from labkit.models.sam2 import video as module

    _, images = video
    mine = session(model)
    mine.prompt(0, images[0], [boxed(0)])
    monkeypatch.setattr(module, "free_bytes", lambda _model: 50e6)
    with pytest.raises(OutOfMemoryError, match=r"5000 objects do not fit into memory: they need "):
        mine.prompt(0, images[0], [boxed(k) for k in range(5000)])
    assert ids(mine.step(1, images[1])) == [0]


def test_the_room_that_an_object_takes_is_known_before(model, video):
    from labkit.models.sam2.bank import bytes_each

    _, images = video
    mine = session(model)
    mine.prompt(0, images[0], [boxed(1)])
    for t in range(1, 12):
        mine.step(t, images[t])
    assert mine.memory.nbytes == bytes_each(model)


def test_unknown_trackers_are_named_with_the_known_ones():
    with pytest.raises(NotFoundError, match=r"No tracker is called 'sam2-nanno'.*'sam2-nano'"):
        open_tracker("sam2-nanno")
    with pytest.raises(ModelUnavailableError, match="not there"):
        open_tracker("nowhere/mine.pt")


# ---- with the trained model


@pytest.fixture(scope="module")
def scenes():
    return list(clip(720, DAY, 12))


@pytest.fixture(scope="module")
def tracker():
    return open_tracker("sam2-nano", "cpu")


def truth_keys(scene):
    masks = {o.track_id: scene.ids == o.track_id for o in scene.objects}
    return [masked(k, m) for k, m in masks.items() if m.any()]


def walk(tracker, scenes, keys, first=1, recalled=()):
    height, width = scenes[0].image.shape[:2]
    mine = tracker.open(width, height)
    mine.prompt(0, scenes[0].image, keys)
    for t, tracked in recalled:
        mine.recall(t, scenes[t].image, tracked)
    return {t: mine.step(t, scenes[t].image) for t in range(first, len(scenes))}


@pytest.fixture(scope="module")
def whole(tracker, scenes):
    """All parts of the first frame, followed to the end."""
    return walk(tracker, scenes, truth_keys(scenes[0]))


@trained
def test_parts_are_followed_by_their_masks(tracker, scenes, whole):
    assert tracker.info.gives == "mask"
    assert tracker.info.sees_ahead
    assert tracker.info.weights_sha256
    seen = [
        iou(mask_of(x), scenes[t].ids == x.track_id)
        for t, tracked in whole.items()
        for x in tracked
        if (scenes[t].ids == x.track_id).any() and x.shape is not None
    ]
    assert np.mean(seen) > 0.6


@trained
def test_another_process_goes_on_with_the_same_masks(tracker, scenes, whole):
    keys = truth_keys(scenes[0])
    k = 9
    back = [(t, whole[t]) for t in range(max(1, k - tracker.info.memory), k)]
    resumed = walk(tracker, scenes, keys, k, back)
    values = [
        iou(mask_of(a), mask_of(b))
        for t, tracked in resumed.items()
        for a, b in zip(tracked, whole[t], strict=True)
    ]
    assert np.mean(values) > 0.97


@trained
def test_a_click_corrects_the_mask_of_a_followed_frame(tracker, scenes):
    height, width = scenes[0].image.shape[:2]
    mine = tracker.open(width, height)
    scene = scenes[0]
    numbers = {o.track_id: np.count_nonzero(scene.ids == o.track_id) for o in scene.objects}
    whole = scene.ids == max(numbers, key=numbers.get)
    x = int(np.median(np.nonzero(whole)[1]))
    half = whole.copy()
    half[:, x:] = False
    mine.prompt(0, scene.image, [masked(1, half)])
    (before,) = mine.step(1, scene.image)
    ys, xs = np.nonzero(whole & ~half)
    middle = np.argmin(np.hypot(ys - ys.mean(), xs - xs.mean()))
    click = Prompts.click(float(xs[middle]), float(ys[middle]))
    (after,) = mine.prompt(1, scene.image, [key(1, prompts=click)])
    assert mask_of(after)[ys[middle], xs[middle]]
    assert iou(mask_of(after), whole) >= iou(mask_of(before), whole)
    assert ids(mine.step(2, scene.image)) == [1]


@trained
def test_an_object_out_of_sight_is_recalled_as_such(tracker, scenes):
    height, width = scenes[0].image.shape[:2]
    mine = tracker.open(width, height)
    mine.prompt(0, scenes[0].image, truth_keys(scenes[0])[:1])
    number = truth_keys(scenes[0])[0].track_id
    blank = np.full_like(scenes[0].image, 127)
    for t in range(1, 8):
        mine.recall(t, blank, [Tracked(number, None, 0.1)])
    (tracked,) = mine.step(8, blank)
    assert tracked.shape is None
    assert tracked.signals["object_score"] < 0.5
