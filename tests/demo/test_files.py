import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from labkit.core.errors import InputError, LabkitError, NotFoundError
from labkit.core.geometry import decode_mask
from labkit.core.types import Rle
from labkit.demo import (
    DAY,
    NIGHT,
    clip,
    still,
    truth,
    truth_table,
    write_coco,
    write_stills,
    write_video,
)
from labkit.demo.chance import scene_seed
from labkit.frames import FrameReader
from labkit.project import Project
from labkit.store.schema import PROPOSAL_COLUMNS

SMALL = (192, 256)
LABELS = ["nut", "bolt", "washer"]


@pytest.fixture
def project(tmp_path):
    return Project.create(tmp_path / "project", labels=LABELS)


def stills(n, domain=DAY, seed=0):
    return [still(scene_seed("stills", seed, k), domain, SMALL) for k in range(n)]


def assert_same(table, scenes, frame_ids):
    expected = truth_table(scenes, frame_ids)
    assert list(table.columns) == list(PROPOSAL_COLUMNS)
    pd.testing.assert_frame_equal(table, expected, check_categorical=False)


def test_stills_read_back_are_the_scenes_and_so_is_their_truth(tmp_path, project):
    paths = write_stills(tmp_path / "day", 4, DAY, 7, size=SMALL, format="png")
    project.add_frames(tmp_path / "day")
    frames = project.frames()
    assert len(frames) == len(paths) == 4
    scenes = stills(4, seed=7)
    with FrameReader(project.root) as reader:
        for frame, scene in zip(project.iter_frames(), scenes, strict=True):
            assert np.array_equal(reader.read(frame), scene.image)
    assert_same(truth(project), scenes, list(frames["frame_id"]))


def test_truth_is_found_after_files_were_renamed_and_moved(tmp_path, project):
    for k, path in enumerate(write_stills(tmp_path / "a", 3, DAY, size=SMALL)):
        path.rename(path.with_name(f"renamed{9 - k}.jpg"))
    (tmp_path / "a").rename(tmp_path / "b")
    project.add_frames(tmp_path / "b")
    ids = list(project.frames()["frame_id"])
    assert_same(truth(project), stills(3)[::-1], ids)
    assert_same(truth(project, ids[1:2]), stills(3)[1:2], ids[1:2])


def test_truth_may_lie_elsewhere_when_it_is_named(tmp_path, project):
    write_stills(tmp_path / "a", 2, size=SMALL)
    project.add_frames(tmp_path / "a")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "a" / "truth.parquet").rename(tmp_path / "elsewhere" / "truth.parquet")
    with pytest.raises(NotFoundError, match=r"no truth for 2 of 2 frames.*places="):
        truth(project)
    assert len(truth(project, places=[tmp_path / "elsewhere"])) > 0


def test_truth_of_frames_that_are_not_of_the_world_is_refused(tmp_path, project, bedroom):
    write_stills(tmp_path / "a", 2, size=SMALL)
    project.add_frames([tmp_path / "a", bedroom / "00000.jpg"])
    with pytest.raises(NotFoundError, match="1 of 3 frames"):
        truth(project)
    assert set(truth(project, project.frames()["frame_id"][:2])["score"]) == {1.0}


def test_frames_without_objects_are_known_to_be_empty(tmp_path, project):
    write_stills(tmp_path / "a", 2, replace(DAY, objects=(0, 0)), size=SMALL)
    project.add_frames(tmp_path / "a")
    table = truth(project)
    assert len(table) == 0
    assert list(table.columns) == list(PROPOSAL_COLUMNS)


def test_a_broken_truth_file_is_named(tmp_path, project):
    write_stills(tmp_path / "a", 1, size=SMALL)
    project.add_frames(tmp_path / "a")
    (tmp_path / "a" / "truth.parquet").write_bytes(b"PAR1 not")
    with pytest.raises(InputError, match=r"truth\.parquet"):
        truth(project)


def test_a_video_read_back_is_the_clip_with_its_truth(tmp_path, project):
    path = write_video(tmp_path / "night.mp4", 20, NIGHT, 3, 25, size=SMALL)
    write_video(tmp_path / "other.mp4", 12, NIGHT, 4, 25, size=SMALL)  # its truth lies beside
    project.add_frames(path)
    frames = project.frames()
    assert list(frames["index"]) == list(range(20))
    assert frames["time_s"].iloc[-1] == pytest.approx(19 / 25)
    scenes = list(clip(scene_seed("video", 3), NIGHT, 20, SMALL, leaves=1, enters=1))
    with FrameReader(project.root) as reader:
        for frame, scene in zip(project.iter_frames(), scenes, strict=True):
            mine = np.abs(reader.read(frame).astype(int) - scene.image).mean()
            other = np.abs(reader.read(frame).astype(int) - scenes[frame.index - 8].image).mean()
            assert mine < 6
            assert mine < other
    assert_same(truth(project), scenes, list(frames["frame_id"]))


def test_stills_and_a_video_of_one_project_are_both_known(tmp_path, project):
    write_stills(tmp_path / "day", 3, DAY, size=SMALL)
    write_video(tmp_path / "night.mp4", 15, NIGHT, size=SMALL)
    project.add_frames([tmp_path / "night.mp4", tmp_path / "day"])
    table = truth(project)
    order = list(project.frames()["frame_id"])
    places = table["frame_id"].astype(object).map(order.index)
    assert places.is_monotonic_increasing
    assert set(places) == set(range(18))


def test_a_coco_dataset_says_the_same_as_the_truth(tmp_path, project):
    path = write_coco(tmp_path / "coco", 5, DAY, 1, size=SMALL)
    project.add_frames(path)
    table = truth(project)
    read = project.read_labels("coco", path)
    columns = ["frame_id", "label", "x1", "y1", "x2", "y2"]
    mine = table[columns].astype({"frame_id": object, "label": object})
    theirs = read[columns].astype({"frame_id": object, "label": object})
    pd.testing.assert_frame_equal(
        mine.sort_values(columns).reset_index(drop=True),
        theirs.sort_values(columns).reset_index(drop=True),
    )
    data = json.loads(path.read_text())
    bolt = data["categories"][1]
    assert (bolt["name"], bolt["keypoints"]) == ("bolt", ["head", "tip"])
    for a in data["annotations"]:
        rle = Rle(*a["segmentation"]["size"], a["segmentation"]["counts"])
        assert decode_mask(rle).sum() == a["area"]
        assert ("keypoints" in a) == (a["category_id"] == 2)


def test_two_seeds_are_two_sets_and_one_seed_is_one(tmp_path):
    def written(name, seed):
        paths = write_stills(tmp_path / name, 2, DAY, seed, size=SMALL)
        return {p.read_bytes() for p in paths}

    assert written("a", 0) == written("b", 0)
    assert not written("a", 0) & written("c", 1)


def test_bad_targets_and_arguments_are_named_and_leave_nothing_behind(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(LabkitError, match="Cannot write"):
        write_stills(tmp_path / "file", 1, size=SMALL)
    with pytest.raises(LabkitError, match="Cannot write"):
        write_video(tmp_path / "file" / "a.mp4", 12, size=SMALL)
    with pytest.raises(InputError, match="even"):
        write_video(tmp_path / "a.mp4", 12, size=(193, 256))
    with pytest.raises(InputError, match="at least one scene"):
        write_stills(tmp_path / "none", 0)
    with pytest.raises(InputError, match="'gif'"):
        write_stills(tmp_path / "gifs", 1, size=SMALL, format="gif")
    with pytest.raises(InputError, match=r"'\.unheard'.*\.mp4"):
        write_video(tmp_path / "a.unheard", 12, size=SMALL)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
