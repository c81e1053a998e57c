"""The application: what holds for every command."""

import shutil

import pytest

from labkit.cli.app import run


def labkit(*args):
    return run([str(a) for a in args])


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
