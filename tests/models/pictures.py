"""Pixels from memory, through the same door as a project's."""

import numpy as np

from labkit.core.types import Frame


class Pictures:
    """An ``ImageSource`` over arrays; ``reads`` counts."""

    def __init__(self, **images):
        self.images, self.reads = images, 0

    def frame(self, name) -> Frame:
        height, width = self.images[name].shape[:2]
        return Frame(name, "", name, 0, width, height, None, "", "")

    def read(self, frame):
        self.reads += 1
        return self.images[frame.frame_id]


def disc(size=(120, 160), centre=(80, 60), radius=30, inside=(200, 60, 50), outside=(40, 90, 60)):
    """An image with one disc on it, a little noisy, and the disc's mask."""
    y, x = np.mgrid[: size[0], : size[1]] + 0.5
    mask = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 <= radius**2
    image = np.where(mask[..., None], np.array(inside), np.array(outside)).astype(float)
    image += np.random.default_rng(0).normal(0, 4, image.shape)
    return image.clip(0, 255).astype(np.uint8), mask
