"""Does following objects frame by frame cost speed? Against ``propagate_in_video``, same model.

Both read the same JPEGs: the package's ``init_state`` loads them all, ours goes through a
``FrameReader``, one at a time. Rounds alternate, medians are compared, masks are compared on every
frame that was followed. Run it on a machine that does nothing else:
``python benchmarks/track_speed.py [--model NAME] [--frames 30] [--rounds 3]``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _table import show
from PIL import Image

from labkit.core.geometry import decode_mask, mask_iou
from labkit.core.tracks import Keyframe
from labkit.core.types import Frame, Shape
from labkit.demo import DAY, clip
from labkit.frames import FrameReader, scan
from labkit.models.sam2.build import best_device, video_predictor
from labkit.models.sam2.names import find
from labkit.models.sam2.video import VideoMemory
from labkit.models.trackers.sam2 import Sam2Session

BEDROOM = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "bedroom"
IN_BEDROOM = [
    (300.0, 0.0, 500.0, 400.0),
    (120.0, 200.0, 330.0, 480.0),
    (560.0, 220.0, 840.0, 520.0),
    (400.0, 150.0, 650.0, 540.0),
]
"""Boxes on its first frame: two people, the bed, the floor between them."""

Masks = dict[tuple[int, int], np.ndarray]


@dataclass
class Video:
    """A folder of JPEGs and the boxes on the first one."""

    name: str
    folder: Path
    frames: list[Frame]
    boxes: list[tuple[float, float, float, float]]


def videos(folder: Path, count: int) -> Iterator[Video]:
    """The real video, where it is there, and a drawn one."""
    if BEDROOM.is_dir():
        real = folder / "bedroom"
        real.mkdir()
        for path in sorted(BEDROOM.glob("*.jpg"))[:count]:
            (real / path.name).symlink_to(path)
        yield Video("bedroom, 960 x 540", real, scan(real).frames, IN_BEDROOM)
    drawn = folder / "clip"
    drawn.mkdir()
    for t, scene in enumerate(clip(91_000_000, DAY, count)):
        Image.fromarray(scene.image).save(drawn / f"{t:05}.jpg", quality=97)
        if t == 0:
            boxes = [o.shape.box for o in scene.objects if o.visible > 0.6]
            height, width = scene.image.shape[:2]
    yield Video(f"demo clip, {width} x {height}", drawn, scan(drawn).frames, boxes[:4])


def clock() -> np.ndarray:
    """Wall seconds and processor seconds."""
    return np.array([time.perf_counter(), time.process_time()])


def package(model: Any, video: Video, boxes: Sequence[Any]) -> tuple[np.ndarray, np.ndarray, Masks]:
    """Time to load the video, time to follow, masks."""
    start = clock()
    state = model.init_state(str(video.folder))
    loaded = clock()
    for number, box in enumerate(boxes):
        model.add_new_points_or_box(state, 0, number, box=np.array(box, np.float32))
    masks = {}
    for t, numbers, logits in model.propagate_in_video(state):
        for number, mask in zip(numbers, (logits[:, 0] > 0).cpu().numpy(), strict=True):
            masks[t, number] = mask
    return loaded - start, clock() - loaded, masks


def ours(model: Any, video: Video, boxes: Sequence[Any]) -> tuple[np.ndarray, Masks]:
    """Time to read and follow, masks as they are stored (RLE)."""
    first, *others = video.frames
    start = clock()
    with FrameReader() as reader:
        session = Sam2Session(VideoMemory(lambda: model, first.width, first.height))
        keys = [Keyframe(first.frame_id, k, "x", Shape(box)) for k, box in enumerate(boxes)]
        session.prompt(0, reader.read(first), keys)
        results = {t: session.step(t, reader.read(f)) for t, f in enumerate(others, 1)}
        session.close()
    taken = clock() - start
    empty = np.zeros((first.height, first.width), bool)
    return taken, {
        (t, x.track_id): decode_mask(x.shape.mask) if x.shape and x.shape.mask else empty
        for t, tracked in results.items()
        for x in tracked
    }


def compare(model: Any, video: Video, objects: int, rounds: int) -> list[object]:
    """One line of the table."""
    boxes = video.boxes[:objects]
    load, walk, mine = [], [], []
    for number in range(rounds + 1):
        a, b, theirs = package(model, video, boxes)
        c, found = ours(model, video, boxes)
        if number:  # the first round warms up
            load, walk, mine = [*load, a], [*walk, b], [*mine, c]
    # masks that are empty on both sides agree about nothing
    pairs = [(mask, theirs[key]) for key, mask in found.items()]
    seen = [mask_iou(a, b) for a, b in pairs if a.any() or b.any()]
    count, took = len(video.frames), np.median(mine, axis=0)
    whole = np.median(np.add(load, walk), axis=0)
    alone = np.median(walk, axis=0)
    ratios = np.add(load, walk)[:, 0] / np.array(mine)[:, 0]
    return [
        video.name,
        len(boxes),
        f"{count / took[0]:.2f}",
        f"{count / whole[0]:.2f}",
        f"**{whole[0] / took[0]:.2f}** ({ratios.min():.2f} to {ratios.max():.2f})",
        f"{alone[0] / took[0]:.2f}",
        f"{took[1] / count * 1e3:.0f} / {whole[1] / count * 1e3:.0f}",
        f"**{whole[1] / took[1]:.2f}** / {alone[1] / took[1]:.2f}",
        f"{np.mean(seen):.4f}, least {min(seen):.4f} ({len(seen)} masks)" if seen else "all empty",
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="sam2-nano")
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    files = find(args.model)
    model = video_predictor(files.config, files.weights, best_device())
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            compare(model, video, objects, args.rounds)
            for video in videos(Path(folder), args.frames)
            for objects in (1, 4)
        ]
    show(
        "track_speed",
        f"following with {files.name}, {args.frames} frames: at least 0.95 x sam2's own speed, "
        "mean IoU with its masks at least 0.99",
        [
            "video",
            "objects",
            "frames/s",
            "sam2's, loading included",
            "ratio (rounds)",
            "ratio, sam2's loading left out",
            "CPU ms per frame, ours / sam2's",
            "ratio of CPU time, with / without sam2's loading",
            "IoU with sam2's masks",
        ],
        rows,
    )


if __name__ == "__main__":
    main()
