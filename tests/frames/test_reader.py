"""``FrameReader`` and ``FrameCache``: bytes and pixels on demand."""

from __future__ import annotations

import io
import pickle
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile, features

from labkit.core.errors import InputError
from labkit.core.types import Frame
from labkit.frames import Encoded, FrameCache, FrameError, FrameReader, scan


def save(path: Path, mode: str = "RGB", **options: object) -> Path:
    if path.suffix == ".avif" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    pixels = np.random.default_rng(1).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(path, **options)
    return path


def one(path: Path) -> Frame:
    return scan(path, root=path.parent).frames[0]


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.gif", "a.bmp", "a.avif"])
def test_what_browsers_show_is_handed_out_undecoded(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / name)
    frame = one(path)
    monkeypatch.setattr(ImageFile.ImageFile, "load", pytest.fail)
    encoded = FrameReader(tmp_path).encoded(frame)
    assert encoded.data == path.read_bytes()
    assert encoded.mime == f"image/{path.suffix[1:].replace('jpg', 'jpeg')}"


@pytest.mark.parametrize(
    ("name", "mode"),
    [("a.tif", "RGB"), ("cmyk.jpg", "CMYK"), ("a.png", "RGBA"), ("a.ppm", "RGB"), ("a.jp2", "RGB")],
)
def test_the_rest_is_encoded_as_lossless_png(name: str, mode: str, tmp_path: Path) -> None:
    frame = one(save(tmp_path / name, mode))
    reader = FrameReader(tmp_path)
    encoded = reader.encoded(frame)
    assert (encoded.mime, encoded.orientation) == ("image/png", 1)
    assert np.array_equal(np.array(Image.open(io.BytesIO(encoded.data))), reader.read(frame))


def test_a_turned_jpeg_is_handed_out_with_its_orientation(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    frame = one(save(tmp_path / "a.jpg", exif=exif))
    assert (frame.width, frame.height, frame.orientation) == (20, 30, 6)
    reader = FrameReader(tmp_path)
    assert reader.encoded(frame).orientation == 6
    assert reader.read(frame).shape == (30, 20, 3)


@pytest.mark.parametrize("ask", [FrameReader.read, FrameReader.encoded])
def test_a_file_that_changed_is_an_error_in_one_line(
    ask: Callable[[FrameReader, Frame], object], tmp_path: Path
) -> None:
    path = save(tmp_path / "new\nline.jpg")
    frame, data = one(path), path.read_bytes()
    reader = FrameReader(tmp_path)

    def why() -> str:
        with pytest.raises(FrameError) as caught:
            ask(reader, frame)
        assert "\n" not in str(caught.value)
        assert str(caught.value).startswith("new line.jpg cannot be read: ")
        return caught.value.why

    path.write_bytes(data[:200])
    assert "truncated" in why()
    path.write_bytes(data[: len(data) // 2])
    assert "truncated" in why()
    path.write_bytes(b"")
    assert "empty" in why()
    Image.new("RGB", (5, 4)).save(path)
    assert why() == "it was added as 30 x 20 and is 5 x 4 now"
    path.unlink()
    assert why() == "the file does not exist"
    path.mkdir()
    assert "directory" in why()


def test_the_pixels_can_be_written_to_and_the_reader_sent_to_another_process(
    tmp_path: Path,
) -> None:
    frame = one(save(tmp_path / "a.jpg"))
    reader = pickle.loads(pickle.dumps(FrameReader(tmp_path)))
    pixels = reader.read(frame)
    pixels[:] = 0
    assert pixels.dtype == np.uint8
    assert reader.read(frame).any()


# ---------------------------------------------------------------- the cache


class CountingReader(FrameReader):
    """Counts the reads, and waits for leave where a test wants to look in between."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.reads: list[str] = []
        self.leave = threading.Event()
        self.leave.set()

    def encoded(self, frame: Frame) -> Encoded:
        self.reads.append(frame.uri)
        assert self.leave.wait(10)
        return super().encoded(frame)


@pytest.fixture
def frames(tmp_path: Path) -> list[Frame]:
    for k in range(10):
        pixels = np.random.default_rng(k).integers(0, 255, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{k}.bmp")  # all of one size: 822 bytes
    return scan(tmp_path, root=tmp_path).frames


SIZE = 822


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[CountingReader]:
    with CountingReader(tmp_path) as reader:
        yield reader


def wait_for(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end, "this never came true"
        time.sleep(0.002)


def test_the_least_recently_used_goes_first(frames: list[Frame], reader: CountingReader) -> None:
    with FrameCache(reader, 3 * SIZE) as cache:
        for k in (0, 1, 2, 0, 3):
            assert cache.get(frames[k]) == FrameReader.encoded(FrameReader(reader.root), frames[k])
        assert [f in cache for f in frames[:4]] == [True, False, True, True]
        assert reader.reads == ["0.bmp", "1.bmp", "2.bmp", "3.bmp"]
        assert cache.nbytes == 3 * SIZE
        assert len(cache) == 3


def test_a_frame_larger_than_the_cache_is_read_and_not_kept(
    frames: list[Frame], reader: CountingReader
) -> None:
    with FrameCache(reader, SIZE - 1) as cache:
        assert cache.get(frames[0]).data
        assert cache.nbytes == 0
    with pytest.raises(InputError):
        FrameCache(reader, -1)


def test_many_threads_that_ask_for_one_frame_read_it_once(
    frames: list[Frame], reader: CountingReader
) -> None:
    reader.leave.clear()
    with FrameCache(reader, 10 * SIZE) as cache, ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(cache.get, frames[0]) for _ in range(8)]
        wait_for(lambda: len(reader.reads) == 1)
        reader.leave.set()
        assert len({job.result().data for job in jobs}) == 1
    assert reader.reads == ["0.bmp"]


def test_a_failure_is_raised_and_not_remembered(
    frames: list[Frame], reader: CountingReader, tmp_path: Path
) -> None:
    moved = shutil.move(tmp_path / "0.bmp", tmp_path / "away")
    with FrameCache(reader, 10 * SIZE) as cache:
        with pytest.raises(FrameError, match="does not exist"):
            cache.get(frames[0])
        shutil.move(moved, tmp_path / "0.bmp")
        assert cache.get(frames[0]).data


def test_closing_frees_the_bytes(frames: list[Frame], reader: CountingReader) -> None:
    cache = FrameCache(reader, 10 * SIZE)
    cache.get(frames[1])
    cache.close()
    assert (len(cache), cache.nbytes) == (0, 0)
    assert cache.get(frames[0]).data
    assert len(cache) == 0
    cache.close()
