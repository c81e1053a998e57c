"""The demo's steps with the small SAM2: boxes to masks, clicks to masks, tracks."""

from __future__ import annotations

import importlib.util
import time
from typing import TYPE_CHECKING, Any, cast

from labkit.core.geometry import decode_mask, mask_iou
from labkit.core.rows import object_from_row
from labkit.demo.clicking import clicked
from labkit.frames.order import sequence_of
from labkit.metrics.tracking import track_iou

if TYPE_CHECKING:
    import pandas as pd

    from labkit.project import Project

__all__ = ["CLICKED", "FOLLOWED", "SMALL", "click", "refine", "there", "track"]

SMALL = "sam2-nano"
CLICKED = 60
"""True objects to click at."""

FOLLOWED = 4
"""Objects to follow."""

_FRAMES = 40


def there() -> bool:
    """Whether the optional package ``sam2`` is installed."""
    return importlib.util.find_spec("sam2") is not None


def refine(project: Project, run: str) -> tuple[str, str]:
    """Turn the run's boxes into masks; the new run's id, and what was done."""
    before = {m.run_id for m in project.runs() if m.status == "finished"}
    start = time.perf_counter()
    refined = project.refine(run, SMALL, replace=True, progress=None)
    took = time.perf_counter() - start
    manifest = project.run(refined).manifest
    text = f"{refined}: {manifest.proposals} boxes became masks"
    return refined, text + (" before" if refined in before else f" in {took:.1f} s")


def click(project: Project, truth: pd.DataFrame) -> str:
    """Click at true objects, three times each, where the mask is most wrong."""
    chosen = truth.iloc[:: max(1, len(truth) // CLICKED)].head(CLICKED)
    sums, count = [0.0, 0.0, 0.0], 0
    with project.interactor(SMALL) as segmenter:
        for frame_id, rows in chosen.groupby("frame_id", observed=True, sort=False):
            segmenter.set_frame(project.frame(str(frame_id)))
            for row in cast("list[dict[str, Any]]", rows.to_dict("records")):
                mask = object_from_row(row).shape.mask
                if mask is None:
                    continue
                real, count = decode_mask(mask), count + 1
                for k, answer in enumerate(clicked(segmenter, real, 3)):
                    sums[k] += mask_iou(answer.mask, real)
    one, _, three = (value / max(1, count) for value in sums)
    return f"{count} parts: mean IoU {one:.2f} after one click, {three:.2f} after three"


def track(project: Project, truth: pd.DataFrame, group: str) -> str:
    """Follow reviewed objects of a video's first frame, and say how well that went."""
    frames = project.frames()
    first = sequence_of(frames, group)[0]
    objects = project.annotations()
    objects = objects[(objects["frame_id"] == first) & (objects["state"] != "rejected")]
    objects = objects[objects["state"] != "proposed"].head(FOLLOWED)
    if not len(objects):
        return "there is nothing to follow on the video's first frame"
    start = time.perf_counter()
    run = project.track(objects["object_id"].tolist(), tracker=SMALL, to=_FRAMES, progress=None)
    took = time.perf_counter() - start
    table = project.tracks(run)
    ious = track_iou(project.proposals(run), truth, project.run(run).frame_ids)
    return (
        f"{run}: {len(table)} parts over {_FRAMES} frames in {took:.1f} s, mean IoU "
        f"{ious['iou'].mean():.2f}, {int(table['drift'].sum())} to look at"
    )
