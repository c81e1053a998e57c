"""Where a COCO dataset lies: the same for ``add_frames`` and for imports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from labkit.core.errors import InputError
from labkit.exchange import read_dataset
from labkit.frames import scan
from labkit.frames.datasets.coco import coco_files, image_folders


def image(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (20, 10), (len(str(path)), 3, 9)).save(path)
    return path


def write(path: Path, names: list[Any], start: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    images = [{"id": k, "file_name": name} for k, name in enumerate(names)]
    data = {"images": images, "annotations": [], "categories": []}
    path.write_text(start + json.dumps(data), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "place", ["a.png", "images/a.png", "val2017/a.png", "images/val2017/a.png", "../a.png"]
)
def test_frames_and_labels_are_found_by_the_same_rules(tmp_path: Path, place: str) -> None:
    path = write(tmp_path / "set/instances_val2017.json", ["a.png"], "\ufeff")
    file = image(tmp_path / "set" / place)
    assert coco_files(path).files[0].samefile(file)
    (found,) = read_dataset("coco", path).images
    assert found.path is not None
    assert found.path.samefile(file)
    assert found.path.parent in image_folders(path)


def test_an_entry_without_a_name_is_listed_and_stops_nothing(tmp_path: Path) -> None:
    image(tmp_path / "sub/a.png")
    path = write(tmp_path / "x.json", [None, "sub\\a.png", "", 3, "gone.png"])
    found = scan(path, root=tmp_path)
    assert [f.uri for f in found.frames] == ["sub/a.png"]
    assert [f.reason for f in found.failures] == [
        "image number 1 has no usable file_name",
        "image number 3 has no usable file_name",
        "image number 4 has no usable file_name",
        "the image that x.json names does not exist",
    ]
    read = read_dataset("coco", path)
    assert [i.name for i in read.images] == ["sub/a.png"]
    assert len(read.problems) == 4


def test_a_file_without_any_image_is_not_coco(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="file_name"):
        coco_files(write(tmp_path / "x.json", [None]))
