import contextlib
import errno
import io
import re
import shutil
import socket
from pathlib import Path

import pandas as pd
import pytest

from labkit.cli.app import run
from labkit.cli.demo import show_world
from labkit.cli.errors import guarded
from labkit.demo import embedded, truth
from labkit.project import Project

FEW = {"day": 8, "night": 8}


@pytest.fixture(autouse=True)
def _own_log(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_LOG", str(tmp_path / "labkit-test.log"))


@pytest.fixture(scope="module")
def toured(tmp_path_factory):
    """The demo's project and what it printed, made without network."""

    def refuse(*args, **kwargs):
        raise OSError("no network here")

    out = tmp_path_factory.mktemp("tour") / "project"
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said):
        patch.setattr(socket.socket, "connect", refuse)
        patch.setattr(socket, "create_connection", refuse)
        assert show_world(out, oracle=True, **FEW) == 0
    return out, said.getvalue()


def opened(toured):
    return Project.open(toured[0], read_only=True)


def test_the_demo_needs_no_network_and_leaves_every_frame_reviewed(toured):
    with opened(toured) as p:
        frames, decisions = p.frames(), p.decisions()
        assert len(frames) == 16
        assert frames["time_s"].notna().sum() == 8
        verdicts = decisions.loc[decisions["kind"] == "accept_frame", "frame_id"]
        assert set(verdicts) == set(frames["frame_id"])
        assert decisions["scripted"].all()


def test_its_review_corrects_real_mistakes_and_the_report_shows_them(toured):
    out, said = toured
    with opened(toured) as p:
        kinds = p.decisions()["kind"].value_counts()
        annotations = p.annotations()
    assert kinds.reindex(["add", "reject", "relabel", "edit"]).sum() > 5
    page = (out / "report.html").read_text("utf-8")
    assert "Most corrected" in page
    for state in ("added", "accepted"):
        assert re.search(rf'alt="[^"]*\d+ {state}', page), state
    row = next(line for line in said.splitlines() if line.startswith("night video"))
    missed = int(row.split()[3])
    night = annotations["frame_id"].isin(night_frames(out))
    assert missed == ((annotations["state"] == "added") & night).sum() > 0


def test_the_small_sam2_masks_what_is_reviewed_and_follows_it(toured):
    pytest.importorskip("sam2")
    said = toured[1]
    lines = {line.split()[0]: line for line in said.splitlines() if line[:1].isalpha()}
    assert "boxes became masks" in lines["masks"]
    one, three = map(float, re.findall(r"\b0\.\d+", lines["clicks"]))
    assert 0.75 < one <= three + 0.05
    assert float(re.search(r"mean IoU (0\.\d+)", lines["tracks"])[1]) > 0.6
    with opened(toured) as p:
        detected, refined, tracked = p.runs()
        assert [detected.kind, refined.kind, tracked.kind] == ["detector", "interactor", "tracker"]
        decisions = p.decisions()
        assert set(decisions["run_id"].dropna()) == {refined.run_id}
        masks = p.proposals(refined.run_id)["mask_counts"]
        assert masks.notna().mean() > 0.9


def night_frames(out):
    with Project.open(out, read_only=True) as p:
        frames = p.frames()
    return set(frames.loc[frames["uri"].str.endswith(".mp4"), "frame_id"])


def test_what_it_prints_fits_a_screen_and_ends_with_where_to_go_on(toured):
    lines = toured[1].splitlines()
    assert len(lines) <= 40
    assert any("precision" in line for line in lines)
    assert lines[-1].startswith("open")
    assert str(toured[0].resolve()) in lines[-1]


def test_the_contact_sheet_shows_day_and_night(toured):
    from PIL import Image

    with Image.open(toured[0] / "contact-sheet.jpg") as sheet:
        assert sheet.width > 1200
        assert sheet.height > 600


def test_the_oracle_gives_the_truth_of_every_frame_in_one_file(toured):
    out = toured[0]
    alone = pd.read_parquet(out / "truth.parquet")
    with opened(toured) as p:
        known = truth(p)
        assert set(alone["frame_id"]) <= set(p.frames()["frame_id"])
    assert len(alone) == len(known) > 16
    assert sorted(alone["label"].astype(str)) == sorted(known["label"].astype(str))


def test_the_oracle_is_enough_when_the_files_beside_the_frames_are_gone(toured, tmp_path):
    copy = shutil.copytree(toured[0], tmp_path / "project")
    with Project.open(copy, read_only=True) as p:
        before = truth(p)
        for path in (copy / "frames").rglob("*truth.parquet"):
            path.unlink()
        pd.testing.assert_frame_equal(truth(p), before)


def test_a_second_demo_goes_on_says_so_and_decides_nothing_twice(toured, tmp_path, capsys):
    copy = shutil.copytree(toured[0], tmp_path / "project")
    with Project.open(copy, read_only=True) as p:
        before, runs = len(p.decisions()), [m.run_id for m in p.runs()]
    assert show_world(copy, **FEW) == 0
    said = capsys.readouterr().out
    for words in ("continued", "scenes are there already", "exists already", "is decided already"):
        assert words in said
    assert len(said.splitlines()) <= 40
    with Project.open(copy, read_only=True) as p:
        assert len(p.decisions()) == before
        assert [m.run_id for m in p.runs()] == runs


def test_a_demo_that_was_stopped_while_it_drew_goes_on(tmp_path):
    def stop(done, n):
        if done == 3:
            raise KeyboardInterrupt

    from labkit.demo.flow import Model
    from labkit.demo.tour import Tour

    with Project.create(tmp_path / "p", ["nut", "bolt", "washer"]) as p:
        demo = Tour(p, Model("unused"))
        with pytest.raises(KeyboardInterrupt):
            demo.draw(**FEW, on_frame=stop)
        given, said = demo.draw(**FEW)
        assert "8 stills" in said
        assert str(p.add_frames(given)) == "16 frames added"
        assert truth(p)["frame_id"].nunique() == 16


@pytest.fixture
def weights(tmp_path, monkeypatch) -> Path:
    """A copy of the embedded weights that a test may spoil."""
    folder = shutil.copytree(embedded.WEIGHTS, tmp_path / "weights")
    monkeypatch.setattr(embedded, "WEIGHTS", folder)
    return folder


@pytest.mark.parametrize("spoil", ["missing", "changed", "cut", "no sums"])
def test_weights_that_are_not_the_shipped_ones_are_named_with_the_remedy(
    weights, spoil, tmp_path, capsys
):
    path = weights / embedded.SMALL_YOLO
    if spoil == "missing":
        path.unlink()
    elif spoil == "changed":
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    elif spoil == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    else:
        (weights / embedded.SUMS).unlink()
    assert run(["demo", "--out", str(tmp_path / "p")]) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert "make weights" in line
    assert str(weights) in line
    assert not (tmp_path / "p").exists()


def test_newly_trained_weights_are_accepted_once_their_sum_is_noted(weights):
    path = weights / embedded.SMALL_YOLO
    path.write_bytes(path.read_bytes() + b" ")
    others = [x for x in (weights / embedded.SUMS).read_text().splitlines() if path.name not in x]
    embedded.note_sum(path)
    assert embedded.embedded_weights() == path
    assert set(others) <= set((weights / embedded.SUMS).read_text().splitlines())


def one_error(capsys, work):
    code = guarded(work)
    (line,) = capsys.readouterr().err.splitlines()
    return code, line


def test_a_project_of_other_labels_is_left_alone(tmp_path, capsys):
    with Project.create(tmp_path / "p", ["cat"]):
        pass
    code, line = one_error(capsys, lambda: show_world(tmp_path / "p", **FEW))
    assert code == 2
    assert "--out" in line
    with Project.open(tmp_path / "p", read_only=True) as p:
        assert p.labels == ["cat"]
        assert p.frames().empty
    assert not (tmp_path / "p" / "frames").exists()


def test_a_place_where_no_folder_can_be_made_is_one_line(tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    code, line = one_error(capsys, lambda: show_world(tmp_path / "file" / "p", **FEW))
    assert code == 2
    assert "file" in line


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_full_or_read_only_folder_is_one_line(tmp_path, capsys, monkeypatch, code):
    written = Path.write_bytes

    def fail(path, data):
        if path.suffix == ".jpg" and path.name.endswith("2.jpg"):
            raise OSError(code, "cannot write", str(path))
        return written(path, data)

    monkeypatch.setattr(Path, "write_bytes", fail)
    exit_code, line = one_error(capsys, lambda: show_world(tmp_path / "p", **FEW))
    assert exit_code == 2
    assert ("full" if code == errno.ENOSPC else "name another folder with --out") in line
    monkeypatch.undo()


def test_the_oracle_knows_nothing_of_other_frames(tmp_path, capsys):
    assert run(["demo", "--oracle", "--frames", "x", "--out", str(tmp_path / "p")]) == 2
    assert "--oracle" in capsys.readouterr().err
