"""Clips for phase 2: features of all frames, computed once, and tracks of objects in windows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from tqdm import tqdm

from training.sam2_common import Team, in_processes
from training.sam2_data import FRAMES, OTHER, Frames, normalized, resized
from training.sam2_windows import LEAST

COARSE = 4
"""Stride of the map in which objects are looked up."""


@dataclass(frozen=True)
class Tracks:
    """Objects in one window, each through frames of its clip.

    ``rows`` (b, t): the frames' rows in the cache; ``objects`` (b,) their ids; ``corner``: the
    window's x and y.
    """

    rows: NDArray[np.int64]
    objects: NDArray[np.int64]
    corner: tuple[int, int]
    side: int


class FeatureCache:
    """Image features (float16), ids and kinds of all frames of the clips, mirrored at random."""

    def __init__(self, folder: Path) -> None:
        self.maps = [np.load(folder / f"map{k}.npy", mmap_mode="r") for k in range(3)]
        self.ids = np.load(folder / "ids.npy", mmap_mode="r")
        self.kinds = np.load(folder / "kinds.npy", mmap_mode="r")
        self.coarse = np.array(self.ids[:, COARSE // 2 :: COARSE, COARSE // 2 :: COARSE])
        self.clips, self.side = len(self.ids) // FRAMES, self.ids.shape[1]

    def features(
        self, rows: NDArray[np.int64], corner: tuple[int, int], side: int
    ) -> list[torch.Tensor]:
        """Windows of the maps at the strides 4, 8 and 16, ``(n, c, side / stride, ...)``."""
        out = []
        for values, stride in zip(self.maps, (4, 8, 16), strict=True):
            x, y, n = corner[0] // stride, corner[1] // stride, side // stride
            part = np.stack([values[r, :, y : y + n, x : x + n] for r in rows])
            out.append(torch.from_numpy(part).float())
        return out

    def masks(self, tracks: Tracks, t: int) -> NDArray[np.bool_]:
        """Truth at step ``t``, ``(b, side, side)``."""
        x, y = tracks.corner
        cut = np.s_[y : y + tracks.side, x : x + tracks.side]
        pairs = zip(tracks.rows[:, t], tracks.objects, strict=True)
        return np.stack([self.ids[row][cut] == number for row, number in pairs])

    def draw(
        self, rng: np.random.Generator, count: int, length: int, side: int, leaving: float = 0.4
    ) -> Tracks:
        """Tracks that begin in sight; a share of ``leaving`` clips is asked for some that go."""
        most = (self.side - side) // 32
        corner = tuple(int(v) * 32 for v in rng.integers(0, most + 1, 2))
        x, y, n = corner[0] // COARSE, corner[1] // COARSE, side // COARSE
        rows, objects = [], []
        while len(rows) < count:
            stride = 2 if 2 * (length - 1) < FRAMES and rng.random() < 0.25 else 1
            start = int(rng.integers(0, FRAMES - stride * (length - 1)))
            frames = start + stride * np.arange(length)
            frames = frames[::-1] if rng.random() < 0.5 else frames
            frames = int(rng.integers(self.clips)) * FRAMES + frames
            seen = np.bincount(self.coarse[frames[0], y : y + n, x : x + n].ravel(), minlength=256)
            left = np.bincount(self.coarse[frames[-1], y : y + n, x : x + n].ravel(), minlength=256)
            kinds = self.kinds[frames[0]]
            good = [
                k
                for k in np.flatnonzero(kinds)
                if seen[k] * COARSE**2 >= 2 * LEAST and (kinds[k] < OTHER or rng.random() < 0.2)
            ]
            good = [int(k) for k in rng.permutation(good)]
            if rng.random() < leaving:
                good.sort(key=lambda k: left[k] > 0)
            for k in good[: min(3, count - len(rows))]:
                rows.append(frames)
                objects.append(k)
        return Tracks(np.stack(rows), np.array(objects), corner, side)


def compute_features(
    model: nn.Module, data: Frames, folder: Path, processes: int, seed: int = 0
) -> None:
    """Write the cache of all clips; does nothing where it is complete."""
    if (folder / "complete").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    total, side, width = data.ready // FRAMES * FRAMES, model.image_size, model.hidden_dim
    shapes = {
        f"map{k}": (total, c, side // s, side // s)
        for k, (c, s) in enumerate(((width // 8, 4), (width // 4, 8), (width, 16)))
    }
    for name, shape in shapes.items():
        np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.float16, shape)
    np.lib.format.open_memmap(folder / "ids.npy", "w+", np.uint8, (total, side, side))
    np.save(folder / "kinds.npy", data.kinds[:total])
    in_processes(_compute_share, processes, (model.eval(), data, folder, seed))
    (folder / "complete").touch()


@torch.no_grad()
def _compute_share(team: Team, work: tuple[nn.Module, Frames, Path, int]) -> None:
    """Each process takes every other clip."""
    model, data, folder, seed = work
    ids = np.load(folder / "ids.npy", mmap_mode="r+")
    files = [np.load(folder / f"map{k}.npy", mmap_mode="r+") for k in range(3)]
    side = model.image_size
    columns = ((np.arange(side) + 0.5) * data.ids.shape[2] / side).astype(int)
    rows = ((np.arange(side) + 0.5) * data.ids.shape[1] / side).astype(int)
    decoder = model.sam_mask_decoder
    for clip in tqdm(range(team.rank, len(ids) // FRAMES, team.size), mininterval=30):
        rng = np.random.default_rng([seed, clip])
        mirrored = [axis for axis in (1, 2) if rng.random() < 0.5]
        for start in range(clip * FRAMES, (clip + 1) * FRAMES, 6):
            cut = slice(start, start + 6)
            truth = np.array(data.ids[cut])[:, rows][:, :, columns]
            ids[cut] = np.flip(truth, mirrored)
            x = normalized(resized(np.flip(data.images[cut], mirrored), (side, side)))
            with torch.autocast("cpu", dtype=torch.bfloat16):
                maps = model.image_encoder.trunk(x.to(memory_format=torch.channels_last))
            maps, _ = model.image_encoder.neck([m.float() for m in maps])
            maps = [decoder.conv_s0(maps[0]), decoder.conv_s1(maps[1]), maps[2]]
            for file, values in zip(files, maps, strict=True):
                file[cut] = values.half().numpy()
