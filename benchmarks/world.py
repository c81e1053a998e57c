"""How fast does the embedded world draw? Bar: 30 frames per second at 512 x 384 on one core.

python benchmarks/world.py [--frames 120]
"""

from __future__ import annotations

import argparse
import statistics
import time

import cv2
from _table import show

from labkit.demo import DAY, NIGHT, clip, still
from labkit.demo.world import Domain

BAR = 30


def stills(domain: Domain, frames: int) -> list[float]:
    """Seconds of each still."""
    times = []
    for seed in range(frames):
        start = time.thread_time()
        still(seed, domain)
        times.append(time.thread_time() - start)
    return times


def video(domain: Domain, frames: int) -> list[float]:
    """Seconds of each frame of a clip; laying it out counts for its first frame."""
    times = []
    start = time.thread_time()
    for _ in clip(0, domain, frames, leaves=1, enters=1):
        times.append(time.thread_time() - start)
        start = time.thread_time()
    return times


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=120)
    frames = parser.parse_args().frames
    cv2.setNumThreads(1)
    for domain in (DAY, NIGHT):  # belt materials and noise are drawn once per process
        for seed in range(24):
            still(1000 + seed, domain)
    rows = []
    for name, work in (("stills", stills), ("clip", video)):
        for domain in (DAY, NIGHT):
            times = sorted(work(domain, frames))
            rate = len(times) / sum(times)
            rows.append(
                (
                    f"{name}, {domain.name}",
                    f"{statistics.median(times) * 1000:.1f}",
                    f"{times[int(0.95 * len(times))] * 1000:.1f}",
                    f"{rate:.0f}",
                    f"{rate / BAR:.1f}",
                    "met" if rate >= BAR else "MISSED",
                )
            )
    header = ("scenes", "median ms", "p95 ms", "frames/s of one core's time", "over the bar", "bar")
    show(
        "world", "How fast is the embedded world drawn at 512 x 384, truth included?", header, rows
    )


if __name__ == "__main__":
    main()
