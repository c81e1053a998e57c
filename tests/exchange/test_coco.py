"""COCO JSON out and in: exact round trips, what pycocotools reads, what bad entries get."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from exchange.exchange_world import accept, add_run, decide, write_image
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from labkit.core.errors import InputError
from labkit.core.geometry import decode_mask, encode_mask, shape_from_mask, shape_from_rotated
from labkit.core.types import AnnotatedObject, Attribute, Proposal, Rle, Shape
from labkit.exchange import export, import_annotations, read_dataset
from labkit.exchange.base import LabelledObject, Provenance
from labkit.exchange.coco.entry import read_object, rle_pixels
from labkit.exchange.coco.write import _annotation
from labkit.store import ProjectStore

COORDINATE = st.floats(-50, 9000, allow_nan=False, width=32)


@st.composite
def shapes(draw) -> Shape:
    x, y = draw(COORDINATE), draw(COORDINATE)
    box = (x, y, x + draw(st.floats(0.5, 4000)), y + draw(st.floats(0.5, 4000)))
    kind = draw(st.sampled_from(["box", "polygons", "mask", "keypoints", "rotated"]))
    if kind == "polygons":
        unit = st.lists(st.floats(0, 8000), min_size=6, max_size=20).filter(
            lambda v: not len(v) % 2
        )
        ring = (x, y, x + 9, y, x, y + 9)  # one that has an area
        return Shape(box, polygons=(ring, *(tuple(r) for r in draw(st.lists(unit, max_size=3)))))
    if kind == "mask":
        pixels = np.random.default_rng(draw(st.integers(0, 999))).random((48, 64)) < 0.4
        return Shape(box, mask=encode_mask(pixels))
    if kind == "keypoints":
        flags = draw(st.lists(st.sampled_from([0.25, 1.0]), min_size=1, max_size=20))
        return Shape(box, keypoints=tuple((draw(COORDINATE), draw(COORDINATE), v) for v in flags))
    if kind == "rotated":
        return shape_from_rotated(x, y, box[2] - x, box[3] - y, draw(st.floats(-3.1, 3.1)))
    return Shape(box)


@given(shapes())
@settings(deadline=None)
def test_every_shape_comes_back(shape: Shape) -> None:
    provenance = Provenance("r1/f/0", "r1", 0.123456789, "ana", "edited", True, "2026-01-01")
    attributes = (Attribute("colour", "red", 0.5), Attribute("doors", 4.0, None))
    item = LabelledObject("x", shape, attributes, 17, provenance)
    text = json.dumps(_annotation(item, len(shape.keypoints or ())), allow_nan=False)
    back = read_object(json.loads(text), "x", 64, 48)
    assert back.shape.box == pytest.approx(shape.box, abs=1e-3)
    assert back.shape.polygons == shape.polygons
    assert back.shape.mask == shape.mask
    assert back.shape.keypoints == shape.keypoints
    assert back.shape.rotated == shape.rotated
    assert (back.attributes, back.track_id) == (attributes, 17)
    assert back.provenance == provenance


MASK = np.zeros((48, 64), dtype=bool)
MASK[10:30, 5:25] = True
MASK[15:20, 10:15] = False


@pytest.fixture
def exported(project, ids, tmp_path: Path) -> Path:
    """A run's object accepted, one edited, others drawn, one background; split in two."""
    run = add_run(
        project,
        [
            Proposal(ids[0], 0, "car", 0.75, Shape((1.5, 2.25, 30, 20)), track_id=3),
            Proposal(ids[0], 1, "car", 0.6, Shape((5, 5, 20, 20))),
            Proposal(ids[0], 2, "car", 0.4, Shape((0, 0, 64, 48))),
        ],
    )
    first = AnnotatedObject(f"{run}/{ids[0]}/0", ids[0], "car", Shape((1.5, 2.25, 30, 20)))
    decide(
        project, "accept", ids[0], object_id=first.object_id, run_id=run, score=0.75,
        after=first.to_json(),
    )  # fmt: skip
    before = AnnotatedObject(f"{run}/{ids[0]}/1", ids[0], "car", Shape((5, 5, 20, 20)))
    after = before.with_(shape=Shape((5, 5, 21.125, 20)))
    decide(
        project, "edit", ids[0], object_id=before.object_id, run_id=run, score=0.6,
        before=before.to_json(), after=after.to_json(),
    )  # fmt: skip
    pose = Shape((1, 2, 30, 20), keypoints=((4, 5, 0.9), (6, 7, 0.2), (0, 0, 0)))
    polygons = Shape((1, 1, 9, 9), polygons=((1, 1, 9, 1, 9, 9), (2, 5, 3, 5, 3, 8)))
    accept(project, ids[0], [("person", pose), ("grüße: '\"é", shape_from_mask(MASK))])
    accept(project, ids[1], [("car", polygons), ("car", shape_from_rotated(30, 20, 12, 6, 0.5))])
    accept(project, ids[2])
    out = tmp_path / "out"
    export(project, "coco", out, split={"train": 0.67, "val": 0.33})
    return out


def test_pycocotools_loads_it(exported: Path, project) -> None:
    seen = 0
    for split, n in (("train", 2), ("val", 1)):
        file = exported / "annotations" / f"instances_{split}.json"
        data = COCO(str(file))
        assert [c["name"] for c in data.loadCats(data.getCatIds())] == project.labels
        assert len(data.getImgIds()) == n
        for image in data.loadImgs(data.getImgIds()):
            assert (exported / "images" / split / image["file_name"]).is_file()
        for entry in data.loadAnns(data.getAnnIds()):
            seen += 1
            assert entry["area"] > 0
            if entry["segmentation"]:
                assert data.annToMask(entry).any()
            if isinstance(entry["segmentation"], dict):
                assert (data.annToMask(entry).astype(bool) == MASK).all()
    assert seen == 6


def test_provenance_stands_in_every_annotation(exported: Path, project) -> None:
    data = [json.loads(f.read_text()) for f in (exported / "annotations").iterdir()]
    own = [a["labkit"] for d in data for a in d["annotations"]]
    (run,) = {o["run"] for o in own} - {None}
    assert {(o["run"], o["verdict"], o["score"]) for o in own} == {
        (run, "accepted", 0.75),
        (run, "edited", 0.6),
        (None, "added", None),
    }
    assert {(o["reviewer"], o["scripted"]) for o in own} == {("ana", False)}
    bboxes = [a["bbox"] for d in data for a in d["annotations"]]
    assert [5.0, 5.0, 16.125, 15.0] in bboxes
    keypoints = next(a for d in data for a in d["annotations"] if "keypoints" in a)
    assert keypoints["keypoints"] == [4, 5, 2, 6, 7, 1, 0, 0, 0]
    assert keypoints["num_keypoints"] == 2
    assert {i["labkit"]["verdict"] for d in data for i in d["images"]} == {"accepted"}


def test_skeletons_go_out_and_come_back(project, ids, tmp_path: Path) -> None:
    limbs = ((0, 1), (1, 2))
    project.set_skeleton("person", {"names": ["head", "hip", "foot"], "limbs": limbs})
    pose = Shape((1, 2, 30, 20), keypoints=((4, 5, 1.0), (6, 7, 0.25), (0, 0, 0)))
    accept(project, ids[0], [("person", pose), ("car", Shape((1, 1, 9, 9)))])
    export(project, "coco", tmp_path / "out")
    data = json.loads((tmp_path / "out" / "annotations.json").read_text())
    person, car, _ = data["categories"]
    assert person["keypoints"] == ["head", "hip", "foot"]
    assert person["skeleton"] == [[1, 2], [2, 3]]  # COCO counts from 1
    assert "keypoints" not in car
    with ProjectStore.create(tmp_path / "other", labels=["human"]) as other:
        other.append_frames(list(project.iter_frames()))
        import_annotations(
            other, "coco", tmp_path / "out", label_map={"person": "human"}, as_="proposals"
        )
        assert other.skeletons["human"].names == ("head", "hip", "foot")
        assert other.skeletons["human"].limbs == limbs


def test_a_broken_skeleton_is_a_problem_and_stops_nothing(tmp_path: Path) -> None:
    file = write(tmp_path / "x.json", [IMAGE], [])
    data = json.loads(file.read_text())
    data["categories"][0] |= {"keypoints": ["a", "b"], "skeleton": [[1, 5]]}
    file.write_text(json.dumps(data))
    read = read_dataset("coco", file)
    assert not read.skeletons
    assert "skeleton of 'car'" in read.problems[0].reason


@pytest.mark.parametrize("images", ["copy", "none"])
def test_an_export_comes_back_whole(exported: Path, project, ids, tmp_path, images: str) -> None:
    out = tmp_path / images
    export(project, "coco", out, images=images)
    report = import_annotations(project, "coco", out)
    assert (report.objects, report.frames) == (6, 3)
    assert dict(report.matched) == {"frame id": 3}
    assert not report.problems
    scores = set(project.proposals(report.run_id)["score"])
    assert scores == {1.0, np.float32(0.75), np.float32(0.6)}
    state = project.annotations(report.run_id)
    fresh = state[state["run_id"] == report.run_id]
    old = state[state["state"].isin(["accepted", "edited", "added"])]
    for name in ("x1", "y1", "x2", "y2"):
        assert sorted(fresh[name]) == pytest.approx(sorted(old[name]), abs=1e-3)
    assert sorted(fresh["track_id"].dropna()) == [3]
    assert sorted(fresh["mask_counts"].dropna()) == sorted(old["mask_counts"].dropna())


# ---- reading what others wrote


def write(path: Path, images: list, annotations: list, categories: list | None = None) -> Path:
    categories = categories or [{"id": 90, "name": "car"}, {"id": 3, "name": "person"}]
    data = {"images": images, "annotations": annotations, "categories": categories}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data))
    return path


ENTRY = {"image_id": 7, "category_id": 90, "bbox": [5, 10, 20, 20]}
IMAGE = {"id": 7, "file_name": "a.jpg", "width": 64, "height": 48}


def test_sparse_ids_crowds_and_uncompressed_rle(tmp_path: Path) -> None:
    rle = coco_mask.encode(np.asfortranarray(MASK.astype(np.uint8)))
    flat = MASK.ravel(order="F").astype(int)
    edges = np.flatnonzero(np.diff(flat)) + 1
    counts = np.diff([0, *edges, flat.size]).tolist()
    segmentations = [
        {"size": [48, 64], "counts": counts},
        {"size": [48, 64], "counts": rle["counts"].decode()},
    ]
    entries = [
        {**ENTRY, "id": k, "iscrowd": k, "segmentation": s} for k, s in enumerate(segmentations)
    ]
    (image,) = read_dataset("coco", write(tmp_path / "x.json", [IMAGE], entries)).images
    first, second = image.objects
    assert first.label == "car"
    assert (decode_mask(first.shape.mask) == MASK).all()
    assert first.shape.mask == second.shape.mask
    assert (first.attributes, second.attributes) == ((), (Attribute("iscrowd", True),))


BAD = [
    {"id": 1, "image_id": 8, "category_id": 3, "bbox": [0, 0, 5, 5]},
    {"id": 2, "image_id": 7, "category_id": 4, "bbox": [0, 0, 5, 5]},
    {"id": 3, "image_id": 7, "category_id": 3, "bbox": [0, 0, -5, 5]},
    {"id": 4, "image_id": 7, "category_id": 3, "bbox": [0, 0, float("nan"), 5]},
    {"id": 5, "image_id": 7, "category_id": 3, "bbox": [0, 0, 5]},
    {"id": 6, "image_id": 7, "category_id": 3},
    {"id": 7, "image_id": 7, "category_id": 3, "segmentation": [[1, 2, 3, 4]]},
    {"id": 8, "image_id": 7, "category_id": 3, "segmentation": {"size": [9, 9], "counts": "a"}},
    {"id": 9, "image_id": 7, "category_id": 3, "segmentation": {"size": [48, 64], "counts": "1"}},
    {"id": 10, "image_id": 7, "category_id": 3, "segmentation": {"size": [48, 64], "counts": [1]}},
    {"id": 11, "image_id": 7, "category_id": 3, "segmentation": "polygon"},
    {"id": 12, "image_id": 7, "category_id": 3, "bbox": [0, 0, 5, 5], "keypoints": [1, 2, 7]},
    {"id": 13, "image_id": [7], "category_id": 3, "bbox": [0, 0, 5, 5]},
    {"id": 14, "image_id": 7, "category_id": {}, "bbox": ["a", 0, 5, 5]},
    {"id": 15, "image_id": 7, "category_id": 3, "bbox": [0, 0, 5, 5], "score": "high"},
]  # fmt: skip


def test_bad_entries_are_listed_and_the_rest_goes_on(tmp_path: Path) -> None:
    good = {"id": 99, "image_id": 7, "category_id": 3, "bbox": [0, 0, 5, 5]}
    images = [IMAGE, IMAGE, {"id": 9}, 5, {"id": 10, "file_name": "gone.jpg"}]
    read = read_dataset("coco", write(tmp_path / "x.json", images, [*BAD, None, good]))
    (image,) = read.images
    assert [o.label for o in image.objects] == ["person"]
    assert not image.complete
    assert len(read.problems) == len(BAD) + 1 + 4
    for entry in BAD:
        assert any(f"annotation {entry['id']}:" in p.reason for p in read.problems)
    assert all("\n" not in str(p) for p in read.problems)


@pytest.mark.parametrize("text", ["", "[1]", '{"images": 3}', '{"images": [], "annotations": 1}'])
def test_an_unreadable_file_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(InputError) as caught:
        read_dataset("coco", tmp_path / "x.json")
    assert "\n" not in str(caught.value)


def test_folders_of_others(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        write(
            tmp_path / "rf" / split / "_annotations.coco.json",
            [{**IMAGE, "file_name": f"{split}.jpg"}],
            [],
        )
        write_image(tmp_path / "rf" / split / f"{split}.jpg")
    read = read_dataset("coco", tmp_path / "rf")
    assert [i.path.name for i in read.images] == ["train.jpg", "valid.jpg"]
    for name in ("instances_val.json", "captions_val.json"):
        write(tmp_path / "cc/annotations" / name, [IMAGE], [])
    with pytest.raises(InputError, match="2 JSON files"):
        read_dataset("coco", tmp_path / "cc")
    write_image(tmp_path / "cc/images/val/a.jpg")
    read = read_dataset("coco", tmp_path / "cc/annotations/instances_val.json")
    assert read.images[0].path == tmp_path / "cc/images/val/a.jpg"


def test_a_damaged_rle_never_reaches_the_decoder() -> None:
    whole = encode_mask(MASK)
    assert rle_pixels(whole.counts) == MASK.size
    assert isinstance(whole, Rle)
    with pytest.raises(InputError):
        rle_pixels(whole.counts[:-1] + "o")


@pytest.mark.parametrize("make", [str, float])
def test_ids_as_text_and_as_floats_are_ids(tmp_path: Path, make: type) -> None:
    entry = {**ENTRY, "id": make(1), "image_id": make(7), "category_id": make(90)}
    categories = [{"id": make(90), "name": "car"}]
    path = write(tmp_path / "x.json", [{**IMAGE, "id": make(7)}], [entry], categories)
    read = read_dataset("coco", path)
    assert not read.problems
    assert [o.label for o in read.images[0].objects] == ["car"]
    if make is float:  # 7.0 is 7, as for pycocotools
        read = read_dataset("coco", write(tmp_path / "y.json", [IMAGE], [entry]))
        assert [o.label for o in read.images[0].objects] == ["car"]


@pytest.mark.parametrize(
    ("entry", "track"),
    [
        ({"track_id": 7}, 7),
        ({"track_id": "7"}, 7),
        ({"track_id": 7.0}, 7),
        ({"track_id": 2**60 + 1}, 2**60 + 1),
        ({"attributes": {"track_id": 7, "occluded": False}}, 7),
        ({"track_id": None}, None),
        ({}, None),
    ],
)
def test_tracks_as_other_programs_write_them(tmp_path: Path, entry: dict, track: object) -> None:
    path = write(tmp_path / "x.json", [IMAGE], [{**ENTRY, "id": 1, **entry}])
    (item,) = read_dataset("coco", path).images[0].objects
    assert item.track_id == track
    assert "track_id" not in [a.name for a in item.attributes]


@pytest.mark.parametrize("track", [True, 2**70, "seven", 7.5, float("inf"), [7]])
def test_a_track_that_cannot_be_used_is_listed_and_the_object_stays(
    project, ids, tmp_path: Path, track: object
) -> None:
    image = {**IMAGE, "file_name": str(tmp_path / "photos/a.jpg")}
    path = write(tmp_path / "x.json", [image], [{**ENTRY, "id": 1, "track_id": track}])
    report = import_annotations(project, "coco", path)
    assert "annotation 1: its track_id" in report.problems[0].reason
    assert (report.objects, len(report.problems)) == (1, 1)
