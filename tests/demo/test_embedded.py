"""The shipped weights, on scenes that neither training nor the benchmark's figures have seen."""

import numpy as np
import pytest

from labkit.core.matching import match_boxes
from labkit.core.types import Frame
from labkit.demo import DAY, NIGHT, still
from labkit.demo.embedded import SMALL_YOLO, WEIGHTS, embedded_weights
from labkit.models.detectors.base import DetectOptions
from labkit.models.detectors.ultralytics.load import load
from labkit.models.weights import resolve

SCENES = 16


def detector(name=SMALL_YOLO):
    return load(resolve(embedded_weights(name)), DetectOptions(store_above=0.3, device="cpu"))


def found_on(model, image):
    frame = Frame("0" * 16, "", "a.png", 0, image.shape[1], image.shape[0], None, "", "")
    return model.detect([image], [frame])[0]


def recall(model, domain):
    found = there = 0
    for seed in range(SCENES):
        scene = still(77_000 + seed, domain)
        shown = found_on(model, scene.image)
        names = [p.label for p in shown], [o.label for o in scene.objects]
        numbers = [[model.info.labels.index(n) for n in side] for side in names]
        boxes = [np.array([o.shape.box for o in side]) for side in (shown, scene.objects)]
        found += len(match_boxes(*(b.reshape(-1, 4) for b in boxes), 0.5, *numbers).i)
        there += len(scene.objects)
    return found / there


def test_it_is_good_by_day_and_visibly_worse_by_night():
    model = detector()
    day, night = recall(model, DAY), recall(model, NIGHT)
    assert day > 0.75
    assert 0.2 < night < day - 0.1


def test_the_onnx_file_finds_the_same_objects():
    pytest.importorskip("onnxruntime")
    one, other = detector(), detector(SMALL_YOLO.replace("safetensors", "onnx"))
    assert one.info.labels == other.info.labels
    same = total = 0
    for seed in range(6):
        image = still(78_000 + seed, DAY).image
        a, b = found_on(one, image), found_on(other, image)
        boxes = [np.array([p.shape.box for p in side]).reshape(-1, 4) for side in (a, b)]
        labels = [[one.info.labels.index(p.label) for p in side] for side in (a, b)]
        same += len(match_boxes(*boxes, 0.8, *labels).i)
        total += max(len(a), len(b))
    assert same / total > 0.9


def test_the_weights_are_small_and_have_a_card():
    files = [p for p in WEIGHTS.iterdir() if p.name.startswith("yolo_nano")]
    assert {p.suffix for p in files} == {".safetensors", ".onnx", ".md"}
    assert sum(p.stat().st_size for p in files) < 6_000_000
    assert "knows only its own" in " ".join((WEIGHTS / "yolo_nano.md").read_text().split())
