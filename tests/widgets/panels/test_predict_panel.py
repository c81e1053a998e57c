"""Predict: frames in, proposals out."""

from widgets.panels.hand import click

import labkit as lk


def test_an_empty_project_is_filled_and_predicted_by_buttons(empty, made, closing):
    runs = []
    panel = closing(lk.PredictPanel(empty, runs.append))
    panel.frames.value = str(made / "scenes")
    click(panel, panel.add)
    assert "8 frames" in panel.counts.value
    click(panel, panel.open)
    shown = dict(o[::-1] for o in panel.rows.options)
    assert "bolt" in shown["bolt"].split("\u2192")[1]
    assert "dropped" in shown["nut"]
    assert "2 dropped: nut, washer" in panel.dropped.value
    panel.rows.value, panel.targets.value = ("nut",), "vehicle"
    click(panel, panel.assign)
    panel.conf.value = 0.4
    click(panel, panel.start)
    (run,) = runs
    found = empty.proposals(run)
    assert set(found["label"]) == {"bolt", "vehicle"}
    manifest = empty.run(run).manifest
    assert (manifest.conf, manifest.label_map["washer"]) == (0.4, None)
    assert "washer" in panel.message.value  # what was dropped, and how often


def test_wider_labels_are_suggested_and_taken_only_when_asked(empty, closing):
    from labkit.core.labelmap import suggest
    from labkit.models.detectors.base import ModelInfo
    from labkit.runs.detect import Look, label_plan

    info = ModelInfo("m", "detect", ("car", "truck", "bolt", "kite"))
    plan, suggestions = label_plan(empty, info)
    assert suggestions == suggest(info.labels, empty.labels)
    panel = closing(lk.PredictPanel(empty))
    panel._looked(Look(info, plan, suggestions))
    shown = dict(o[::-1] for o in panel.rows.options)
    assert "suggestion:\u00a0vehicle" in shown["car"]
    assert panel.options()["label_map"] is None  # nobody has said anything
    click(panel, panel.suggest)
    assert panel.options()["label_map"] == {
        "car": "vehicle", "truck": "vehicle", "bolt": "bolt", "kite": None,
    }  # fmt: skip
    panel.rows.value = ("truck",)
    click(panel, panel.drop)
    assert panel.options()["label_map"]["truck"] is None


def test_what_cannot_be_opened_says_so_in_one_line(empty, closing):
    panel = closing(lk.PredictPanel(empty))
    panel.weights.value = "nothing.onnx"
    click(panel, panel.open)
    assert "lkp-error" in panel.state.value
    assert panel.start.disabled is False
    click(panel, panel.start)
    assert "no frame" in panel.message.value


def test_a_prediction_can_be_cancelled(project, closing):
    panel = closing(lk.PredictPanel(project))
    panel.conf.value = 0.61
    panel.start.click()
    assert panel.desk.settle(60)
    panel.cancel.click()
    panel.job.wait(60)
    panel.refresh()
    assert panel.job.state in ("cancelled", "finished")  # a fast machine may be done
    assert panel.cancel.disabled


def test_the_question_mark_tells_what_a_model_is(empty, closing):
    panel = closing(lk.PredictPanel(empty))
    panel.weights.value = "yolo11n.pt"
    click(panel, panel.help)
    for word in ("YOLO11", "80 everyday labels", "56 ms", "AGPL-3.0"):
        assert word in panel.about.value
    assert panel.about.layout.display == ""
