"""A detector that costs nothing, and frames without files."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PilImage

from labkit.core.types import Frame, LabelChoice, Proposal, Shape
from labkit.frames import FrameError
from labkit.models.detectors.base import Image, ModelInfo
from labkit.store.project import ProjectStore


class GreyReader:
    """Pixels out of nothing; frames named ``bad`` cannot be read."""

    def read(self, frame: Frame) -> Image:
        if "bad" in frame.uri:
            raise FrameError("This frame cannot be read", "it is truncated")
        return np.full((frame.height, frame.width, 3), int(frame.frame_id, 16) % 251, np.uint8)


class FakeDetector:
    """A few boxes a frame that follow from its id alone.

    ``before`` is called with the frames of each batch and may raise or wait.
    """

    def __init__(
        self,
        labels: Sequence[str] = ("cat", "dog", "bird"),
        before: Callable[[Sequence[Frame]], None] | None = None,
        batch: int = 4,
    ) -> None:
        self.info = ModelInfo("fake", "detect", tuple(labels), "0" * 64, batch=batch)
        self.before = before
        self.batches: list[int] = []
        self.threads: set[str] = set()

    def detect(self, images: Sequence[Image], frames: Sequence[Frame]) -> list[list[Proposal]]:
        self.threads.add(threading.current_thread().name)
        self.batches.append(len(images))
        if self.before is not None:
            self.before(frames)
        return [self._boxes(i, f) for i, f in zip(images, frames, strict=True)]

    def _boxes(self, image: Image, frame: Frame) -> list[Proposal]:
        rng = np.random.default_rng(int(frame.frame_id, 16))
        out: list[Proposal] = []
        scores = sorted(rng.uniform(0.05, 1, int(rng.integers(0, 6))), reverse=True)
        for k, score in enumerate(scores):
            x, y = rng.uniform(0, image.shape[1] - 20), rng.uniform(0, image.shape[0] - 20)
            names = rng.permutation(list(self.info.labels))[:3]
            choices = tuple(LabelChoice(str(n), score / 2**j) for j, n in enumerate(names))
            box = (float(x), float(y), float(x) + 10 + k, float(y) + 12)
            out.append(Proposal(frame.frame_id, k, str(names[0]), score, Shape(box), choices))
        return out


def frames(n: int, width: int = 64, height: int = 48, bad: Sequence[int] = ()) -> list[Frame]:
    """Frames that no file is behind."""
    out = []
    for k in range(n):
        digest = hashlib.sha256(str(k).encode()).hexdigest()
        uri = f"{'bad' if k in bad else 'f'}{k:04d}.png"
        out.append(Frame(digest[:16], digest, uri, 0, width, height, None, digest, "g"))
    return out


def image_frames(project: ProjectStore, paths: Sequence[Path]) -> list[Frame]:
    """Frames of image files, added to the project."""
    out = []
    for path in paths:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        with PilImage.open(path) as image:
            width, height = image.size
        out.append(
            Frame(digest[:16], digest, str(path), 0, width, height, None, digest, path.parent.name)
        )
    project.append_frames(out)
    return out


def parts(project: ProjectStore, run_id: str) -> dict[str, Any]:
    """The bytes of a run's parts by file name."""
    folder = project.root / "runs" / run_id
    return {p.name: p.read_bytes() for p in sorted(folder.glob("part-*.parquet"))}
