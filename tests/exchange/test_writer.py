"""``DatasetWriter``: what every export format gets, done once."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest
from exchange.exchange_world import FakeReader, accept

from labkit.core.errors import InputError, NotFoundError
from labkit.core.types import Shape
from labkit.exchange import FORMATS, DatasetWriter, ExportReport, Format, export
from labkit.exchange.format import open_format
from labkit.store import ProjectStore

BOX = Shape((1, 2, 30, 20))


class Probe(Format):
    """Hands the writer to a function."""

    only_split: ClassVar[str] = "all"
    sidecar: ClassVar[bool] = True

    def __init__(self, work: Callable[[DatasetWriter], None]) -> None:
        self.work = work

    def write(self, out: DatasetWriter) -> None:
        """Write it."""
        self.work(out)


@pytest.fixture
def run(project: ProjectStore, ids: list[str], tmp_path: Path):
    """Exports three frames, of which the last is a background, with a function."""
    accept(project, ids[0], [("car", BOX), ("person", BOX)])
    accept(project, ids[1], [("car", BOX)])
    accept(project, ids[2])

    def of(work: Callable[[DatasetWriter], None], **how: object) -> ExportReport:
        return export(project, Probe(work), tmp_path / "out", **how)

    return of


def test_images_are_in_place_before_they_are_handed_out(run, tmp_path: Path) -> None:
    seen: list[tuple[str, str, int, bool]] = []

    def work(out: DatasetWriter) -> None:
        assert (out.splits, out.was_split) == (("all",), False)
        for image in out.images():
            written = (out.folder / image.file).is_file()
            seen.append((image.file, image.split, len(image.objects), written))

    report = run(work)
    assert seen == [
        ("images/all/a.jpg", "all", 2, True),
        ("images/all/b.jpg", "all", 1, True),
        ("images/all/c.jpg", "all", 0, True),
    ]
    assert (report.format, report.frames, report.objects, report.backgrounds) == ("Probe", 3, 3, 1)
    assert report.splits == {}
    with (tmp_path / "out/frames.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r["image"], r["split"]) for r in rows] == [(name, "") for name, *_ in seen]


def test_splits_are_folders_and_counted(run) -> None:
    def work(out: DatasetWriter) -> None:
        assert (out.splits, out.was_split) == (("train", "val"), True)
        assert {i.file.split("/")[1] for i in out.images()} == {"train", "val"}

    report = run(work, split={"train": 0.5, "val": 0.5}, by="frame")
    assert sum(report.splits.values()) == 3


def test_what_is_left_out_is_not_counted_and_may_leave_a_background(run) -> None:
    def work(out: DatasetWriter) -> None:
        for image in out.images():
            for item in image.objects:
                if item.label == "car":
                    out.leave_out()
        out.note("no cars")

    report = run(work)
    assert (report.objects, report.backgrounds) == (1, 2)
    assert "no cars" in report.notes


def test_a_frame_that_cannot_be_read_never_comes(run, tmp_path: Path) -> None:
    (tmp_path / "photos/b.jpg").unlink()
    seen: list[str] = []
    report = run(lambda out: seen.extend(i.stem for i in out.images()), reader=FakeReader())
    assert seen == ["a", "c"]
    assert [f.uri for f in report.failures] == [str(tmp_path / "photos/b.jpg")]


def test_a_file_outside_the_export_is_refused(run, tmp_path: Path) -> None:
    for name in ("../x.txt", str(tmp_path / "x.txt"), "images/../../x"):
        with pytest.raises(InputError, match="outside"):
            run(lambda out, name=name: out.file(name))
    assert not (tmp_path / "out").exists()


def test_images_are_gone_through_once(run) -> None:
    def work(out: DatasetWriter) -> None:
        assert len(list(out.images())) == 3
        list(out.images())

    with pytest.raises(RuntimeError, match="only once"):
        run(work)


def test_a_format_is_a_name_a_class_or_an_object(project, ids, tmp_path: Path) -> None:
    accept(project, ids[0])
    coco = FORMATS["coco"]
    assert isinstance(coco, type)
    for number, what in enumerate(("coco", coco, coco())):
        assert export(project, what, tmp_path / str(number)).format == "coco"
        assert open_format(what)[0] == "coco"
    with pytest.raises(NotFoundError, match="did you mean 'coco'"):
        export(project, "cocoo", tmp_path / "out")
    for wrong in (3, object, lambda: None):
        with pytest.raises(InputError, match="is not a format"):
            export(project, wrong, tmp_path / "out")
    with pytest.raises(InputError, match="is not a format"):
        FORMATS.register("wrong")(object)
