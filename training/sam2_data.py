"""Draw the world once into memory-mapped arrays, so that training does not wait for the brush.

python -m training.sam2_data stills 4000 FOLDER
python -m training.sam2_data clips 240 FOLDER
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as nnf
from tqdm import tqdm

from labkit.demo.domain import DAY, LABELS, NIGHT
from labkit.demo.scene import Scene
from labkit.demo.world import clip, still

SIZE = (384, 512)
"""Height and width of every frame."""

FRAMES = 24
"""Frames of a training clip."""

STILL_SEEDS, CLIP_SEEDS = 10_000_000, 20_000_000
"""First seeds of training; evaluation takes 90,000,000 and up, demo and tests small numbers."""

MOST = 250
"""Track numbers beyond this are belt to the trainer (ids are kept in a byte)."""

OTHER = len(LABELS) + 1
"""Kind of distractors and of parts too hidden to be in the truth; parts are 1, 2, 3."""

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""What SAM2's transforms subtract and divide by."""


@dataclass(frozen=True)
class Frames:
    """Drawn frames: ``images`` uint8 (n, 384, 512, 3), ``ids`` uint8 (n, 384, 512).

    ``kinds`` is uint8 (n, 256): for each id 0 (not there), 1 nut, 2 bolt, 3 washer or 4 other.
    Clips are ``FRAMES`` consecutive rows each.
    """

    images: NDArray[np.uint8]
    ids: NDArray[np.uint8]
    kinds: NDArray[np.uint8]
    ready: int

    @classmethod
    def open(cls, folder: Path) -> Frames:
        """Map what a generator has drawn so far; more may come while one trains."""
        ready = int((folder / "ready").read_text())
        parts = (np.load(folder / f"{x}.npy", mmap_mode="r") for x in ("images", "ids", "kinds"))
        return cls(*parts, ready)


def kinds_of(scene: Scene) -> NDArray[np.uint8]:
    """Kind of each id in the frame."""
    kinds = np.zeros(256, np.uint8)
    kinds[np.unique(np.where(scene.ids <= MOST, scene.ids, 0))] = OTHER
    for item in scene.objects:
        if item.track_id <= MOST:
            kinds[item.track_id] = 1 + LABELS.index(item.label)
    kinds[0] = 0
    return kinds


def resized(images: NDArray[np.uint8], size: tuple[int, int]) -> torch.Tensor:
    """(n, h, w, 3) to float (n, 3, *size) in 0..1, as SAM2's transforms resize."""
    x = torch.from_numpy(np.array(images)).permute(0, 3, 1, 2).float() / 255
    return nnf.interpolate(x, size=size, mode="bilinear", align_corners=False, antialias=True)


def normalized(x: torch.Tensor) -> torch.Tensor:
    """Subtract SAM2's mean and divide by its deviation."""
    return (x - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]


def stills(count: int) -> Iterable[Scene]:
    """Half day, half night."""
    for k in range(count):
        yield still(STILL_SEEDS + k, (DAY, NIGHT)[k % 2], SIZE)


def clips(count: int) -> Iterable[Scene]:
    """Half day, half night; in each at least one object leaves and one enters."""
    for k in range(count):
        gantry = True if k % 4 < 2 else None
        yield from clip(
            CLIP_SEEDS + k, (DAY, NIGHT)[k % 2], FRAMES, SIZE, leaves=1, enters=1, gantry=gantry
        )


def draw(scenes: Iterable[Scene], total: int, folder: Path) -> None:
    """Write scenes into ``folder``; ``ready`` says how many can be read already."""
    folder.mkdir(parents=True, exist_ok=True)
    shapes = {"images": (total, *SIZE, 3), "ids": (total, *SIZE), "kinds": (total, 256)}
    files = {
        name: np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.uint8, shape)
        for name, shape in shapes.items()
    }
    for k, scene in enumerate(tqdm(scenes, total=total, mininterval=30)):
        files["images"][k] = scene.image
        files["ids"][k] = np.where(scene.ids <= MOST, scene.ids, 0)
        files["kinds"][k] = kinds_of(scene)
        if (k + 1) % FRAMES == 0 or k + 1 == total:
            (folder / "ready.tmp").write_text(str(k + 1))
            (folder / "ready.tmp").replace(folder / "ready")


def main() -> None:
    """Draw stills or clips."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("stills", "clips"))
    parser.add_argument("count", type=int)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    marker = args.folder / "ready"
    frames = args.count * (FRAMES if args.what == "clips" else 1)
    if marker.exists() and int(marker.read_text()) == frames:
        return  # drawn before
    draw((clips if args.what == "clips" else stills)(args.count), frames, args.folder)


if __name__ == "__main__":
    main()
