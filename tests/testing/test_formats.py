"""``check_format``: labkit's own formats pass, and each thing that it checks can fail."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labkit.core.types import Shape
from labkit.exchange import DatasetReader, DatasetWriter, Format
from labkit.testing import ConformanceError, check_format


@pytest.mark.parametrize("name", ["yolo", "coco"])
def test_own_formats_pass(name: str) -> None:
    check_format(name)


class Json(Format):
    """A sound format, which the others spoil."""

    def lines(self, out: DatasetWriter) -> list[Any]:
        return [
            [image.file, [[item.label, *item.shape.box] for item in image.objects]]
            for image in out.images()
        ]

    def write(self, out: DatasetWriter) -> None:
        rows = self.lines(out)
        out.file("all.json").write_text(json.dumps(rows), encoding="utf-8")

    def read(self, source: DatasetReader) -> None:
        for name, objects in json.loads((source.root / "all.json").read_text("utf-8")):
            with source.attempt("all.json"):
                image = source.image(name)
                for label, *box in objects:
                    image.add(label, Shape(tuple(box)))


class ListsErrors(Json):
    """Reads a broken file as a problem."""

    def read(self, source: DatasetReader) -> None:
        with source.attempt("all.json"):
            Json.read(self, source)
        if not (source.root / "all.json").is_file():
            raise FileNotFoundError("all.json")


def test_a_sound_format_passes() -> None:
    check_format(Json)
    check_format(ListsErrors())


class NoBackgrounds(Json):
    def lines(self, out: DatasetWriter) -> list[Any]:
        return [row for row in super().lines(out) if row[1]]


class Shifted(Json):
    def lines(self, out: DatasetWriter) -> list[Any]:
        return [
            [name, [[label, x + 1, y, x2 + 1, y2] for label, x, y, x2, y2 in objects]]
            for name, objects in super().lines(out)
        ]


class FirstOnly(Json):
    def lines(self, out: DatasetWriter) -> list[Any]:
        rows = []
        for image in out.images():
            rows.append([image.file, []])
            if len(rows) > 1:
                break
        return rows


class LeavesOut(Json):
    def lines(self, out: DatasetWriter) -> list[Any]:
        rows = []
        for image in out.images():
            rows.append([image.file, [[o.label, *o.shape.box] for o in image.objects[1:]]])
            if image.objects:
                out.leave_out()
        return rows


class Outside(Json):
    def write(self, out: DatasetWriter) -> None:
        super().write(out)
        (out.folder.parent.parent / "stray.txt").write_text("x")


class EscapingFile(Json):
    def write(self, out: DatasetWriter) -> None:
        out.file("../all.json")


class Random(Json):
    def write(self, out: DatasetWriter) -> None:
        super().write(out)
        (out.folder / "salt").write_text(str(random.random()))


class Early(Json):
    def lines(self, out: DatasetWriter) -> list[Any]:
        table = out._bundle.frames[["split", "stem"]]
        parts = table.itertuples(index=False, name=None)
        files = ["/".join(filter(None, ("images", split, f"{stem}.png"))) for split, stem in parts]
        rows = dict.fromkeys(files, ())
        rows.update((name, objects) for name, objects in super().lines(out))
        return [[name, list(objects)] for name, objects in rows.items()]


class NamesNoFile(Json):
    def write(self, out: DatasetWriter) -> None:
        (out.folder / "all.json").write_text(json.dumps(self.lines(out)), encoding="utf-8")


class Crashes(Json):
    def read(self, source: DatasetReader) -> None:
        try:
            super().read(source)
        except ValueError as exc:
            raise AttributeError("damaged") from exc


class Silent(Json):
    def read(self, source: DatasetReader) -> None:
        try:
            super().read(source)
        except (ValueError, OSError):
            return


class ChangesFiles(Json):
    def read(self, source: DatasetReader) -> None:
        super().read(source)
        (source.root / "cache").write_text("x")


class Undocumented(Json):
    def write(self, out: DatasetWriter, *, indent: int = 0) -> None:
        """Write it."""
        super().write(out)


class Required(Json):
    def write(self, out: DatasetWriter, *, indent: int) -> None:  # type: ignore[override]
        """Write it."""


class TakenName(Json):
    def write(self, out: DatasetWriter, *, split: str = "") -> None:
        """Write it.

        Parameters
        ----------
        split : str
            Another split.
        """


class Neither(Format):
    """Nothing at all."""


@pytest.mark.parametrize(
    ("format", "says"),
    [
        (NoBackgrounds, "a background has to be named, too"),
        (Shifted, "gave other boxes back"),
        (FirstOnly, "wrote 1 of 5 frames"),
        (LeavesOut, "left out 4 of 12 boxes"),
        (Outside, "changed files outside of the folder"),
        (EscapingFile, "lies outside the export's folder"),
        (Random, r"wrote \['salt'\] differently"),
        (Early, "write what out.images"),
        (NamesNoFile, "names no file to open first"),
        (Crashes, "AttributeError on reading"),
        (Silent, "without a(n error| word)"),
        (ChangesFiles, "changes the files that it reads"),
        (Undocumented, "'indent' of .*write is not described"),
        (Required, "'indent' of .*write has no default"),
        (TakenName, "has the name of an argument of all formats"),
        (Neither, "neither a method write nor a method read"),
    ],
)
def test_each_fault_is_found(format: type[Format], says: str) -> None:
    with pytest.raises(ConformanceError, match=says) as caught:
        check_format(format)
    assert "\n" not in str(caught.value)


def test_formats_that_go_one_way_are_checked_for_that() -> None:
    class Out(Json):
        read: Callable[..., None] = Format.read

    class In(Json):
        write: Callable[..., None] = Format.write

    check_format(Out)
    check_format(In)

    class BadIn(In):
        def read(self, source: DatasetReader) -> None:
            """Find nothing anywhere."""

    with pytest.raises(ConformanceError, match="without an error"):
        check_format(BadIn)


def test_options_are_handed_on(tmp_path: Path) -> None:
    check_format("yolo", write={"task": "segment"}, read={"task": "segment"})
