"""What is exported: people's decisions, and by name anything else; and where it may go."""

from __future__ import annotations

import csv
import errno
from pathlib import Path

import pytest
from exchange.exchange_world import accept, add_run, decide

from labkit.core.errors import CancelledError, InputError, LabkitError, StoreError
from labkit.core.types import AnnotatedObject, Proposal, Shape
from labkit.exchange import export

BOX = Shape((1, 2, 30, 20))


def labels_of(out: Path) -> dict[str, int]:
    return {p.stem: len(p.read_text().splitlines()) for p in (out / "labels").rglob("*.txt")}


def rows_of(out: Path, name: str = "provenance.csv") -> list[dict[str, str]]:
    with (out / name).open(newline="") as f:
        return list(csv.DictReader(f))


def test_scripted_decisions_only_by_name_and_marked(project, ids, tmp_path: Path) -> None:
    accept(project, ids[0], [("car", BOX)])
    accept(project, ids[1], [("car", BOX), ("car", BOX)], scripted=True)
    report = export(project, "yolo", tmp_path / "out")
    assert labels_of(tmp_path / "out") == {"a": 1}
    assert any("1 frames rest on scripted" in n and "left out" in n for n in report.notes)
    report = export(project, "yolo", tmp_path / "out", include="scripted")
    assert labels_of(tmp_path / "out") == {"a": 1, "b": 2}
    assert [r["scripted"] for r in rows_of(tmp_path / "out")] == ["0", "1", "1"]
    assert [r["scripted"] for r in rows_of(tmp_path / "out", "frames.csv")] == ["0", "1"]
    assert any("marked" in n for n in report.notes)


def test_a_script_that_changes_an_accepted_frame_takes_its_name_off(project, ids, tmp_path) -> None:
    accept(project, ids[0], [("car", BOX)])
    accept(project, ids[1], [("car", BOX)])
    new = AnnotatedObject("o1", ids[1], "car", BOX)
    decide(project, "add", ids[1], scripted=True, object_id="o1", after=new.to_json())
    export(project, "yolo", tmp_path / "out")
    assert labels_of(tmp_path / "out") == {"a": 1}


def test_all_takes_undecided_proposals_from_conf_up(project, ids, tmp_path: Path) -> None:
    run = add_run(
        project,
        [
            Proposal(ids[0], 0, "car", 0.9, BOX),
            Proposal(ids[1], 0, "car", 0.7, BOX),  # at the threshold, as float32
            Proposal(ids[1], 1, "car", 0.5, BOX),
            Proposal(ids[2], 0, "car", 0.9, BOX),
        ],
        conf=0.7,
    )
    decide(project, "accept_frame", ids[0])  # its proposal stays undecided: below what was shown
    decide(project, "reject_frame", ids[2])
    report = export(project, "yolo", tmp_path / "out", include="all")
    assert labels_of(tmp_path / "out") == {"a": 0, "b": 1}
    (row,) = rows_of(tmp_path / "out")
    assert (row["verdict"], row["run"], row["reviewer"]) == ("none", run, "")
    assert float(row["score"]) == pytest.approx(0.7)
    verdicts = {r["image"]: r["verdict"] for r in rows_of(tmp_path / "out", "frames.csv")}
    assert verdicts == {"images/train/a.jpg": "accepted", "images/train/b.jpg": "none"}
    assert report.hand == (ids[2],)
    assert any("nobody has accepted" in n and run in n for n in report.notes)
    assert any("hand-label list" in line for line in report.lines())


def test_rejected_objects_and_open_frames_stay_out(project, ids, tmp_path: Path) -> None:
    add_run(project, [Proposal(ids[0], 0, "car", 0.9, BOX), Proposal(ids[0], 1, "car", 0.9, BOX)])
    run = project.runs()[0].run_id
    for index, kind in enumerate(("accept", "reject")):
        item = AnnotatedObject(f"{run}/{ids[0]}/{index}", ids[0], "car", BOX)
        side = "after" if kind == "accept" else "before"
        more = {side: item.to_json()}
        decide(project, kind, ids[0], object_id=item.object_id, run_id=run, **more)
    decide(project, "accept_frame", ids[0])
    new = AnnotatedObject("o", ids[1], "car", BOX)
    decide(project, "add", ids[1], object_id="o", after=new.to_json())
    decide(project, "skip", ids[2])
    report = export(project, "yolo", tmp_path / "out", include="decided")
    assert labels_of(tmp_path / "out") == {"a": 1}
    assert any("1 frames were begun" in n for n in report.notes)
    assert any("1 frames were skipped" in n for n in report.notes)


def test_undone_acceptance_is_none(project, ids, tmp_path: Path) -> None:
    accept(project, ids[0])
    decide(project, "accept_frame", ids[1], step="s")
    decide(project, "undo", ids[1], target="s")
    export(project, "yolo", tmp_path / "out")
    assert labels_of(tmp_path / "out") == {"a": 0}


def test_a_label_that_the_project_lacks_is_counted(project, ids, tmp_path: Path) -> None:
    accept(project, ids[0], [("car", BOX), ("ghost", BOX)])
    report = export(project, "yolo", tmp_path / "out")
    assert report.objects == 1
    assert any("'ghost'" in n for n in report.notes)


def test_decisions_on_frames_that_are_gone_are_no_matter(project, ids, tmp_path: Path) -> None:
    accept(project, ids[0], [("car", BOX)])
    accept(project, "f" * 16, [("car", BOX)])
    assert export(project, "yolo", tmp_path / "out").objects == 1


def test_nothing_to_export(project, ids, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no frame has been accepted"):
        export(project, "yolo", tmp_path / "out")
    accept(project, ids[0], scripted=True)
    with pytest.raises(InputError, match="include='scripted'"):
        export(project, "yolo", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"include": "humans"}, "did you mean 'human'"),
        ({"format": "yolov5"}, "did you mean 'yolo'"),
        ({"images": "move"}, "images"),
        ({"tsak": "segment"}, "did you mean 'task'"),
        ({"split": {"train": 2}}, "share"),
        ({"split": {"a": 1.0}, "by": "folder"}, "folder"),
    ],
)
def test_unknown_arguments(project, ids, tmp_path, given: dict, message: str) -> None:
    accept(project, ids[0])
    with pytest.raises(LabkitError, match=message):
        export(project, given.pop("format", "yolo"), tmp_path / "out", **given)
    assert not (tmp_path / "out").exists()


# ---- where it goes


def test_an_earlier_export_is_replaced_whole(project, ids, tmp_path: Path) -> None:
    accept(project, ids[0])
    export(project, "coco", tmp_path / "out")
    export(project, "yolo", tmp_path / "out")
    assert not (tmp_path / "out/annotations.json").exists()
    assert (tmp_path / "out/data.yaml").is_file()
    left = {p.name for p in tmp_path.iterdir()}
    assert left == {"out", "project", "photos"}


def test_other_peoples_files_are_never_replaced(project, ids, tmp_path: Path) -> None:
    accept(project, ids[0])
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.tex").write_text("x")
    with pytest.raises(InputError, match="not an export of labkit"):
        export(project, "yolo", tmp_path / "mine")
    export(project, "yolo", tmp_path / "out")
    (tmp_path / "out/weights.pt").write_text("x")
    with pytest.raises(InputError, match=r"did not write: weights\.pt"):
        export(project, "yolo", tmp_path / "out")
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="it is a file"):
        export(project, "yolo", tmp_path / "file")
    assert (tmp_path / "mine/thesis.tex").read_text() == "x"


def test_a_target_below_a_file_is_one_line(project, ids, tmp_path: Path) -> None:
    accept(project, ids[0])
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="could not be written") as caught:
        export(project, "yolo", tmp_path / "file" / "out")
    assert "\n" not in str(caught.value)


def test_a_full_disk_leaves_the_old_export(project, ids, tmp_path, monkeypatch) -> None:
    accept(project, ids[0], [("car", BOX)])
    export(project, "yolo", tmp_path / "out")
    before = (tmp_path / "out/labels/train/a.txt").read_text()
    write_bytes = Path.write_bytes

    def full(self: Path, data: bytes) -> int:
        if self.suffix == ".jpg":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_bytes(self, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StoreError, match="No space left") as caught:
        export(project, "yolo", tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert (tmp_path / "out/labels/train/a.txt").read_text() == before
    assert {p.name for p in tmp_path.iterdir()} == {"out", "project", "photos"}


def test_progress_is_told_and_can_cancel(project, ids, tmp_path: Path) -> None:
    for frame_id in ids:
        accept(project, frame_id)
    calls = []
    export(project, "coco", tmp_path / "out", on_progress=lambda n, m: calls.append((n, m)))
    assert calls == [(0, 3), (1, 3), (2, 3), (3, 3)]

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise CancelledError("The export was cancelled")

    with pytest.raises(CancelledError):
        export(project, "coco", tmp_path / "out2", on_progress=stop)
    assert not (tmp_path / "out2").exists()


def test_all_images_gone(project, ids, tmp_path: Path) -> None:
    accept(project, ids[0])
    (tmp_path / "photos/a.jpg").unlink()
    with pytest.raises(InputError, match="Nothing was exported"):
        export(project, "yolo", tmp_path / "out")


def test_two_runs_are_not_twice_as_many_objects(project, ids, tmp_path: Path) -> None:
    near = Shape((1.5, 2, 30, 20.5))
    first = add_run(project, [Proposal(i, 0, "car", 0.9, BOX) for i in ids[:2]], conf=0.5)
    second = add_run(project, [Proposal(i, 0, "car", 0.8, near) for i in ids[:2]], conf=0.5)
    export(project, "yolo", tmp_path / "out", include="all")
    assert labels_of(tmp_path / "out")["a"] == labels_of(tmp_path / "out")["b"] == 1
    assert {r["run"] for r in rows_of(tmp_path / "out")} == {second}
    # what a person has accepted of the first run covers what the second says of it
    item = AnnotatedObject(f"{first}/{ids[0]}/0", ids[0], "car", BOX)
    given = {"object_id": item.object_id, "run_id": first, "after": item.to_json()}
    decide(project, "accept", ids[0], **given)
    export(project, "yolo", tmp_path / "out", include="all")
    assert labels_of(tmp_path / "out")["a"] == labels_of(tmp_path / "out")["b"] == 1
    assert sorted(r["run"] for r in rows_of(tmp_path / "out")) == [first, second]


def test_one_reviewer_s_work_alone(project, ids, tmp_path: Path) -> None:
    accept(project, ids[0], [("car", BOX)])
    accept(project, ids[0], [("car", BOX), ("car", BOX)], reviewer="bo")
    accept(project, ids[1], [("car", BOX)], reviewer="bo")
    export(project, "yolo", tmp_path / "out", reviewer="ana")
    assert labels_of(tmp_path / "out") == {"a": 1}
    export(project, "yolo", tmp_path / "out", reviewer="bo")
    assert labels_of(tmp_path / "out") == {"a": 2, "b": 1}
    assert {r["reviewer"] for r in rows_of(tmp_path / "out")} == {"bo"}
    with pytest.raises(LabkitError, match="did you mean 'ana'"):
        export(project, "yolo", tmp_path / "out2", reviewer="anna")
    assert not (tmp_path / "out2").exists()


def test_all_with_the_proposals_of_the_runs_that_are_named(project, ids, tmp_path: Path) -> None:
    accept(project, ids[2], [("car", BOX)])
    first = add_run(project, [Proposal(ids[0], 0, "car", 0.9, BOX)])
    second = add_run(project, [Proposal(ids[0], 0, "person", 0.9, BOX)])

    def runs(run: object) -> list[str]:
        export(project, "yolo", tmp_path / "out", include="all", run=run)
        return [r["run"] for r in rows_of(tmp_path / "out")]

    assert runs(None) == [second, ""]  # and the object that ana has drawn
    assert runs(first) == runs(first.split("-")[0]) == [first, ""]
    assert runs([first, second]) == [second, ""]
    with pytest.raises(LabkitError, match="No run is called"):
        runs("r0009")
