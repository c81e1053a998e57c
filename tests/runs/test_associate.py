"""Detections become tracks: against the truth of the world, and after every kind of accident."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from labkit.core.errors import CancelledError, InputError, NotFoundError
from labkit.core.types import Attribute, Frame, Manifest, Proposal, Shape
from labkit.demo import DAY, world
from labkit.frames import FrameError
from labkit.project import Project
from labkit.store.proposals import RunStore

FRAMES = 24


class NoPixels:
    """A reader that must not be asked."""

    def read(self, frame: Frame):
        raise AssertionError("nobody needs pixels")


class Scenes:
    """Pixels of rendered clips, by frame id; some of them broken."""

    def __init__(self, images, broken=()) -> None:
        self.images, self.broken, self.read_ids = images, set(broken), []

    def read(self, frame: Frame):
        self.read_ids.append(frame.frame_id)
        if frame.frame_id in self.broken:
            raise FrameError("This frame cannot be read", "it is truncated")
        return self.images[frame.frame_id][1]


def frame_of(k: int, group: str, size=(384, 512), index=None) -> Frame:
    digest = hashlib.sha256(f"{group} {k}".encode()).hexdigest()[:16]
    at = k if index is None else index
    return Frame(digest, digest, f"{group}.mp4", at, size[1], size[0], at / 25, digest, group)


@pytest.fixture(scope="module")
def clips():
    """Two clips: ``{group: scenes}``."""
    return {f"v{seed}": list(world.clip(seed, DAY, FRAMES)) for seed in (3, 5)}


@pytest.fixture
def detected(tmp_path: Path, clips):
    """A project whose one run is the truth as a perfect detector would say it."""
    project = Project.create(tmp_path / "p", ["nut", "bolt", "washer"])
    images, proposals, frames, truth = {}, {}, [], {}
    for k in range(FRAMES):  # frames of both clips by turns: groups have to be told apart
        for group, scenes in clips.items():
            frame = frame_of(k, group)
            frames.append(frame)
            images[frame.frame_id] = group, scenes[k].image
            rows = [
                Proposal(frame.frame_id, n, o.label, 0.9, o.shape, attributes=(Attribute("n", n),))
                for n, o in enumerate(scenes[k].objects)
            ]
            proposals[frame.frame_id] = rows
            for n, o in enumerate(scenes[k].objects):
                truth[frame.frame_id, n] = (group, o.track_id)
    project.append_frames(frames)
    write_run(project, frames, proposals)
    yield project, images, truth
    project.close()


def write_run(project, frames, proposals, name="perfect") -> str:
    ids = [f.frame_id for f in frames]
    manifest = Manifest("", name, label_map={x: x for x in project.labels}, part_size=16)
    store = RunStore.create(project.root, manifest, ids)
    for part in range(store.n_parts):
        store.write_part(part, [p for f in store.part_frames(part) for p in proposals.get(f, [])])
    store.finish()
    return store.run_id


def kept_ids(rows: pd.DataFrame, truth) -> float:
    """Share of true objects on frames that have their true track's main id, which is its alone."""
    seen = defaultdict(Counter)
    for r in rows.rename(columns={"index": "at"}).itertuples():
        if not pd.isna(r.track_id):
            seen[truth[r.frame_id, r.at]][int(r.track_id)] += 1
    main = {who: c.most_common(1)[0][0] for who, c in seen.items()}
    owners = Counter(main.values())
    hits = sum(c[main[who]] for who, c in seen.items() if owners[main[who]] == 1)
    return hits / len(rows)


@pytest.mark.parametrize("with_", ["bytetrack", "botsort"])
def test_perfect_detections_keep_their_ids(detected, with_: str) -> None:
    project, images, truth = detected
    reader = Scenes(images) if with_ == "botsort" else NoPixels()
    run = project.associate(with_=with_, reader=reader, progress=None)
    rows, source = project.run(run).read(), project.run("r0001").read()
    assert kept_ids(rows, truth) > 0.95
    # nothing but the track is new
    by = ["frame_id", "index"]
    for frame in (rows, source):
        frame["frame_id"] = frame["frame_id"].astype(str)
    a, b = (f.sort_values(by).reset_index(drop=True) for f in (rows, source))
    for name in ("frame_id", "index", "score", "x1", "y2", "mask_counts", "attributes"):
        pd.testing.assert_series_equal(a[name], b[name])
    assert a["label"].astype(str).tolist() == b["label"].astype(str).tolist()
    manifest = project.run(run).manifest
    assert (manifest.kind, manifest.model, manifest.status) == ("tracker", with_, "finished")
    groups = rows["frame_id"].map({f: images[f][0] for f in images})
    assert groups.groupby(rows["track_id"]).nunique().max() == 1  # no track is in two videos


def walking(n: int, group: str = "v", score=lambda k: 0.9):
    """Frames with one box that walks to the right, and its proposals."""
    frames = [frame_of(k, group, (96, 400)) for k in range(n)]
    shapes = [Shape((10 + 4 * k, 20, 50 + 4 * k, 60)) for k in range(n)]
    return frames, {
        f.frame_id: [Proposal(f.frame_id, 0, "nut", score(k), s)]
        for k, (f, s) in enumerate(zip(frames, shapes, strict=True))
    }


@pytest.fixture
def project(tmp_path: Path):
    with Project.create(tmp_path / "q", ["nut"]) as made:
        yield made


def test_low_scores_go_on_with_a_track_but_begin_none(project) -> None:
    frames, proposals = walking(12, score=lambda k: 0.15 if k in (6, 7) else 0.9)
    low, weak = walking(12, "w", score=lambda k: 0.15)
    project.append_frames([*frames, *low])
    write_run(project, frames, proposals)
    write_run(project, low, weak)
    one = project.associate("r0001", progress=None)
    assert set(project.run(one).read()["track_id"]) == {1}
    job = project.associate("r0002", progress=None, wait=False)
    rows = project.run(job.result()).read()
    assert rows["track_id"].isna().all()
    assert len(rows) == 12  # nothing is lost
    assert "0 tracks, 12 detections without one" in job.progress.message
    counts = project.run(job.result()).manifest.counts
    assert counts == {"tracks": 0, "detections without track": 12}
    project.discard(job.result())
    assert project.run(job.result()).manifest.counts == counts
    strict = project.associate("r0001", params={"track_low_thresh": 0.2}, progress=None)
    assert sum(t is None for t in tracks_of(project, strict)) == 2


def tracks_of(project, run) -> list[int | None]:
    return [None if pd.isna(t) else int(t) for t in project.run(run).read()["track_id"]]


def test_a_track_has_its_first_frame_and_a_single_detection_is_none(project) -> None:
    frames, proposals = walking(10)
    later = frames[3:]
    for n, f in enumerate(later):  # a second object from the fourth frame on
        box = Shape((300 - 4 * n, 20, 340 - 4 * n, 60))
        proposals[f.frame_id].append(Proposal(f.frame_id, 1, "nut", 0.9, box))
    flash = Shape((200, 70, 220, 90))
    proposals[frames[5].frame_id].append(Proposal(frames[5].frame_id, 2, "nut", 0.9, flash))
    project.append_frames(frames)
    write_run(project, frames, proposals)
    rows = project.run(project.associate(progress=None)).read()
    by = rows.groupby("index")["track_id"].agg(["nunique", "count", "size"]).to_numpy().tolist()
    assert by == [[1, 10, 10], [1, 7, 7], [0, 0, 1]]


def test_frames_go_by_their_index_and_folders_by_adding(project) -> None:
    frames, proposals = walking(12)
    still = [Frame(f"{k:016x}", "s", f"{9 - k}.jpg", 0, 400, 96, None, "s", "d") for k in range(9)]
    for k, f in enumerate(still):
        box = Shape((20 + 8 * k, 20, 60 + 8 * k, 60))
        proposals[f.frame_id] = [Proposal(f.frame_id, 0, "nut", 0.9, box)]
    mixed = [*frames[6:], *still, *frames[:6]]
    project.append_frames(mixed)
    write_run(project, mixed, proposals)
    run = project.run(project.associate(progress=None))
    assert run.frame_ids == [f.frame_id for f in (*frames, *still)]
    assert tracks_of(project, run.run_id) == [1] * 12 + [2] * 9


def test_a_video_without_timestamps_goes_by_its_index_too(project) -> None:
    frames, proposals = walking(12)
    frames = [replace(f, time_s=None) for f in frames]
    project.append_frames([*frames[6:], *frames[:6]])
    write_run(project, frames, proposals)
    run = project.run(project.associate(progress=None))
    assert run.frame_ids == [f.frame_id for f in frames]
    assert tracks_of(project, run.run_id) == [1] * 12


def test_ids_are_never_given_twice_and_the_same_call_is_done_once(project) -> None:
    frames, proposals = walking(8)
    project.append_frames(frames)
    source = write_run(project, frames, proposals)
    first = project.associate(source, progress=None)
    again = project.associate(progress=None)  # the newest run is a tracker's and does not count
    other = project.associate(params={"track_buffer": 5}, progress=None)
    assert (first, again) == ("r0002-bytetrack", "r0002-bytetrack")
    assert set(tracks_of(project, first)) == {1}
    assert set(tracks_of(project, other)) == {2}
    assert project.run(other).manifest.params["track_buffer"] == 5


def test_replace_hides_the_detections(project) -> None:
    frames, proposals = walking(8)
    project.append_frames(frames)
    source = write_run(project, frames, proposals)
    beside = project.associate(progress=None)
    assert len(project.proposals()) == 16
    instead = project.associate(replace=True, progress=None)
    assert set(project.proposals()["run_id"]) == {beside, instead}
    assert len(project.proposals(source)) == 8


def test_a_killed_run_goes_on_with_the_same_ids(project) -> None:
    frames, proposals = walking(200)
    project.append_frames(frames)
    write_run(project, frames, proposals)
    calm = project.run(project.associate(progress=None))
    parts = sorted(calm.folder.glob("part-*.parquet"))
    assert len(parts) == 4
    want = [p.read_bytes() for p in parts]
    for p in parts[1:]:
        p.unlink()
    text = (calm.folder / "run.json").read_text()
    text = text.replace('"status": "finished"', '"status": "running"')
    (calm.folder / "run.json").write_text(text)
    assert project.associate(progress=None) == calm.run_id
    assert [p.read_bytes() for p in parts] == want
    assert project.run(calm.run_id).manifest.status == "finished"


def test_killed_before_any_track_was_written_it_gets_the_same_ids(project, monkeypatch) -> None:
    frames, proposals = walking(80)
    project.append_frames(frames)
    write_run(project, frames, proposals)
    write, written = RunStore.write_part, []

    def power_cut(store, part, *rest):
        written.append(part)
        raise KeyboardInterrupt

    monkeypatch.setattr(RunStore, "write_part", power_cut)
    with pytest.raises(KeyboardInterrupt):
        project.associate(progress=None)
    assert written
    monkeypatch.setattr(RunStore, "write_part", write)
    other = project.associate(params={"track_buffer": 5}, progress=None)
    run = project.associate(progress=None)
    assert project.runs()[1].run_id == run
    assert (set(tracks_of(project, run)), set(tracks_of(project, other))) == ({1}, {2})


def test_cancelled_and_called_again(detected) -> None:
    project, images, _ = detected

    class Cancels(Scenes):
        def read(self, frame):
            if len(self.read_ids) == 5:
                job.cancel()
            return super().read(frame)

    cancels = Cancels(images)
    job = project.associate(with_="botsort", reader=cancels, progress=None, wait=False)
    with pytest.raises(CancelledError):
        job.result()
    assert len(cancels.read_ids) < 10
    assert project.runs()[-1].status == "cancelled"
    whole = project.associate(with_="botsort", reader=Scenes(images), progress=None)
    assert whole == project.runs()[-1].run_id
    assert len(project.runs()) == 2


def test_botsort_reads_each_frame_once_and_goes_on_past_a_broken_one(detected) -> None:
    project, images, truth = detected
    reader = Scenes(images, broken=[sorted(images)[7]])
    job = project.associate(with_="botsort", reader=reader, progress=None, wait=False)
    rows = project.run(job.result()).read()
    rows["frame_id"] = rows["frame_id"].astype(str)
    assert sorted(reader.read_ids) == sorted(images)
    assert "1 frames could not be read: v" in job.progress.message
    assert kept_ids(rows, truth) > 0.9
    still = Scenes(images)
    project.associate(with_="botsort", params={"gmc_method": "none"}, reader=still, progress=None)
    assert still.read_ids == []


def test_a_run_without_detections(project) -> None:
    frames, _ = walking(3)
    project.append_frames(frames)
    write_run(project, frames, {})
    run = project.associate(progress=None)
    assert project.run(run).manifest.status == "finished"
    assert len(project.run(run).read()) == 0


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"with_": "bytetrak"}, NotFoundError, "did you mean 'bytetrack'"),
        ({"params": {"track_bufer": 3}}, NotFoundError, "did you mean 'track_buffer'"),
        ({"params": {"gmc_method": "orb"}}, NotFoundError, "No parameter of bytetrack"),
        ({"params": {"match_thresh": float("nan")}}, InputError, "finite"),
        ({"params": {"match_thresh": 3}}, InputError, "from 0 to 1"),
        ({"params": {"fuse_score": "no"}}, InputError, "True or False"),
        ({"params": {"track_buffer": -1}}, InputError, "whole number"),
        ({"with_": "botsort", "params": {"with_reid": True}}, InputError, "keeps no features"),
        ({"with_": "botsort", "params": {"gmc_method": "eyes"}}, InputError, "one of sparseOpt"),
        ({"run": "r0009"}, NotFoundError, "No run"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(project, options, error, words: str) -> None:
    frames, proposals = walking(3)
    project.append_frames(frames)
    write_run(project, frames, proposals)
    with pytest.raises(error, match=words) as caught:
        project.associate(progress=None, **options)
    assert "\n" not in str(caught.value)
    assert len(project.runs()) == 1


def test_only_a_finished_run_is_associated(project) -> None:
    with pytest.raises(NotFoundError, match="use predict first"):
        project.associate(progress=None)
    frames, _ = walking(3)
    project.append_frames(frames)
    RunStore.create(project.root, Manifest("", "m"), [f.frame_id for f in frames])
    with pytest.raises(InputError, match="it is running"):
        project.associate("r0001", progress=None)
