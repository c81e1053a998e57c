"""How good and how fast are the interactors that need no weights? A table says it.

python benchmarks/classical.py [--stills 30] [--frames 8]

Quality: stills of the embedded world with the seeds 92,000,000 and up, half day and half night,
every object of the truth with 150 pixels or more, hidden ones too. GrabCut gets the true box; its
peer is that box, filled. The scissors get points that lie evenly on the true outer contour; their
peer is the straight polygon through the same points, and both are judged without the holes of the
parts, which no outline can hold. On the bedroom video there is no truth: it is only said that they
answer, and how fast.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from _table import show

sys.path.insert(0, str(Path(__file__).parents[1]))

from labkit.core.geometry import decode_mask, mask_iou, polygon_area, polygons_to_mask
from labkit.core.prompts import Prompts
from labkit.core.rings import outlines
from labkit.core.types import Frame
from labkit.demo.world import DAY, NIGHT, still
from labkit.frames import FrameReader, scan
from labkit.models.interactors import open_interactor

BEDROOM = Path(__file__).parents[2] / "shared" / "data" / "bedroom"
SEED, LEAST = 92_000_000, 150
POINTS = (4, 6, 8, 12, 16)
Values = dict[str, list[tuple[float, float]]]


class Stills:
    """Images in memory, as a source of frames."""

    def __init__(self) -> None:
        self.images: dict[str, np.ndarray] = {}

    def add(self, name: str, image: np.ndarray) -> Frame:
        """Hold this image, and no other."""
        self.images = {name: image}
        return Frame(name, "", name, 0, image.shape[1], image.shape[0], None, "", "")

    def read(self, frame: Frame) -> np.ndarray:
        """Its pixels."""
        return self.images[frame.frame_id]


def timed(call: Callable[[], np.ndarray]) -> tuple[np.ndarray, float]:
    start = time.perf_counter()
    return call(), time.perf_counter() - start


def box_mask(box: tuple[float, ...], size: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(size, bool)
    x1, y1, x2, y2 = np.round(box).astype(int).clip(0)
    mask[y1:y2, x1:x2] = True
    return mask


def on_contour(ring: np.ndarray, count: int) -> list[tuple[float, float]]:
    """Points at even distances along a ring."""
    closed = np.concatenate([ring, ring[:1]])
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    at = np.linspace(0, along[-1], count, endpoint=False)
    xs, ys = (np.interp(at, along, closed[:, k]) for k in (0, 1))
    return list(zip(xs.tolist(), ys.tolist(), strict=True))


def judge(stills: int) -> Values:
    """IoU and seconds of every way, on all objects."""
    source = Stills()
    cut, scissors = open_interactor("grabcut", source), open_interactor("scissors", source)
    values: Values = defaultdict(list)
    for k in range(stills):
        scene = still(SEED + k, (DAY, NIGHT)[k % 2])
        frame = source.add(str(k), scene.image)
        size = scene.image.shape[:2]
        cut.set_frame(frame)
        scissors.set_frame(frame)
        for part in scene.objects:
            truth = scene.ids == part.track_id
            if truth.sum() < LEAST:
                continue
            box = Prompts.boxed(part.shape.box)
            found, seconds = timed(lambda p=box: cut.segment(p)[0].mask)
            values["grabcut"].append((mask_iou(found, truth), seconds))
            values["box"].append((mask_iou(box_mask(part.shape.box, size), truth), 0.0))
            ring = max((p.ring for p in outlines(truth)), key=polygon_area)
            whole = fill([ring], size)
            for count in POINTS:
                points = on_contour(ring, count)
                clicks = Prompts.clicks(points)
                found, seconds = timed(lambda p=clicks: scissors.segment(p)[0].mask)
                values[f"scissors {count}"].append((mask_iou(found, whole), seconds))
                straight = fill([np.array(points)], size)
                values[f"straight {count}"].append((mask_iou(straight, whole), 0.0))
    return values


def fill(rings: list[np.ndarray], size: tuple[int, int]) -> np.ndarray:
    return decode_mask(polygons_to_mask([r.ravel() for r in rings], size[1], size[0]))


def answers(frames: int) -> list[tuple[str, ...]]:
    """Both on frames of the bedroom video: whether they answer, and how fast."""
    if not BEDROOM.is_dir():
        return [("bedroom", "data not there", "", "", "")]
    found = scan(BEDROOM, root=BEDROOM).frames
    chosen = [found[k] for k in np.linspace(0, len(found) - 1, frames).astype(int)]
    box = (300.0, 180.0, 520.0, 400.0)
    round_it = [(300.0, 180.0), (520.0, 180.0), (520.0, 400.0), (300.0, 400.0)]
    rows = []
    for name, prompts in (("grabcut", Prompts.boxed(box)), ("scissors", Prompts.clicks(round_it))):
        interactor = open_interactor(name, FrameReader(BEDROOM))
        times, filled = [], 0
        for frame in chosen:
            interactor.set_frame(frame)
            mask, seconds = timed(lambda i=interactor, p=prompts: i.segment(p)[0].mask)
            times.append(seconds)
            filled += bool(mask.any())
        what = f"{name}, bedroom 960 x 540, box of 220 x 220"
        rows.append((what, f"answers on {filled} of {frames}", "", "", f"{median(times):.3f}"))
    return rows


def median(values: list[float]) -> float:
    return float(np.median(values))


def row(what: str, values: Values, name: str, peer: str, peer_name: str) -> tuple[str, ...]:
    """Mean and median IoU, beside a peer's, and seconds."""
    own, other = np.array(values[name]), np.array(values[peer])
    return (
        what,
        f"{own[:, 0].mean():.3f} (median {np.median(own[:, 0]):.3f})",
        f"{other[:, 0].mean():.3f} ({peer_name})",
        f"{own[:, 0].mean() / other[:, 0].mean():.2f}",
        f"{np.median(own[:, 1]):.3f}",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stills", type=int, default=30)
    parser.add_argument("--frames", type=int, default=8)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    values = judge(args.stills)
    count = len(values["box"])
    rows = [row(f"GrabCut from the box, {count} objects", values, "grabcut", "box", "filled box")]
    rows += [
        row(f"scissors, {n} points", values, f"scissors {n}", f"straight {n}", "straight polygon")
        for n in POINTS
    ]
    show(
        "classical",
        "How good are the interactors without weights on the embedded world?",
        ("interactor", "mean IoU", "peer's", "ratio", "median seconds"),
        [*rows, *answers(args.frames)],
    )


if __name__ == "__main__":
    main()
