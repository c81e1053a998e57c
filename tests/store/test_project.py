"""A project keeps what it is given: frames, runs, decisions; and says what it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

from labkit.core.errors import InputError, NotFoundError, StaleDecisionError, StoreError
from labkit.core.rows import attributes_from_json, object_from_row, shape_from_row
from labkit.core.types import (
    Attribute,
    Decision,
    Frame,
    FrameFailure,
    LabelChoice,
    Manifest,
    Proposal,
    Rle,
    Shape,
)
from labkit.ledger.geometry import geometry_from_json
from labkit.ledger.table import META
from labkit.store import ProjectStore, RunStore


def frame(k: int) -> Frame:
    name = f"{k:016x}"
    return Frame(name, name, f"img {k}'\".jpg", 0, 640, 480, None, name, "g")


def decision(kind: str = "accept", frame_id: str = "f", **given: object) -> Decision:
    base = Decision(
        decision_id=uuid4().hex,
        step=uuid4().hex,
        kind=kind,
        frame_id=frame_id,
        reviewer="ana",
        session_id="s",
        time=datetime.now(UTC),
    )
    return replace(base, **given)


@pytest.fixture
def project(tmp_path: Path):
    with ProjectStore.create(tmp_path / "p", labels=["person", 'größe "q"']) as p:
        yield p


def test_settings_survive(project: ProjectStore) -> None:
    project.add_labels(["third", "person"])
    again = ProjectStore.open(project.root)
    assert again.labels == ["person", 'größe "q"', "third"]
    assert again.name == "p"
    again.close()


def test_create_twice_and_open_nothing(project: ProjectStore, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="already"):
        ProjectStore.create(project.root)
    with pytest.raises(NotFoundError, match="no project"):
        ProjectStore.open(tmp_path / "nowhere")


def test_skeletons_stay_with_their_labels(tmp_path: Path) -> None:
    bolt = {"names": ["head", "tip"], "limbs": [(0, 1)]}
    with ProjectStore.create(tmp_path / "p", labels=["bolt"], skeletons={"bolt": bolt}) as p:
        p.add_labels(["person", 'größe "q"'])
        with ProjectStore.open(tmp_path / "p") as other:
            other.set_skeleton("person", "coco-person")
        p.set_skeleton('größe "q"', ["oben", "unten"])  # what the other has set is still there
        p.set_skeleton("bolt", None)
        with pytest.raises(InputError, match="nobody"):
            p.set_skeleton("nobody", ["a"])
    with ProjectStore.open(tmp_path / "p", read_only=True) as again:
        assert list(again.skeletons) == ["person", 'größe "q"']
        assert again.skeletons["person"].names[0] == "nose"
        assert again.skeletons['größe "q"'].names == ("oben", "unten")
        with pytest.raises(StoreError, match="read-only"):
            again.set_skeleton("person", None)


@pytest.mark.parametrize("labels", ["person", ["a", "a"], [""], ["a\nb"]])
def test_unusable_labels(tmp_path: Path, labels: object) -> None:
    with pytest.raises(InputError) as caught:
        ProjectStore.create(tmp_path / "q", labels=labels)
    assert "\n" not in str(caught.value)


def test_newer_schema_is_refused(project: ProjectStore) -> None:
    text = (project.root / "project.toml").read_text()
    (project.root / "project.toml").write_text(text.replace("schema = 1", "schema = 99"))
    with pytest.raises(StoreError, match="schema 99"):
        ProjectStore.open(project.root)
    (project.root / "project.toml").write_text(text)
    with project.ledger._engine.begin() as c:
        c.execute(sa.update(META).values(value="77"))
    with pytest.raises(StoreError, match="schema 77"):
        ProjectStore.open(project.root)


def test_frames_are_added_once(project: ProjectStore) -> None:
    assert len(project.append_frames([frame(1), frame(2), frame(1)])) == 2
    assert [f.frame_id for f in project.append_frames([frame(2), frame(3)])] == [frame(3).frame_id]
    assert list(project.iter_frames()) == [frame(1), frame(2), frame(3)]
    assert project.frame(frame(2).frame_id) == frame(2)
    with pytest.raises(NotFoundError, match="No frame"):
        project.frame("nope")


def test_a_moved_file_keeps_its_frame(project: ProjectStore, tmp_path: Path) -> None:
    stays = tmp_path / "stays.jpg"
    stays.touch()
    project.append_frames(
        [replace(frame(1), uri=str(stays)), replace(frame(2), uri="/gone/2.jpg"), frame(3)]
    )
    again = [replace(frame(k), uri=f"/new/{k}.jpg") for k in (1, 2)]
    assert project.append_frames(again) == []
    assert [f.uri for f in project.iter_frames()] == [str(stays), "/new/2.jpg", frame(3).uri]


FULL = Proposal(
    frame(1).frame_id,
    0,
    "person",
    0.75,
    Shape(
        (1.5, 2.5, 30.25, 40.0),
        rotated=(15.0, 20.0, 10.0, 5.0, 0.5),
        polygons=((1.5, 2.5, 30.25, 2.5, 30.25, 40.0), (5.0, 5.0, 6.0, 5.0, 6.0, 6.0)),
        mask=Rle(480, 640, "abc"),
        keypoints=((1.0, 2.0, 0.5), (3.0, 4.0, 0.0)),
    ),
    (LabelChoice("pedestrian", 0.75), LabelChoice("car", 0.25)),
    (Attribute("color", "red", 0.5),),
    7,
)
PLAIN = Proposal(frame(1).frame_id, 1, "person", 0.25, Shape((0, 0, 10, 10)))


def make_run(project: ProjectStore, *, part_size: int = 1, **more: object) -> RunStore:
    ids = [frame(k).frame_id for k in (1, 2)]
    manifest = Manifest("", "weights/x y.pt", part_size=part_size, **more)
    return RunStore.create(project.root, manifest, ids, "x y")


def test_run_round_trip(project: ProjectStore) -> None:
    run = make_run(project)
    assert run.run_id == "r0001-x-y"
    assert run.missing_parts() == [0, 1]
    run.write_part(0, [FULL, PLAIN], dropped={"zebra": 2})
    assert run.missing_parts() == [1]
    run.write_part(1, [], [FrameFailure("img 2", "broken", frame(2).frame_id)], {"zebra": 1})
    done = run.finish()
    assert (done.proposals, done.dropped, done.status) == (2, {"zebra": 3}, "finished")
    assert project.runs() == [RunStore(run.folder).manifest]
    assert RunStore(run.folder).failed_frames() == {frame(2).frame_id}
    df = project.proposals()
    first, second = (object_from_row(row) for row in df.to_dict("records"))
    assert first.object_id == f"r0001-x-y/{frame(1).frame_id}/0"
    assert (first.shape, first.choices, first.attributes) == (
        FULL.shape,
        FULL.choices,
        FULL.attributes,
    )
    assert (first.track_id, second.track_id) == (7, None)
    assert second.shape == PLAIN.shape
    assert len(project.proposals("r0001", min_score=0.5)) == 1
    with pytest.raises(NotFoundError, match="No run"):
        project.proposals("r9")


def test_every_shape_comes_back_from_the_ledgers_json() -> None:
    shapes = [
        Shape((0, 1, 2, 3.5)),
        FULL.shape,
        Shape((5, 5, 9, 9), keypoints=((6.0, 6.5, 1.0),)),
        Shape((1, 1, 2, 2), mask=Rle(3, 4, 'd\\n"3')),
        Shape((1, 1, 2, 2), rotated=(1.5, 1.5, 1.0, 1.0, 0.25)),
    ]
    texts = [
        json.dumps({"label": 'a "attributes" b\n', "shape": s.to_json(), "track_id": k or None})
        for k, s in enumerate(shapes)
    ]
    texts[1] = texts[1][:-1] + ', "attributes": [["c", "red", 0.5], ["d", true, null]]}'
    df = geometry_from_json(texts)
    assert [shape_from_row(row) for row in df.to_dict("records")] == shapes
    assert df["track_id"].tolist() == [None, 1, 2, 3, 4]
    assert attributes_from_json(df["attributes"][1]) == (
        Attribute("c", "red", 0.5),
        Attribute("d", True, None),
    )
    assert df["attributes"].drop(1).isna().all()
    assert geometry_from_json([]).columns.tolist() == df.columns.tolist()


def test_same_content_gives_same_bytes(project: ProjectStore) -> None:
    a, b = make_run(project), make_run(project)
    for run in (a, b):
        run.write_part(0, [FULL, PLAIN])
    part = "part-000000.parquet"
    assert (a.folder / part).read_bytes() == (b.folder / part).read_bytes()
    with pytest.raises(StoreError, match="immutable"):
        a.write_part(0, [])


def test_replacing_hides_only_what_was_done_again(project: ProjectStore) -> None:
    old = make_run(project, part_size=2)
    on_second = replace(PLAIN, frame_id=frame(2).frame_id)
    old.write_part(0, [FULL, on_second])
    old.finish()
    new = make_run(project, part_size=2, replaces=[old.run_id])
    new.write_part(0, [PLAIN], [FrameFailure("img 2", "broken", frame(2).frame_id)])
    assert set(project.proposals()["run_id"]) == {old.run_id}
    new.finish()
    shown = project.proposals()[["run_id", "frame_id"]].astype(str).to_numpy().tolist()
    assert shown == [[old.run_id, frame(2).frame_id], [new.run_id, frame(1).frame_id]]


def test_a_decision_written_twice_is_there_once(project: ProjectStore) -> None:
    d = decision(after={"label": "person", "shape": {"box": [0, 0, 1, 1]}})
    assert project.ledger.append([d]) == project.ledger.append([d]) == [1]
    row = project.decisions().iloc[0]
    assert (row["label_after"], json.loads(row["after"])["shape"]) == (
        "person",
        {"box": [0, 0, 1, 1]},
    )
    assert project.ledger.frame("f") == [replace(d, seq=1)]


def test_a_stale_decision_is_refused_whole(project: ProjectStore) -> None:
    project.ledger.append([decision(frame_id="f", session_id="other", reviewer="ben")])
    with pytest.raises(StaleDecisionError, match="ben has decided"):
        project.ledger.append([decision(frame_id="f"), decision(frame_id="g")], {"f": 0})
    assert len(project.decisions()) == 1
    assert project.ledger.append([decision(frame_id="f")], {"f": 1}) == [2]


def test_many_threads_write_one_ledger(project: ProjectStore) -> None:
    def work() -> None:
        for _ in range(25):
            project.ledger.append([decision(), decision()])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert project.decisions()["seq"].tolist() == list(range(1, 201))


def test_read_only_refuses_and_leaves_the_folder_alone(project: ProjectStore) -> None:
    project.ledger.append([decision()])
    project.close()
    before = {p.name: p.stat().st_mtime_ns for p in project.root.iterdir()}
    with ProjectStore.open(project.root, read_only=True) as p:
        assert len(p.decisions()) == 1
        for refused in (
            lambda: p.ledger.append([decision()]),
            lambda: p.append_frames([frame(1)]),
            lambda: p.add_labels(["x"]),
        ):
            with pytest.raises(StoreError, match="read-only"):
                refused()
    assert {p.name: p.stat().st_mtime_ns for p in project.root.iterdir()} == before


def test_a_full_disk_is_one_line_and_the_old_file_stays(
    project: ProjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.append_frames([frame(1)])

    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("labkit.store.files.os.fsync", full)
    with pytest.raises(StoreError, match="disk is full") as caught:
        project.append_frames([frame(2)])
    assert "\n" not in str(caught.value)
    assert [f.frame_id for f in project.iter_frames()] == [frame(1).frame_id]
    assert not list(project.root.glob("*.tmp")) + list(project.root.glob(".*.tmp"))


WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4
from labkit.core.types import Decision
from labkit.store import ProjectStore

with ProjectStore.open(sys.argv[1]) as project:
    for _ in range(40):
        ids = [uuid4().hex for _ in range(3)]
        now = datetime.now(UTC)
        rows = [Decision(i, ids[0], "accept", "f", sys.argv[2], "s", now) for i in ids]
        project.ledger.append(rows)
        project.append_frames([])
    project.add_labels([sys.argv[2]])
"""


def test_two_processes_write_one_project(project: ProjectStore) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(project.root), name],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        )
        for name in ("ana", "ben")
    ]
    assert [w.wait(60) for w in writers] == [0, 0]
    rows = project.decisions()
    assert rows["seq"].tolist() == list(range(1, 241))
    assert rows["decision_id"].is_unique
    assert (rows.groupby("step")["seq"].agg(lambda s: s.max() - s.min()) == 2).all()  # never mixed
    with ProjectStore.open(project.root) as again:
        assert set(again.labels) >= {"ana", "ben"}


def test_a_ledger_on_a_full_disk_loses_nothing_and_goes_on(project: ProjectStore) -> None:
    """SQLite itself says that it is full, as on a real full disk."""
    engine = project.ledger._engine

    def limit(pages: int) -> None:
        with engine.connect() as c:
            c.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    with engine.connect() as c:
        used = c.exec_driver_sql("PRAGMA page_count").scalar()
    project.ledger.append([decision()])
    limit(used + 2)
    big = [decision(comment="x" * 5000) for _ in range(20)]
    with pytest.raises(StoreError, match="was not saved: the disk is full") as caught:
        project.ledger.append(big)
    assert "\n" not in str(caught.value)
    assert len(project.decisions()) == 1
    limit(1_000_000)
    assert len(project.ledger.append(big)) == 20


def test_the_ten_thousandth_run_is_newer_than_the_one_before(project: ProjectStore) -> None:
    manifest = Manifest("", "m", status="finished")
    first = RunStore.create(project.root, manifest, [])
    first.folder.rename(first.folder.with_name("r9999-m"))
    made = [RunStore.create(project.root, manifest, []).run_id for _ in range(2)]
    assert made == ["r10000-m", "r10001-m"]
    folders = [p.name for p in sorted((project.root / "runs").iterdir())]
    assert folders != ["r9999-m", *made]  # names sort otherwise
    assert [m.run_id for m in project.runs()][1:] == made
