"""Track runs with the trackers that are there: flow and MIL, keypoints, and the small SAM2."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from labkit.core.geometry import paired_iou
from labkit.core.tracks import Keyframe
from labkit.core.types import Shape
from labkit.demo import world
from labkit.project import Project

pytest.importorskip("cv2")
N = 12


@pytest.fixture(scope="module")
def scenes():
    return list(world.clip(5, frames=N, size=(192, 256)))


@pytest.fixture
def project(scenes, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for scene in scenes:
        Image.fromarray(np.asarray(scene.image)).save(folder / f"{scene.index:03d}.png")
    with Project.create(tmp_path / "p", labels=world.LABELS) as made:
        made.add_frames(folder)
        yield made


def keyframes(project, scenes, k, kind="box"):
    """Objects of frame ``k`` that are in sight in all frames."""
    frame_id = project.frames()["frame_id"][k]
    stay = set.intersection(
        *({o.track_id for o in s.objects if o.visible > 0.9} for s in scenes[k:])
    )
    return [
        Keyframe(frame_id, o.track_id, o.label, Shape(o.shape.box) if kind == "box" else o.shape)
        for o in scenes[k].objects
        if o.track_id in stay
    ]


def overlap(project, scenes, run) -> float:
    """Mean IoU of the boxes with the truth."""
    place = {f: k for k, f in enumerate(project.frames()["frame_id"])}
    pairs = []
    for row in project.proposals(run).itertuples():
        truth = {o.track_id: o.shape.box for o in scenes[place[row.frame_id]].objects}
        if int(row.track_id) in truth:
            pairs.append(((row.x1, row.y1, row.x2, row.y2), truth[int(row.track_id)]))
    return float(paired_iou(*map(np.array, zip(*pairs, strict=True))).mean())


@pytest.mark.parametrize("name", ["flow", "mil"])
def test_without_weights(project, scenes, name):
    keys = keyframes(project, scenes, 0)
    assert keys
    run = project.track(keys, tracker=name, progress=None, part_size=8)
    assert overlap(project, scenes, run) > 0.5
    assert project.run(run).manifest.params["tracker"] == name


def test_keypoints_ride_along(project, scenes):
    keys = [k for k in keyframes(project, scenes, 2, "all") if k.shape.keypoints]
    if not keys:
        pytest.skip("no bolt stays in sight")
    run = project.track(keys, tracker="flow", progress=None, to=4)
    rows = project.proposals(run)
    assert rows["keypoints"].notna().all()
    assert rows["frame_id"].nunique() == 5


def test_a_correction_with_flow(project, scenes):
    keys = keyframes(project, scenes, 0)
    run = project.track(keys, tracker="flow", progress=None)
    session = project.review(project.queue(run, order="drift"), reviewer="ana")
    session.goto(project.frames()["frame_id"][6])
    thing = session.objects(0)[0]
    true = next(o for o in scenes[6].objects if o.track_id == thing.track_id)
    x1, y1, x2, y2 = true.shape.box
    session.edit(thing.object_id, Shape((x1 - 1, y1, x2, y2)))
    new = project.retrack(run, progress=None)
    assert set(project.proposals(new)["track_id"]) == {thing.track_id}
    assert project.run(new).frame_ids == project.frames()["frame_id"][6:].tolist()


@pytest.mark.soak
def test_the_small_sam2(project, scenes):
    pytest.importorskip("sam2")
    from labkit.core.errors import ModelUnavailableError

    keys = keyframes(project, scenes, 0)
    try:
        run = project.track(keys, tracker="sam2-nano", device="cpu", progress=None, part_size=8)
    except ModelUnavailableError as exc:
        pytest.skip(str(exc))
    assert project.proposals(run)["mask_counts"].notna().sum() > N
    assert overlap(project, scenes, run) > 0.4
