"""Our stages against Ultralytics' own ``predict`` on the same image, for every task."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PilImage

from labkit.core.errors import InputError, ModelUnavailableError, NotFoundError
from labkit.core.geometry import box_iou, decode_mask, rotated_corners
from labkit.core.types import Frame, Proposal
from labkit.models.detectors.base import DetectOptions, Detector, StagedDetector
from labkit.models.detectors.ultralytics.detector import YoloDetector
from labkit.models.detectors.ultralytics.load import load
from labkit.models.ultralytics import ultralytics
from labkit.models.weights import resolve
from labkit.testing import check_detector

CONF, IOU, MAX = 0.4, 0.5, 40
Build = Callable[[str], Path]


def picture(width: int = 200, height: int = 120) -> np.ndarray:
    rng = np.random.default_rng(3)
    small = rng.integers(0, 255, (9, 13, 3), dtype=np.uint8)
    return np.asarray(
        PilImage.fromarray(small).resize((width, height), PilImage.Resampling.BICUBIC)
    )


def frame_of(image: np.ndarray) -> Frame:
    h, w = image.shape[:2]
    return Frame("a" * 16, "s", "x.png", 0, w, h, None, "s", "g")


def ours(path: Path, image: np.ndarray, **options) -> tuple[YoloDetector, list[Proposal]]:
    given = {"store_above": CONF, "iou": IOU, "imgsz": 160, "device": "cpu", "max_det": MAX}
    detector = load(resolve(path, trust=True), DetectOptions(**{**given, **options}))
    return detector, detector.detect([image], [frame_of(image)])[0]


def theirs(path: Path, image: np.ndarray, task: str, **options):
    model = ultralytics().YOLO(str(path), task=task)
    given = {"conf": CONF, "iou": IOU, "imgsz": 160, "device": "cpu", "max_det": MAX}
    given |= {"verbose": False, "retina_masks": True, **options}
    return model.predict(np.ascontiguousarray(image[..., ::-1]), **given)[0]


def assert_same_boxes(mine: list[Proposal], boxes) -> None:
    assert len(mine) == len(boxes) > 3
    np.testing.assert_allclose([p.shape.box for p in mine], boxes.xyxy.numpy(), atol=0.01)
    np.testing.assert_allclose([p.score for p in mine], boxes.conf.numpy(), atol=1e-5)


def assert_good(mine: list[Proposal], image: np.ndarray) -> None:
    h, w = image.shape[:2]
    assert [p.index for p in mine] == list(range(len(mine)))
    scores = [p.score for p in mine]
    assert scores == sorted(scores, reverse=True)
    for p in mine:
        x1, y1, x2, y2 = p.shape.box
        assert 0 <= x1 < x2 <= w
        assert 0 <= y1 < y2 <= h
        assert p.choices[0].label == p.label
        assert p.choices[0].score == pytest.approx(p.score)
        values = [c.score for c in p.choices]
        assert values == sorted(values, reverse=True)
        assert len({c.label for c in p.choices}) == len(p.choices)


@pytest.mark.parametrize("name", ["yolo11n", "yolov8n"])
def test_detect(random_pt: Build, name: str) -> None:
    image = picture()
    detector, mine = ours(random_pt(name), image)
    result = theirs(random_pt(name), image, "detect")
    assert_good(mine, image)
    assert_same_boxes(mine, result.boxes)
    assert [p.label for p in mine] == [result.names[int(c)] for c in result.boxes.cls]
    assert detector.info.class_scores == "full"
    assert all(len(p.choices) == 3 for p in mine)
    assert isinstance(detector, Detector)
    assert isinstance(detector, StagedDetector)


def test_segment(random_pt: Build) -> None:
    image = picture()
    _, mine = ours(random_pt("yolo11n-seg"), image, masks_to_polygons=True)
    result = theirs(random_pt("yolo11n-seg"), image, "segment")
    assert_good(mine, image)
    assert_same_boxes(mine, result.boxes)
    for p, mask in zip(mine, result.masks.data.numpy().astype(bool), strict=True):
        assert p.shape.mask is not None
        assert (p.shape.mask.height, p.shape.mask.width) == image.shape[:2]
        np.testing.assert_array_equal(decode_mask(p.shape.mask), mask)
    assert any(p.shape.polygons for p in mine)
    for p in mine:
        for ring in p.shape.polygons or ():
            points = np.reshape(ring, (-1, 2))
            assert (points >= np.array(p.shape.box[:2]) - 1).all()
            assert (points <= np.array(p.shape.box[2:]) + 1).all()


def test_pose(random_pt: Build) -> None:
    image = picture()
    _, mine = ours(random_pt("yolo11n-pose"), image)
    result = theirs(random_pt("yolo11n-pose"), image, "pose")
    assert_good(mine, image)
    assert_same_boxes(mine, result.boxes)
    points = np.array([p.shape.keypoints for p in mine])
    assert points.shape[1:] == (17, 3)
    np.testing.assert_allclose(points, result.keypoints.data.numpy(), atol=0.01)
    assert (points[..., 2] >= 0).all()
    assert (points[..., 2] <= 1).all()


def test_obb(random_pt: Build) -> None:
    image = picture()
    _, mine = ours(random_pt("yolo11n-obb"), image)
    result = theirs(random_pt("yolo11n-obb"), image, "obb")
    assert_good(mine, image)
    assert len(mine) == len(result.obb) > 3
    rotated = np.array([p.shape.rotated for p in mine])
    np.testing.assert_allclose(rotated, result.obb.xywhr.numpy(), atol=0.01)
    corners = rotated_corners(rotated)
    boxes = np.array([p.shape.box for p in mine])
    low = np.clip(corners.min(axis=1), 0, [image.shape[1], image.shape[0]])
    np.testing.assert_allclose(boxes[:, :2], low, atol=0.01)


@pytest.mark.parametrize("name", ["yolo26n", "yolov10n", "yolo26n-seg", "yolo26n-pose"])
def test_end_to_end_heads_use_the_branch_that_scores_all_classes(
    random_pt: Build, name: str
) -> None:
    image = picture()
    detector, mine = ours(random_pt(name), image)
    assert detector.info.class_scores == "one-to-many"
    assert_good(mine, image)
    classes = min(3, len(detector.info.labels))
    assert_same_boxes(mine, theirs(random_pt(name), image, detector.info.task).boxes)
    assert all(len(p.choices) == classes for p in mine)


def test_an_export_that_is_end_to_end_falls_back_to_overlaps(random_pt: Build) -> None:
    pytest.importorskip("onnxruntime")
    image = picture()
    path = exported(random_pt("yolo26n"), nms=False)
    detector, mine = ours(path, image, imgsz=None)
    assert detector.info.class_scores == "overlap"
    result = theirs(path, image, "detect")
    assert_good(mine, image)
    assert_same_boxes(mine, result.boxes)
    boxes = [p.shape.box for p in mine]
    labels = np.array([p.label for p in mine])
    iou = box_iou(boxes, boxes)
    for k, p in enumerate(mine):
        around = set(labels[(iou[k] >= 0.5) & (labels != p.label)])
        assert {c.label for c in p.choices[1:]} <= around


@pytest.mark.parametrize("name", ["yolo11n", "yolo11n-seg", "yolo11n-pose"])
def test_exported_to_onnx(random_pt: Build, name: str) -> None:
    pytest.importorskip("onnxruntime")
    image = picture()
    path = exported(random_pt(name))
    detector, mine = ours(path, image, imgsz=None)
    result = theirs(path, image, detector.info.task)
    assert detector.info.versions["onnxruntime"]
    assert detector.info.params["imgsz"] == [160, 160]
    assert_good(mine, image)
    assert_same_boxes(mine, result.boxes)
    if detector.info.task == "segment":
        got = np.array([decode_mask(p.shape.mask) for p in mine])
        np.testing.assert_array_equal(got, result.masks.data.numpy().astype(bool))
    with pytest.raises(InputError, match="exported for 160 x 160"):
        load(resolve(path), DetectOptions(imgsz=320))


def exported(pt: Path, **options) -> Path:
    path = pt.with_suffix(".onnx")
    if not path.exists():
        ultralytics().YOLO(str(pt)).export(format="onnx", imgsz=160, verbose=False, **options)
    return path


def test_a_batch_gives_what_single_images_give(random_pt: Build) -> None:
    images = [picture(), picture(120, 200), picture(), picture(160, 90)]
    detector, _ = ours(random_pt("yolo11n"), images[0])
    frames = [frame_of(i) for i in images]
    together = detector.detect(images, frames)
    for image, frame, mine in zip(images, frames, together, strict=True):
        alone = detector.detect([image], [frame])[0]
        assert [p.label for p in mine] == [p.label for p in alone]
        np.testing.assert_allclose(
            [p.shape.box for p in mine], [p.shape.box for p in alone], atol=0.05
        )


def test_only_the_classes_that_are_wanted(random_pt: Build) -> None:
    image = picture()
    _, every = ours(random_pt("yolo11n"), image, store_above=0.05)
    wanted = every[0].label
    _, mine = ours(random_pt("yolo11n"), image, classes=(wanted,), store_above=0.05)
    assert {p.label for p in mine} == {wanted}
    assert any(c.label != wanted for c in mine[0].choices)
    with pytest.raises(NotFoundError, match="did you mean 'thing 7'"):
        ours(random_pt("yolo11n"), image, classes=("thing  7",))


@pytest.mark.parametrize("name", ["yolo11n-cls", "yolov8-rtdetr"])
def test_other_tasks_are_refused(random_pt: Build, cache: Path, name: str) -> None:
    path = cache / f"{name}.pt"
    yolo = ultralytics().RTDETR if "rtdetr" in name else ultralytics().YOLO
    yolo(f"{name}.yaml").save(str(path))
    with pytest.raises(ModelUnavailableError, match="another task") as info:
        load(resolve(path, trust=True))
    assert "\n" not in str(info.value)
    assert info.value.exit_code == 3


@pytest.mark.parametrize("content", [b"PK\x03\x04 not a zip", b"\x80\x02 not a pickle"])
def test_a_file_that_only_looks_like_weights(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "best.pt"
    path.write_bytes(content)
    with pytest.raises(ModelUnavailableError, match=r"'best\.pt' cannot be opened") as info:
        load(resolve(path, trust=True))
    assert "\n" not in str(info.value)


def test_an_onnx_file_that_is_no_detector(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper = onnx.helper
    value = [helper.make_tensor_value_info(n, 1, [1, 3, 32, 32]) for n in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", value[:1], value[1:])
    path = tmp_path / "relu.onnx"
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), str(path))
    with pytest.raises(ModelUnavailableError, match="not a YOLO detector"):
        load(resolve(path))
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ModelUnavailableError, match="cannot be opened") as info:
        load(resolve(path))
    assert "\n" not in str(info.value)


def test_a_device_that_is_not_there(random_pt: Build) -> None:
    with pytest.raises(InputError, match=r"'cuda:7'.*device='cpu'"):
        load(resolve(random_pt("yolo11n"), trust=True), DetectOptions(device="cuda:7"))


@pytest.mark.data
def test_real_photos_give_ultralytics_boxes(coco128: Path, yolo_onnx: Path) -> None:
    pytest.importorskip("onnxruntime")
    paths = sorted((coco128 / "images").iterdir())[:10]
    detector = load(resolve(yolo_onnx))
    model = ultralytics().YOLO(str(yolo_onnx), task="detect")
    for path in paths:
        with PilImage.open(path) as file:
            image = np.asarray(file.convert("RGB"))
        mine = [p for p in detector.detect([image], [frame_of(image)])[0] if p.score > 0.25]
        boxes = model.predict(str(path), conf=0.25, iou=0.7, verbose=False)[0].boxes
        assert len(mine) == len(boxes)
        if len(mine):
            np.testing.assert_allclose([p.shape.box for p in mine], boxes.xyxy.numpy(), atol=0.5)
        assert [p.label for p in mine] == [model.names[int(c)] for c in boxes.cls]


@pytest.mark.parametrize("name", ["yolo11n", "yolo11n-seg", "yolo11n-pose", "yolo11n-obb"])
def test_every_task_passes_the_checks_for_plug_ins(random_pt, name):
    options = DetectOptions(store_above=0.3, imgsz=160, device="cpu", max_det=50)
    check_detector(random_pt(name), options=options, trust=True)
