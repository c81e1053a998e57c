"""What a video is, the order of its frames, and the names of frames, with and without times."""

from __future__ import annotations

from dataclasses import astuple, fields
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from labkit.core.types import Frame
from labkit.frames import scan
from labkit.frames.order import (
    display_name,
    display_names,
    in_order,
    is_video,
    sequence_of,
    time_line,
    video_mask,
)


def table(frames: list[Frame]) -> pd.DataFrame:
    return pd.DataFrame([astuple(f) for f in frames], columns=[f.name for f in fields(Frame)])


def image(name: str, folder: str = "a") -> Frame:
    return Frame(name, name, f"{folder}/{name}.jpg", 0, 8, 8, None, name, folder)


def still(video: str, index: int, time_s: float | None = None) -> Frame:
    name = f"{video}{index}"
    return Frame(name, video, f"{video}.mp4", index, 8, 8, time_s, f"sha{name}", f"{video}.mp4")


@pytest.fixture
def bare(tmp_path: Path) -> list[Frame]:
    """A bare H.264 stream, which has no timestamps, and an image."""
    path = tmp_path / "raw.h264"
    with av.open(str(path), "w", format="h264") as out:
        stream = out.add_stream("h264", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for k in range(4):
            pixels = np.full((64, 64, 3), 40 * k, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(stream.encode(None))
    Image.new("RGB", (8, 8)).save(tmp_path / "x.png")
    found = scan([path, tmp_path / "x.png"], root=tmp_path)
    assert not found.failures
    return found.frames


def test_a_video_without_timestamps_is_a_video(bare: list[Frame]) -> None:
    assert [f.time_s for f in bare] == [None] * 5
    assert [is_video(f) for f in bare] == [True] * 4 + [False]
    assert video_mask(table(bare)).tolist() == [True] * 4 + [False]


def test_every_frame_of_a_video_without_timestamps_has_its_own_name(bare: list[Frame]) -> None:
    names = [display_name(f) for f in bare]
    assert names == ["raw.h264 · 0", "raw.h264 · 1", "raw.h264 · 2", "raw.h264 · 3", "x.png"]
    assert display_names(table(bare)) == names


def test_a_video_without_timestamps_comes_in_the_order_of_its_frames(bare: list[Frame]) -> None:
    added = [bare[k] for k in (3, 0, 4, 2, 1)]
    got = in_order(table(added))
    assert got["index"].tolist() == [0, 1, 2, 3, 0]
    assert got["uri"].tolist()[-1] == "x.png"


def test_groups_come_as_added_and_images_keep_their_order() -> None:
    frames = table(
        [still("z", 2, 0.2), image("b"), still("z", 0, 0.0), image("a"), still("a", 1), image("c")]
    )
    assert in_order(frames)["frame_id"].tolist() == ["z0", "z2", "b", "a", "c", "a1"]
    assert sequence_of(frames, "a") == ["b", "a", "c"]
    assert sequence_of(frames, "z.mp4") == ["z0", "z2"]
    assert in_order(frames.iloc[:0]).empty


def test_names_use_the_file_name_of_either_kind_of_path() -> None:
    assert display_name(image("x", "a\\b")) == "x.jpg"
    windows = Frame("i", "s", "a\\b\\clip.mp4", 3, 8, 8, None, "t", "a\\b\\clip.mp4")
    assert display_name(windows) == "clip.mp4 · 3"


def test_neighbours_of_a_video_are_one_apart_on_the_time_line() -> None:
    frames = table([still("v", 1), image("a"), still("v", 0), image("b"), still("v", 5)])
    place = dict(zip(frames["frame_id"], time_line(frames), strict=True))
    assert [place["v1"] - place["v0"], place["v5"] - place["v1"]] == [1, 1]  # the next in the table
    assert min(abs(place[i] - p) for i in "ab" for k, p in place.items() if k != i) > 1


def test_images_of_a_listed_group_are_neighbours_in_the_order_of_the_table() -> None:
    frames = table([image("b"), still("v", 0), image("a"), image("c", "other")])
    place = dict(zip(frames["frame_id"], time_line(frames, ["a"]), strict=True))
    assert place["a"] - place["b"] == 1
    assert abs(place["c"] - place["a"]) > 1


def test_without_group_and_index_no_frame_has_a_neighbour() -> None:
    place = time_line(pd.DataFrame({"frame_id": ["a", "b", "c"]}))
    assert (np.abs(np.diff(place)) > 1).all()
