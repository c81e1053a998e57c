"""Videos: exact frames at variable rates, rotation, seeking, cutting, and broken files."""

from __future__ import annotations

import contextlib
import os
import random
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.core.errors import InputError
from labkit.frames import FrameError, FrameReader, scan
from labkit.frames.decoder import VideoDecoder
from labkit.frames.selection import Selection
from labkit.frames.video import probe_video

Maker = Callable[..., Path]
Decode = Callable[[Path], list[np.ndarray]]

# irregular, as a phone writes it in changing light; a pause in the middle
VARIABLE = [k * 33 + (k % 5) ** 2 * 2 + (700 if k > 30 else 0) for k in range(60)]

KINDS: dict[str, dict[str, Any]] = {
    "constant.mp4": {},
    "variable.mp4": {"pts_ms": VARIABLE},
    "variable.mkv": {"pts_ms": VARIABLE},
    "late_start.ts": {"pts_ms": [5000 + 40 * k for k in range(60)]},
    "open_groups.mp4": {
        "options": {"x264-params": "open-gop=1:keyint=12:bframes=3:b-adapt=0:scenecut=0"}
    },
    "hevc_open.mp4": {
        "codec": "libx265",
        "options": {"x265-params": "open-gop=1:keyint=12:bframes=3:log-level=none"},
    },
    "mpeg2.mkv": {"codec": "mpeg2video"},
    "no_key_frames.ts": {"options": {"x264-params": "intra-refresh=1:keyint=20:bframes=2"}},
    "b_frames.avi": {"codec": "mpeg4"},
    "program.mpg": {"codec": "mpeg2video"},
    "bare.h264": {},
    "vp8.webm": {"codec": "libvpx", "options": {"auto-alt-ref": "1", "lag-in-frames": "16"}},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"lag-in-frames": "16", "cpu-used": "8"}},
}


@pytest.mark.parametrize("name", KINDS)
def test_each_frame_equals_that_of_a_straight_decode(
    name: str, make_video: Maker, decode_all: Decode
) -> None:
    path = make_video(name, **KINDS[name])
    expected = decode_all(path)
    found = scan(path, root=path.parent)
    assert found.failures == []
    assert [f.index for f in found.frames] == list(range(60)) == list(range(len(expected)))
    order = [*range(60), *random.Random(3).sample(range(60), 60), 59, 0, 30, 30]
    with FrameReader(path.parent) as reader:
        wrong = [k for k in order if not np.array_equal(reader.read(found.frames[k]), expected[k])]
    assert wrong == []


@pytest.mark.parametrize("name", ["variable.mp4", "variable.mkv"])
def test_time_is_the_timestamp_and_not_index_times_rate(name: str, make_video: Maker) -> None:
    path = make_video(name, pts_ms=VARIABLE)
    times = [frame.time_s for frame in scan(path).frames]
    assert times == pytest.approx([t / 1000 for t in VARIABLE], abs=1e-3)


@pytest.mark.parametrize(
    ("rotation", "hflip", "orientation"),
    [(0, False, 1), (-90, False, 6), (90, False, 8), (180, False, 3), (0, True, 2), (180, True, 4)],
)
def test_rotation_flags_turn_the_frames_upright(
    rotation: float, hflip: bool, orientation: int, make_video: Maker, decode_all: Decode
) -> None:
    path = make_video("turned.mp4", 3, rotation=rotation, hflip=hflip)
    stored = decode_all(path)[1]
    frame = scan(path).frames[1]
    assert frame.orientation == orientation
    upright = np.rot90(stored, rotation // 90)  # both count counter-clockwise
    if hflip:
        upright = stored[:, ::-1] if orientation == 2 else stored[::-1]
    assert (frame.height, frame.width) == upright.shape[:2]
    with FrameReader() as reader:
        assert np.array_equal(reader.read(frame), upright)


def count_decoded(reader: FrameReader) -> int:
    return sum(decoder.decoded for decoder in reader._decoders)


def test_a_late_frame_costs_one_group_of_pictures_and_the_scan_one_frame(
    make_video: Maker, decode_all: Decode, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_video("long.mp4", 900)
    decoded = 0
    real = av.Packet.decode

    class Counting:
        """Counts the packets that reach a decoder; a Packet's own method cannot be replaced."""

        def __init__(self, packet: Any) -> None:
            self.packet = packet

        def decode(self) -> list[Any]:
            nonlocal decoded
            decoded += 1
            return list(real(self.packet))

        def __getattr__(self, name: str) -> Any:
            return getattr(self.packet, name)

        def __bytes__(self) -> bytes:
            return bytes(self.packet)

    import labkit.frames.video as video

    opened = video.av.open

    class Container:
        def __init__(self, real_container: Any) -> None:
            self._real = real_container

        def demux(self, stream: Any) -> Iterator[Counting]:
            return (Counting(p) for p in self._real.demux(stream))

        def __getattr__(self, name: str) -> Any:
            return getattr(self._real, name)

    monkeypatch.setattr(video.av, "open", lambda *a, **k: Container(opened(*a, **k)))
    frames = scan(path).frames
    assert len(frames) == 900
    assert decoded <= 16  # until the decoder gives its first frame
    decoded = 0
    with FrameReader() as reader:
        pixels = reader.read(frames[880])
        assert 0 < decoded <= 60
        assert count_decoded(reader) <= 40
    monkeypatch.undo()
    assert np.array_equal(pixels, decode_all(path)[880])


def test_reading_in_order_decodes_each_frame_once(make_video: Maker) -> None:
    path = make_video("clip.mkv", 120)
    with FrameReader() as reader:
        for frame in scan(path).frames:
            reader.read(frame)
        assert count_decoded(reader) == 120


@pytest.mark.skipif(
    not hasattr(av.VideoStream, "index_entries"), reason="this PyAV does not show the index"
)
def test_every_tenth_frame_of_one_long_group_is_decoded_on_and_not_sought(
    make_video: Maker,
) -> None:
    path = make_video("one_group.mp4", 250, gop=1000)
    with FrameReader() as reader:
        for frame in scan(path, every=50).frames:  # 2 s apart
            reader.read(frame)
        assert count_decoded(reader) <= 201


def test_several_threads_read_one_video_at_once(make_video: Maker, decode_all: Decode) -> None:
    path = make_video("clip.mp4", 60)
    expected, frames = decode_all(path), scan(path).frames
    jobs = random.Random(0).sample(range(60), 60) * 2
    with FrameReader() as reader, ThreadPoolExecutor(4) as pool:
        read = list(pool.map(lambda k: reader.read(frames[k]), jobs))
    assert all(np.array_equal(p, expected[k]) for p, k in zip(read, jobs, strict=True))


def test_a_reader_can_be_closed_while_others_read(make_video: Maker, decode_all: Decode) -> None:
    path = make_video("clip.mp4", 60)
    expected, frames = decode_all(path), scan(path).frames
    reader = FrameReader()
    with ThreadPoolExecutor(3) as pool:
        jobs = [(k, pool.submit(reader.read, frames[k])) for k in range(60)]
        for _ in range(10):
            reader.close()
        assert all(np.array_equal(job.result(), expected[k]) for k, job in jobs)
    reader.close()


def test_few_videos_stay_open(make_video: Maker) -> None:
    frames = [scan(make_video(f"{k}.mp4", 3 + k)).frames[0] for k in range(5)]
    with FrameReader() as reader:
        for frame in frames * 2:
            reader.read(frame)
        assert sum(not decoder.closed for decoder in reader._decoders) <= 2


# ---------------------------------------------------------------- every, start, stop


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"every": 7}, range(0, 60, 7)),
        ({"start": 10, "stop": 20, "every": 4}, [10, 14, 18]),
        ({"start": 1.0, "stop": 1.2}, [25, 26, 27, 28, 29]),
        ({"every": 0.5}, [0, 13, 25, 38, 50]),  # the first frame at or after each half second
        ({"start": 50, "stop": 1000}, range(50, 60)),
        ({"start": 2.2, "stop": 58}, [55, 56, 57]),
    ],
)
def test_whole_numbers_are_frames_and_others_seconds(
    options: dict[str, Any], expected: Any, make_video: Maker
) -> None:
    path = make_video("late.ts", 60, pts_ms=[3000 + 40 * k for k in range(60)])
    frames = scan(path, **options).frames
    assert [f.index for f in frames] == list(expected)


def test_a_frame_has_the_same_id_whatever_part_was_taken(make_video: Maker) -> None:
    path = make_video()
    whole = {f.index: f for f in scan(path).frames}
    part = scan(path, every=5, start=10).frames
    assert part == [whole[f.index] for f in part]
    again = scan(path, every=3, known={f.frame_id for f in part})
    assert again.duplicates == len([k for k in range(0, 60, 3) if k >= 10 and k % 5 == 0])


@settings(deadline=None)
@given(
    st.lists(st.integers(1, 3000), min_size=1, max_size=60),
    st.integers(10, 4000),
    st.integers(0, 20_000),
    st.integers(10, 20_000),
)
def test_frames_by_seconds_lie_between_and_no_tick_is_left_out(
    gaps_ms: list[int], every_ms: int, start_ms: int, length_ms: int
) -> None:
    times = np.cumsum([0, *gaps_ms])
    seconds = [float(t) / 1000 for t in times]
    stop_ms = start_ms + length_ms
    taken = Selection(every_ms / 1000, start_ms / 1000, stop_ms / 1000).of(seconds)
    expected, tick = [], -1
    for k, time in enumerate(times):
        if start_ms <= time < stop_ms:
            first = times[expected[0]] if expected else time
            if (time - first) // every_ms > tick:
                tick = (time - first) // every_ms
                expected.append(k)
    assert taken == expected


@pytest.mark.parametrize(
    "options",
    [
        {"every": 0},
        {"every": -1},
        {"every": float("nan")},
        {"every": True},
        {"start": -2},
        {"start": float("inf")},
        {"start": 5, "stop": 5},
        {"stop": "3"},
    ],
)
def test_values_that_make_no_sense_are_refused(options: dict[str, Any], make_video: Maker) -> None:
    with pytest.raises(InputError, match=r"cannot be used"):
        scan(make_video(n=3), **options)


def test_a_part_behind_the_end_is_listed(make_video: Maker) -> None:
    found = scan(make_video(n=10), start=100)
    assert found.frames == []
    assert "10 frames, none of them" in found.failures[0].reason


def test_a_missing_time_may_come_back_from_a_table_as_nan(
    make_video: Maker, decode_all: Decode
) -> None:
    path = make_video("bare.h264", 10)
    frame = replace(scan(path).frames[7], time_s=float("nan"))
    with FrameReader() as reader:
        assert np.array_equal(reader.read(frame), decode_all(path)[7])


def test_seconds_of_a_stream_without_timestamps_are_listed(make_video: Maker) -> None:
    path = make_video("bare.h264", 10)
    assert len(scan(path, every=3).frames) == 4
    assert "no timestamps" in scan(path, start=0.1).failures[0].reason


# ---------------------------------------------------------------- broken files


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3])
def test_an_mp4_that_lost_its_index_is_listed(share: float, make_video: Maker) -> None:
    path = make_video(n=30)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    found = scan(path)
    assert found.frames == []
    assert len(found.failures) == 1
    assert "\n" not in found.failures[0].reason


@pytest.mark.parametrize("name", ["cut.mp4", "cut.mkv"])
def test_of_a_cut_video_the_whole_frames_are_kept_and_the_cut_is_listed(
    name: str, make_video: Maker, decode_all: Decode, tmp_path: Path
) -> None:
    options = {"movflags": "faststart"} if name.endswith("mp4") else {}
    path = remux(make_video("whole.mp4", 150), tmp_path / name, options)
    expected = decode_all(path)
    os.truncate(path, path.stat().st_size * 6 // 10)
    found = scan(path)
    assert 30 < len(found.frames) < 149
    assert "cut short" in found.failures[0].reason
    with FrameReader() as reader:
        for k in (0, len(found.frames) // 2):
            assert np.array_equal(reader.read(found.frames[k]), expected[k])


def remux(source: Path, target: Path, options: dict[str, str]) -> Path:
    with av.open(str(source)) as a, av.open(str(target), "w", options=options) as b:
        stream = b.add_stream_from_template(a.streams.video[0])
        for packet in a.demux(a.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                b.mux(packet)
    return target


def test_damage_in_the_middle_costs_some_frames_and_not_the_reader(make_video: Maker) -> None:
    path = make_video("clip.mkv", 100)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 200] = os.urandom(200)
    path.write_bytes(data)
    found = scan(path)
    with FrameReader() as reader:
        shapes = []
        for frame in found.frames:
            with contextlib.suppress(FrameError):
                shapes.append(reader.read(frame).shape)
    assert len(shapes) > 20
    assert set(shapes) == {(64, 96, 3)}


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "talk.mp4"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("aac", rate=44100)
        for k in range(5):
            frame = av.AudioFrame.from_ndarray(
                np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
            )
            frame.sample_rate, frame.pts = 44100, 1024 * k
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert scan(path).failures[0].reason == "it holds no video, only sound or data"


def test_a_video_without_frames_is_listed(tmp_path: Path) -> None:
    path = tmp_path / "none.mkv"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()
    found = scan(path)
    assert found.frames == []
    assert len(found.failures) == 1


@pytest.mark.parametrize(
    "content",
    [b"hello\n" * 50, b"#EXTM3U\n#EXTINF:1,\nhttp://localhost/a.ts\n#EXT-X-ENDLIST\n", bytes(999)],
)
def test_text_and_playlists_named_mp4_are_no_videos(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.mp4"
    path.write_bytes(content)
    found = scan(path)
    assert found.frames == []
    assert len(found.failures) == 1


def test_a_vanished_video_is_an_error_in_one_line(make_video: Maker) -> None:
    path = make_video(n=5)
    frame = scan(path).frames[2]
    with FrameReader() as reader:
        reader.read(frame)
        path.unlink()
        with pytest.raises(FrameError, match=r"Frame 2 of .*: the file does not exist"):
            reader.read(frame)


def test_a_replaced_video_is_noticed(make_video: Maker, decode_all: Decode) -> None:
    frame = scan(make_video("a.mp4", 30)).frames[20]
    with FrameReader() as reader:
        reader.read(frame)
        make_video("a.mp4", 10)
        with pytest.raises(FrameError, match="no frame 20"):
            reader.read(frame)
        make_video("a.mp4", 30, size=(64, 64))
        with pytest.raises(FrameError, match="was added as 96 x 64 and is 64 x 64"):
            reader.read(frame)


def test_a_video_frame_is_encoded_as_jpeg(make_video: Maker) -> None:
    import io

    from PIL import Image

    frame = scan(make_video(n=5)).frames[3]
    with FrameReader() as reader:
        encoded, pixels = reader.encoded(frame), reader.read(frame)
    assert (encoded.mime, encoded.orientation) == ("image/jpeg", 1)
    shown = np.array(Image.open(io.BytesIO(encoded.data)))
    assert shown.shape == pixels.shape
    assert np.abs(shown.astype(int) - pixels).mean() < 3


def test_the_scan_of_a_video_can_be_stopped(make_video: Maker) -> None:
    path = make_video("many.mp4", 700)

    class StopError(Exception):
        pass

    def stop() -> None:
        raise StopError

    with pytest.raises(StopError):
        probe_video(path, stop)


def test_a_video_of_huge_frames_is_refused_from_its_header(
    make_video: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_video(n=3)
    monkeypatch.setattr("labkit.frames.video.MAX_PIXELS", 6000)
    monkeypatch.setattr("labkit.frames.video.packets_to_frames", pytest.fail)
    assert "its frames have more than" in scan(path).failures[0].reason


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_closed_decoder_lets_go_of_its_file(make_video: Maker) -> None:
    path = make_video(n=5)
    before = len(list(Path("/proc/self/fd").iterdir()))
    decoder = VideoDecoder(path)
    decoder.read(0, 0.0)
    decoder.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.data
def test_real_pictures_with_long_groups(bedroom: Path, tmp_path: Path, decode_all: Decode) -> None:
    path = tmp_path / "bedroom.mp4"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=30, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for source in sorted(bedroom.glob("*.jpg")):
            with av.open(str(source)) as image:
                picture = next(image.decode(video=0)).reformat(320, 180, "yuv420p")
            picture.pts = None
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    expected = decode_all(path)
    found = scan(path)
    assert len(found.frames) == len(expected) == 200
    with FrameReader() as reader:
        for k in [*random.Random(0).sample(range(200), 15), 199, 0]:
            assert np.array_equal(reader.read(found.frames[k]), expected[k])
