"""A detector is found by what it is, by a registered name, or by an adapter that can open it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import labkit as lk
from labkit.core.errors import InputError, ModelUnavailableError, NotFoundError
from labkit.core.types import Frame, Proposal, Shape
from labkit.demo import write_stills
from labkit.models.detectors import DETECTORS, detector_names, open_detector
from labkit.models.detectors.base import (
    DetectOptions,
    Detector,
    DetectorAdapter,
    Image,
    KnownWeights,
    ModelInfo,
    StagedDetector,
)
from labkit.models.detectors.catalogue import catalogue

FRAME = Frame("f", "f", "f.png", 0, 64, 48, None, "0" * 64, "g")
IMAGE = np.zeros((48, 64, 3), np.uint8)


class Corners:
    """Two boxes on each frame, a nut and a bolt."""

    def __init__(self, options: DetectOptions | None = None, name: str = "corners") -> None:
        self.info = ModelInfo(name, "detect", ("nut", "bolt"))
        self.options, self.thread = options, threading.current_thread().name

    def detect(self, images: Sequence[Image], frames: Sequence[Frame]) -> list[list[Proposal]]:
        del images
        return [
            [
                Proposal(f.frame_id, 0, "nut", 0.9, Shape((0, 0, 8, 8))),
                Proposal(f.frame_id, 1, "bolt", 0.8, Shape((9, 9, 20, 20))),
            ]
            for f in frames
        ]


class InFiles(DetectorAdapter):
    """Opens files that end with ``.corners``."""

    files = "files that end with .corners"
    seen: tuple[bool, Path | None, str]

    def can_open(self, name: str) -> bool:
        return name.endswith((".corners", ".corners.onnx"))

    def known(self) -> Sequence[KnownWeights]:
        return [KnownWeights("best.corners", "The best corners")]

    def find(self, name: str, *, trust: bool = False, project: Path | None = None) -> str:
        InFiles.seen = trust, project, threading.current_thread().name
        return name.upper()

    def open(self, found: str, options: DetectOptions) -> Detector:
        return Corners(options, found)


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    DETECTORS.names()
    monkeypatch.setattr(DETECTORS, "_items", dict(DETECTORS._items))
    DETECTORS.register("corners")(Corners)
    DETECTORS.register("in-files")(InFiles)


@pytest.mark.usefixtures("registered")
def test_a_registered_name_opens_in_the_inference_thread() -> None:
    options = DetectOptions(store_above=0.3)
    detector = open_detector("corners", options)
    assert isinstance(detector, Corners)
    assert (detector.options, detector.thread) == (options, "labkit-inference")
    assert {"corners", "best.corners", "yolo-nano", "yolo11n.pt"} <= set(detector_names())
    assert [k.title for k in catalogue()][:3] == ["The best corners", "corners", "drawn world"]


@pytest.mark.usefixtures("registered")
def test_an_adapter_opens_what_it_says_it_can_and_is_told_about_trust(tmp_path: Path) -> None:
    detector = open_detector(Path("a.corners"), trust=True, project=tmp_path)
    assert detector.info.name == "A.CORNERS"
    assert InFiles.seen == (True, tmp_path, threading.current_thread().name)
    # an adapter that was registered later is asked before labkit's own
    assert open_detector("a.corners.onnx").info.name == "A.CORNERS.ONNX"


@pytest.mark.usefixtures("registered")
def test_what_nothing_can_open_says_what_there_is(tmp_path: Path) -> None:
    unknown = r"No detector is called 'cornrs'.*mean 'corners'"
    with pytest.raises(ModelUnavailableError, match=unknown) as caught:
        open_detector("cornrs")
    assert caught.value.exit_code == 3
    with pytest.raises(ModelUnavailableError, match=r"mean 'yolov8m-seg.pt'"):
        open_detector("yolov8m-seg")  # published by Ultralytics, and not in the list
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ModelUnavailableError) as caught:
        open_detector(tmp_path / "notes.txt")
    assert "'notes.txt' cannot be opened as a detector" in str(caught.value)
    assert "files that end with .corners" in str(caught.value)
    assert ".safetensors" in str(caught.value)
    with pytest.raises(ModelUnavailableError, match="No detector is called 'in-files'"):
        open_detector("in-files")  # an adapter's own name opens nothing by itself
    with pytest.raises(InputError, match="No detector was named"):
        open_detector(" ")


@pytest.mark.usefixtures("registered")
def test_an_adapter_that_fails_to_answer_leaves_the_name_to_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Fails(InFiles):
        def can_open(self, name: str) -> bool:
            raise OSError("no network")

    DETECTORS.register("fails")(Fails)
    assert open_detector("a.corners").info.name == "A.CORNERS"
    assert "The adapter 'fails' failed on 'a.corners': OSError: no network" in caplog.text


def test_a_choice_of_classes_holds_for_every_detector() -> None:
    plain = open_detector(Corners(), DetectOptions(classes=("bolt",)))
    (found,) = plain.detect([IMAGE], [FRAME])
    assert [(p.label, p.index) for p in found] == [("bolt", 0)]
    assert plain.info.labels == ("nut", "bolt")
    (found,) = open_detector(Corners(), DetectOptions(classes=(0, "nut"))).detect([IMAGE], [FRAME])
    assert [p.label for p in found] == ["nut"]
    with pytest.raises(NotFoundError, match="No class of this model is called 'blt'"):
        open_detector(Corners(), DetectOptions(classes=("blt",)))
    with pytest.raises(NotFoundError, match="No class of this model is called 'cat'") as caught:
        open_detector("yolo-nano", DetectOptions(classes=("cat",)))
    assert caught.value.exit_code == 2
    with pytest.raises(InputError, match="no class 2: it has 0 to 1"):
        open_detector(Corners(), DetectOptions(classes=(2,)))


@pytest.mark.usefixtures("registered")
def test_predict_takes_a_name_a_path_and_a_detector(tmp_path: Path) -> None:
    with lk.Project.create(tmp_path / "p", labels=["nut", "bolt"]) as p:
        p.add_frames(write_stills(tmp_path / "stills", 2))
        for what in ("corners", "a.corners", Corners(name="given")):
            run = p.predict(what, conf=0.1, classes=["nut"], progress=None)
            assert p.proposals(run)["label"].tolist() == ["nut", "nut"]
        models = [run.model for run in p.runs()]
        assert models == ["corners", "A.CORNERS", "given"]


def test_the_small_model_is_a_plug_in_like_any_other(tmp_path: Path) -> None:
    detector = open_detector("yolo-nano", DetectOptions(device="cpu", classes=(1,)))
    assert isinstance(detector, StagedDetector)
    assert detector.info.labels == ("nut", "bolt", "washer")
    with lk.Project.create(tmp_path / "p", labels=["nut", "bolt", "washer"]) as p:
        p.add_frames(write_stills(tmp_path / "stills", 2))
        run = p.predict("yolo-nano", conf=0.3, classes=[1], progress=None)
        assert set(p.proposals(run)["model_label"]) == {"bolt"}
