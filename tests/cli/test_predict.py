"""``labkit predict``."""

import pytest

from labkit.cli.app import run
from labkit.project import Project


def labkit(*args):
    return run([str(a) for a in args])


def test_predict_makes_the_project_and_says_what_it_found(coco12, yolo_onnx, tmp_path, capsys):
    images = sorted((coco12 / "images").iterdir())
    (tmp_path / "bad.jpg").write_text("no photo")
    args = ["predict", tmp_path / "p", "--weights", yolo_onnx, "--labels", "person, vehicle"]
    args += ["--frames", images[0], "--frames", images[1], "--frames", tmp_path / "bad.jpg"]
    assert labkit(*args, "--conf", "0.4") == 4
    got = capsys.readouterr()
    assert "2 frames added, 1 could not be read" in got.out
    assert "at or above 0.4" in got.out
    assert "bad.jpg" in got.err
    with Project.open(tmp_path / "p", read_only=True) as p:
        assert p.labels == ["person", "vehicle"]
        assert p.run().manifest.conf == 0.4


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--weights", "missing.onnx"], 3, "missing.onnx"),
        (["--weights", "WEIGHTS", "--conf", "1.5"], 2, "--conf 1.5"),
        (["--weights", "WEIGHTS", "--conf", "nan"], 2, "conf"),
        (["--weights", "WEIGHTS", "--classes", "unicorn"], 2, "unicorn"),
        (["--weights", "WEIGHTS", "--store-above", "0.6"], 2, "--store-above 0.6"),
    ],
)
def test_what_predict_refuses(project, yolo_onnx, options, code, says, capsys):
    given = [yolo_onnx if o == "WEIGHTS" else o for o in options]
    before = sorted((project / "runs").iterdir())
    assert labkit("predict", project, *given) == code
    err = capsys.readouterr().err
    assert says in err
    assert err.splitlines()[-1].startswith("labkit: error: ")
    assert sorted((project / "runs").iterdir()) == before


def test_predict_without_a_project_names_the_remedy(tmp_path, yolo_onnx, capsys):
    assert labkit("predict", tmp_path / "none", "--weights", yolo_onnx) == 2
    assert "--frames" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_a_foreign_pt_file_needs_trust(project, tmp_path, capsys):
    (tmp_path / "foreign.pt").write_bytes(b"PK\x03\x04" + b"\0" * 100)
    assert labkit("predict", project, "--weights", tmp_path / "foreign.pt") == 3
    assert "--trust" in capsys.readouterr().err


def test_frames_that_are_not_there_say_why_and_leave_nothing(tmp_path, capsys):
    args = ["predict", tmp_path / "new", "--weights", "yolo-nano"]
    assert labkit(*args, "--frames", tmp_path / "photoz") == 2
    said = capsys.readouterr().err
    assert "photoz' cannot be added: there is no such file or folder" in said
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "new").exists()
