import shutil

import pytest

from labkit.cli.app import run
from labkit.demo import shipped_photos
from labkit.project import Project


def demo(*args):
    return run(["demo", *map(str, args)])


def test_the_demo_leaves_a_reviewed_project_a_report_and_a_dataset(demo_project):
    with Project.open(demo_project, read_only=True) as p:
        decisions = p.decisions()
        assert len(p.frames()) == 12
        assert decisions["frame_id"].nunique() == 12
        assert decisions["scripted"].all()
        assert [m.status for m in p.runs()] == ["finished"]
    assert "<html" in (demo_project / "report.html").read_text("utf-8")
    assert (demo_project / "yolo" / "data.yaml").exists()
    assert len(list((demo_project / "yolo").rglob("*.jpg"))) == 12


def test_a_second_demo_goes_on_and_decides_nothing_twice(
    demo_project, coco12, yolo_onnx, tmp_path, capsys
):
    copy = shutil.copytree(demo_project, tmp_path / "project")
    before = len(Project.open(copy, read_only=True).decisions())
    assert demo("--frames", coco12 / "images", "--weights", yolo_onnx, "--out", copy) == 0
    out = capsys.readouterr().out
    assert ", continued" in out
    assert "every frame is decided already" in out
    assert len(out.splitlines()) <= 40
    with Project.open(copy, read_only=True) as p:
        assert len(p.decisions()) == before
        assert len(p.runs()) == 1


def test_more_frames_in_a_second_demo_are_predicted_and_reviewed_as_well(
    coco12, yolo_onnx, tmp_path
):
    few = tmp_path / "few"
    shutil.copytree(coco12, few)
    rest = sorted((few / "images").iterdir())[2:]
    (tmp_path / "rest").mkdir()
    for image in rest:
        image.rename(tmp_path / "rest" / image.name)
    args = ("--frames", few / "images", "--weights", yolo_onnx, "--out", tmp_path / "p")
    assert demo(*args) == 0
    (tmp_path / "rest" / rest[0].name).rename(rest[0])
    assert demo(*args) == 0
    with Project.open(tmp_path / "p", read_only=True) as p:
        assert len(p.frames()) == 3
        assert p.decisions()["frame_id"].nunique() == 3
        accepted = p.decisions().query("kind == 'accept_frame'")["frame_id"]
        assert accepted.is_unique


def test_without_labels_nobody_plays_the_reviewer(coco12, yolo_onnx, tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    shutil.copy(sorted((coco12 / "images").iterdir())[0], tmp_path / "photos")
    out = tmp_path / "p"
    assert demo("--frames", tmp_path / "photos", "--weights", yolo_onnx, "--out", out) == 0
    assert f"labkit queue {out}" in capsys.readouterr().out
    with Project.open(out, read_only=True) as p:
        assert p.decisions().empty


@pytest.mark.parametrize("make", [True, False])
def test_without_weights_for_own_frames_the_exact_command_is_named(
    tmp_path, monkeypatch, capsys, make
):
    monkeypatch.delenv("MAKELEVEL", raising=False)
    if make:
        monkeypatch.setenv("MAKELEVEL", "1")
    assert demo("--frames", "my photos", "--out", tmp_path / "p") == 3
    err = capsys.readouterr().err
    start, weights = (
        ("make demo FRAMES=", "WEIGHTS=") if make else ("labkit demo --frames ", "--weights ")
    )
    assert f"{start}'my photos' {weights}yolo11n.pt" in err
    assert not (tmp_path / "p").exists()


def test_the_shipped_photos_are_there():
    assert [p.name for p in shipped_photos()] == ["bus.jpg", "zidane.jpg"]


def test_a_frame_that_cannot_be_read_is_listed_and_the_rest_goes_on(
    coco12, yolo_onnx, tmp_path, capsys
):
    (tmp_path / "images").mkdir()
    photo = sorted((coco12 / "images").iterdir())[0]
    shutil.copy(photo, tmp_path / "images" / "good.jpg")
    (tmp_path / "images" / "bad.jpg").write_text("no photo")
    args = ("--frames", tmp_path / "images", "--weights", yolo_onnx, "--out", tmp_path / "p")
    assert demo(*args) == 4
    got = capsys.readouterr()
    assert "bad.jpg" in got.err
    assert "1 frames added, 1 could not be read" in got.out
