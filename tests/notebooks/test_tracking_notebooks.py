"""The tracking notebooks under ``labkit batch``: on a drawn clip, and on a few real frames."""

import json
import re
import shutil
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from PIL import Image

from labkit.cli.app import run
from labkit.demo import truth, write_video
from labkit.demo.embedded import SMALL_SAM2, WEIGHTS
from labkit.project import Project

pytest.importorskip("sam2")

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"

trained = pytest.mark.skipif(
    not (WEIGHTS / SMALL_SAM2).exists(), reason="the small SAM2 is not trained yet (make weights)"
)


@pytest.fixture(autouse=True)
def _kernel_finds_labkit(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setenv("LABKIT_LOG", str(tmp_path / "labkit.log"))


def batch(name, out, **parameters):
    pairs = [part for k, v in parameters.items() for part in ("-p", k, str(v))]
    return run(["batch", str(NOTEBOOKS / f"{name}.ipynb"), "--out", str(out), *pairs])


def outputs(path):
    cells = nbformat.read(path, as_version=4).cells
    return [o for c in cells if c.cell_type == "code" for o in c.outputs]


def texts(path):
    return "".join(o.get("text", "") for o in outputs(path))


def pictures(path):
    return sum("image/png" in o.get("data", {}) for o in outputs(path))


def check_correction(p, correct_at, to):
    """The second run replaced the first from the corrected frame on, for one track alone."""
    ids = p.frames()["frame_id"].tolist()[: to + 1]
    first, second = (m.run_id for m in p.runs())
    assert p.run(second).frame_ids == ids[correct_at:]
    drawn = p.annotations().query("state == 'added' and frame_id == @ids[0]")
    assert len(drawn) == 2
    assert drawn["mask_counts"].notna().all()
    number = int(drawn["track_id"].iloc[0])
    now = p.proposals()
    mine = now[now["track_id"] == number]
    after = mine[mine["frame_id"].isin(ids[correct_at:])]
    assert set(after["run_id"].astype(str)) <= {second}
    assert set(now.loc[now["track_id"] != number, "run_id"].astype(str)) == {first}
    corrected = p.annotations().query("frame_id == @ids[@correct_at] and track_id == @number")
    assert corrected["state"].tolist() in (["edited"], ["added"])


@trained
def test_segment_and_track_on_the_drawn_world(tmp_path):
    out = tmp_path / "out"
    assert batch("03_segment_and_track", out, to=4, correct_at=2) == 0
    executed = out / "03_segment_and_track.ipynb"
    assert pictures(executed) == 8
    (said,) = re.findall(r"mean IoU (0\.\d+)", texts(executed))
    assert 0.5 < float(said) <= 1
    with Project.open(out / "project") as p:
        check_correction(p, 2, 4)
        decisions = p.decisions()["decision_id"].tolist()
    assert batch("03_segment_and_track", out, to=4, correct_at=2) == 0
    assert said in texts(executed)
    with Project.open(out / "project", read_only=True) as p:
        assert p.decisions()["decision_id"].tolist() == decisions
        assert len(p.runs()) == 2


def test_segment_and_track_without_weights_on_real_frames(bedroom, tmp_path):
    frames = tmp_path / "frames"
    frames.mkdir()
    for path in sorted(bedroom.iterdir())[:5]:
        shutil.copy(path, frames)
    out = tmp_path / "out"
    # the correction is the girl as she still is three frames later
    correction = {"object": 0, "box": [308, 0, 518, 410], "points": [[400, 230]], "labels": [1]}
    given = {"to": 4, "correct_at": 3, "correction": json.dumps(correction)}
    assert batch("03_segment_and_track", out, frames=frames, **given) == 0
    executed = out / "03_segment_and_track.ipynb"
    assert pictures(executed) == 7  # no truth to compare with
    assert "frames to look at" in texts(executed)
    with Project.open(out / "project") as p:
        check_correction(p, 3, 4)
        assert set(p.decisions()["tool"]) == {"grabcut"}
        assert sorted(p.tracks()["label"]) == ["boy", "girl"]


@trained
def test_batch_track_leaves_all_results_and_goes_on(tmp_path):
    out = tmp_path / "out"
    assert batch("batch_track", out, to=3) == 0
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["failures"] == []
    assert metrics["frames"] == 4
    assert 0.5 < metrics["mean_iou"] <= 1
    assert len(pd.read_parquet(out / "tracks.parquet")) == metrics["tracks"] > 1
    assert len(pd.read_parquet(out / "proposals.parquet")) == metrics["proposals"]
    assert pd.read_csv(out / "queue.csv")["score"].is_monotonic_decreasing
    assert Image.open(out / "contact_sheet.jpg").width > 600
    assert (out / "report.html").exists()
    assert batch("batch_track", out, to=3) == 0
    assert json.loads((out / "metrics.json").read_text()) == metrics
    with Project.open(out / "project", read_only=True) as p:
        assert len(p.runs()) == 2  # one detector's, one tracker's


@pytest.fixture
def drawn(tmp_path):
    """A folder of frames of a clip, and a file with what is on the first one."""
    from labkit.frames import FrameReader

    clip = write_video(tmp_path / "clip.mp4", 5, seed=3, leaves=0, enters=0, size=(192, 256))
    with Project.create(tmp_path / "p") as p, FrameReader(p.root) as reader:
        p.add_frames(clip)
        (tmp_path / "frames").mkdir()
        for k, frame in enumerate(p.iter_frames()):
            Image.fromarray(reader.read(frame)).save(tmp_path / "frames" / f"{k}.png")
        rows = truth(p, [p.frames()["frame_id"].iloc[0]]).head(2)
    objects = [
        {"label": str(r["label"]), "box": [float(r[c]) for c in ("x1", "y1", "x2", "y2")]}
        for r in rows.to_dict("records")
    ]
    (tmp_path / "objects.json").write_text(json.dumps(objects))
    return tmp_path


def test_batch_track_follows_a_file_of_objects_past_a_broken_frame(drawn, capfd):
    (drawn / "frames" / "2.png").write_bytes((drawn / "frames" / "2.png").read_bytes()[:2000])
    given = {"frames": drawn / "frames", "objects": drawn / "objects.json", "tracker": "flow"}
    assert batch("batch_track", drawn / "out", to=-1, **given) == 4
    assert "2.png" in capfd.readouterr().err
    metrics = json.loads((drawn / "out" / "metrics.json").read_text())
    assert [Path(f["uri"]).name for f in metrics["failures"]] == ["2.png"]
    tracks = pd.read_parquet(drawn / "out" / "tracks.parquet")
    assert len(tracks) == 2
    assert (tracks["frames"] >= 4).all()
    assert "mean_iou" not in metrics


def test_a_file_of_objects_that_cannot_be_used_is_named(drawn, capfd):
    (drawn / "objects.json").write_text('[{"label": "nut", "box": [5, 5, 2, 9]}]')
    given = {"frames": drawn / "frames", "objects": drawn / "objects.json", "tracker": "flow"}
    assert batch("batch_track", drawn / "out", **given) == 2
    assert "Object 0 of" in capfd.readouterr().err
