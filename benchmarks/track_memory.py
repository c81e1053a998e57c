"""Is memory flat in the length of a video? One object followed through 100 and 1,000 frames.

Each figure is the resident memory (RSS) of a process of its own at the end of its walk; the frames
are those of the real video, again and again. ``sam2``'s own walk loads its video first, as it does:
``python benchmarks/track_memory.py [--model NAME] [--frames 1000] [--sam2-frames 1000]``.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import psutil
import torch
from _table import show

from labkit.core.tracks import Keyframe
from labkit.core.types import Shape
from labkit.frames import FrameReader, scan
from labkit.models.sam2.build import best_device, video_predictor
from labkit.models.sam2.names import find
from labkit.models.sam2.video import VideoMemory
from labkit.models.trackers.sam2 import Sam2Session

BEDROOM = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "bedroom"
BOX = (300.0, 0.0, 500.0, 400.0)
SHORT = 100


def ours(model: object, count: int) -> None:
    """Read, follow and forget."""
    frames = scan(BEDROOM).frames
    with FrameReader() as reader:
        session = Sam2Session(VideoMemory(lambda: model, frames[0].width, frames[0].height))
        key = Keyframe(frames[0].frame_id, 1, "x", Shape(BOX))
        session.prompt(0, reader.read(frames[0]), [key])
        for t in range(1, count):
            session.step(t, reader.read(frames[t % len(frames)]))


def package(model: object, count: int) -> None:
    """What the package does with a folder of JPEGs."""
    paths = sorted(BEDROOM.glob("*.jpg"))
    with tempfile.TemporaryDirectory() as folder:
        for t in range(count):
            (Path(folder) / f"{t:05}.jpg").symlink_to(paths[t % len(paths)])
        state = model.init_state(folder)
    model.add_new_points_or_box(state, 0, 1, box=np.array(BOX, np.float32))
    for _, _, logits in model.propagate_in_video(state):
        (logits > 0).cpu().numpy()
    measured.append(state)  # a caller keeps it, to correct a frame


measured: list[object] = []


def measure(whose: str, count: int, model: str) -> float:
    """Resident MB of a process that has followed an object through so many frames."""
    command = [sys.executable, __file__, "--walk", whose, "--frames", str(count), "--model", model]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout.splitlines()[-1])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="sam2-nano")
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--sam2-frames", type=int, default=None)
    parser.add_argument("--walk", choices=["ours", "sam2"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    if not BEDROOM.is_dir():
        print("The real video is not here: ../shared/data/bedroom")
        return
    if args.walk:
        torch.set_num_threads(1)
        files = find(args.model)
        model = video_predictor(files.config, files.weights, best_device())
        {"ours": ours, "sam2": package}[args.walk](model, args.frames)
        print(psutil.Process().memory_info().rss / 2**20)
        return
    rows = []
    for whose, count in (("ours", args.frames), ("sam2", args.sam2_frames or args.frames)):
        few, many = (measure(whose, n, args.model) for n in (SHORT, count))
        bar = "≤ 1.05" if whose == "ours" else ""
        rows.append([whose, f"{few:.0f}", f"{many:.0f} ({count})", f"**{many / few:.3f}**", bar])
    show(
        "track_memory",
        f"resident memory of following one object with {args.model}, MB",
        ["", f"after {SHORT} frames", "after more (frames)", "ratio", "bar"],
        rows,
    )


if __name__ == "__main__":
    main()
