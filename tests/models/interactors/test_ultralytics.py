"""Ultralytics' SAM family behind the interactor's protocol.

The weights are random (none can be fetched in a test), of the real architectures: what is tested
is that the right model is opened, sees the right pixels, and that its answers are handed on. Masks
mean nothing.
"""

from dataclasses import replace

import numpy as np
import pytest
from models.pictures import Pictures, disc

from labkit.core.errors import InputError, ModelUnavailableError
from labkit.core.prompts import Prompts
from labkit.models.filters import FilteredSource, FilterSwitch
from labkit.models.interactors import interactor_names, open_interactor
from labkit.models.interactors.ultralytics import NAMES, handles, open_weights
from labkit.models.interactors.ultralytics.sam import FastSam, Sam
from labkit.models.interactors.ultralytics.weights import check_overlap
from labkit.models.ultralytics import ultralytics
from labkit.models.weights import resolve
from labkit.models.worker import worker
from labkit.project import Project

torch = pytest.importorskip("torch")

BOXES = [(5, 5, 60, 50), (40, 30, 120, 90), (80, 10, 150, 110)]
CLICK = Prompts.click(80, 60)


@pytest.fixture(scope="module")
def source():
    image, _ = disc()
    return Pictures(a=image, b=np.ascontiguousarray(image[::-1]))


@pytest.fixture(scope="module")
def mobile_sam(cache):
    path = cache / "mobile_sam.pt"
    torch.manual_seed(0)
    model = ultralytics("models.sam.build").build_mobile_sam()
    torch.save(model.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def sam(mobile_sam, source):
    found = open_weights(resolve(mobile_sam, trust=True), source, "cpu", imgsz=256)
    found.set_frame(source.frame("a"))
    return found


@pytest.fixture(scope="module")
def fast_sam(random_pt, cache, source):
    path = cache / "FastSAM-s.pt"
    path.write_bytes(random_pt("yolov8n-seg").read_bytes())
    found = open_weights(resolve(path, trust=True), source, "cpu", imgsz=160)
    found.set_frame(source.frame("a"))
    return found


def counted(calls, function):
    def count(*args, **kwargs):
        calls.append(function.__name__)
        return function(*args, **kwargs)

    return count


def test_all_names_of_the_family_are_in_the_registry():
    assert set(NAMES) <= set(interactor_names())


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("sam_b.pt", True),
        ("weights/FastSAM-x.pt", True),
        ("street-mobile_sam.pt", True),
        ("sam2.1_t.pt", True),
        ("sam3.pt", True),
        ("yolo11n.pt", False),
        ("notmobile_sam.pt", False),
        ("sam2", False),
        ("facebook/sam2.1-hiera-tiny", False),
        ("sam_b.onnx", False),
    ],
)
def test_names_say_what_is_for_this_adapter(name, known):
    assert handles(name) is known


def test_what_it_is_and_takes(sam, fast_sam):
    assert (type(sam), type(fast_sam)) == (Sam, FastSam)
    assert sam.info.name == "mobile_sam.pt"
    assert sam.info.device == "cpu"
    assert sam.info.needs_weights
    assert len(sam.info.weights_sha256) == 64
    assert sam.info.licence == "Apache-2.0"
    assert {"torch", "ultralytics"} <= set(sam.info.versions)
    assert sam.info.takes == {"points", "negative points", "box"}
    assert fast_sam.info.licence == "AGPL-3.0"


def test_one_click_gives_three_masks_best_first(sam):
    answers = sam.segment(CLICK)
    assert len(answers) == 3
    assert all(a.mask.shape == (120, 160) and a.mask.dtype == bool for a in answers)
    scores = [a.score for a in answers]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= s <= 1 for s in scores)
    assert answers[0].prompts is CLICK


@pytest.mark.parametrize(
    "prompts",
    [
        CLICK.with_click(10, 10, positive=False),
        Prompts.boxed(BOXES[0]),
        replace(CLICK.with_click(10, 10, positive=False), box=BOXES[1]),
    ],
    ids=["points", "box", "both"],
)
def test_several_points_boxes_and_both_give_one_mask(sam, prompts):
    (answer,) = sam.segment(prompts)
    assert answer.mask.shape == (120, 160)


def test_it_answers_as_ultralytics_own_predictor_does(sam, mobile_sam, source):
    predictor = ultralytics("models.sam.predict").Predictor(
        overrides={"model": str(mobile_sam), "imgsz": 256, "device": "cpu"}
        | {"save": False, "verbose": False, "task": "segment", "mode": "predict"}
    )
    predictor.args.conf = -1.0  # random weights predict an IoU around 0
    bgr = np.ascontiguousarray(source.images["a"][..., ::-1])
    predictor.set_image(bgr)
    result = predictor(bgr, bboxes=[BOXES[1]], points=[[[80, 60], [10, 10]]], labels=[[1, 0]])[0]
    prompts = replace(CLICK.with_click(10, 10, positive=False), box=BOXES[1])
    assert np.array_equal(result.masks.data[0].numpy(), sam.segment(prompts)[0].mask)


def test_boxes_of_a_frame_go_through_the_decoder_together(sam, monkeypatch):
    many = [Prompts.boxed(box) for box in BOXES]
    alone = [sam.segment(each)[0] for each in many]
    calls = []
    predictor = sam.predictor
    monkeypatch.setattr(
        predictor, "inference_features", counted(calls, predictor.inference_features)
    )
    together = sam.segment_many(many)
    assert len(calls) == 1
    assert [a.prompts for a in together] == many
    for one, other in zip(alone, together, strict=True):
        assert one.score == pytest.approx(other.score, abs=1e-4)
        assert (one.mask != other.mask).mean() < 0.001
    mixed = sam.segment_many([many[0], CLICK])
    assert len(mixed) == 2
    assert sam.segment_many([]) == []


def test_a_frame_is_encoded_once_and_again_where_its_filters_change(mobile_sam, source, sam):
    switch = FilterSwitch()
    filtered = FilteredSource(source, switch)
    other = Sam(
        sam.info, filtered, lambda: sam.predictor
    )  # the same model, looking through filters
    seen = []
    other._look = seen.append
    for _ in range(3):
        other.set_frame(source.frame("a"))
    assert len(seen) == 1
    switch.on("gamma", gamma=0.5)
    other.set_frame(source.frame("a"))
    other.set_frame(source.frame("b"))
    assert len(seen) == 3
    assert seen[1].mean() > seen[0].mean()
    assert np.array_equal(seen[0][..., ::-1], source.images["a"])  # BGR for Ultralytics


def test_fast_sam_chooses_among_the_objects_it_found(fast_sam):
    found = fast_sam._all
    assert len(found) > 3  # or nothing is tested here
    inside = found.masks.data[0].nonzero()[0].tolist()
    y, x = inside
    answers = fast_sam.segment(Prompts.click(x, y))
    assert answers
    assert all(a.mask[y, x] for a in answers)
    assert answers == sorted(answers, key=lambda a: -a.score)
    (boxed,) = fast_sam.segment(Prompts.boxed(BOXES[1]))
    assert any(np.array_equal(boxed.mask, m.numpy() > 0) for m in found.masks.data)
    (both,) = fast_sam.segment(replace(Prompts.click(x, y), box=BOXES[1]))
    assert both.mask[y, x]
    many = fast_sam.segment_many([Prompts.boxed(box) for box in BOXES])
    assert len(many) == 3


def test_fast_sam_says_nothing_where_nothing_fits(fast_sam):
    everywhere = [(x + 0.5, y + 0.5) for x in range(0, 160, 4) for y in range(0, 120, 4)]
    prompts = Prompts.clicks(everywhere, [0] * len(everywhere))
    assert fast_sam.segment(prompts) == []
    (nothing,) = fast_sam.segment_many([prompts])
    assert (nothing.empty, nothing.score) == (True, 0.0)
    assert nothing.mask.shape == (120, 160)


def test_weights_of_unknown_origin_are_not_opened(mobile_sam, source):
    with pytest.raises(ModelUnavailableError, match="can run any code"):
        open_interactor(str(mobile_sam), source)


def test_trust_is_remembered_by_the_project(mobile_sam, source, tmp_path):
    name = str(mobile_sam)
    with Project.create(tmp_path / "p", ["bolt"]) as project:
        with pytest.raises(ModelUnavailableError, match=r"pass trust=True"):
            project.interactor(name, "cpu", source=source)
        with project.interactor(name, "cpu", source=source, trust=True) as opened:
            assert opened.info.name == "mobile_sam.pt"
    with (
        Project.open(tmp_path / "p", read_only=True) as project,
        project.interactor(name, "cpu", source=source) as opened,
    ):
        assert opened.info.name == "mobile_sam.pt"
    with Project.create(tmp_path / "q", ["bolt"]):
        pass
    with Project.open(tmp_path / "q", read_only=True) as project:
        with project.interactor(name, "cpu", source=source, trust=True):
            pass
        with pytest.raises(ModelUnavailableError, match=r"pass trust=True"):
            project.interactor(name, "cpu", source=source)


class Tiny(torch.nn.Module):
    """Stands where the real SAM3 does, of 3 GB, which is loaded without looking, too."""

    def __init__(self):
        super().__init__()
        self.trunk, self.head = torch.nn.Linear(3, 4), torch.nn.Linear(4, 2)


@pytest.mark.parametrize("wrong", ["names", "shapes", "half", None])
def test_a_checkpoint_that_leaves_sam3_random_is_refused(wrong):
    model, found = Tiny(), Tiny().state_dict()
    state = {
        "names": {f"vit.{k}": v for k, v in found.items()},
        "shapes": {k: v[:1] for k, v in found.items()},
        "half": {k: v for k, v in found.items() if k.startswith("trunk")},
    }.get(wrong, found)
    if wrong is None:
        check_overlap(dict(model.named_parameters()), state)
        return
    with pytest.raises(ValueError, match=r"of the model's 4 parameters.*random"):
        check_overlap(dict(model.named_parameters()), state)


def test_a_file_of_another_model_does_not_open_as_sam3(source, tmp_path, monkeypatch):
    path = tmp_path / "sam3.pt"
    torch.save({"detector.trunk.weight": torch.zeros(3, 3)}, path)
    module = ultralytics("models.sam.build_sam3")
    # the loading is Ultralytics' own; the building, of 3 GB, is not what is tested
    monkeypatch.setattr(module, "SAM3Model", Tiny)

    def build(checkpoint, **options):
        return module._load_checkpoint(Tiny(), checkpoint, interactive=True)

    monkeypatch.setattr(module, "build_interactive_sam3", build)
    own = Tiny.load_state_dict
    with pytest.raises(ModelUnavailableError, match="it has 0 of the model's 4 param") as caught:
        open_weights(resolve(path, trust=True), source, "cpu")
    assert "\n" not in str(caught.value)
    assert Tiny.load_state_dict is own


def test_what_cannot_be_opened_is_said_in_one_line(mobile_sam, random_pt, source, tmp_path):
    other = tmp_path / "sam_b.pt"
    other.write_bytes(mobile_sam.read_bytes())
    detector = tmp_path / "FastSAM-s.pt"
    detector.write_bytes(random_pt("yolo11n").read_bytes())
    for path in (other, detector):
        with pytest.raises(ModelUnavailableError, match="the model that its name says") as caught:
            open_weights(resolve(path, trust=True), source)
        assert "\n" not in str(caught.value)
    with pytest.raises(ModelUnavailableError, match="is not a file of the SAM family"):
        open_weights(resolve(random_pt("yolo11n"), trust=True), source)
    with pytest.raises(InputError, match=r"'cuda:7' cannot be used.*device='cpu'"):
        open_weights(resolve(mobile_sam, trust=True), source, "cuda:7")


def test_sam3_says_where_its_weights_are_to_be_had(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelUnavailableError, match="Meta gives them only to those who ask"):
        open_interactor("sam3.pt", source)


def test_a_prompt_before_any_frame_is_an_error(sam, source):
    with pytest.raises(InputError, match="no frame has been set"):
        Sam(sam.info, source, lambda: sam.predictor).segment(CLICK)


def test_after_a_release_it_opens_and_looks_again(mobile_sam, source):
    found = open_weights(resolve(mobile_sam, trust=True), source, "cpu", imgsz=256)
    found.set_frame(source.frame("a"))
    before = found.segment(CLICK)
    worker().release().result()
    assert found.predictor is None
    after = found.segment(CLICK)
    assert [np.array_equal(a.mask, b.mask) for a, b in zip(before, after, strict=True)] == [
        True
    ] * 3


@pytest.mark.soak
def test_sam2_weights_of_ultralytics_go_the_way_that_sam3_goes(cache, source):
    path = cache / "sam2_t.pt"
    torch.manual_seed(0)
    model = ultralytics("models.sam.build").build_sam2_t()
    torch.save({"model": model.state_dict()}, path)
    found = open_weights(resolve(path, trust=True), source, "cpu", imgsz=256)
    found.set_frame(source.frame("a"))
    assert len(found.segment(CLICK)) == 3
    both = replace(CLICK, box=BOXES[1])
    assert found.segment(both)[0].mask.shape == (120, 160)
    assert len(found.segment_many([Prompts.boxed(box) for box in BOXES])) == 3
