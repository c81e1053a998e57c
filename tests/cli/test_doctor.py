import json
import shutil
from importlib.metadata import PathDistribution

import pytest

from labkit.cli import checks
from labkit.cli.app import run
from labkit.core.registry import Registry
from labkit.project import Project
from labkit.store.project import ProjectStore


def install(folder, *names):
    """A folder that looks to importlib.metadata like an environment with these distributions."""
    out = []
    for name in names:
        project, version = name.split("==")
        info = folder / f"{project}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n"
        )
        out.append(PathDistribution(info))
    return out


def by_name(found):
    return {c.name: c for c in found}


def test_this_environment_is_sound(capsys):
    assert run(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["ok"]
    names = {c["name"] for c in report["checks"]}
    assert {"python", "packages", "opencv", "ipykernel", "torch device", "video"} <= names


def test_two_opencvs_fail_and_the_remedy_removes_both(tmp_path, monkeypatch, capsys):
    both = install(tmp_path, "opencv-python==5.0.0", "opencv_python_headless==4.14.0")
    monkeypatch.setattr(checks, "distributions", lambda: both)
    found = by_name(checks._opencv())["opencv"]
    assert found.status == "fail"
    assert "opencv-python 5.0.0 and opencv-python-headless 4.14.0" in found.detail
    assert "uninstall -y opencv-python opencv-python-headless" in found.remedy
    assert run(["doctor"]) == 2
    assert "share one cv2 folder" in capsys.readouterr().out


def test_plain_ultralytics_beside_the_headless_one_fails(tmp_path, monkeypatch):
    names = ["ultralytics==8.4", "ultralytics-opencv-headless==8.4", "opencv-python-headless==4.14"]
    both = install(tmp_path, *names)
    monkeypatch.setattr(checks, "distributions", lambda: both)
    assert by_name(checks._opencv())["ultralytics"].status == "fail"


@pytest.mark.parametrize(
    ("version", "status"), [("7.0.1", "fail"), ("6.31.0", "ok"), ("7.4.0", "ok")]
)
def test_only_ipykernel_7_0_fails(version, status, monkeypatch):
    monkeypatch.setattr(checks, "version", lambda _name: version)
    assert by_name(checks._kernel())["ipykernel"].status == status


def test_a_package_that_is_missing_or_too_old_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(checks, "requires", lambda _name: ["pandas>=2.2", "av>=14", "tqdm>=4"])
    monkeypatch.setattr(
        checks, "distributions", lambda: install(tmp_path, "pandas==1.5", "tqdm==4.70")
    )
    found = by_name(checks._packages())
    assert (found["pandas"].status, found["av"].status) == ("fail", "fail")
    assert "tqdm 4.70" in found["packages"].detail


def test_a_network_disk_is_told_by_the_longest_mount(tmp_path, monkeypatch):
    class Part:
        def __init__(self, mountpoint, fstype):
            self.mountpoint, self.fstype = str(mountpoint), fstype

    parts = [Part("/", "ext4"), Part(tmp_path, "nfs4"), Part(tmp_path / "local", "ext4")]
    monkeypatch.setattr("psutil.disk_partitions", lambda **_: parts)
    (tmp_path / "local").mkdir()
    assert checks.network_disk(tmp_path / "p") == "nfs4"
    assert checks.network_disk(tmp_path / "local") is None


def test_a_sound_project_passes(tmp_path, capsys):
    ProjectStore.create(tmp_path / "p", labels=["cat"]).close()
    assert run(["doctor", str(tmp_path / "p")]) == 0
    assert "1 labels, 0 frames, 0 runs, 0 decisions" in capsys.readouterr().out


@pytest.mark.parametrize("content", [None, "schema = 999\nname='p'\nlabels=[]\nledger='x'", "\x00"])
def test_a_project_that_cannot_be_opened_fails_in_words(tmp_path, content, capsys):
    if content is not None:
        (tmp_path / "project.toml").write_text(content)
    assert run(["doctor", str(tmp_path)]) == 2
    out = capsys.readouterr().out
    assert "fail  project" in out
    assert "Traceback" not in out


@pytest.mark.parametrize(
    ("content", "says"), [('{"ab12": "mine.pt"}', "mine.pt"), ("[]", "cannot be read")]
)
def test_weights_that_were_trusted_are_named(tmp_path, content, says, capsys):
    ProjectStore.create(tmp_path / "p", labels=["cat"]).close()
    (tmp_path / "p" / "trusted-weights.json").write_text(content)
    assert run(["doctor", str(tmp_path / "p")]) == 0
    assert says in capsys.readouterr().out


def test_a_plug_in_that_cannot_be_imported_is_a_row_with_a_remedy(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "bad_plug.py").write_text("import no_such_module_here\n")
    info = tmp_path / "bad_plug-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bad-plug\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[labkit.doctors]\nbad = bad_plug:Bad\n")
    registry = Registry("doctor", "doctors")
    monkeypatch.setattr("labkit.core.registry._registries", [registry])
    (row,) = checks._plugins()
    assert (row.name, row.status) == ("plug-ins", "warn")
    assert "The doctor 'bad' of the package 'bad-plug' cannot be used" in row.detail
    assert row.remedy == "update or remove the package 'bad-plug'"


def test_doctor_names_files_that_are_gone(coco12, yolo_onnx, tmp_path, capsys):
    photo = shutil.copy(sorted((coco12 / "images").iterdir())[0], tmp_path / "photo.jpg")
    with Project.create(tmp_path / "p", labels=["person"]) as p:
        p.add_frames(photo)
    (tmp_path / "photo.jpg").unlink()
    assert run(["doctor", str(tmp_path / "p")]) == 2
    out = capsys.readouterr().out
    assert "1 of 1 are missing: " in out
    assert "photo.jpg" in out
