"""Small frames for conformance checks: drawn from a seed, of several sizes, without files."""

from __future__ import annotations

import hashlib

import numpy as np

from labkit.core.types import Frame
from labkit.frames import FrameError
from labkit.models.detectors.base import Image

__all__ = ["Clip", "Pictures", "clip", "picture"]

SIZES = ((320, 240), (97, 61), (64, 200))
"""Width and height: a usual frame, an odd one, a narrow one."""


def _frame(name: str, width: int, height: int, index: int = 0) -> Frame:
    digest = hashlib.sha256(f"{name}-{width}-{height}".encode()).hexdigest()
    return Frame(digest[:16], digest, name, index, width, height, None, digest, "testing")


def picture(width: int, height: int, seed: int = 0) -> Image:
    """A textured ground with two bright things on it, ``(height, width, 3)`` uint8."""
    rng = np.random.default_rng(seed)
    ground = rng.integers(40, 90, (height // 4 + 1, width // 4 + 1, 3))
    image = np.kron(ground, np.ones((4, 4, 1), dtype=int))[:height, :width].astype(np.uint8)
    for k, colour in enumerate(((220, 60, 40), (60, 200, 230))):
        x1, y1, x2, y2 = (int(v) for v in thing(width, height, k))
        image[y1:y2, x1:x2] = colour
        image[(y1 + y2) // 2, x1:x2] = 255
    return image


def thing(width: int, height: int, number: int = 0) -> tuple[float, float, float, float]:
    """The box of a thing in :func:`picture`, whole pixels."""
    x1, y1 = (width // 8, height // 6) if number == 0 else (width // 2, height // 2)
    return float(x1), float(y1), float(x1 + width // 3), float(y1 + height // 3)


class Pictures:
    """Frames and where their pixels come from; ``broken`` cannot be read."""

    def __init__(self) -> None:
        self.frames = [_frame(f"picture-{k}.png", *size) for k, size in enumerate(SIZES)]
        self.broken = _frame("broken.png", *SIZES[0])
        self._images = {
            f.frame_id: picture(f.width, f.height, seed=k) for k, f in enumerate(self.frames)
        }

    def read(self, frame: Frame) -> Image:
        """The pixels of a frame, a copy each time."""
        if frame.frame_id not in self._images:
            raise FrameError("This frame cannot be read", "it is truncated")
        return self._images[frame.frame_id].copy()


class Clip:
    """A few frames on which two things move, and their true boxes."""

    width, height = 160, 120

    def __init__(self, length: int = 8) -> None:
        self.images: list[Image] = []
        self.boxes: list[list[tuple[float, float, float, float]]] = []
        ground = picture(self.width, self.height, seed=7)
        rng = np.random.default_rng(3)
        textures = [rng.integers(0, 255, (32, 40, 3)).astype(np.uint8) for _ in range(2)]
        for t in range(length):
            image, boxes = ground.copy(), []
            for k, texture in enumerate(textures):
                x, y = (10 + 3 * t, 12 + 2 * t) if k == 0 else (100 - 2 * t, 70 + t)
                image[y : y + 32, x : x + 40] = np.kron(
                    texture[::8, ::8], np.ones((8, 8, 1), dtype=np.uint8)
                )
                boxes.append((float(x), float(y), float(x + 40), float(y + 32)))
            self.images.append(image)
            self.boxes.append(boxes)

    def __len__(self) -> int:
        return len(self.images)


def clip(length: int = 8) -> Clip:
    """A clip of :data:`Clip.width` x :data:`Clip.height` pixels."""
    return Clip(length)
