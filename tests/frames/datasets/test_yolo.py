"""Where a YOLO dataset lies: the same for ``add_frames`` and for imports."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from labkit.exchange import read_dataset
from labkit.frames import scan
from labkit.frames.datasets.yolo import locate, read_settings

LINE = "0 0.5 0.5 0.2 0.2\n"


def image(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (100, 50), (len(str(path)), 7, sum(map(ord, path.name)) % 256)).save(path)
    return path


def text(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def boxes(path: Path) -> dict[str, int]:
    """Objects by the name of their image."""
    return {Path(i.name).name: len(i.objects) for i in read_dataset("yolo", path).images}


@pytest.mark.parametrize("above", ["pictures", "images", "labels"])
def test_folders_above_the_dataset_do_not_matter(tmp_path: Path, above: str) -> None:
    site = tmp_path / above / "site"
    image(site / "a.png")
    text(site / "a.txt", LINE)
    assert boxes(site) == {"a.png": 1}
    text(site / "data.yaml", "train: .\nnames: [cat]\n")
    assert boxes(site) == {"a.png": 1}


def test_a_label_file_beside_the_image_counts_where_the_twin_folder_has_none(
    tmp_path: Path,
) -> None:
    for name in ("a", "b"):
        image(tmp_path / f"images/{name}.png")
        text(tmp_path / f"images/{name}.txt", LINE)
    assert boxes(tmp_path) == {"a.png": 1, "b.png": 1}
    text(tmp_path / "labels/a.txt", LINE * 3)
    assert boxes(tmp_path) == {"a.png": 3, "b.png": 1}


def test_a_folder_of_images_finds_the_labels_beside_it(tmp_path: Path) -> None:
    image(tmp_path / "images/a.png")
    text(tmp_path / "labels/a.txt", LINE)
    assert boxes(tmp_path / "images") == {"a.png": 1}


def test_the_last_folder_called_images_is_the_one(tmp_path: Path) -> None:
    image(tmp_path / "images/day/images/a.png")
    text(tmp_path / "images/day/labels/a.txt", LINE)
    (file,) = [label for _, label in locate(tmp_path).labelled()]
    assert file == tmp_path / "images/day/labels/a.txt"


def test_labels_without_images_are_read_by_the_size_of_the_frame(tmp_path: Path) -> None:
    text(tmp_path / "data.yaml", "train: images\nnames: [cat]\n")
    text(tmp_path / "labels/gone.txt", LINE)
    found = read_dataset("yolo", tmp_path, size_of=lambda name: (100, 50))
    assert [(i.name, i.path, len(i.objects)) for i in found.images] == [("images/gone", None, 1)]
    assert not found.problems


@pytest.mark.parametrize(
    "config",
    [
        "path: .\ntrain: images/train\nvalidation: images/val\n",
        "\ufefftrain: images/train\nval: images/val\n",
        "train: all.txt\n",
        "train: [images/train, images/val]\nval: images/val\n",
        "path: nowhere\ntrain: ../images/train\nextra: images/val\ndownload: images\n",
    ],
)
def test_frames_and_labels_are_found_by_the_same_rules(tmp_path: Path, config: str) -> None:
    for split in ("train", "val"):
        image(tmp_path / f"images/{split}/{split}.png")
        text(tmp_path / f"labels/{split}/{split}.txt", LINE)
    image(tmp_path / "other/x.png")
    text(tmp_path / "all.txt", "\ufeffimages/train/train.png\n./images/val/val.png\n")
    path = text(tmp_path / "data.yaml", config + "names: [cat]\n")
    found = scan(path, root=tmp_path)
    assert [f.uri for f in found.frames] == ["images/train/train.png", "images/val/val.png"]
    assert (found.failures, found.duplicates) == ([], 0)
    assert boxes(path) == {"train.png": 1, "val.png": 1}


def test_class_names_are_those_that_are_written(tmp_path: Path) -> None:
    image(tmp_path / "images/a.png")
    text(tmp_path / "labels/a.txt", LINE)
    text(tmp_path / "data.yaml", "train: images\nnames: [02146, 12:30, no, yes, null]\n")
    assert read_dataset("yolo", tmp_path).labels == ("02146", "12:30", "no", "yes", "null")
    text(tmp_path / "data.yaml", "train: images\nval:\ntest: null\nnames:\n- 0: cat\n- 1: dog\n")
    assert read_dataset("yolo", tmp_path).labels == ("cat", "dog")
    assert read_settings(tmp_path / "data.yaml")["test"] is None
