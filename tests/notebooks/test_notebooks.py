"""Each notebook under ``labkit batch`` on twelve photos, and again on what it left."""

import json
import shutil
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from labkit.cli.app import run
from labkit.project import Project

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"


@pytest.fixture(autouse=True)
def _kernel_finds_labkit(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("LABKIT_LOG", str(tmp_path / "labkit.log"))


@pytest.fixture(scope="module")
def annotated(coco12, yolo_onnx, tmp_path_factory):
    """What ``batch_annotate`` leaves; tests must not change it."""
    out = tmp_path_factory.mktemp("annotated")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        assert annotate(coco12, yolo_onnx, out) == 0
    return out


def batch(name, out, **parameters):
    pairs = [part for k, v in parameters.items() for part in ("-p", k, str(v))]
    return run(["batch", str(NOTEBOOKS / f"{name}.ipynb"), "--out", str(out), *pairs])


def annotate(coco12, weights, out, **more):
    given = {"frames": coco12 / "images", "weights": weights, "truth": coco12, **more}
    return batch("batch_annotate", out, **given)


def outputs(path):
    cells = nbformat.read(path, as_version=4).cells
    return [o for c in cells if c.cell_type == "code" for o in c.outputs]


def texts(path):
    """What a notebook printed."""
    return "".join(o.get("text", "") for o in outputs(path))


def pictures(path):
    """How many pictures a notebook shows."""
    return sum("image/png" in o.get("data", {}) for o in outputs(path))


def test_batch_annotate_leaves_all_results(annotated):
    names = {p.name for p in annotated.iterdir()}
    assert {"batch_annotate.ipynb", "batch_annotate.html", "report.html", "metrics.json"} <= names
    metrics = json.loads((annotated / "metrics.json").read_text())
    assert metrics["failures"] == []
    assert metrics["scripted_share"] == 1
    with Project.open(annotated / "project", read_only=True) as p:
        for name in ("proposals", "decisions", "annotations"):
            assert len(pd.read_parquet(annotated / f"{name}.parquet")) == len(getattr(p, name)())
    assert (annotated / "yolo" / "data.yaml").exists()
    notebook = nbformat.read(annotated / "batch_annotate.ipynb", as_version=4)
    assert "widgets" not in notebook.metadata


def test_a_rerun_goes_on_and_doubles_nothing(annotated, coco12, yolo_onnx, tmp_path):
    out = shutil.copytree(annotated, tmp_path / "again")
    before = pd.read_parquet(out / "decisions.parquet")
    assert annotate(coco12, yolo_onnx, out) == 0
    after = pd.read_parquet(out / "decisions.parquet")
    assert after["decision_id"].tolist() == before["decision_id"].tolist()
    assert len(Project.open(out / "project", read_only=True).runs()) == 1


def test_a_frame_that_failed_ends_with_4_and_is_listed(coco12, yolo_onnx, tmp_path, capfd):
    (tmp_path / "images").mkdir()
    shutil.copy(sorted((coco12 / "images").iterdir())[0], tmp_path / "images" / "good.jpg")
    (tmp_path / "images" / "bad.jpg").write_text("no photo")
    given = {"frames": tmp_path / "images", "weights": yolo_onnx}
    assert batch("batch_annotate", tmp_path / "out", **given) == 4
    assert "bad.jpg" in capfd.readouterr().err
    (failure,) = json.loads((tmp_path / "out" / "metrics.json").read_text())["failures"]
    assert failure["uri"].endswith("bad.jpg")


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"weights": "missing.onnx"}, 3),
        ({"cnof": 0.5}, 2),
    ],
)
def test_what_goes_wrong_has_its_exit_code(coco12, yolo_onnx, tmp_path, parameters, code, capfd):
    given = {"frames": coco12 / "images", "weights": yolo_onnx, **parameters}
    assert batch("batch_annotate", tmp_path / "out", **given) == code
    last = capfd.readouterr().err.splitlines()[-1]
    assert last.startswith("labkit: error: ")


def test_predict_shows_the_queue_and_the_first_frames(coco12, yolo_onnx, tmp_path):
    out = tmp_path / "out"
    assert batch("01_predict", out, frames=coco12 / "images", weights=yolo_onnx) == 0
    assert pictures(out / "01_predict.ipynb") == 1
    assert "12 frames added" in texts(out / "01_predict.ipynb")
    with Project.open(out / "project", read_only=True) as p:
        assert p.decisions().empty


def test_without_parameters_the_drawn_world_is_predicted_and_reviewed(tmp_path):
    assert batch("01_predict", tmp_path / "first") == 0
    assert "24 frames added" in texts(tmp_path / "first" / "01_predict.ipynb")
    assert batch("batch_annotate", tmp_path / "out") == 0
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["frames"]["accepted"] == 24
    assert metrics["total"]["missed"] > 0
    assert metrics["total"]["corrected"] > 0
    assert (tmp_path / "out" / "yolo" / "data.yaml").exists()


def test_review_shows_a_picture_and_a_table_where_nobody_can_click(tmp_path):
    out = tmp_path / "out"
    assert batch("02_review", out) == 0
    shown = [o["data"] for o in outputs(out / "02_review.ipynb") if "data" in o]
    (bench,) = [d for d in shown if "labkit-static" in d.get("text/html", "")]
    assert "0 of 24 frames decided" in bench["text/plain"]
    assert "data:image/jpeg" in bench["text/html"]
    assert not any("application/vnd.jupyter.widget-view+json" in d for d in shown)
    assert "labkit-static" in (out / "02_review.html").read_text()
    with Project.open(out / "project", read_only=True) as p:
        assert p.decisions().empty


def test_metrics_reads_a_reviewed_project(annotated, tmp_path):
    assert batch("04_metrics", tmp_path / "out", project=annotated / "project") == 0
    said = texts(tmp_path / "out" / "04_metrics.ipynb")
    assert "100% of them were made by a script" in said
    assert pictures(tmp_path / "out" / "04_metrics.ipynb") == 2  # too few for drift
    assert (tmp_path / "out" / "report.html").exists()


def test_batch_metrics_leaves_the_numbers(annotated, tmp_path):
    out = tmp_path / "out"
    assert batch("batch_metrics", out, project=annotated / "project") == 0
    assert json.loads((out / "metrics.json").read_text())["decisions"] > 0
    assert len(pd.read_parquet(out / "summary.parquet"))
    assert (out / "batch_metrics.html").exists()
    assert (out / "report.html").exists()


def test_metrics_of_a_project_without_decisions_do_not_fail(tmp_path):
    Project.create(tmp_path / "p", labels=["cat"]).close()
    assert batch("04_metrics", tmp_path / "out", project=tmp_path / "p") == 0
