"""Does storing everything cost speed? ``predict`` against Ultralytics' own, which stores nothing.

Both read the same folder with the same weights; rounds alternate, and medians are compared. Run it
on a machine that does nothing else: ``python benchmarks/predict.py [IMAGES [WEIGHTS]]``.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from _table import show

from labkit.frames import scan
from labkit.models.ultralytics import ultralytics
from labkit.runs import predict_job
from labkit.store.project import ProjectStore

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"


def seconds(call: Callable[[], None]) -> tuple[float, float]:
    """How long a call takes, and how much processor time."""
    start, cpu = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - start, time.process_time() - cpu


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", nargs="?", type=Path, default=DATA / "coco128" / "images")
    parser.add_argument(
        "weights", nargs="?", type=Path, default=DATA / "weights" / "yolov8n_int8.onnx"
    )
    parser.add_argument("--limit", type=int, default=None, help="only so many of the images")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        ProjectStore.create(Path(folder) / "p") as project,
    ):
        images = Path(folder) / "images"
        images.mkdir()
        for path in sorted(arguments.images.resolve().iterdir())[: arguments.limit]:
            (images / path.name).symlink_to(path)
        project.append_frames(scan(images, root=project.root).frames)
        count = len(project.frames())
        model = ultralytics().YOLO(str(arguments.weights), task="detect")

        def peer() -> None:
            for _ in model.predict(str(images), stream=True, conf=0.05, verbose=False):
                pass

        def mine() -> None:
            predict_job(project, arguments.weights, progress=None, resume=False).result()

        rounds = {"labkit, stored": mine, "ultralytics, not stored": peer}
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in rounds}
        for call in rounds.values():
            call()
        for number in range(arguments.rounds):
            order = list(rounds.items())
            for name, call in order if number % 2 == 0 else order[::-1]:
                taken[name].append(seconds(call))
    first, second = taken
    wall = {name: statistics.median(w for w, _ in times) for name, times in taken.items()}
    cpu = {name: statistics.median(c for _, c in times) for name, times in taken.items()}
    rows = [
        [name, f"{count / wall[name]:.2f}", f"{1000 * cpu[name] / count:.1f}"] for name in taken
    ]
    pairs = [b[0] / a[0] for a, b in zip(taken[first], taken[second], strict=True)]
    each = ", ".join(f"{ratio:.2f}" for ratio in pairs)
    rows.append(["ratio of the medians", f"{wall[second] / wall[first]:.2f} (rounds: {each})", ""])
    show(
        "predict",
        f"predict on {count} images, {arguments.weights.name}: at least 1.0 x Ultralytics' own",
        ["", "frames/s", "CPU ms per frame"],
        rows,
    )


if __name__ == "__main__":
    main()
