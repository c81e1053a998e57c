"""``labkit export``, ``import`` and ``formats``: a format's own options reach the command line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import pytest

from labkit.cli.app import run
from labkit.exchange import FORMATS, DatasetReader, DatasetWriter, Format
from labkit.project import Project


class Listing(Format):
    """One line per image."""

    def write(
        self,
        out: DatasetWriter,
        *,
        mark: str = "*",
        times: int = 1,
        order: Literal["as-is", "sorted"] = "as-is",
        loud: bool = False,
        end_with: Sequence[str] = (),
    ) -> None:
        """Write ``list.txt``.

        Parameters
        ----------
        mark : str
            What begins a line;
            any text.
        times : int
            How often it is repeated.
        order : {'as-is', 'sorted'}
            The order of the lines.
        loud : bool
            Whether names are in capitals.
        end_with : sequence of str
            Lines at the end.
        """
        lines = [f"{mark * times}{i.file}{len(i.objects)}" for i in out.images()]
        lines = sorted(lines) if order == "sorted" else lines
        lines = [line.upper() if loud else line for line in lines]
        out.file("list.txt").write_text("\n".join([*lines, *end_with]))


@pytest.fixture
def listing() -> Iterator[None]:
    FORMATS.register("listing")(Listing)
    yield
    del FORMATS._items["listing"]


def labkit(*args: object) -> int:
    return run([str(a) for a in args])


def test_options_of_a_new_format_are_in_the_help(listing, capsys) -> None:
    assert labkit("export", "--help") == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "--task detect|segment|pose|obb yolo:" in text
    assert "--mark <str> listing: What begins a line; any text." in text
    assert "--times <int> listing: How often it is repeated." in text
    assert "--order as-is|sorted listing: The order of the lines." in text
    assert "--loud / --no-loud listing:" in text
    assert "--end-with" in text


def test_formats_are_listed_with_their_options(listing, capsys) -> None:
    assert labkit("formats") == 0
    lines = capsys.readouterr().out.splitlines()
    assert "listing: One line per image." in lines
    assert any(line.startswith("  labkit export: --times  How often") for line in lines)
    assert any("labkit import: --names" in line for line in lines)
    assert lines[lines.index("listing: One line per image.") + 6] == "  cannot import"


def test_options_of_a_new_format_reach_it(listing, project, tmp_path, capsys) -> None:
    out = tmp_path / "out"
    given = ["--mark", "+", "--times", "2", "--loud", "--order", "sorted", "--end-with", "x,y"]
    assert labkit("export", project, "listing", out, "--include", "scripted", *given) == 0
    lines = (out / "list.txt").read_text().splitlines()
    assert lines[-2:] == ["x", "y"]
    assert len(lines) == 14
    assert all(line.startswith("++IMAGES/") for line in lines[:-2])
    assert lines[:-2] == sorted(lines[:-2])
    given = ["--end-with", "a, b", "--end-with", "c", "--no-loud"]  # repeated, each is whole
    assert labkit("export", project, "listing", out, "--include", "scripted", *given) == 0
    assert (out / "list.txt").read_text().splitlines()[-2:] == ["a, b", "c"]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["export", "P", "yolo", "OUT", "--task", "segmnt"], "did you mean 'segment'?"),
        (["export", "P", "yolo", "OUT", "--tsk", "segment"], "--task"),
        (["export", "P", "coco", "OUT", "--task", "segment"], "No option of the format coco is"),
        (["export", "P", "listing", "OUT", "--times", "two"], "--times two cannot be used"),
        (["export", "P", "listing", "OUT", "--mark", "a", "--mark", "b"], "--mark is given twice"),
        (["export", "P", "listing", "OUT", "--order", "sort"], "did you mean 'sorted'?"),
        (["export", "P", "coco", "OUT", "--include", "all", "--by", "video"], "auto, group, frame"),
        (["import", "P", "listing", "OUT"], "This format can only be exported"),
        (["import", "P", "coco", "OUT", "--names", "a,b"], "No option of the format coco is"),
    ],
)
def test_a_wrong_option_is_one_line_with_the_nearest(
    listing, project, tmp_path, args, says, capsys
) -> None:
    places = {"P": project, "OUT": tmp_path / "out"}
    assert labkit(*(places.get(a, a) for a in args)) == 2
    err = capsys.readouterr().err
    assert says in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_format_that_can_only_be_read_says_so(project, tmp_path, capsys) -> None:
    class ReadOnly(Format):
        """Reads nothing."""

        def read(self, source: DatasetReader) -> None:
            """Read nothing."""

    FORMATS.register("read-only")(ReadOnly)
    try:
        assert labkit("formats") == 0
        assert "read-only: Reads nothing.\n  cannot export" in capsys.readouterr().out
        out = tmp_path / "out"
        assert labkit("export", project, "read-only", out, "--include", "scripted") == 2
        assert "can only be imported" in capsys.readouterr().err
        assert not out.exists()
    finally:
        del FORMATS._items["read-only"]


def test_export_and_import_of_a_dataset(project, tmp_path, capsys):
    out = tmp_path / "coco"
    assert labkit("export", project, "coco", out, "--include", "scripted") == 0
    assert "12 frames" in capsys.readouterr().out
    assert labkit("import", project, "coco", out) == 0
    with Project.open(project, read_only=True) as p:
        assert [m.kind for m in p.runs()] == ["detector", "import"]
