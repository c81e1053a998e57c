"""The small SAM2 of the embedded world: it is built and loads; trained, it segments and tracks."""

from pathlib import Path

import numpy as np
import pytest

from labkit.core.errors import ModelUnavailableError
from labkit.core.geometry import mask_iou
from labkit.demo import DAY, clip, still

pytest.importorskip("sam2")

import torch
from safetensors.torch import load_file, save_file

from labkit.models.sam2.build import build, image_predictor, video_predictor
from labkit.models.sam2.conv_trunk import ConvTrunk
from labkit.models.weights import SUMS, sha256_of

FOLDER = Path(__file__).parents[3] / "labkit" / "demo" / "weights"
CONFIG, WEIGHTS = FOLDER / "sam2_nano.yaml", FOLDER / "sam2_nano.safetensors"


trained = pytest.mark.skipif(
    not WEIGHTS.exists(), reason="the small SAM2 is not trained yet (make weights)"
)


@pytest.fixture(scope="module")
def some_weights(tmp_path_factory):
    """Weights of the right shapes, as a training leaves them, but never trained."""
    path = tmp_path_factory.mktemp("weights") / WEIGHTS.name
    state = build(CONFIG).state_dict()
    save_file({n: v.half() if v.is_floating_point() else v for n, v in state.items()}, path)
    return path


def _deep_point(mask):
    import cv2

    depth = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3)
    y, x = np.unravel_index(int(depth.argmax()), mask.shape)
    return np.array([[x, y]])


@pytest.fixture(scope="module")
def predictor():
    return image_predictor(CONFIG, WEIGHTS)


@trained
def test_the_weights_are_small_and_of_half_precision():
    assert WEIGHTS.stat().st_size <= 11 * 2**20
    floats = {v.dtype for v in load_file(WEIGHTS).values() if v.is_floating_point()}
    assert floats == {torch.float16}


def test_weights_of_half_precision_compute_in_float32(some_weights):
    model = build(CONFIG, some_weights)
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    predictor = image_predictor(CONFIG, some_weights)
    scene = still(700, DAY, (96, 128))
    predictor.set_image(scene.image)
    masks, quality, _ = predictor.predict(np.array([[50, 40]]), np.array([1]))
    assert masks.shape == (3, 96, 128)
    assert quality.shape == (3,)


def test_changed_weights_are_named_with_the_command_that_rebuilds_them(some_weights, tmp_path):
    changed = tmp_path / WEIGHTS.name
    state = load_file(some_weights)
    state["no_mem_embed"] += 1
    save_file(state, changed)
    (tmp_path / SUMS).write_text(f"{sha256_of(some_weights)}  {WEIGHTS.name}\n", encoding="utf-8")
    with pytest.raises(ModelUnavailableError, match=r"have been changed.*make weights"):
        build(CONFIG, changed)


def test_missing_and_broken_weights_are_named_too(tmp_path):
    with pytest.raises(ModelUnavailableError, match=r"'none.safetensors' are not there.*make we"):
        build(CONFIG, tmp_path / "none.safetensors")
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"not weights at all")
    with pytest.raises(ModelUnavailableError, match=r"'broken.safetensors' cannot be used"):
        build(CONFIG, broken)
    other = tmp_path / "other.safetensors"
    save_file({"a": torch.zeros(1)}, other)
    with pytest.raises(ModelUnavailableError, match=r"'other.safetensors' cannot be used"):
        build(CONFIG, other)


@trained
def test_the_hash_of_the_shipped_weights_is_listed():
    listed = dict(
        reversed(line.split()) for line in (FOLDER / SUMS).read_text("utf-8").splitlines()
    )
    assert listed[WEIGHTS.name] == sha256_of(WEIGHTS)


@trained
@pytest.mark.parametrize("label", ["nut", "bolt", "washer"])
def test_a_click_gives_the_part_under_it(predictor, label):
    values = []
    for seed in range(700, 706):
        scene = still(seed, DAY)
        part = max(
            (o for o in scene.objects if o.label == label), key=lambda o: o.visible, default=None
        )
        if part is None:
            continue
        predictor.set_image(scene.image)
        truth = scene.ids == part.track_id
        masks, quality, _ = predictor.predict(_deep_point(truth), np.array([1]))
        values.append(mask_iou(masks[quality.argmax()] > 0, truth))
    assert len(values) >= 3
    assert np.median(values) > 0.5


@trained
def test_the_video_predictor_follows_a_part(tmp_path):
    from PIL import Image

    model = video_predictor(CONFIG, WEIGHTS)
    scenes = list(clip(720, DAY, 6, enters=1))
    for t, scene in enumerate(scenes):
        Image.fromarray(scene.image).save(tmp_path / f"{t:03}.jpg", quality=97)
    state = model.init_state(str(tmp_path))
    part = max(
        (o for o in scenes[0].objects if any(p.track_id == o.track_id for p in scenes[-1].objects)),
        key=lambda o: np.count_nonzero(scenes[0].ids == o.track_id),
    )
    model.add_new_mask(state, 0, 1, scenes[0].ids == part.track_id)
    found = {t: mask[0, 0].numpy() > 0 for t, _, mask in model.propagate_in_video(state)}
    assert sorted(found) == list(range(6))
    assert mask_iou(found[5], scenes[5].ids == part.track_id) > 0.5


def test_the_trunk_gives_four_maps_with_the_channels_it_names():
    trunk = ConvTrunk(16, (1, 1, 1, 1)).eval()
    maps = trunk(torch.zeros(1, 3, 96, 64))
    assert [m.shape[1] for m in maps] == trunk.channel_list[::-1]
    assert [m.shape[-2:] for m in maps] == [(24, 16), (12, 8), (6, 4), (3, 2)]


def test_windows_take_the_position_codes_of_their_place():
    trunk = ConvTrunk(16, (1, 1, 1, 1)).eval()
    image = torch.zeros(1, 3, 128, 128)
    full = trunk.position_map((32, 32))
    with torch.no_grad():
        assert torch.allclose(trunk(image)[0], trunk(image, full)[0])
        assert not torch.allclose(trunk(image)[0], trunk(image, full.flip(3))[0])
