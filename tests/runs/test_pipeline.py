"""How frames are decoded for a run: videos by one thread that goes on, images by several."""

from __future__ import annotations

import threading
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from runs.fakes import FakeDetector

from labkit.core.types import Frame
from labkit.frames import FrameReader, scan
from labkit.frames.decoder import VideoDecoder
from labkit.runs import predict_job
from labkit.store import ProjectStore

FRAMES = 40


class Watched(FrameReader):
    """Remembers its decoders, and which threads read videos."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.decoders: set[VideoDecoder] = set()
        self.threads: set[int] = set()

    def read(self, frame: Frame) -> NDArray[np.uint8]:
        if frame.sha256 != frame.source:
            self.threads.add(threading.get_ident())
        return super().read(frame)

    def _decoder(self, path: Path) -> VideoDecoder:
        decoder = super()._decoder(path)
        self.decoders.add(decoder)
        return decoder


def test_a_video_without_timestamps_is_decoded_once(tmp_path: Path) -> None:
    path = tmp_path / "raw.h264"
    with av.open(str(path), "w", format="h264") as out:
        stream = out.add_stream("h264", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for k in range(FRAMES):
            pixels = np.full((64, 64, 3), 5 * k, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(stream.encode(None))
    for k in range(8):
        Image.new("RGB", (64, 64), (k, 0, 0)).save(tmp_path / f"{k}.png")
    with ProjectStore.create(tmp_path / "p", ["cat", "dog", "bird"]) as project:
        project.append_frames(scan(tmp_path, root=project.root).frames)
        assert project.frames()["time_s"].isna().all()
        reader = Watched(project.root)
        job = predict_job(project, FakeDetector(), reader=reader, progress=None)
        run = project.run(job.result())
        assert len(run.frame_ids) == FRAMES + 8
    assert sum(decoder.decoded for decoder in reader.decoders) == FRAMES
    assert len(reader.threads) == 1
