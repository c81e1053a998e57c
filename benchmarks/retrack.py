"""Tracking again after a correction at frame k of n, and what a killed run does twice.

    python benchmarks/retrack.py [--frames 64] [--tracker flow] [--kills 20]

The first table walks a clip of the embedded world; the second kills a run with SIGKILL at random
moments and counts the frames that the next process steps once more.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import random
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from _table import show
from PIL import Image

from labkit.core.tracks import Keyframe
from labkit.core.types import Shape
from labkit.demo import world
from labkit.models.trackers import open_tracker
from labkit.project import Project
from labkit.tracking.track import PART_SIZE


class Counting:
    """A tracker that notes how many frames it steps, in a file that outlives the process."""

    def __init__(self, name: str, log: Path) -> None:
        self._tracker, self._log = open_tracker(name, "cpu"), log

    @property
    def info(self) -> Any:
        """That of the tracker."""
        return self._tracker.info

    def open(self, width: int, height: int, *, backward: bool = False) -> Any:
        """A session whose steps are counted."""
        session = self._tracker.open(width, height, backward=backward)
        step, log = session.step, self._log

        def counted(position: int, image: Any) -> Any:
            with log.open("a") as file:
                file.write(f"{position}\n")
            return step(position, image)

        session.step = counted
        return session


def stepped(log: Path) -> int:
    return len(log.read_text().splitlines()) if log.exists() else 0


def new_project(folder: Path, n: int, seed: int) -> tuple[Path, list[Keyframe]]:
    """A project on a clip, and the objects of its first frame that stay to the last."""
    images = folder / "images"
    images.mkdir(parents=True)
    scenes = list(world.clip(seed, frames=n, size=(256, 320)))
    for k, scene in enumerate(scenes):
        Image.fromarray(np.asarray(scene.image)).save(images / f"{k:04d}.png")
    stay = {o.track_id for o in scenes[-1].objects}
    with Project.create(folder / "p", labels=world.LABELS) as project:
        project.add_frames(images)
        frame = project.frames()["frame_id"][0]
        return project.root, [
            Keyframe(frame, o.track_id, o.label, Shape(o.shape.box))
            for o in scenes[0].objects
            if o.track_id in stay
        ]


def best(root: Path, keyframes: list[Keyframe], name: str) -> Keyframe:
    """The object that the tracker holds longest, found in a copy of the project."""
    copy = root.parent / "probe"
    shutil.copytree(root, copy)
    with Project.open(copy) as project:
        df = project.tracks(project.track(keyframes, tracker=name, device="cpu", progress=None))
    held = int(df.loc[df["frames"].idxmax(), "track_id"])
    return next(k for k in keyframes if k.track_id == held)


def track(root: Path, keyframe: Keyframe, name: str, log: Path) -> str:
    with Project.open(root) as project:
        return project.track(keyframe, tracker=Counting(name, log), progress=None)


def correct(root: Path, run: str, k: int) -> None:
    """An edit of the object on frame k: a pixel larger."""
    with Project.open(root) as project:
        session = project.review(project.queue(run, order="random"), reviewer="bench", run=run)
        session.goto(project.frames()["frame_id"][k])
        thing = session.objects(0)[0]
        x1, y1, x2, y2 = thing.shape.box
        session.edit(thing.object_id, Shape((x1, y1, x2 + 1, y2 + 1)))


def retracking(folder: Path, n: int, name: str) -> None:
    root, keyframes = new_project(folder, n, seed=5)
    keyframe = best(root, keyframes, name)
    log = folder / "log"
    began = time.perf_counter()
    run = track(root, keyframe, name, log)
    whole_s, whole = time.perf_counter() - began, stepped(log)
    rows: list[list[object]] = [["first run", whole, f"{whole_s:.2f}", "", ""]]
    for k in (3 * n // 4, n // 2, n // 4, 0):
        copy = folder / f"p{k}"
        shutil.copytree(root, copy)
        correct(copy, run, k)
        log.unlink(missing_ok=True)
        with Project.open(copy) as project:
            began = time.perf_counter()
            project.retrack(run, tracker=Counting(name, log), progress=None)
            seconds = time.perf_counter() - began
        left = n - k
        rows.append(
            [
                f"k = {k}",
                stepped(log),
                f"{seconds:.2f}",
                f"{stepped(log) / left:.2f}",
                f"{seconds / left / (whole_s / whole):.2f}",
            ]
        )
    show(
        "retrack",
        f"Tracking again after a correction at frame k of n = {n} ({name}, one object)",
        ["correction", "frames stepped", "seconds", "steps / (n - k)", "s a frame / first run's"],
        rows,
    )


def killing(folder: Path, n: int, name: str, kills: int) -> None:
    rng = random.Random(0)
    context = multiprocessing.get_context("fork")
    root, (keyframe, *_) = new_project(folder / "kills", n, seed=5)
    began = time.perf_counter()
    shutil.copytree(root, folder / "calm")
    track(folder / "calm", keyframe, name, folder / "calm.log")
    whole_s, whole = time.perf_counter() - began, stepped(folder / "calm.log")
    twice: list[int] = []
    for number in range(kills):
        copy, log = folder / f"kill{number}", folder / f"kill{number}.log"
        shutil.copytree(root, copy)
        process = context.Process(target=track, args=(copy, keyframe, name, log))
        process.start()
        time.sleep(rng.uniform(0.1, 1.0) * whole_s)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        process = context.Process(target=track, args=(copy, keyframe, name, log))
        process.start()
        process.join()
        twice.append(stepped(log) - whole)
    frames = max(twice)
    show(
        "retrack_kill",
        f"A track run killed at {kills} random moments and gone on with ({name}, n = {n})",
        ["kills", "most frames done twice", "mean", "most parts done twice", "bar"],
        [[kills, frames, f"{np.mean(twice):.1f}", f"{frames / PART_SIZE:.2f}", "<= 1"]],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=64)
    parser.add_argument("--tracker", default="flow")
    parser.add_argument("--kills", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        killing(Path(name), arguments.frames, arguments.tracker, arguments.kills)
        retracking(Path(name) / "again", arguments.frames, arguments.tracker)


if __name__ == "__main__":
    main()
