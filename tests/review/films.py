"""A short film of textured patches that move, and a small honest tracker that finds them again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image as Pillow
from review.conftest import write_run

from labkit.core.tracks import Keyframe, Tracked
from labkit.core.types import Proposal, Shape
from labkit.models.trackers.base import TrackerInfo
from labkit.project import Project

SIDE, STEP = 16, (5, 2)
STARTS = {"bolt": (10, 10), "nut": (20, 45)}


def true_box(label: str, frame: int) -> tuple[float, float, float, float]:
    x, y = (a + frame * b for a, b in zip(STARTS[label], STEP, strict=True))
    return (float(x), float(y), float(x + SIDE), float(y + SIDE))


def make_film(root: Path, n: int = 8, size: tuple[int, int] = (120, 96)) -> Project:
    """A folder of frames in which both patches move alike; a detector's run on the first one."""
    rng = np.random.default_rng(3)
    patches = {name: rng.integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8) for name in STARTS}
    folder = root.parent / "frames"
    folder.mkdir(parents=True)
    for k in range(n):
        picture = np.full((size[1], size[0], 3), 90, np.uint8)
        for name, patch in patches.items():
            x1, y1, x2, y2 = (int(v) for v in true_box(name, k))
            picture[y1:y2, x1:x2] = patch
        picture[0, 0] = k  # no two frames are the same file
        Pillow.fromarray(picture).save(folder / f"{k:03d}.png")
    project = Project.create(root, labels=list(STARTS))
    project.add_frames(folder)
    first = ids(project)[0]
    boxes = [Proposal(first, k, n, 0.9, Shape(true_box(n, 0))) for k, n in enumerate(STARTS)]
    project.seen_run = write_run(project, "detector", boxes)
    return project


def ids(project: Project) -> list[str]:
    return [f.frame_id for f in project.iter_frames()]


def film_queue(project: Project, order: list[int] | None = None) -> pd.DataFrame:
    frames = project.frames()[["frame_id"]]
    q = frames if order is None else frames.iloc[order]
    q.attrs["runs"] = [project.seen_run]
    return q


class PatchSession:
    """Looks for the patch under each box, not far from where it was last."""

    def __init__(self, tracker: PatchTracker) -> None:
        self.tracker, self.held, self.fresh = tracker, {}, set()

    def prompt(self, position: int, image: np.ndarray, keyframes: list[Keyframe]) -> list[Tracked]:
        self.tracker.prompts.append((position, sorted(k.track_id for k in keyframes)))
        for k in keyframes:
            x1, y1, x2, y2 = (round(v) for v in k.shape.box)
            self.held[k.track_id] = (image[y1:y2, x1:x2].astype(int), (x1, y1))
        return [Tracked(k.track_id, k.shape, 1.0) for k in keyframes]

    def recall(self, position: int, image: np.ndarray, tracked: list[Tracked]) -> None:
        raise NotImplementedError

    def step(self, position: int, image: np.ndarray) -> list[Tracked]:
        self.tracker.steps.append((position, sorted(self.held)))
        out = []
        for track, (patch, at) in self.held.items():
            miss, (x, y) = min(self._misses(image.astype(int), patch, at))
            if miss > 40:
                out.append(Tracked(track, None, 0.0))
                continue
            self.held[track] = (patch, (x, y))
            h, w = patch.shape[:2]
            shape = Shape((x, y, x + w, y + h))
            out.append(Tracked(track, shape, 1 - miss / 100, {"miss": miss}))
        return out

    def _misses(self, image, patch, at):
        (h, w), reach = patch.shape[:2], self.tracker.reach
        for y in range(max(0, at[1] - reach), min(image.shape[0] - h, at[1] + reach) + 1):
            for x in range(max(0, at[0] - reach), min(image.shape[1] - w, at[0] + reach) + 1):
                yield float(np.abs(image[y : y + h, x : x + w] - patch).mean()), (x, y)

    def drop(self, track_id: int) -> None:
        del self.held[track_id]

    def close(self) -> None:
        self.tracker.closed += 1


class PatchTracker:
    """Counts what it is asked, so that tests can see what was done twice."""

    def __init__(self, name: str = "patch", reach: int = 9) -> None:
        self.reach = reach
        self.info = TrackerInfo(name, frozenset({"box"}))
        self.opened = self.closed = 0
        self.prompts: list[tuple[int, list[int]]] = []
        self.steps: list[tuple[int, list[int]]] = []

    def open(self, width: int, height: int, *, backward: bool = False) -> PatchSession:
        self.opened += 1
        return PatchSession(self)
