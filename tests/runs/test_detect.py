"""``predict`` with a fake detector: parts, labels, failures, cancel, resume, memory."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import fakes
import pandas as pd
import pytest
from fakes import FakeDetector, GreyReader, parts
from waiting import predict

from labkit.core.errors import (
    CancelledError,
    InputError,
    ModelUnavailableError,
    NotFoundError,
    StoreError,
)
from labkit.models.detectors.base import OutOfMemoryError
from labkit.models.worker import Priority, worker
from labkit.runs.detect import label_report, predict_job
from labkit.store.project import ProjectStore

GIVEN = {"reader": GreyReader(), "progress": None, "part_size": 6, "batch": 4}


def test_a_run_holds_what_the_detector_said(make_project) -> None:
    project = make_project(20)
    detector = FakeDetector()
    run = predict(project, detector, **GIVEN)
    store = project.run(run)
    assert store.manifest.status == "finished"
    assert store.n_parts == 4
    assert store.manifest.class_scores == "full"
    df = project.proposals(run)
    for frame in project.iter_frames():
        want = detector._boxes(GreyReader().read(frame), frame)
        got = df[df["frame_id"] == frame.frame_id]
        assert got["label"].tolist() == [p.label for p in want]
        assert got["score"].tolist() == pytest.approx([p.score for p in want])
        assert got["x1"].tolist() == pytest.approx([p.shape.box[0] for p in want])
        assert got["label_2"].tolist() == [p.choices[1].label for p in want]
    # the order of the run's frames, whatever the order of decoding and inference
    order = {f: k for k, f in enumerate(store.frame_ids)}
    assert df["frame_id"].map(order).astype(int).is_monotonic_increasing
    assert detector.threads == {"labkit-inference"}
    assert max(detector.batches) == 4


def test_batches_put_sizes_together_and_the_run_in_order(make_project) -> None:
    project = make_project(4)
    more = fakes.frames(12, width=80, height=60)[4:]
    project.append_frames(more)
    detector = FakeDetector()
    shapes: list[set[tuple[int, int]]] = []
    detector.before = lambda frames: shapes.append({(f.width, f.height) for f in frames})
    run = predict(project, detector, **{**GIVEN, "part_size": 12})
    assert shapes == [{(64, 48)}, {(80, 60)}, {(80, 60)}]
    ids = project.proposals(run)["frame_id"].astype(str).drop_duplicates().tolist()
    assert ids == [f for f in project.run(run).frame_ids if f in set(ids)]


def test_the_label_map_drops_and_counts(make_project) -> None:
    project = make_project(30, labels=["Cats", "vehicle"])
    detector = FakeDetector(("cat", "dog", "car"))
    run = predict(project, detector, label_map={"car": "vehicle"}, **GIVEN)
    df = project.proposals(run)
    assert set(df["label"]) == {"Cats", "vehicle"}
    assert set(df["model_label"]) == {"cat", "car"}
    report = pd.DataFrame(label_report(project.run(run))).set_index("model_label")
    assert report["rule"].to_dict() == {"cat": "plural", "dog": "none", "car": "user"}
    every = [p for f in project.iter_frames() for p in detector._boxes(GreyReader().read(f), f)]
    assert report["dropped"].to_dict() == {
        "cat": 0, "dog": sum(p.label == "dog" for p in every), "car": 0,
    }  # fmt: skip
    assert len(df) + report["dropped"].sum() == len(every)
    # the index counts what is there
    assert (df.groupby("frame_id", observed=True)["index"].max() + 1).sum() == len(df)


def test_the_label_map_is_saved_and_used_again(make_project) -> None:
    project = make_project(5, labels=["cat", "vehicle"])
    predict(project, FakeDetector(("cat", "car")), label_map={"car": "vehicle"}, **GIVEN)
    saved = project.root / "label_maps" / "fake.yaml"
    assert "car: vehicle" in saved.read_text("utf-8")
    run = predict(project, FakeDetector(("cat", "car")), **GIVEN)
    assert project.run(run).manifest.label_map["car"] == "vehicle"
    other = project.root / "mine.yaml"
    other.write_text("map: {cat: null, car: vehicle}", "utf-8")
    run = predict(project, FakeDetector(("cat", "car")), label_map=other, **GIVEN)
    assert project.run(run).manifest.label_map == {"cat": None, "car": "vehicle"}


def test_a_project_without_labels_takes_the_models(make_project) -> None:
    project = make_project(5, labels=())
    predict(project, FakeDetector(), **GIVEN)
    assert project.labels == ["cat", "dog", "bird"]
    assert ProjectStore.open(project.root).labels == ["cat", "dog", "bird"]


def test_labels_that_match_nothing(make_project) -> None:
    project = make_project(5, labels=["galaxy"])
    with pytest.raises(InputError, match=r"cat, dog, bird.*galaxy"):
        predict(project, FakeDetector(), **GIVEN)
    with pytest.raises(NotFoundError, match="did you mean 'galaxy'"):
        predict(project, FakeDetector(), label_map={"cat": "galaxi"}, **GIVEN)
    assert project.runs() == []


def test_frames_that_fail_are_listed_and_stop_nothing(make_project) -> None:
    project = make_project(20, bad=(0, 7, 19))
    said: list[str] = []
    given = {**GIVEN, "progress": lambda job: said.append(job.progress.message)}
    run = predict(project, FakeDetector(), **given)
    manifest = project.run(run).manifest
    assert manifest.status == "finished"
    failed = {(f.uri, f.reason) for f in manifest.failures}
    assert failed == {(f"bad{k:04d}.png", "it is truncated") for k in (0, 7, 19)}
    ids = [f.frame_id for f in project.iter_frames()]
    assert project.run(run).failed_frames() == {ids[0], ids[7], ids[19]}
    assert "3 frames failed: bad0000.png: it is truncated" in said[-1]


def test_a_frame_that_the_model_cannot_do_does_not_take_its_batch_along(make_project) -> None:
    project = make_project(20)
    hard = next(iter(project.iter_frames())).frame_id

    def fail(frames) -> None:
        if any(f.frame_id == hard for f in frames):
            raise RuntimeError("shape mismatch\nin layer 3")

    run = predict(project, FakeDetector(before=fail), **GIVEN)
    (failure,) = project.run(run).manifest.failures
    assert failure.frame_id == hard
    assert failure.reason == "shape mismatch in layer 3"
    assert project.proposals(run)["frame_id"].nunique() > 10


def test_a_model_that_never_works_ends_the_run(make_project) -> None:
    def fail(frames) -> None:
        raise RuntimeError("no kernel image")

    project = make_project(40)
    with pytest.raises(InputError, match="fails on every frame: no kernel image"):
        predict(project, FakeDetector(before=fail), **GIVEN)
    assert [m.status for m in project.runs()] == ["failed"]


def test_out_of_memory_halves_the_batch(make_project) -> None:
    project = make_project(24)
    calm = predict(project, FakeDetector(), **GIVEN)

    def short(frames) -> None:
        if len(frames) > 2:
            raise OutOfMemoryError("CUDA out of memory")

    detector = FakeDetector(before=short)
    run = predict(project, detector, **GIVEN, resume=False)
    assert parts(project, run) == parts(project, calm)
    tried = [n for n in detector.batches if n > 2]
    assert len(tried) <= 2  # once, and the one that was already waiting
    assert sum(n for n in detector.batches if n <= 2) == 24


def test_out_of_memory_at_one_frame_says_what_to_do(make_project) -> None:
    def short(frames) -> None:
        raise OutOfMemoryError("CUDA out of memory")

    project = make_project(8)
    with pytest.raises(InputError, match=r"not enough memory.*imgsz"):
        predict(project, FakeDetector(before=short), **GIVEN)


def test_a_full_disk_is_one_line_and_what_is_written_stays(make_project, monkeypatch) -> None:
    from labkit.store.proposals import RunStore

    project = make_project(24)
    write, count = RunStore.write_part, []

    def full(self, *args, **kwargs) -> None:
        count.append(1)
        if len(count) > 2:
            raise StoreError("Cannot write 'part'", "the disk is full", "free some space")
        write(self, *args, **kwargs)

    monkeypatch.setattr(RunStore, "write_part", full)
    with pytest.raises(StoreError, match="the disk is full"):
        predict(project, FakeDetector(), **GIVEN)
    (manifest,) = project.runs()
    assert manifest.status == "failed"
    monkeypatch.setattr(RunStore, "write_part", write)
    detector = FakeDetector()
    assert predict(project, detector, **GIVEN) == manifest.run_id
    assert sum(detector.batches) == 12


def test_cancel_keeps_parts_and_the_same_call_goes_on(make_project) -> None:
    project = make_project(36)
    calm = predict(project, FakeDetector(), **GIVEN)
    go, cancelled, count = threading.Event(), threading.Event(), []

    def slow(frames) -> None:
        count.append(len(frames))
        if sum(count) >= 16:
            go.set()
            cancelled.wait(30)

    job = predict_job(project, FakeDetector(before=slow), **{**GIVEN, "conf": 0.6})
    assert go.wait(30)
    job.cancel()
    asked = len(count)
    cancelled.set()
    job.wait(30)
    assert job.state == "cancelled"
    assert len(count) - asked <= 2
    with pytest.raises(CancelledError):
        job.result()
    manifest = project.runs()[-1]
    assert manifest.status == "cancelled"
    kept = parts(project, manifest.run_id)
    assert 1 <= len(kept) < 6
    detector = FakeDetector()
    assert predict(project, detector, **{**GIVEN, "conf": 0.6}) == manifest.run_id
    assert sum(detector.batches) == 36 - 6 * len(kept)
    assert parts(project, manifest.run_id) == parts(project, calm)
    assert project.run(manifest.run_id).manifest.status == "finished"


def test_only_the_same_call_goes_on_with_a_run(make_project) -> None:
    def stop(frames) -> None:
        raise OutOfMemoryError("stop here")

    project = make_project(12)
    with pytest.raises(InputError):
        predict(project, FakeDetector(before=stop), **GIVEN)
    (begun,) = project.runs()
    ids = [f.frame_id for f in project.iter_frames()]
    for change in ({"iou": 0.5}, {"store_above": 0.1}, {"frames": ids[:5]}):
        assert predict(project, FakeDetector(), **{**GIVEN, **change}) != begun.run_id
    assert predict(project, FakeDetector(), **GIVEN) == begun.run_id


def test_what_is_asked_for_twice_is_done_once(make_project) -> None:
    project = make_project(12)
    done = predict(project, FakeDetector(), **GIVEN)
    closed = project.run(done).manifest
    again = FakeDetector()
    assert predict(project, again, **GIVEN) == done
    assert again.batches == []
    assert project.run(done).manifest == closed
    assert predict(project, FakeDetector(), **GIVEN, resume=False) != done


def test_a_run_that_another_call_works_on_is_left_alone(make_project) -> None:
    project = make_project(12)
    entered, go = threading.Event(), threading.Event()

    def hold(frames) -> None:
        entered.set()
        go.wait(60)

    first = predict_job(project, FakeDetector(before=hold), **GIVEN)
    assert entered.wait(30)
    second = predict_job(project, FakeDetector(), **GIVEN)
    end = time.monotonic() + 30
    while len(project.runs()) < 2 and time.monotonic() < end:
        time.sleep(0.01)
    go.set()
    assert first.result(30) != second.result(30)
    assert [m.status for m in project.runs()] == ["finished", "finished"]


def test_replace_names_the_runs_on_these_frames(make_project) -> None:
    project = make_project(12)
    ids = [f.frame_id for f in project.iter_frames()]
    first = predict(project, FakeDetector(), frames=ids[:6], **GIVEN)
    second = predict(project, FakeDetector(), frames=ids[6:], **GIVEN)
    third = predict(project, FakeDetector(), frames=ids[:3], replace=True, **GIVEN)
    assert list(project.run(third).manifest.replaces) == [first]
    shown = project.proposals()
    runs = shown.groupby(shown["frame_id"].astype(str))["run_id"].agg(lambda s: set(s.astype(str)))
    for k, frame_id in enumerate(ids):
        if frame_id in runs:
            assert runs[frame_id] == {third if k < 3 else first if k < 6 else second}


def test_a_click_does_not_wait_for_the_run(make_project) -> None:
    project = make_project(30)
    started, asked = threading.Event(), threading.Event()

    def slow(frames) -> None:
        started.set()
        asked.wait(30)

    detector = FakeDetector(before=slow)
    job = predict_job(project, detector, **GIVEN)
    assert started.wait(30)
    click = worker().submit(lambda: len(detector.batches), priority=Priority.CLICK)
    asked.set()
    assert click.result(30) == 1  # right after the batch that was under way
    job.result(30)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"conf": 1.5}, "conf=1.5"),
        ({"conf": -0.1}, "conf=-0.1"),
        ({"conf": float("nan")}, "conf=nan"),
        ({"conf": "high"}, "conf='high'"),
        ({"iou": 2}, "iou=2"),
        ({"iou": True}, "iou=True"),
        ({"store_above": float("inf")}, "store_above=inf"),
        ({"store_above": 0.6}, "store_above=0.6 is above conf=0.5"),
        ({"imgsz": 0}, "imgsz=0"),
        ({"imgsz": 7}, "from 32"),
        ({"imgsz": (640, 640, 640)}, "height, width"),
        ({"imgsz": "big"}, "imgsz='big'"),
        ({"batch": 0}, "batch=0"),
        ({"batch": 1.5}, "batch=1.5"),
        ({"classes": []}, "classes is empty"),
        ({"classes": [1.5]}, "1.5 is not a class"),
        ({"label_map": 3}, "label_map"),
        ({"label_map": "nowhere.yaml"}, "nowhere.yaml"),
        ({"frames": ["0" * 16]}, "No frame is called"),
        ({"frames": []}, "no frame to predict"),
        ({"progress": "loud"}, "progress='loud'"),
    ],
)
def test_arguments_that_cannot_be_used(make_project, given, text: str) -> None:
    project = make_project(3)
    with pytest.raises(InputError) as info:
        predict_job(project, FakeDetector(), **{**GIVEN, **given})
    assert text in str(info.value)
    assert "\n" not in str(info.value)
    assert project.runs() == []


def test_no_frames_no_weights_no_detector(make_project, tmp_path: Path) -> None:
    empty = make_project(0)
    with pytest.raises(InputError, match="add_frames"):
        predict(empty, FakeDetector(), **GIVEN)
    project = make_project(3)
    with pytest.raises(InputError, match="neither weights nor a detector"):
        predict(project, 7, **GIVEN)
    with pytest.raises(ModelUnavailableError):
        predict(project, tmp_path / "missing.onnx", **GIVEN)
    with ProjectStore.open(project.root, read_only=True) as locked, pytest.raises(StoreError):
        predict(locked, FakeDetector(), **GIVEN)
    assert project.runs() == []


def test_a_model_with_two_classes_of_one_name(make_project) -> None:
    with pytest.raises(InputError, match="two classes called 'cat'"):
        predict(make_project(3), FakeDetector(("cat", "cat")), **GIVEN)
