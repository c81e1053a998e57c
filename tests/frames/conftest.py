"""Real images and videos, made on the spot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

Maker = Callable[..., Path]


def picture(index: int, width: int = 96, height: int = 64) -> np.ndarray:
    """A moving pattern that differs in every frame and does not look like a cut."""
    y, x = np.mgrid[0:height, 0:width]
    red = 128 + 90 * np.sin((x + 2 * index) / 9)
    green = 128 + 90 * np.sin((y + index) / 7)
    blue = np.full_like(red, 60 + index % 120)
    image = np.stack([red, green, blue], -1).astype(np.uint8)
    at = index * 3 % (width - 12)
    image[8:20, at : at + 12] = (250, 250, 20)
    return image


@pytest.fixture
def make_video(tmp_path: Path) -> Maker:
    """Writes a video: ``make_video(name, n, pts_ms=..., codec=..., gop=..., rotation=...)``."""

    def make(
        name: str = "clip.mp4",
        n: int = 60,
        *,
        pts_ms: Sequence[int] | None = None,
        codec: str = "libx264",
        gop: int = 12,
        options: dict[str, str] | None = None,
        rotation: float | None = None,
        hflip: bool = False,
        size: tuple[int, int] = (96, 64),
    ) -> Path:
        path = tmp_path / name
        times = [40 * k for k in range(n)] if pts_ms is None else list(pts_ms)
        chosen = {"g": str(gop), "bf": "2"} | (options or {})
        if codec == "libx264":
            chosen = {"x264-params": f"keyint={gop}:bframes=2:b-adapt=0:scenecut=0"} | chosen
        with av.open(str(path), "w") as container:
            stream: Any = container.add_stream(codec, rate=25, options=chosen)
            stream.width, stream.height = size
            stream.pix_fmt = "yuv420p"
            if codec != "mpeg2video":
                stream.codec_context.time_base = Fraction(1, 1000)
            if rotation is not None:
                if not hasattr(av.VideoStream, "set_display_rotation"):
                    pytest.skip("this PyAV cannot write rotation flags")
                stream.set_display_rotation(rotation, hflip=hflip)
            for k, time in enumerate(times):
                frame = av.VideoFrame.from_ndarray(picture(k, *size), format="rgb24")
                frame.pts, frame.time_base = time, Fraction(1, 1000)
                if codec == "mpeg2video":
                    frame.pts, frame.time_base = k, Fraction(1, 25)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return path

    return make


def straight(path: Path) -> list[np.ndarray]:
    """All frames of a video, decoded from first to last."""
    with av.open(str(path)) as container:
        return [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]


@pytest.fixture
def decode_all() -> Callable[[Path], list[np.ndarray]]:
    return straight
