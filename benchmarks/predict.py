"""Does storing everything cost speed? ``predict`` against Ultralytics' own, which stores nothing.

Both read the same folder with the same weights; rounds alternate, and medians are compared. Run it
on a machine that does nothing else: ``python benchmarks/predict.py [IMAGES [WEIGHTS]]``.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

from PIL import Image

from labkit.core.types import Frame
from labkit.models.yolo_import import ultralytics
from labkit.runs.predict import predict
from labkit.store.project import ProjectStore

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"


def frames_of(folder: Path) -> list[Frame]:
    """One frame an image file."""
    out = []
    for path in sorted(folder.iterdir()):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        with Image.open(path) as image:
            width, height = image.size
        out.append(Frame(digest[:16], digest, str(path), 0, width, height, None, digest, "g"))
    return out


def seconds(call) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", nargs="?", type=Path, default=DATA / "coco128" / "images")
    parser.add_argument(
        "weights", nargs="?", type=Path, default=DATA / "weights" / "yolov8n_int8.onnx"
    )
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        ProjectStore.create(Path(folder) / "p") as project,
    ):
        project.append_frames(frames_of(given.images))
        count = len(project.frames())
        model = ultralytics().YOLO(str(given.weights), task="detect")

        def peer() -> None:
            for _ in model.predict(str(given.images), stream=True, conf=0.05, verbose=False):
                pass

        def mine() -> None:
            predict(project, given.weights, progress=None)

        rounds = {"labkit, stored": mine, "ultralytics, not stored": peer}
        taken: dict[str, list[float]] = {name: [] for name in rounds}
        for call in rounds.values():
            call()
        for number in range(given.rounds):
            order = list(rounds.items())
            for name, call in order if number % 2 == 0 else order[::-1]:
                taken[name].append(seconds(call))
    rates = {name: count / statistics.median(times) for name, times in taken.items()}
    best = {name: count / min(times) for name, times in taken.items()}
    first, second = rates
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores")
    print(f"{count} images, {given.weights.name}, {given.rounds} rounds")
    print(f"{'':26}{'frames/s (median)':>20}{'(best)':>10}")
    for name in rates:
        print(f"{name:26}{rates[name]:20.2f}{best[name]:10.2f}")
    pairs = [b / a for a, b in zip(taken[first], taken[second], strict=True)]
    print(f"ratio of medians {rates[first] / rates[second]:.3f}", end=", ")
    print(f"median of ratios {statistics.median(pairs):.3f} (bar: 1.0)")


if __name__ == "__main__":
    main()
