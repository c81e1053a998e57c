"""Writing YOLO: ``data.yaml``, and the label file of each image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from labkit.core.errors import InputError
from labkit.exchange.writer import DatasetWriter
from labkit.exchange.yolo.shapes import Losses, Task, encode, format_line

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["guess_task", "write_yolo"]


def guess_task(annotations: pd.DataFrame) -> Task:
    """The richest kind of shape that most objects have; ``detect`` where all are plain boxes."""
    kinds: dict[Task, pd.Series[bool]] = {
        "pose": annotations["keypoints"].notna(),
        "obb": annotations["rotated"].notna(),
        "segment": annotations["polygons"].notna() | annotations["mask_counts"].notna(),
    }
    counts = {task: int(has.sum()) for task, has in kinds.items()}
    best = max(counts, key=lambda t: counts[t])
    return best if counts[best] else "detect"


def write_yolo(out: DatasetWriter, task: Task | None) -> None:
    """See :meth:`labkit.exchange.yolo.YoloFormat.write`."""
    chosen = task or guess_task(out.annotations)
    keypoints = _most_keypoints(out.annotations) if chosen == "pose" else 0
    if chosen == "pose" and not keypoints:
        raise InputError("These objects cannot be exported as pose", "none of them has keypoints")
    out.shapes = chosen
    out.file("data.yaml").write_text(_settings(out, chosen, keypoints), encoding="utf-8")
    for split in out.splits:
        (out.folder / "labels" / split).mkdir(parents=True)
    class_ids = {label: k for k, label in enumerate(out.labels)}
    losses = Losses()
    for image in out.images():
        label_file = f"labels/{image.split}/{image.stem}.txt"
        lines: list[str] = []
        for item in image.objects:
            size = image.frame.width, image.frame.height
            numbers = encode(item.shape, chosen, *size, losses, keypoints)
            if numbers is None:
                out.leave_out()
                continue
            lines.append(format_line(class_ids[item.label], numbers))
            out.record(item, label_file, len(lines))
        text = "".join(f"{line}\n" for line in lines)
        (out.folder / label_file).write_text(text, encoding="ascii")
    for note in losses.notes():
        out.note(note)


def _settings(out: DatasetWriter, task: Task, keypoints: int) -> str:
    """The text of data.yaml.

    ``path`` is left out on purpose: without it the folder of the file itself counts, wherever
    the export is moved.
    """
    places = {name: f"images/{name}" for name in out.splits}
    first = next(iter(places.values()))
    if not out.was_split:
        out.note("no split was asked for: data.yaml names the same images as train and val")
    for name in ("train", "val"):
        if out.was_split and name not in places:
            out.note(f"no split is called {name!r}: data.yaml names {first} there")
    data: dict[str, Any] = {"train": first, "val": first, **places}
    data["names"] = dict(enumerate(out.labels))
    data["task"] = task
    if task == "pose":
        data["kpt_shape"] = [keypoints, 3]
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def _most_keypoints(annotations: pd.DataFrame) -> int:
    keypoints = annotations.loc[annotations["keypoints"].notna(), "keypoints"]
    return max((len(flat) // 3 for flat in keypoints), default=0)
