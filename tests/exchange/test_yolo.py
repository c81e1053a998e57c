"""YOLO out and in: exact round trips, what Ultralytics reads, what bad files get."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from exchange.exchange_world import FakeReader, accept, image_frame, write_image
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from labkit.core.errors import InputError, LabkitError
from labkit.core.geometry import (
    decode_mask,
    encode_mask,
    polygon_area,
    polygons_to_mask,
    shape_from_mask,
    shape_from_polygons,
    shape_from_rotated,
)
from labkit.core.types import Shape
from labkit.exchange import export, read_dataset
from labkit.exchange.contours import join_rings, trace_mask
from labkit.exchange.images import image_size
from labkit.exchange.yolo.shapes import Losses, decode, encode, format_line
from labkit.store import ProjectStore

SIZES = st.tuples(st.integers(16, 8192), st.integers(16, 8192))
UNIT = st.floats(0, 1, allow_nan=False)


@st.composite
def boxes(draw, size: tuple[int, int]) -> tuple[float, float, float, float]:
    (w, h), out = size, []
    for extent in (w, h):
        length = draw(st.floats(0.5, extent))
        low = draw(UNIT) * (extent - length)
        out.append((low, low + length))
    return out[0][0], out[1][0], out[0][1], out[1][1]


def through(shape: Shape, task: str, size: tuple[int, int], keypoints: int = 0) -> Shape:
    """Written as text and read back."""
    numbers = encode(shape, task, *size, Losses(), keypoints)
    fields = format_line(3, numbers).split()
    assert fields[0] == "3"
    back, score = decode([float(v) for v in fields[1:]], task, *size, (keypoints, 3))
    assert score is None
    return back


@given(st.data(), SIZES)
def test_boxes_come_back_to_a_thousandth_of_a_pixel(data: st.DataObject, size) -> None:
    box = data.draw(boxes(size))
    assert through(Shape(box), "detect", size).box == pytest.approx(box, abs=1e-3)


@given(st.data(), SIZES, st.integers(3, 40))
def test_polygons_come_back(data: st.DataObject, size, n: int) -> None:
    ring = np.array(data.draw(st.lists(UNIT, min_size=2 * n, max_size=2 * n))).reshape(-1, 2)
    ring = (ring * size).ravel().tolist()
    try:
        shape = shape_from_polygons([ring])
    except InputError:
        return  # no area
    if polygon_area(ring) < 1e-2:
        return  # what is left of it after writing may have none
    back = through(shape, "segment", size)
    assert back.polygons[0] == pytest.approx(ring, abs=1e-3)
    assert back.box == pytest.approx(shape.box, abs=1e-3)


@given(st.data(), SIZES, st.integers(1, 20))
def test_keypoints_come_back_with_their_visibility(data, size, n: int) -> None:
    box = data.draw(boxes(size))
    # 0.25 and 1 are what COCO's 1 and 2 become; a point with 0 is nowhere
    flags = data.draw(st.lists(st.sampled_from([0.25, 1.0]), min_size=n, max_size=n))
    points = [(data.draw(UNIT) * size[0], data.draw(UNIT) * size[1], v) for v in flags]
    points.append((0.0, 0.0, 0.0))
    back = through(Shape(box, keypoints=tuple(points)), "pose", size, n + 1)
    assert np.array(back.keypoints) == pytest.approx(np.array(points), abs=1e-3)
    assert back.box == pytest.approx(box, abs=1e-3)


@given(SIZES, st.floats(0.1, 0.3), st.floats(0.1, 0.3), st.floats(-3.1, 3.1))
def test_rotated_boxes_come_back(size, w: float, h: float, angle: float) -> None:
    scale = min(size)
    shape = shape_from_rotated(size[0] / 2, size[1] / 2, w * scale, h * scale, angle)
    back = through(shape, "obb", size)
    assert back.rotated == pytest.approx(shape.rotated, abs=1e-3)


def test_what_lies_beyond_the_frame_is_cut_and_counted() -> None:
    losses = Losses()
    assert encode(Shape((-10, -10, -1, -1)), "detect", 100, 100, losses) is None
    numbers = encode(Shape((-10, 50, 20, 120)), "detect", 100, 100, losses)
    assert decode(numbers, "detect", 100, 100)[0].box == pytest.approx((0, 50, 20, 100))
    for task in ("segment", "obb"):
        turned = shape_from_rotated(5, 5, 40, 10, 0.7)
        assert min(encode(turned, task, 100, 100, losses)) >= 0
    assert [n.split()[0] for n in losses.notes()] == ["1", "3"]


def disc(cx: float, cy: float, r: float, size: int = 120) -> np.ndarray:
    y, x = np.mgrid[:size, :size]
    return (x - cx) ** 2 + (y - cy) ** 2 <= r * r


@given(
    st.lists(
        st.tuples(st.floats(25, 95), st.floats(25, 95), st.floats(8, 22)), min_size=1, max_size=4
    )
)
@settings(max_examples=30, deadline=None)
def test_a_mask_traced_and_filled_again_is_nearly_itself(discs) -> None:
    mask = np.any([disc(*d) for d in discs], axis=0)
    traced = trace_mask(encode_mask(mask))
    if traced.holes:
        return
    for rings in ([r.ravel() for r in traced.rings], [join_rings(traced.rings).ravel()]):
        again = decode_mask(polygons_to_mask(rings, 120, 120))
        assert (again & mask).sum() / (again | mask).sum() > 0.96


def test_parts_are_joined_and_holes_are_reported() -> None:
    mask = (disc(40, 40, 25) & ~disc(40, 40, 8)) | disc(95, 95, 12)
    losses = Losses()
    numbers = encode(shape_from_mask(mask), "segment", 120, 120, losses)
    back = decode_mask(polygons_to_mask([np.array(numbers) * 120], 120, 120))
    filled = disc(40, 40, 25) | disc(95, 95, 12)
    assert (back & filled).sum() / (back | filled).sum() > 0.95
    assert any("several parts" in n for n in losses.notes())
    assert any("holes" in n for n in losses.notes())


@pytest.mark.parametrize("task", ["segment", "obb"])
def test_an_outline_without_area_becomes_its_box(task: str) -> None:
    losses = Losses()
    for ring in ((10, 10, 20, 20, 30, 30), (10, 10, 10, 30, 10, 20), (10, 10, 30, 30)):
        shape = Shape((10, 10, 30, 30), polygons=(ring,))
        numbers = encode(shape, task, 100, 100, losses)
        assert decode(numbers, task, 100, 100)[0].box == pytest.approx((10, 10, 30, 30))
    assert any("traced" in n for n in losses.notes())


# ---- whole datasets


def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_a_dataset_on_disk(project: ProjectStore, ids: list[str], tmp_path: Path) -> None:
    accept(project, ids[0], [("car", Shape((1, 2, 31, 22))), ("person", Shape((0, 0, 64, 48)))])
    accept(project, ids[1])
    report = export(project, "yolo", tmp_path / "out")
    out = tmp_path / "out"
    assert (report.frames, report.objects, report.backgrounds) == (2, 2, 1)
    data = yaml.safe_load((out / "data.yaml").read_text())
    assert data["names"] == dict(enumerate(project.labels))
    assert (out / data["train"] / "a.jpg").read_bytes() == (tmp_path / "photos/a.jpg").read_bytes()
    assert [line.split()[0] for line in lines_of(out / "labels/train/a.txt")] == ["1", "0"]
    assert (out / "labels/train/b.txt").read_text() == ""
    assert not (out / "labels/train/c.txt").exists()
    with (out / "provenance.csv").open(newline="") as f:
        rows = list(csv.DictReader(f))
    assert [(r["label_file"], r["line"], r["label"], r["verdict"]) for r in rows] == [
        ("labels/train/a.txt", "1", "car", "added"),
        ("labels/train/a.txt", "2", "person", "added"),
    ]
    assert {(r["reviewer"], r["scripted"]) for r in rows} == {("ana", "0")}


MASK = shape_from_mask(disc(20, 20, 8, 48))
SHAPES = {
    "detect": Shape((1, 2, 30, 20)),
    "segment": shape_from_polygons([[1, 2, 30, 2, 30, 20]]),
    "pose": Shape((1, 2, 30, 20), keypoints=((4, 5, 0.9), (6, 7, 0.2), (0, 0, 0))),
    "obb": shape_from_rotated(20, 20, 12, 6, 0.4),
}


@pytest.mark.parametrize("task", list(SHAPES))
def test_ultralytics_loads_it(project, ids, tmp_path: Path, task: str) -> None:
    from labkit.models.ultralytics import ultralytics

    get_cfg = ultralytics("cfg").get_cfg
    YOLODataset = ultralytics("data.dataset").YOLODataset  # noqa: N806 - a class
    check_det_dataset = ultralytics("data.utils").check_det_dataset

    accept(project, ids[0], [("car", SHAPES[task]), ("person", Shape((5, 5, 20, 20)))])
    accept(project, ids[1], [("grüße: '\"é", SHAPES[task])])
    accept(project, ids[2])
    report = export(project, "yolo", tmp_path / "out", split={"train": 0.7, "val": 0.3}, task=task)
    data = check_det_dataset(str(tmp_path / "out" / "data.yaml"), autodownload=False)
    assert list(data["names"].values()) == project.labels
    found = []
    for split in ("train", "val"):
        dataset = YOLODataset(
            data[split], data=data, task=task, augment=False, hyp=get_cfg(), imgsz=64
        )
        assert len(dataset.labels) == report.splits[split]  # none refused as corrupt
        found += [c for label in dataset.labels for c in label["cls"].ravel().tolist()]
        if task == "pose":
            assert {label["keypoints"].shape[1:] for label in dataset.labels} == {(3, 3)}
        dataset[0]  # pixels and labels go through the loader
    assert sorted(found) == [0, 1, 2]


def test_the_task_is_guessed_from_the_shapes(project, ids, tmp_path: Path) -> None:
    accept(project, ids[0], [("car", MASK), ("car", MASK), ("car", SHAPES["detect"])])
    report = export(project, "yolo", tmp_path / "out")
    assert report.task == "segment"
    assert any("rectangles" in note for note in report.notes)
    with pytest.raises(InputError, match="keypoints"):
        export(project, "yolo", tmp_path / "out2", task="pose")
    with pytest.raises(LabkitError, match="did you mean 'segment'"):
        export(project, "yolo", tmp_path / "out2", task="segmnt")
    assert not (tmp_path / "out2").exists()


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
@pytest.mark.parametrize("orientation", [3, 6])
def test_a_turned_image_is_written_upright(tmp_path: Path, suffix: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    tag = {"tiffinfo": {0x0112: orientation}} if suffix == ".tif" else {"exif": exif}
    file = write_image(tmp_path / f"turned{suffix}", (40, 20), **tag)
    size = (20, 40) if orientation == 6 else (40, 20)
    assert image_size(file) == size
    with ProjectStore.create(tmp_path / "p", labels=["x"]) as p:
        p.append_frames([image_frame(file, orientation=orientation)])
        (frame,) = p.iter_frames()
        assert (frame.width, frame.height) == size
        accept(p, frame.frame_id, [("x", Shape((0, 0, *size)))])
        report = export(p, "yolo", tmp_path / "out", images="link")
    (written,) = (tmp_path / "out/images/train").iterdir()
    with Image.open(written) as image:
        assert image.size == size
        assert image.getexif().get(0x0112, 1) == 1
    assert any("upright" in note for note in report.notes)


def test_an_image_that_few_can_read_becomes_a_png(tmp_path: Path) -> None:
    file = write_image(tmp_path / "a.gif")
    with ProjectStore.create(tmp_path / "p", labels=["x"]) as p:
        p.append_frames([image_frame(file)])
        accept(p, p.frames()["frame_id"][0])
        export(p, "yolo", tmp_path / "out")
    with Image.open(tmp_path / "out/images/train/a.png") as image:
        assert (image.format, image.size) == ("PNG", (64, 48))


def test_links_and_none(project, ids, tmp_path: Path) -> None:
    accept(project, ids[0])
    export(project, "yolo", tmp_path / "linked", images="link")
    link = tmp_path / "linked/images/train/a.jpg"
    assert link.is_symlink()
    assert link.read_bytes() == (tmp_path / "photos/a.jpg").read_bytes()
    export(project, "yolo", tmp_path / "bare", images="none")
    assert not list((tmp_path / "bare/images/train").iterdir())
    assert (tmp_path / "bare/labels/train/a.txt").exists()


def test_a_frame_that_cannot_be_read_is_listed(project, ids, tmp_path: Path) -> None:
    accept(project, ids[0])
    accept(project, ids[1])
    accept(project, ids[2])
    (tmp_path / "photos/a.jpg").unlink()
    write_image(tmp_path / "photos/b.jpg", (10, 10))  # somebody put another picture there
    report = export(project, "yolo", tmp_path / "out", reader=FakeReader())
    assert {f.frame_id for f in report.failures} == {ids[0], ids[1]}
    assert [p.name for p in (tmp_path / "out/labels/train").iterdir()] == ["c.txt"]


# ---- reading


def dataset(root: Path, labels: dict[str, str], config: dict | None = None) -> Path:
    for name, text in labels.items():
        write_image(root / "images" / f"{name}.jpg", (100, 50))
        (root / "labels").mkdir(exist_ok=True)
        (root / "labels" / f"{name}.txt").write_text(text)
    if config is not None:
        data = {"train": "images", "val": "images", "names": ["x", "y"], **config}
        (root / "data.yaml").write_text(yaml.safe_dump(data))
    return root


def test_malformed_lines_are_listed_and_the_rest_goes_on(tmp_path: Path) -> None:
    bad = [
        "0 0.5 0.5 0.2 0.2",
        "7 0.5 0.5 0.2 0.2",
        "",
        "0 nan 0.5 0.2 0.2",
        "0 0.5 0.5 0.2",
        "zero 0.5 0.5 0.2 0.2",
        "1.5 0.5 0.5 0.2 0.2",
        "0 50 25 20 20",
        "0 0.5 0.5 0 0.2",
        "-1 0.5 0.5 0.2 0.2",
        "1",
        "inf 0.5 0.5 0.2 0.2",
        "1 0.5 0.5 0.2 0.2 0.875",
    ]
    root = dataset(tmp_path / "d", {"a": "\n".join(bad), "b": "\ufeff1 0.5 0.5 1 1\r\n"}, {})
    (root / "labels" / "c.txt").write_bytes(b"\xff\xfe\x00")
    write_image(root / "images" / "c.jpg")
    read = read_dataset("yolo", root)
    by_name = {i.name: i for i in read.images}
    a = by_name["images/a.jpg"]
    assert [(o.label, o.shape.box, o.provenance.score) for o in a.objects] == [
        ("x", pytest.approx((40, 20, 60, 30)), None),
        ("y", pytest.approx((40, 20, 60, 30)), 0.875),
    ]
    assert not a.complete
    assert by_name["images/b.jpg"].complete
    assert len(by_name["images/b.jpg"].objects) == 1
    where = sorted((p.file, p.line) for p in read.problems)
    assert where == [("labels/a.txt", n) for n in (2, 4, 5, 6, 7, 8, 9, 10, 11, 12)] + [
        ("labels/c.txt", 0)
    ]
    assert all("\n" not in str(p) for p in read.problems)


def test_ultralytics_layouts(tmp_path: Path) -> None:
    line = "0 0.5 0.5 0.2 0.2\n"
    # Roboflow: ../train/images beside the yaml
    for split in ("train", "valid"):
        dataset(tmp_path / "r" / split, {split: line})
    (tmp_path / "r/data.yaml").write_text(
        "train: ../train/images\nval: ../valid/images\nnc: 1\nnames: [x]\n"
    )
    read = read_dataset("yolo", tmp_path / "r" / "data.yaml")
    assert sorted(i.name for i in read.images) == [
        "train/images/train.jpg",
        "valid/images/valid.jpg",
    ]
    # a list of images, and the path of the root
    root = dataset(tmp_path / "l" / "data", {"a": line, "b": line})
    (root / "train.txt").write_text("./images/a.jpg\n")
    (tmp_path / "l/set.yaml").write_text("path: data\ntrain: train.txt\nnames: {0: x}\n")
    assert [i.name for i in read_dataset("yolo", tmp_path / "l").images] == ["images/a.jpg"]
    # images and labels side by side, names in classes.txt
    flat = write_image(tmp_path / "f" / "a.jpg").parent
    (flat / "a.txt").write_text(line)
    (flat / "classes.txt").write_text("thing\n")
    (image,) = read_dataset("yolo", flat).images
    assert image.objects[0].label == "thing"
    write_image(flat / "b.jpg")
    assert [i.labelled for i in read_dataset("yolo", flat).images] == [True, False]


def test_the_task_of_foreign_labels(tmp_path: Path) -> None:
    quad = "0 0.1 0.1 0.3 0.2 0.25 0.4 0.05 0.3\n"
    read = read_dataset("yolo", dataset(tmp_path / "o", {"a": quad}, {}))
    assert read.images[0].objects[0].shape.rotated is not None
    assert any("oriented boxes" in n for n in read.notes)
    polygon = "0 0.1 0.1 0.5 0.2 0.25 0.4\n"
    read = read_dataset("yolo", dataset(tmp_path / "s", {"a": quad, "b": polygon}, {}))
    assert all(o.shape.polygons for i in read.images for o in i.objects)
    pose = "0 0.5 0.5 0.2 0.2 0.5 0.5 2 0 0 0 0.6 0.6 1\n"
    read = read_dataset(
        "yolo", dataset(tmp_path / "k", {"a": pose, "b": "0 0.5 0.5 1 1\n"}, {"kpt_shape": [3, 3]})
    )
    assert [v for _, _, v in read.images[0].objects[0].shape.keypoints] == [1.0, 0.0, 0.25]
    assert [(p.file, p.line) for p in read.problems] == [("labels/b.txt", 1)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("data.yaml", "names: [x"),
        ("data.yaml", "- a\n- b\n"),
        ("data.yaml", "names: 7\ntrain: .\n"),
    ],
)
def test_an_unreadable_yaml_is_one_line(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError) as caught:
        read_dataset("yolo", tmp_path)
    assert "\n" not in str(caught.value)


def test_no_dataset_at_all(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError, match=r"no (YOLO )?dataset"):
            read_dataset("yolo", path)


def test_the_marker_says_how_it_was_made(project, ids, tmp_path: Path) -> None:
    accept(project, ids[0])
    export(project, "yolo", tmp_path / "out", seed=7)
    marker = json.loads((tmp_path / "out/labkit-export.json").read_text())
    assert (marker["format"], marker["seed"], marker["include"]) == ("yolo", 7, "human")
