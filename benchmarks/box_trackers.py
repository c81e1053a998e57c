"""Trackers without weights, against a box that stays; and whether detections keep their tracks.

python benchmarks/box_trackers.py [--clips 4] [--frames 60] [--night 60]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from _table import show

sys.path.insert(0, str(Path(__file__).parents[1]))

from labkit.core.geometry import box_iou, paired_iou
from labkit.core.tracks import Keyframe, Tracked
from labkit.core.types import Shape
from labkit.demo import DAY, NIGHT, Scene, truth, world
from labkit.demo.embedded import embedded_weights
from labkit.demo.files import write_video
from labkit.models.trackers import open_tracker
from labkit.project import Project

SHORT = 20


def first_boxes(scene: Scene) -> list[Keyframe]:
    """Objects that are well in sight on the first frame."""
    return [
        Keyframe("f", o.track_id, o.label, Shape(o.shape.box))
        for o in scene.objects
        if o.visible >= 0.8
    ]


def ious(results: Sequence[Sequence[Tracked]], clip: Sequence[Scene]) -> list[list[float]]:
    """By frame, IoU with the truth of each object that is in it; lost counts 0."""
    out = []
    for scene, tracked in zip(clip[1:], results, strict=True):
        boxes = {o.track_id: o.shape.box for o in scene.objects}
        out.append(
            [
                0.0 if t.shape is None else float(paired_iou([t.shape.box], [boxes[t.track_id]])[0])
                for t in tracked
                if t.track_id in boxes
            ]
        )
    return out


def follow(name: str, clip: Sequence[Scene]) -> tuple[list[list[float]], float, int]:
    """IoU by frame, seconds, and steps of one object."""
    first = first_boxes(clip[0])
    if name == "still":
        kept = [Tracked(k.track_id, k.shape, 1.0) for k in first]
        return ious([kept] * (len(clip) - 1), clip), 0.0, 0
    session = open_tracker(name).open(clip[0].image.shape[1], clip[0].image.shape[0])
    start = time.perf_counter()
    session.prompt(0, clip[0].image, first)
    results = [session.step(s.index, s.image) for s in clip[1:]]
    took = time.perf_counter() - start
    return ious(results, clip), took, len(first) * len(results)


def single(clips: int, frames: int) -> None:
    """The first table: boxes of the first frame, followed."""
    made = [
        (domain, list(world.clip(100 + seed, domain, frames)))
        for domain in (DAY, NIGHT)
        for seed in range(clips)
    ]
    table = []
    for name in ("still", "mil", "flow"):
        short: dict[str, list[float]] = defaultdict(list)
        whole: dict[str, list[float]] = defaultdict(list)
        took = objects = pictures = 0.0
        for domain, clip in made:
            by_frame, seconds, steps = follow(name, clip)
            short[domain.name] += [v for frame in by_frame[: SHORT - 1] for v in frame]
            whole[domain.name] += [v for frame in by_frame for v in frame]
            took, objects, pictures = took + seconds, objects + steps, pictures + len(by_frame)
        row = [f"{np.mean(of[d]):.3f}" for d in ("day", "night") for of in (short, whole)]
        speed = ("-", "-") if not took else (f"{pictures / took:.1f}", f"{objects / took:.0f}")
        table.append((name, *row, *speed))
    header = (
        "tracker",
        *(f"IoU {d}, {n} frames" for d in ("day", "night") for n in (SHORT, frames)),
    )
    show(
        "box_trackers",
        f"Mean IoU of boxes followed from the first of {frames} frames ({clips} clips a domain), "
        "against a box that stays",
        (*header, "frames/s", "objects/s"),
        table,
    )


def id_switches(rows: pd.DataFrame, real: pd.DataFrame) -> tuple[int, int, int, int]:
    """True objects found (IoU 0.5), found with a track, changes of track, and tracks on them."""
    last: dict[int, int] = {}
    tracked = with_track = switches = 0
    used = set()
    box = ["x1", "y1", "x2", "y2"]
    rows_of = {str(k): g for k, g in rows.groupby("frame_id", observed=True)}
    for frame, objects in real.groupby("frame_id", observed=True, sort=False):
        here = rows_of.get(str(frame))
        if here is None:
            continue
        overlap = box_iou(objects[box].to_numpy(), here[box].to_numpy())
        for k, track in enumerate(objects["track_id"].astype(int)):
            best = int(overlap[k].argmax())
            if overlap[k, best] < 0.5 or overlap[:, best].argmax() != k:
                continue
            tracked += 1
            track_id = here["track_id"].iloc[best]
            if pd.isna(track_id):
                continue
            with_track += 1
            used.add(int(track_id))
            switches += last.get(track, int(track_id)) != int(track_id)
            last[track] = int(track_id)
    return tracked, with_track, switches, len(used)


def associations(frames: int) -> None:
    """The second table: the small YOLO on the night video, turned into tracks."""
    table = []
    with tempfile.TemporaryDirectory() as folder:
        video = write_video(Path(folder) / "night.mp4", frames, NIGHT)
        with Project.create(Path(folder) / "p", ["nut", "bolt", "washer"]) as project:
            project.add_frames(video)
            run = project.predict(embedded_weights(), progress=None)
            real = truth(project)
            order = {f: k for k, f in enumerate(project.frames()["frame_id"])}
            real = real.assign(at=real["frame_id"].astype(str).map(order)).sort_values("at")
            real["frame_id"] = real["frame_id"].astype(str)
            for name in ("bytetrack", "botsort"):
                project.associate(run, with_=name, progress=None)  # opens what has to be opened
                start = time.perf_counter()
                made = project.associate(run, with_=name, resume=False, progress=None)
                took = time.perf_counter() - start
                rows = project.run(made).read(min_score=0.1)
                found, kept, switches, tracks = id_switches(rows, real)
                share = f"{kept} ({kept / max(1, found):.0%})"
                objects = int(real["track_id"].nunique())
                table.append(
                    (
                        name,
                        len(real),
                        found,
                        share,
                        switches,
                        objects,
                        tracks,
                        f"{frames / took:.0f}",
                    )
                )
    header = ("", "true objects on frames", "found (IoU 0.5)", "of these with a track")
    show(
        "associations",
        f"Do the small YOLO's detections on {frames} frames of the night video keep their tracks?",
        (*header, "id switches", "true tracks", "tracks on them", "frames/s"),
        table,
    )


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=4)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--night", type=int, default=60)
    arguments = parser.parse_args()
    associations(arguments.night)
    single(arguments.clips, arguments.frames)


if __name__ == "__main__":
    main()
