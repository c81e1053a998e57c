"""The example of docs/how-to/add-a-format.md, used as a reader of the page would use it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from docs.how_to import blocks
from exchange.exchange_world import accept, image_frame, write_image

from labkit.cli.app import run
from labkit.core.errors import NotFoundError
from labkit.core.types import Shape
from labkit.exchange import FORMATS
from labkit.project import Project
from labkit.testing import check_format

(SOURCE,) = blocks("add-a-format.md")


@pytest.fixture
def csv_format() -> Iterator[None]:
    exec(compile(SOURCE, "add-a-format.md", "exec"), {"__name__": "csv_format"})
    yield
    del FORMATS._items["csv"]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Two accepted frames, one of them a background."""
    with Project.create(tmp_path / "p", labels=["person", "a;b"]) as p:
        files = [write_image(tmp_path / f"photos/{name}.jpg") for name in "ab"]
        p.append_frames([image_frame(file) for file in files])
        first, second = p.frames()["frame_id"]
        accept(p, first, [("person", Shape((1, 2, 30, 40))), ("a;b", Shape((0, 0, 64, 48)))])
        accept(p, second)
        yield p


def test_the_example_is_short() -> None:
    code = [line for line in SOURCE.splitlines() if line.strip()]
    assert len(code) <= 50  # with its docstrings


def test_it_exports_and_imports(csv_format, project: Project, tmp_path: Path) -> None:
    report = project.export("csv", tmp_path / "out", delimiter=";")
    assert (report.frames, report.objects, report.backgrounds) == (2, 2, 1)
    assert report.files == ("labels.csv",)
    assert (tmp_path / "out/labels.csv").read_text("utf-8").splitlines() == [
        "image;label;x1;y1;x2;y2",
        "images/a.jpg;person;1.0;2.0;30.0;40.0",
        'images/a.jpg;"a;b";0.0;0.0;64.0;48.0',
        "images/b.jpg;;;;;",
    ]
    with Project.create(tmp_path / "other", labels=project.labels) as other:
        other.add_frames(tmp_path / "photos")
        done = other.import_annotations(
            "csv", tmp_path / "out", delimiter=";", as_="decisions", reviewer="ana"
        )
        assert (done.frames, done.objects, done.problems) == (2, 2, ())
        table = other.annotations()
        assert sorted(table["label"]) == ["a;b", "person"]
        assert sorted(table["x2"]) == [30.0, 64.0]
    assert len(project.read_labels("csv", tmp_path / "out", delimiter=";")) == 2


def test_a_broken_row_is_listed_with_its_line(csv_format, project: Project, tmp_path) -> None:
    out = tmp_path / "out"
    project.export("csv", out)
    with (out / "labels.csv").open("a", encoding="utf-8") as file:
        file.write("images/b.jpg,person,1,2,x,4\nimages/gone.jpg,person,1,2,3,4\n")
    done = project.import_annotations("csv", out)
    assert [(p.file, p.line) for p in done.problems] == [("labels.csv", 5), ("labels.csv", 6)]
    assert "'x'" in done.problems[0].reason
    assert "size" in done.problems[1].reason
    assert done.objects == 2


def test_the_command_line_has_its_options(csv_format, project: Project, tmp_path, capsys) -> None:
    out = str(tmp_path / "out")
    assert run(["export", str(project.root), "csv", out, "--delimiter", "|"]) == 0
    assert (tmp_path / "out/labels.csv").read_text("utf-8").startswith("image|label|")
    assert run(["import", str(project.root), "csv", out, "--delimiter", "|"]) == 0
    assert "2 objects on 2 frames imported" in capsys.readouterr().out
    assert run(["export", str(project.root), "csv", out, "--delimter", "|"]) == 2
    assert "--delimiter" in capsys.readouterr().err
    assert run(["formats"]) == 0
    assert "labkit export: --delimiter  The character between" in capsys.readouterr().out


def test_it_passes_the_check(csv_format) -> None:
    check_format("csv", write={"delimiter": "\t"}, read={"delimiter": "\t"})


def test_an_entry_point_is_found_without_an_import(project: Project, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="No format is called 'csv'"):
        project.export("csv", tmp_path / "out")
    site = tmp_path / "site"
    (site / "my_csv-1.0.dist-info").mkdir(parents=True)
    (site / "my_csv.py").write_text(SOURCE.replace('@FORMATS.register("csv")\n', ""), "utf-8")
    (site / "my_csv-1.0.dist-info/METADATA").write_text("Name: my-csv\nVersion: 1.0\n")
    (site / "my_csv-1.0.dist-info/entry_points.txt").write_text(
        "[labkit.formats]\ncsv = my_csv:CsvFormat\n"
    )
    command = [str(project.root), "csv", str(tmp_path / "out"), "--delimiter", "\t"]
    script = f"import sys; sys.path.insert(0, {str(site)!r}); from labkit.cli.app import run; "
    script += f"sys.exit(run(['export', *{command!r}]))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out/labels.csv").read_text("utf-8").startswith("image\tlabel\t")
