import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from labkit.core.errors import InputError, ModelUnavailableError
from labkit.core.types import Frame
from labkit.models.detectors.base import DetectOptions
from labkit.models.detectors.ultralytics.load import load
from labkit.models.detectors.ultralytics.safetensors import build_yolo, open_yolo, save_yolo
from labkit.models.weights import resolve

PLAN = ("yolo11", 0.125, 0.5)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model with weights that nobody has trained, and its file."""
    torch.manual_seed(0)
    model = build_yolo(*PLAN, ["nut", "bolt"], 160).eval()
    path = tmp_path_factory.mktemp("safetensors") / "small.safetensors"
    save_yolo(path, model, *PLAN, imgsz=160)
    return model, path


def test_what_is_opened_again_computes_the_same_up_to_half_precision(trained):
    model, path = trained
    x = torch.rand(1, 3, 160, 128)
    with torch.inference_mode():
        want, got = model(x)[0], open_yolo(path)(x)[0]
    assert torch.allclose(want, got, rtol=0.02, atol=0.05)
    assert path.stat().st_size < 2_000_000


def test_it_is_a_detector_like_any_other_and_needs_no_trust(trained):
    detector = load(resolve(trained[1]), DetectOptions(store_above=0.0, max_det=5, device="cpu"))
    assert detector.info.labels == ("nut", "bolt")
    assert detector.info.task == "detect"
    assert list(detector.info.params["imgsz"]) == [160, 160]
    frame = Frame("0" * 16, "", "a.png", 0, 90, 60, None, "", "")
    image = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    (found,) = detector.detect([image], [frame])
    assert 0 < len(found) <= 5
    assert {p.label for p in found} <= {"nut", "bolt"}


def rewritten(path, target, **changes):
    facts = {"plan": "yolo11", "width": 0.125, "depth": 0.5, "imgsz": 160, "labels": ["a", "b"]}
    save_file(load_file(path), target, metadata={"labkit_yolo": json.dumps(facts | changes)})
    return target


@pytest.mark.parametrize(
    "changes",
    [
        {"plan": "../../../etc/passwd"},
        {"plan": "yolo99"},
        {"width": 0.25},
        {"width": 1e9},
        {"imgsz": 0},
        {"labels": []},
        {"labels": ["a"]},
        {"depth": "deep"},
    ],
)
def test_metadata_that_do_not_fit_are_named_in_one_line(trained, tmp_path, changes):
    path = rewritten(trained[1], tmp_path / "odd.safetensors", **changes)
    with pytest.raises(ModelUnavailableError, match=r"odd\.safetensors") as caught:
        load(resolve(path))
    assert "\n" not in str(caught.value)


def test_a_file_that_was_cut_off_or_is_something_else_is_named(trained, tmp_path):
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(trained[1].read_bytes()[:-1000])
    with pytest.raises(ModelUnavailableError, match="broken"):
        load(resolve(cut))
    other = tmp_path / "other.safetensors"
    save_file({"x": torch.zeros(2)}, other)
    with pytest.raises(ModelUnavailableError, match="names no network"):
        load(resolve(other))
    text = tmp_path / "text.safetensors"
    text.write_text("not weights at all")
    with pytest.raises(ModelUnavailableError, match="not a model"):
        resolve(text)


def test_only_plans_of_ultralytics_are_built():
    with pytest.raises(InputError, match="no plan"):
        build_yolo("mine", 0.25, 0.5, ["a"], 160)
