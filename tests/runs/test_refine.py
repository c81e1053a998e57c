"""Boxes of a run become masks, as a run that can be resumed and that may supersede its source."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sam2")

import fakes
import torch
from PIL import Image
from safetensors.torch import save_file
from waiting import refine

from labkit.core.errors import CancelledError, InputError
from labkit.core.geometry import shape_from_polygons
from labkit.core.rows import object_from_row
from labkit.core.types import Attribute, LabelChoice, Manifest, Proposal, Shape
from labkit.demo import DAY, still
from labkit.demo.embedded import WEIGHTS
from labkit.project import Project
from labkit.runs.refine import refine_job
from labkit.store.proposals import RunStore

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    """A checkpoint of the small SAM2's shapes with random weights, its YAML beside it."""
    from labkit.models.sam2.build import build

    config = WEIGHTS / "sam2_nano.yaml"
    path = tmp_path_factory.mktemp("weights") / "random_sam2.safetensors"
    torch.manual_seed(0)
    save_file(build(config).state_dict(), path)
    path.with_suffix(".yaml").write_bytes(config.read_bytes())
    return path


@pytest.fixture
def scenes():
    return [still(seed, DAY, (96, 128)) for seed in range(700, 706)]


@pytest.fixture
def project(tmp_path, scenes):
    """A project of six drawn frames, the truth's boxes as its run r0001."""
    paths = []
    for k, scene in enumerate(scenes):
        paths.append(tmp_path / f"{k}.png")
        Image.fromarray(scene.image).save(paths[-1])
    with Project.create(tmp_path / "p", ["nut", "bolt", "washer"]) as made:
        frames = fakes.image_frames(made, paths)
        proposals = [_boxes(f, s) for f, s in zip(frames, scenes, strict=True)]
        add_run(made, frames, proposals)
        yield made


def _boxes(frame, scene):
    out = []
    for o in scene.objects:
        y, x = np.nonzero(scene.ids == o.track_id)
        if len(x) > 40:
            box = (float(x.min()), float(y.min()), float(x.max() + 1), float(y.max() + 1))
            choices = (LabelChoice(f"my {o.label}", 0.75), LabelChoice("other", 0.125))
            out.append(
                Proposal(
                    frame.frame_id, len(out), o.label, 0.75, Shape(box), choices,
                    (Attribute("color", "grey", 0.5),), 40 + len(out),
                )
            )  # fmt: skip
    return out


def add_run(project, frames, proposals):
    manifest = Manifest("", "boxes", conf=0.4, part_size=len(frames))
    store = RunStore.create(project.root, manifest, [f.frame_id for f in frames])
    store.write_part(0, [p for some in proposals for p in some])
    store.finish()
    return store.run_id


def objects(project, run):
    return [object_from_row(r) for r in project.proposals(run).to_dict("records")]


def test_masks_come_and_everything_else_stays(project, weights):
    run = project.refine("r0001", weights, device="cpu", part_size=2, progress=None)
    before, after = objects(project, "r0001"), objects(project, run)
    assert len(before) == len(after) > 6
    for old, new in zip(before, after, strict=True):
        assert (new.frame_id, new.label, new.score) == (old.frame_id, old.label, old.score)
        assert (new.choices, new.track_id) == (old.choices, old.track_id)
        assert new.attributes[0] == old.attributes[0]
        score = new.attributes[1]
        assert score.name == "mask_score"
        assert 0 <= score.value <= 1
        if score.value > 0:
            assert (new.shape.mask.height, new.shape.mask.width) == (96, 128)
        else:
            assert new.shape == old.shape
    manifest = project.run(run).manifest
    assert (manifest.kind, manifest.task, manifest.conf) == ("interactor", "segment", 0.4)
    assert manifest.params["source"] == "r0001-boxes"
    assert manifest.weights_sha256
    assert manifest.versions["sam2"]
    assert project.run(run).n_parts == 3
    assert set(project.proposals()["run_id"].astype(str)) == {"r0001-boxes", run}


def test_replace_supersedes_the_source(project, weights):
    run = refine(project, None, weights, device="cpu", replace=True, progress=None)
    assert set(project.proposals()["run_id"].astype(str)) == {run}


def test_a_cancelled_refinement_goes_on_and_gives_the_same_bytes(project, weights):
    whole = refine(project, "r0001", weights, device="cpu", part_size=2, progress=None)
    job = refine_job(
        project,
        "r0001",
        weights,
        device="cpu",
        part_size=2,
        resume=False,
        progress=lambda job: job.cancel() if job.progress.done >= 2 else None,
    )
    with pytest.raises(CancelledError):
        job.result(60)
    (stopped,) = [m.run_id for m in project.runs() if m.status == "cancelled"]
    early = fakes.parts(project, stopped)
    assert 0 < len(early) < 3
    # the newest run that was begun is gone on with; a finished one is the answer after that
    again = refine(project, "r0001", weights, device="cpu", part_size=2, progress=None)
    assert again == stopped
    now = fakes.parts(project, stopped)
    assert now == fakes.parts(project, whole)
    assert {k: now[k] for k in early} == early
    assert refine(project, "r0001", weights, device="cpu", part_size=2, progress=None) == stopped


def test_min_score_frames_and_bad_arguments(project, weights):
    one = project.run("r0001").frame_ids[2]
    run = refine(project, "r0001", weights, device="cpu", frames=[one], progress=None)
    assert project.run(run).frame_ids == [one]
    run = refine(project, "r0001", weights, device="cpu", min_score=0.9, progress=None)
    assert project.run(run).manifest.proposals == 0
    with pytest.raises(InputError, match="from 0 to 1"):
        refine_job(project, "r0001", weights, min_score=7)
    with pytest.raises(InputError, match="r0009"):
        refine_job(project, "r0009", weights)
    with pytest.raises(InputError, match="nonsense"):
        refine(project, "r0001", "nonsense", progress=None)


def test_shapes_of_every_kind_are_refined_and_none_is_lost(project, weights):
    frames = list(project.iter_frames())
    ring = (20.0, 20.0, 60.0, 20.0, 60.0, 70.0, 20.0, 70.0)
    shapes = [
        shape_from_polygons([ring]),
        Shape((10, 10, 50, 60), keypoints=((20.0, 20.0, 0.5),)),
        Shape((-20, -20, 30, 40)),  # reaches over the edge
        Shape((300, 300, 340, 340)),  # outside altogether
    ]
    some = [Proposal(frames[0].frame_id, k, "nut", 0.5, s) for k, s in enumerate(shapes)]
    source = add_run(project, frames[:2], [some, []])
    run = refine(project, source, weights, device="cpu", progress=None)
    found = objects(project, run)
    assert len(found) == 4
    assert found[1].shape.keypoints == ((20.0, 20.0, 0.5),)
    assert found[3].shape.box == (300, 300, 340, 340)
    assert found[3].attributes == (Attribute("mask_score", 0.0),)
    assert not project.run(run).manifest.failures


def test_a_frame_that_cannot_be_read_is_listed_and_the_rest_is_done(project, weights):
    frames = list(project.iter_frames())
    Path(frames[1].uri).write_bytes(b"gone")
    run = refine(project, "r0001", weights, device="cpu", progress=None)
    manifest = project.run(run).manifest
    assert [f.frame_id for f in manifest.failures] == [frames[1].frame_id]
    assert set(project.proposals(run)["frame_id"].astype(str)) >= {frames[0].frame_id}


def test_an_interactor_on_the_projects_frames(project, weights):
    from labkit.core.prompts import Prompts

    with project.interactor(weights, "cpu") as segmenter:
        frame = next(project.iter_frames())
        segmenter.set_frame(frame)
        (best, *_) = segmenter.segment(Prompts.click(60, 40))
        assert best.mask.shape == (96, 128)
    with pytest.raises(InputError, match="is closed"):
        segmenter.segment(Prompts.click(60, 40))
