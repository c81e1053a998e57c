"""Datasets in: images found, labels mapped, nothing dropped silently, decisions left alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from exchange.exchange_world import accept, add_run, image_frame, video_frame, write_image

from labkit.core.errors import InputError, LabkitError, StoreError
from labkit.core.types import Proposal, Shape
from labkit.exchange import export, import_annotations, read_labels
from labkit.store import ProjectStore

LINE = "0 0.5 0.5 0.5 0.5\n"
NAMES = ["person", "car"]


def dataset(
    root: Path, images: dict[str, Path | None], labels: dict[str, str], names=NAMES
) -> Path:
    """``images``: name → file to copy, None for labels without an image."""
    (root / "images").mkdir(parents=True)
    (root / "labels").mkdir()
    for name, source in images.items():
        if source is not None:
            shutil.copyfile(source, root / "images" / name)
    for name, text in labels.items():
        (root / "labels" / name).write_text(text)
    data = {"train": "images", "val": "images", "names": list(names)}
    (root / "data.yaml").write_text(yaml.safe_dump(data))
    return root


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return tmp_path / "photos"


def test_images_are_found_by_content_then_by_name(project, ids, photos, tmp_path: Path) -> None:
    resaved = write_image(tmp_path / "resaved" / "b.jpg", (64, 48))
    smaller = write_image(tmp_path / "small" / "c.jpg", (32, 24))
    stranger = write_image(tmp_path / "other" / "z.jpg", (64, 48))
    root = dataset(
        tmp_path / "d",
        {"renamed.jpg": photos / "a.jpg", "b.jpg": resaved, "c.jpg": smaller, "z.jpg": stranger},
        {"renamed.txt": LINE, "b.txt": LINE, "c.txt": LINE, "z.txt": LINE},
    )
    report = import_annotations(project, "yolo", root)
    assert dict(report.matched) == {"content": 1, "name": 1}
    found = project.proposals(report.run_id)
    assert sorted(found["frame_id"].astype(str)) == sorted(ids[:2])
    assert found[["x1", "y1", "x2", "y2"]].to_numpy()[0] == pytest.approx([16, 12, 48, 36])
    reasons = {Path(f.uri).name: f.reason for f in report.unmatched}
    assert "32 x 24" in reasons["c.jpg"]
    assert "no frame" in reasons["z.jpg"]
    assert any("not found: images/z.jpg" in line for line in report.lines())


def test_labels_without_images_find_frames_by_name(project, ids, tmp_path: Path) -> None:
    root = dataset(tmp_path / "d", {}, {"a.txt": LINE, "zz.txt": LINE})
    report = import_annotations(project, "yolo", root)
    assert list(project.proposals(report.run_id)["frame_id"]) == [ids[0]]
    assert [(p.file, "size" in p.reason) for p in report.problems] == [("images/zz", True)]


def test_two_frames_of_one_name_are_told_apart_by_their_folder(tmp_path: Path) -> None:
    with ProjectStore.create(tmp_path / "p", labels=NAMES) as p:
        files = [write_image(tmp_path / "cams" / cam / "000.jpg") for cam in ("left", "right")]
        p.append_frames([image_frame(f) for f in files])
        ids = p.frames()["frame_id"].tolist()
        images = [
            {"id": k, "file_name": n, "width": 64, "height": 48}
            for k, n in enumerate(["right/000.jpg", "000.jpg"])
        ]
        entry = {"id": 1, "image_id": 0, "category_id": 1, "bbox": [1, 1, 5, 5]}
        data = {"images": images, "annotations": [entry], "categories": [{"id": 1, "name": "car"}]}
        (tmp_path / "x.json").write_text(json.dumps(data))
        report = import_annotations(p, "coco", tmp_path / "x.json")
        assert list(p.proposals(report.run_id)["frame_id"]) == [ids[1]]
        assert [(f.uri, f.reason) for f in report.unmatched] == [
            ("000.jpg", "2 frames go by this name")
        ]


def test_a_video_goes_out_and_comes_back(tmp_path: Path) -> None:
    from exchange.exchange_world import FakeReader

    jpeg = write_image(tmp_path / "frame.jpg").read_bytes()
    with ProjectStore.create(tmp_path / "p", labels=NAMES) as p:
        p.append_frames([video_frame("clips/my clip.mp4", k) for k in (0, 7)])
        ids = p.frames()["frame_id"].tolist()
        for frame_id in ids:
            accept(p, frame_id, [("car", Shape((1, 2, 3, 4)))])
        export(p, "yolo", tmp_path / "out", reader=FakeReader(jpeg))
        names = sorted(f.name for f in (tmp_path / "out/images/train").iterdir())
        assert names == ["my clip_000000.jpg", "my clip_000007.jpg"]
        report = import_annotations(p, "yolo", tmp_path / "out")
        assert dict(report.matched) == {"frame id": 2}
        (tmp_path / "out/frames.csv").unlink()
        report = import_annotations(p, "yolo", tmp_path / "out")
        assert dict(report.matched) == {"name": 2}


def test_labels_are_mapped_or_counted(project, photos, tmp_path: Path) -> None:
    text = "".join(f"{k} 0.5 0.5 0.5 0.5\n" for k in (0, 1, 1, 2, 3))
    names = ["Person", "truck", "car", "zebra"]
    root = dataset(tmp_path / "d", {"a.jpg": photos / "a.jpg"}, {"a.txt": text}, names)
    report = import_annotations(
        project, "yolo", root, label_map={"truck": "car", "zebra": None, "bus": "car"}
    )
    assert sorted(project.proposals(report.run_id)["label"]) == ["car", "car", "car"]
    assert dict(report.dropped) == {"Person": 1, "zebra": 1}
    assert dict(project.runs()[-1].dropped) == {"Person": 1, "zebra": 1}
    assert project.proposals(report.run_id)["model_label"].tolist() == ["truck", "truck", "car"]
    text = str(report)
    assert "bus" in text
    assert "'Person': 'person'" in text
    assert "2 objects dropped by label" in text
    with pytest.raises(LabkitError, match="did you mean 'car'"):
        import_annotations(project, "yolo", root, label_map={"truck": "cart"})


def test_an_import_that_would_bring_nothing_is_refused(project, photos, tmp_path: Path) -> None:
    root = dataset(tmp_path / "d", {"a.jpg": photos / "a.jpg"}, {"a.txt": LINE}, ["zebra", "yak"])
    with pytest.raises(InputError, match=r"zebra.*label_map"):
        import_annotations(project, "yolo", root)
    other = write_image(tmp_path / "z.jpg")
    root = dataset(tmp_path / "e", {"z.jpg": other}, {"z.txt": LINE})
    with pytest.raises(InputError, match="add_frames"):
        import_annotations(project, "yolo", root)
    assert project.runs() == []


def test_decisions_by_name_and_frames_with_decisions_left_alone(
    project, ids, photos, tmp_path: Path
) -> None:
    accept(project, ids[1], [("person", Shape((0, 0, 5, 5)))])
    root = dataset(
        tmp_path / "d",
        {n: photos / n for n in ("a.jpg", "b.jpg", "c.jpg")},
        {"a.txt": LINE + "1 nan 0 0 0\n", "b.txt": LINE, "c.txt": ""},
    )
    report = import_annotations(project, "yolo", root, as_="decisions", reviewer="bea")
    rows = project.decisions().query("tool == 'import:yolo'")
    assert rows["kind"].tolist() == ["add", "accept_frame"]  # a: object; c: background
    assert rows["frame_id"].tolist() == [ids[0], ids[2]]
    assert set(rows["reviewer"]) == {"bea"}
    assert not rows["scripted"].any()
    assert report.left_alone == (ids[1],)
    assert report.not_accepted == (ids[0],)
    assert (report.frames, report.objects) == (2, 1)
    # again: everything has decisions now
    assert import_annotations(project, "yolo", root, as_="decisions", reviewer="bea").frames == 0
    exported = export(project, "yolo", tmp_path / "out")
    assert (exported.frames, exported.objects) == (2, 1)  # b and the background c


def test_without_a_reviewer_decisions_are_scripted(project, photos, tmp_path: Path) -> None:
    images = {n: photos / n for n in ("a.jpg", "b.jpg")}
    root = dataset(tmp_path / "d", images, {"a.txt": LINE})
    report = import_annotations(project, "yolo", root, as_="decisions")
    assert project.decisions()["scripted"].all()
    assert any("scripted" in n for n in report.notes)
    assert any("1 images have no label file" in n for n in report.notes)
    with pytest.raises(InputError, match="include='scripted'"):
        export(project, "yolo", tmp_path / "out")


def test_a_project_without_labels_takes_the_datasets(tmp_path: Path) -> None:
    photo = write_image(tmp_path / "photos" / "a.jpg")
    with ProjectStore.create(tmp_path / "p") as p:
        p.append_frames([image_frame(photo)])
        root = dataset(tmp_path / "d", {"a.jpg": photo}, {"a.txt": LINE})
        assert len(read_labels(p, "yolo", root)) == 1
        assert p.labels == []  # reading stores nothing
        import_annotations(p, "yolo", root, label_map={"car": "vehicle"})
        assert p.labels == ["person", "vehicle"]


def test_read_labels_stores_nothing(project, ids, photos, tmp_path: Path) -> None:
    root = dataset(tmp_path / "d", {"a.jpg": photos / "a.jpg"}, {"a.txt": LINE})
    df = read_labels(project, "yolo", root)
    run = add_run(project, [Proposal(ids[0], 0, "car", 0.9, Shape((0, 0, 9, 9)))])
    assert list(df.columns) == list(project.proposals(run).columns)
    assert df["object_id"].tolist() == [f"labels/{ids[0]}/0"]
    assert df["score"].tolist() == [1.0]
    assert len(project.runs()) == 1


def test_a_read_only_project_and_unknown_arguments(project, ids, photos, tmp_path: Path) -> None:
    root = dataset(tmp_path / "d", {"a.jpg": photos / "a.jpg"}, {"a.txt": LINE})
    with (
        ProjectStore.open(project.root, read_only=True) as p,
        pytest.raises(StoreError, match="read-only"),
    ):
        import_annotations(p, "yolo", root)
    for given in ({"as_": "truth"}, {"reviewer": "x"}, {"sizes": 1}, {"task": "box"}):
        with pytest.raises(LabkitError):
            import_annotations(project, "yolo", root, **given)
    assert project.runs() == []


# ---- real labels


@pytest.fixture
def coco_project(coco128: Path, tmp_path: Path):
    with ProjectStore.create(tmp_path / "p") as p:
        p.append_frames([image_frame(f) for f in sorted((coco128 / "images").iterdir())])
        yield p


def numbers(folder: Path) -> dict[str, np.ndarray]:
    out = {}
    for file in folder.rglob("*.txt"):
        rows = [[float(v) for v in line.split()] for line in file.read_text().splitlines()]
        out[file.stem] = sorted(rows)
    return out


@pytest.mark.data
@pytest.mark.parametrize("labels", ["labels", "labels_seg"])
def test_coco128_comes_back_equal(coco128: Path, coco_project, tmp_path: Path, labels: str) -> None:
    root = tmp_path / "d"
    root.mkdir()
    (root / "images").symlink_to(coco128 / "images")
    (root / "labels").symlink_to(coco128 / labels)
    names = [f"class {k}" for k in range(91)]  # labels_seg counts COCO's gaps, labels does not
    report = import_annotations(
        coco_project, "yolo", root, as_="decisions", reviewer="coco", names=names
    )
    original = numbers(coco128 / labels)
    photos = {f.stem for f in (coco128 / "images").iterdir()}
    # two label files have no photo: listed, not lost
    orphans = original.keys() - photos
    assert {Path(p.file).stem for p in report.problems} == orphans
    for stem in orphans:
        del original[stem]
    assert report.objects == sum(map(len, original.values())) > 700
    assert dict(report.matched) == {"content": 128}
    task = "segment" if labels == "labels_seg" else "detect"
    out = export(
        coco_project, "yolo", tmp_path / "out", split={"train": 0.8, "val": 0.2}, images="link"
    )
    assert (out.task, out.frames) == (task, len(original))
    again = numbers(tmp_path / "out" / "labels")
    assert set(again) == set(original)
    tolerance = 1e-3 / 640  # a thousandth of a pixel of the largest image
    for stem, rows in original.items():
        for a, b in zip(again[stem], rows, strict=True):
            assert a == pytest.approx(b, abs=tolerance)
    # and by way of COCO JSON, as a second opinion
    export(coco_project, "coco", tmp_path / "coco", images="none")
    run = import_annotations(coco_project, "coco", tmp_path / "coco").run_id
    boxes = ["x1", "y1", "x2", "y2"]
    everything = coco_project.annotations(run)
    drawn = everything[everything["state"] == "added"]
    found = coco_project.proposals(run)
    order = ["frame_id", *boxes]
    a = drawn.assign(frame_id=drawn["frame_id"].astype(str))[order].sort_values(order)
    b = found.assign(frame_id=found["frame_id"].astype(str))[order].sort_values(order)
    assert a["frame_id"].tolist() == b["frame_id"].tolist()
    assert np.abs(a[boxes].to_numpy() - b[boxes].to_numpy(dtype="float64")).max() < 1e-3
