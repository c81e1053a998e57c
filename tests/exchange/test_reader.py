"""``DatasetReader``: images with their sizes, and what cannot be used is listed."""

from __future__ import annotations

from pathlib import Path

import pytest
from exchange.exchange_world import write_image

from labkit.core.errors import InputError
from labkit.core.types import Shape
from labkit.exchange import DatasetReader, Format, read_dataset

BOX = Shape((1, 2, 3, 4))


def test_an_image_is_made_once_and_takes_the_size_of_its_file(tmp_path: Path) -> None:
    write_image(tmp_path / "sub/a.png", (40, 30))
    source = DatasetReader(tmp_path)
    source.image("sub/a.png").add("cat", BOX)
    source.image("sub/a.png").add("dog", BOX, score=0.5, track_id=3)
    source.label("bird")
    read = source.dataset("x")
    (image,) = read.images
    assert (image.width, image.height, image.path) == (40, 30, tmp_path / "sub/a.png")
    assert [(o.label, o.provenance.score, o.track_id) for o in image.objects] == [
        ("cat", None, None),
        ("dog", 0.5, 3),
    ]
    assert read.labels == ("bird", "cat", "dog")


def test_a_missing_image_has_the_size_of_the_frame_or_none(tmp_path: Path) -> None:
    sizes = {"known.jpg": (7, 5)}
    source = DatasetReader(tmp_path, sizes.get)
    known = source.image("known.jpg")
    assert (known.width, known.height, known.path) == (7, 5, None)
    assert source.image("said.jpg", width=9, height=8).width == 9
    with pytest.raises(InputError, match="size"):
        source.image("unknown.jpg")
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    with pytest.raises(InputError, match="cannot be read"):
        source.image("broken.jpg")
    assert [i.name for i in source.dataset("x").images] == ["known.jpg", "said.jpg"]


def test_what_fails_is_listed_and_its_images_are_incomplete(tmp_path: Path) -> None:
    source = DatasetReader(tmp_path, lambda name: (9, 9))
    row: dict[str, str] = {"x": "one"}
    with source.attempt("f.csv", 1):
        source.image("whole")
    with source.attempt("f.csv", 2):
        source.image("first")
        float(row["x"])
    with source.attempt("f.csv", 3, what="row 3", image=source.image("second")):
        row["y"]
    with source.attempt("f.csv"):
        outer = source.image("outer")
        with source.attempt("f.csv", 4):
            source.image("inner")
            Shape((1, 1, 1, 1))
        outer.add("cat", BOX)
    read = source.dataset("x")
    assert {i.name: i.complete for i in read.images} == {
        "whole": True, "first": False, "second": False, "outer": True, "inner": False,
    }  # fmt: skip
    assert [(p.file, p.line) for p in read.problems] == [("f.csv", n) for n in (2, 3, 4)]
    assert read.problems[1].reason == "row 3: the field 'y' is missing"
    with pytest.raises(ZeroDivisionError), source.attempt("f.csv"):  # a fault is not input
        1 / 0  # noqa: B018


def test_a_file_that_is_no_text_or_no_json_is_one_line(tmp_path: Path) -> None:
    class Text(Format):
        """Text."""

        def read(self, source: DatasetReader) -> None:
            source.path.read_text(encoding="utf-8")

    (tmp_path / "x").write_bytes(b"\xff\xfe")
    for path in (tmp_path / "x", tmp_path / "nowhere"):
        with pytest.raises(InputError, match="cannot be read as Text") as caught:
            read_dataset(Text, path)
        assert "\n" not in str(caught.value)
