"""predict, queue, metrics, report, export and import, as a person at a terminal meets them."""

import json
import shutil

import pandas as pd
import pytest

from labkit.cli.app import run
from labkit.project import Project


@pytest.fixture
def project(demo_project, tmp_path):
    """A copy of the reviewed project, free to be changed."""
    return shutil.copytree(demo_project, tmp_path / "project")


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


def test_queue_lists_frames_with_rule_and_reason(project, tmp_path, capsys):
    csv = tmp_path / "q.csv"
    assert labkit("queue", project, "--state", "all", "--limit", 5, "--csv", csv) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["rank", "frame", "score", "rule", "reason"]
    assert len(lines) == 7
    assert lines[-1].startswith("and 7 more")
    assert len(pd.read_csv(csv)) == 12


def test_a_reviewed_project_has_an_empty_queue(project, capsys):
    assert labkit("queue", project) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["queue", "P", "--order", "four-rulse"], "did you mean 'four-rules'"),
        (["queue", "P", "--state", "half"], "undecided, decided, all"),
        (["queue", "P", "--run", "r0009"], "r0009"),
        (["queue", "P", "--labels", "persn"], "did you mean 'person'"),
        (["export", "P", "yolo", "OUT"], "--include scripted"),
        (["export", "P", "yool", "OUT"], "did you mean 'yolo'"),
        (["export", "P", "yolo", "OUT", "--split", "train:1"], "train=0.8,val=0.2"),
        (["import", "P", "yolo", "OUT"], "There is no dataset"),
        (["metrics", "OUT"], "There is no project"),
    ],
)
def test_mistakes_end_with_2_one_line_and_the_nearest_name(project, tmp_path, args, says, capsys):
    places = {"P": project, "OUT": tmp_path / "out"}
    assert labkit(*(places.get(a, a) for a in args)) == 2
    err = capsys.readouterr().err
    assert says in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_metrics_prints_a_table_or_everything_as_json(project, tmp_path, capsys):
    csv = tmp_path / "m.csv"
    assert labkit("metrics", project, "--csv", csv) == 0
    table = capsys.readouterr().out
    assert "%" in table
    assert any(line.startswith("all ") for line in table.splitlines())
    assert pd.read_csv(csv)["label"].iloc[-1] == "all"
    assert labkit("metrics", project, "--json") == 0
    assert json.loads(capsys.readouterr().out)["scripted_share"] == 1


def test_metrics_of_a_project_without_decisions_says_so(tmp_path, capsys):
    Project.create(tmp_path / "p", labels=["cat"]).close()
    assert labkit("metrics", tmp_path / "p") == 0
    assert "all" in capsys.readouterr().out


def test_report_writes_one_page(project, tmp_path, capsys):
    assert labkit("report", project, "--out", tmp_path / "r.html", "--frames", 4) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "r.html")
    assert (tmp_path / "r.html").stat().st_size > 10_000


def test_export_and_import_of_a_dataset(project, tmp_path, capsys):
    out = tmp_path / "coco"
    assert labkit("export", project, "coco", out, "--include", "scripted") == 0
    assert "12 frames" in capsys.readouterr().out
    assert labkit("import", project, "coco", out) == 0
    with Project.open(project, read_only=True) as p:
        assert [m.kind for m in p.runs()] == ["detector", "import"]


def test_names_from_data_cannot_control_the_terminal(coco12, yolo_onnx, tmp_path, capsys):
    photos = tmp_path / "photos"
    photos.mkdir()
    name = "evil\x1b[31m\n'\"<b>\u202e.jpg"
    shutil.copy(sorted((coco12 / "images").iterdir())[0], photos / name)
    args = ["--weights", yolo_onnx, "--frames", photos]
    assert labkit("predict", tmp_path / "p", *args) == 0
    assert labkit("queue", tmp_path / "p") == 0
    assert labkit("doctor", tmp_path / "p") == 0
    got = capsys.readouterr()
    assert "evil\\x1b[31m\\n'" in got.out
    for bad in ("\x1b", "\u202e"):
        assert bad not in got.out + got.err


def test_doctor_names_files_that_are_gone(coco12, yolo_onnx, tmp_path, capsys):
    photo = shutil.copy(sorted((coco12 / "images").iterdir())[0], tmp_path / "photo.jpg")
    with Project.create(tmp_path / "p", labels=["person"]) as p:
        p.add_frames(photo)
    (tmp_path / "photo.jpg").unlink()
    assert labkit("doctor", tmp_path / "p") == 2
    out = capsys.readouterr().out
    assert "1 of 1 are not where they were" in out
    assert "photo.jpg" in out
