"""``scan``: which files become frames, under which names, and what is listed instead."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from labkit.core.errors import CancelledError, InputError
from labkit.frames import FrameReader, images, scan
from labkit.frames.walk import natural_key

Maker = Callable[..., Path]


def save(
    path: Path, value: int = 0, kind: str | None = None, size: tuple[int, int] = (8, 6)
) -> Path:
    """An image whose content is its value."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value % 256, value // 256, 7)).save(path, kind)
    return path


def uris(what: Any, root: Path, **options: Any) -> list[str]:
    return [f.uri for f in scan(what, root=root, **options).frames]


def test_a_folder_comes_in_natural_order_with_groups(tmp_path: Path) -> None:
    for k, name in enumerate(["img10.png", "img2.png", "IMG3.PNG", "b/x1.png", "a/x1.png"]):
        save(tmp_path / name, k)
    found = scan(tmp_path, root=tmp_path)
    assert [(f.uri, f.group) for f in found.frames] == [
        ("a/x1.png", "a"),
        ("b/x1.png", "b"),
        ("img2.png", "."),
        ("IMG3.PNG", "."),
        ("img10.png", "."),
    ]
    assert uris(tmp_path, tmp_path, recursive=False) == ["img2.png", "IMG3.PNG", "img10.png"]


@settings(deadline=None)
@given(
    st.lists(
        st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1)
    )
)
def test_any_names_can_be_sorted_and_the_order_is_one(names: list[str]) -> None:
    paths = [Path("/d") / name for name in names]
    backwards = paths[::-1]
    assert sorted(paths, key=natural_key) == sorted(backwards, key=natural_key)


def test_hidden_files_and_other_suffixes_are_left_out(tmp_path: Path) -> None:
    save(tmp_path / "seen.png", 1)
    save(tmp_path / "._seen.jpg", 2)
    save(tmp_path / ".cache/x.jpg", 3)
    save(tmp_path / "__MACOSX/x.jpg", 4)
    (tmp_path / ".DS_Store").write_bytes(b"x")
    (tmp_path / "seen.txt").write_text("0 0.5 0.5 1 1")
    found = scan(tmp_path, root=tmp_path)
    assert [f.uri for f in found.frames] == ["seen.png"]
    assert found.failures == []


def test_a_folder_named_like_an_image_is_a_folder(tmp_path: Path) -> None:
    save(tmp_path / "x.jpg" / "inside.png")
    assert uris(tmp_path, tmp_path) == ["x.jpg/inside.png"]


def test_content_counts_and_not_the_suffix(tmp_path: Path) -> None:
    save(tmp_path / "png.jpg", 1, "PNG", (30, 20))
    save(tmp_path / "jpeg.mp4", 2, "JPEG", (40, 20))
    save(tmp_path / "noname", 3, "PNG", (50, 20))
    found = scan([tmp_path, tmp_path / "noname"], root=tmp_path)
    assert {f.uri: f.width for f in found.frames} == {"png.jpg": 30, "jpeg.mp4": 40, "noname": 50}


def test_links_that_go_in_circles_end(tmp_path: Path) -> None:
    save(tmp_path / "a/x.png", 1)
    (tmp_path / "a/loop").symlink_to(tmp_path)
    (tmp_path / "a/again").symlink_to(tmp_path / "a")
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (tmp_path / "self.jpg").symlink_to(tmp_path / "self.jpg")
    found = scan(tmp_path, root=tmp_path)
    assert len(found.frames) == 1
    assert found.duplicates == 0
    reasons = {f.uri: f.reason for f in found.failures}
    assert reasons["gone.jpg"] == "the file does not exist"
    assert "symbolic links" in reasons["self.jpg"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_listed_and_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    assert scan(tmp_path).failures[0].reason == "it is not a file"


@pytest.mark.parametrize("top", [True, False])
def test_a_folder_that_cannot_be_listed(
    top: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path / "ok.png")
    locked = tmp_path / "locked"
    save(locked / "x.png", 1)
    real = os.scandir

    def scandir(path: Any) -> Any:  # root may read anything, so chmod would not do
        if Path(path) == locked:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    if top:
        with pytest.raises(InputError, match="permission denied"):
            scan(locked)
    else:
        found = scan(tmp_path, root=tmp_path)
        assert [f.uri for f in found.frames] == ["ok.png"]
        assert [(f.uri, f.reason) for f in found.failures] == [
            ("locked", "the folder cannot be read: permission denied")
        ]


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything"
)
def test_a_folder_without_permission(tmp_path: Path) -> None:
    save(tmp_path / "locked/x.png")
    (tmp_path / "locked").chmod(0)
    try:
        assert "permission denied" in scan(tmp_path).failures[0].reason
    finally:
        (tmp_path / "locked").chmod(0o700)


ODD_NAMES = [
    "naïve café.png",
    "写真 1.png",
    "صورة.png",
    "🐕.png",
    'quote\'s "double".png',
    "new\nline.png",
    "..png.png",
    "[1] * ?.png",
    "%2e%2e.png",
    "<img src=x>.png",
    "semi;colon & $HOME.png",
    "back\\slash.png",
    " spaces .png",
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_are_read_by_their_uri(name: str, tmp_path: Path) -> None:
    path = save(tmp_path / "in" / name, 9)
    if name.startswith("."):  # hidden in folders, not when named
        found = scan(path, root=tmp_path)
    else:
        found = scan(tmp_path / "in", root=tmp_path)
        assert scan(path, root=tmp_path) == found
    (frame,) = found.frames
    assert frame.uri == f"in/{name}"
    assert FrameReader(tmp_path).read(frame)[0, 0].tolist() == [9, 0, 7]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_name_that_is_no_utf8_is_listed_in_utf8(tmp_path: Path) -> None:
    save(tmp_path / "ok.png")
    shutil.copy(tmp_path / "ok.png", os.fsencode(tmp_path) + b"/caf\xe9.png")
    found = scan(tmp_path, root=tmp_path)
    assert [f.uri for f in found.frames] == ["ok.png"]
    (failure,) = found.failures
    assert failure.uri.encode() == b"caf\\udce9.png"
    assert "not valid UTF-8" in failure.reason


def test_paths_with_dots_name_the_file_they_lead_to(tmp_path: Path) -> None:
    project, outside = tmp_path / "project", save(tmp_path / "elsewhere/x.png")
    save(project / "in/y.png", 1)
    (tmp_path / "deep/er").mkdir(parents=True)
    (project / "link").symlink_to(tmp_path / "deep/er")
    found = scan(
        [
            project / "in/../in/y.png",
            project / "../elsewhere/x.png",
            project / "link/../../elsewhere/x.png",
        ],
        root=project,
    )
    assert [f.uri for f in found.frames] == ["in/y.png", outside.resolve().as_posix()]
    assert found.duplicates == 1
    assert found.failures == []


def test_a_root_behind_a_link_still_gives_relative_paths(tmp_path: Path) -> None:
    save(tmp_path / "real/a.png")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert uris(tmp_path / "real", tmp_path / "link") == ["a.png"]
    assert uris(tmp_path / "link", tmp_path / "real")[0].endswith("a.png")


def test_the_same_content_is_one_frame(tmp_path: Path) -> None:
    save(tmp_path / "a.png", 1)
    shutil.copy(tmp_path / "a.png", tmp_path / "copy.png")
    save(tmp_path / "b.png", 2)
    first = scan([tmp_path, tmp_path / "b.png"], root=tmp_path)
    assert [f.uri for f in first.frames] == ["a.png", "b.png"]
    assert first.duplicates == 2
    again = scan(tmp_path, root=tmp_path, known={f.frame_id for f in first.frames})
    assert (again.frames, again.duplicates) == ([], 3)


def test_a_moved_file_keeps_its_id(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", 1)
    (before,) = scan(path, root=tmp_path).frames
    (tmp_path / "sub").mkdir()
    (after,) = scan(path.rename(tmp_path / "sub/b.png"), root=tmp_path).frames
    assert after.frame_id == before.frame_id
    assert len(after.frame_id) == 16
    assert (after.uri, after.group) == ("sub/b.png", "sub")


def test_globs_and_lists(tmp_path: Path) -> None:
    for k, name in enumerate(["a/1.png", "a/10.png", "a/2.png", "b/3.jpg", "b/n.txt"]):
        if name.endswith("txt"):
            (tmp_path / name).write_text("x")
        else:
            save(tmp_path / name, k)
    assert uris(f"{tmp_path}/a/*.png", tmp_path) == ["a/1.png", "a/2.png", "a/10.png"]
    assert uris(str(tmp_path / "**" / "*"), tmp_path) == [
        "a/1.png",
        "a/2.png",
        "a/10.png",
        "b/3.jpg",
    ]
    assert uris(tmp_path / "*", tmp_path) == ["a/1.png", "a/2.png", "a/10.png", "b/3.jpg"]
    assert uris((str(p) for p in (tmp_path / "b/3.jpg", tmp_path / "a/2.png")), tmp_path) == [
        "b/3.jpg",
        "a/2.png",
    ]


def test_a_list_mixes_everything(tmp_path: Path, make_video: Maker) -> None:
    make_video("clip.mp4", 4)
    save(tmp_path / "pics/1.png", 1)
    save(tmp_path / "one.png", 2)
    found = scan(
        [tmp_path / "clip.mp4", tmp_path / "pics", str(tmp_path / "o*.png"), tmp_path / "no.png"],
        root=tmp_path,
        every=2,
    )
    assert [(f.uri, f.index, f.group) for f in found.frames] == [
        ("clip.mp4", 0, "clip.mp4"),
        ("clip.mp4", 2, "clip.mp4"),
        ("pics/1.png", 0, "pics"),
        ("one.png", 0, "."),
    ]
    assert [f.reason for f in found.failures] == ["there is no such file or folder"]


def test_nothing_to_add_is_an_error_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty\nfolder").mkdir()
    cases = {
        "No image or video in": tmp_path / "empty\nfolder",
        "no such file": tmp_path / "missing",
        "No image or video matches": tmp_path / "*.png",
        "the list is empty": [],
        "not a path": 3,
        "is not a path": [None],
    }
    for message, what in cases.items():
        with pytest.raises(InputError, match=message) as caught:
            scan(what)  # type: ignore[arg-type]
        assert "\n" not in str(caught.value)
    for nonsense in ("a\0b", "x" * 5000, b"bytes"):
        with pytest.raises(InputError):
            scan(nonsense)  # type: ignore[arg-type]


def test_files_that_cannot_be_read_are_listed_and_stop_nothing(tmp_path: Path) -> None:
    whole = save(tmp_path / "whole.jpg", 1, size=(64, 64))
    data = whole.read_bytes()
    (tmp_path / "cut.jpg").write_bytes(data[:-40])
    (tmp_path / "zero.png").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("not an image\n")
    found = scan(tmp_path, root=tmp_path)
    assert [f.uri for f in found.frames] == ["whole.jpg"]
    reasons = {f.uri: f.reason for f in found.failures}
    assert set(reasons) == {"cut.jpg", "zero.png", "text.jpg"}
    assert "truncated" in reasons["cut.jpg"]
    assert reasons["zero.png"] == "the file is empty (0 bytes)"
    assert "not an image" in reasons["text.jpg"]
    assert not any("\n" in reason for reason in reasons.values())


def test_progress_counts_files_and_cancel_stops(tmp_path: Path) -> None:
    for k in range(100):
        save(tmp_path / f"{k}.png", k)
    calls: list[tuple[int, int]] = []
    scan(tmp_path, on_progress=lambda done, total: calls.append((done, total)))
    assert calls == [(k, 100) for k in range(1, 101)]
    with pytest.raises(CancelledError):
        scan(tmp_path, cancelled=lambda: True)
    calls.clear()
    with pytest.raises(CancelledError):
        scan(
            tmp_path,
            on_progress=lambda done, total: calls.append((done, total)),
            cancelled=lambda: len(calls) >= 5,
        )
    assert 5 <= len(calls) < 100


def test_an_error_that_nobody_thought_of_is_listed_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path / "a.png", 1)
    bad = save(tmp_path / "b.png", 2).read_bytes()
    save(tmp_path / "c.png", 3)
    real = images.probe

    def probe(data: bytes) -> images.ImageInfo:
        if data == bad:
            raise ZeroDivisionError("a decoder's bug")
        return real(data)

    monkeypatch.setattr(images, "probe", probe)
    found = scan(tmp_path, root=tmp_path)
    assert [f.uri for f in found.frames] == ["a.png", "c.png"]
    assert found.failures[0].reason == "ZeroDivisionError: a decoder's bug"


@pytest.mark.data
def test_real_photos_are_all_found_with_their_sizes(coco128: Path) -> None:
    found = scan(coco128 / "images")
    assert (len(found.frames), found.failures, found.duplicates) == (128, [], 0)
    for frame in found.frames[::16]:
        with Image.open(frame.uri) as image:
            assert (frame.width, frame.height) == image.size


# ---------------------------------------------------------------- datasets


def yolo(tmp_path: Path, **keys: Any) -> Path:
    path = tmp_path / "data.yaml"
    path.write_text(yaml.safe_dump({"names": {0: "dog"}, **keys}))
    return path


@pytest.fixture
def split(tmp_path: Path) -> Path:
    save(tmp_path / "images/train/t2.png", 1)
    save(tmp_path / "images/train/t10.png", 2)
    save(tmp_path / "images/val/v1.png", 3)
    return tmp_path


TRAIN = ["images/train/t2.png", "images/train/t10.png"]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (
            {"path": ".", "train": "images/train", "val": "images/val"},
            [*TRAIN, "images/val/v1.png"],
        ),
        ({"train": "images/train"}, TRAIN),
        ({"path": "../datasets/none", "train": "images/train"}, TRAIN),
        ({"path": "images", "train": "train", "test": "val"}, [*TRAIN, "images/val/v1.png"]),
        ({"train": ["images/val", "images/train"]}, ["images/val/v1.png", *TRAIN]),
        ({"train": "../images/train", "val": None}, TRAIN),  # as Roboflow writes it
        ({"train": "train.txt"}, ["images/val/v1.png", "images/train/t2.png"]),
    ],
)
def test_yolo_datasets(split: Path, keys: dict[str, Any], expected: list[str]) -> None:
    (split / "train.txt").write_text("./images/val/v1.png\nimages/train/t2.png\n\n")
    found = scan(yolo(split, **keys), root=split)
    assert [f.uri for f in found.frames] == expected
    assert found.failures == []


def test_what_a_yolo_dataset_lacks_is_listed(split: Path) -> None:
    (split / "val.txt").write_text("images/val/v1.png\nimages/val/gone.png\n")
    found = scan(yolo(split, train="nowhere", val="val.txt"), root=split)
    assert [f.uri for f in found.frames] == ["images/val/v1.png"]
    assert sorted(f.uri for f in found.failures) == ["images/val/gone.png", "nowhere"]


@pytest.mark.parametrize("text", ["names: [a]", "[1, 2]", "a: [", "", "train: nowhere", "\x00"])
def test_a_yaml_that_is_no_dataset_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "data.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        scan(path)
    assert "\n" not in str(caught.value)


def coco(path: Path, names: list[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [{"id": k, "file_name": name} for k, name in enumerate(names)]
    path.write_text(json.dumps({"images": rows, "annotations": []}))
    return path


@pytest.mark.parametrize("place", ["labels.json", "annotations/instances_train.json"])
def test_coco_images_are_found_around_the_json(split: Path, place: str) -> None:
    names = ["t10.png", "t2.png"] if "train" in place else ["train/t10.png", "train/t2.png"]
    found = scan(coco(split / place, names), root=split)
    assert [f.uri for f in found.frames] == TRAIN[::-1]
    assert found.failures == []


def test_coco_images_in_a_folder_of_their_own(split: Path, tmp_path: Path) -> None:
    path = coco(tmp_path / "far/away/x.json", ["t2.png", "gone.png"])
    found = scan(path, root=split, image_root=split / "images/train")
    assert [f.uri for f in found.frames] == ["images/train/t2.png"]
    assert "x.json names does not exist" in found.failures[0].reason


@pytest.mark.parametrize(
    "text", ["{}", "[]", "{", '{"images": []}', '{"images": [{"id": 1}]}', '{"images": [3]}', ""]
)
def test_a_json_that_is_no_coco_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        scan(path)
    assert "\n" not in str(caught.value)


def test_hashes_are_those_of_the_file(tmp_path: Path) -> None:
    import hashlib

    path = save(tmp_path / "a.png", 5)
    (frame,) = scan(path).frames
    source = hashlib.sha256(path.read_bytes()).hexdigest()
    assert (frame.source, frame.sha256) == (source, source)
    assert frame.frame_id == hashlib.sha256(f"{source}:0".encode()).hexdigest()[:16]
    assert np.array_equal(FrameReader().read(frame), np.array(Image.open(path)))
