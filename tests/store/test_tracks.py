"""Track ids, runs that replace tracks of others, and runs that nobody wants."""

from __future__ import annotations

import hashlib
import json
import threading
from datetime import UTC, datetime

import pandas as pd
import pytest
from filelock import FileLock

from labkit.core.errors import InputError
from labkit.core.types import Decision, Frame, Manifest, Proposal, Shape
from labkit.store.project import ProjectStore
from labkit.store.proposals import RunStore


def frame(k: int) -> Frame:
    digest = hashlib.sha256(str(k).encode()).hexdigest()
    return Frame(digest[:16], digest, f"{k}.png", 0, 64, 48, None, digest, "g")


FRAMES = [frame(k) for k in range(4)]
IDS = [f.frame_id for f in FRAMES]


@pytest.fixture
def project(tmp_path):
    with ProjectStore.create(tmp_path / "p", ["cup"]) as made:
        made.append_frames(FRAMES)
        yield made


def run(project, ids, frames=IDS, kind="tracker", **manifest) -> str:
    store = RunStore.create(project.root, Manifest("", "m", kind=kind, **manifest), frames)
    found = [
        Proposal(f, k, "cup", 0.9, Shape((1, 1, 9, 9)), track_id=t)
        for f in frames
        for k, t in enumerate(ids)
    ]
    store.write_part(0, found)
    store.finish()
    return store.run_id


def shown(project) -> set[tuple[str, int, int | None]]:
    df = project.proposals()
    track = [None if pd.isna(t) else int(t) for t in df["track_id"].astype(object)]
    return set(
        zip(df["run_id"].str[:5], [IDS.index(f) for f in df["frame_id"]], track, strict=True)
    )


def test_a_run_replaces_only_its_tracks_on_its_frames(project):
    first = run(project, [1, 2, None])
    run(project, [2], frames=IDS[2:], replaces=[first], tracks=[2])
    want = {("r0001", k, t) for k in range(4) for t in (1, None)}
    want |= {("r0001", 0, 2), ("r0001", 1, 2), ("r0002", 2, 2), ("r0002", 3, 2)}
    assert shown(project) == want


def test_a_discarded_run_hides_nothing_and_is_never_the_newest(project):
    first = run(project, [1])
    second = run(project, [1], frames=IDS[1:], replaces=[first])
    assert len(shown(project)) == 4
    assert project.run(second).discard().status == "discarded"
    assert shown(project) == {("r0001", k, 1) for k in range(4)}
    assert project.run().run_id == first
    assert len(project.proposals(second)) == 3  # by its name it is still to be seen


def test_a_run_at_work_is_not_discarded(project):
    store = project.run(run(project, [1]))
    with FileLock(store.folder / ".lock"), pytest.raises(InputError, match="being worked on"):
        store.discard()
    assert project.run(store.run_id).manifest.status == "finished"


def test_an_old_manifest_is_read(project):
    folder = project.run(run(project, [1])).folder
    data = json.loads((folder / "run.json").read_text())
    del data["tracks"]
    (folder / "run.json").write_text(json.dumps(data))
    assert tuple(project.runs()[0].tracks) == ()
    assert len(project.proposals()) == 4


def test_track_ids_are_never_given_twice(project):
    assert project.claim_tracks([None, 7, None, 7]) == [8, 7, 9, 10]
    assert project.claim_tracks([3, None]) == [11, 12]
    assert project.claim_tracks([None], "r0009-m") == [13]
    assert project.claim_tracks([None], "r0009-m") == [13]  # the run was killed and goes on
    run(project, [40])
    assert project.claim_tracks([None]) == [41]
    after = {"label": "cup", "shape": {"box": [0, 0, 4, 4]}, "track_id": 90}
    now = datetime.now(UTC)
    given = Decision("d", "s", "add", IDS[0], "ana", "1", now, object_id="x", after=after)
    project.ledger.append([given])
    assert project.claim_tracks([90, 91]) == [92, 91]


def test_two_at_once_get_different_ids(project):
    got: list[int] = []
    threads = [
        threading.Thread(target=lambda: got.extend(project.claim_tracks([None] * 3)))
        for _ in range(6)
    ]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(got) == list(range(1, 19))
