"""YOLO: ``data.yaml``, ``images/<split>/``, ``labels/<split>/`` with a text file an image.

Detect, segment, pose and oriented boxes, as Ultralytics reads them. A label file has no room for
provenance: it lies beside, in ``provenance.csv`` and ``frames.csv``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from labkit.core.errors import InputError
from labkit.core.registry import unknown
from labkit.core.types import FrameFailure
from labkit.exchange.base import (
    FORMATS,
    TASKS,
    ExportBundle,
    ExportImage,
    ImageMode,
    ImportedDataset,
    SizeLookup,
    Task,
)
from labkit.exchange.images import ImageWriter
from labkit.exchange.provenance import SidecarWriter
from labkit.exchange.reports import ExportReport
from labkit.exchange.yolo_shapes import Losses, encode, format_line

__all__ = ["DATA_YAML", "YoloFormat", "guess_task"]

DATA_YAML = "data.yaml"


def guess_task(annotations: pd.DataFrame) -> Task:
    """The richest kind of shape that most objects have; ``detect`` where all are plain boxes."""
    kinds: dict[Task, pd.Series] = {
        "pose": annotations["keypoints"].notna(),
        "obb": annotations["rotated"].notna(),
        "segment": annotations["polygons"].notna() | annotations["mask_counts"].notna(),
    }
    counts = {task: int(has.sum()) for task, has in kinds.items()}
    best = max(counts, key=lambda t: counts[t])
    return best if counts[best] else "detect"


def _most_keypoints(annotations: pd.DataFrame) -> int:
    return max((len(k) // 3 for k in annotations["keypoints"] if k is not None and k is not pd.NA
                and not isinstance(k, float)), default=0)  # fmt: skip


def _yaml(bundle: ExportBundle, task: Task, keypoints: int) -> tuple[str, list[str]]:
    """The text of data.yaml, and notes where Ultralytics' two splits had to be made up.

    ``path`` is left out on purpose: without it the folder of the file itself counts, wherever
    the export is moved.
    """
    notes = []
    places = {name: f"images/{name}" for name in bundle.splits or ("train",)}
    first = next(iter(places.values()))
    if not bundle.splits:
        notes.append("no split was asked for: data.yaml names the same images as train and val")
    else:
        absent = [n for n in ("train", "val") if n not in places]
        notes += [f"no split is called {n!r}: data.yaml names {first} there" for n in absent]
    data: dict[str, Any] = {"train": first, "val": first, **places}
    data["names"] = dict(enumerate(bundle.labels))
    data["task"] = task
    if task == "pose":
        data["kpt_shape"] = [keypoints, 3]
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True), notes


class _Writer:
    """One export under way."""

    def __init__(
        self, bundle: ExportBundle, out: Path, task: Task, keypoints: int, images: ImageMode
    ) -> None:
        self._out, self._task, self._keypoints = out, task, keypoints
        self._class_id = {label: k for k, label in enumerate(bundle.labels)}
        self._images = ImageWriter(bundle, images)
        self._losses = Losses()
        self.failures: list[FrameFailure] = []
        self.splits: Counter[str] = Counter()
        self.objects = self.backgrounds = 0

    def write(self, image: ExportImage, sidecar: SidecarWriter) -> None:
        split = image.split or "train"
        name = self._images.write(image, self._out / "images" / split)
        if isinstance(name, FrameFailure):
            self.failures.append(name)
            return
        lines = []
        label_file = f"labels/{split}/{image.stem}.txt"
        size = image.frame.width, image.frame.height
        for item in image.objects:
            numbers = encode(item.shape, self._task, *size, self._losses, self._keypoints)
            if numbers is not None:
                lines.append(format_line(self._class_id[item.label], numbers))
                sidecar.object(label_file, len(lines), item)
        text = "".join(f"{line}\n" for line in lines)
        (self._out / label_file).write_text(text, encoding="ascii")
        sidecar.frame(f"images/{split}/{name}", image)
        self.splits[split] += 1
        self.objects += len(lines)
        self.backgrounds += not lines

    def notes(self) -> list[str]:
        return [*self._losses.notes(), *self._images.notes()]


class YoloFormat:
    """YOLO text labels with a ``data.yaml``."""

    name = "yolo"

    def export(
        self,
        bundle: ExportBundle,
        out: Path,
        *,
        task: str | None = None,
        images: ImageMode = "copy",
    ) -> ExportReport:
        """Write the dataset into ``out``.

        Parameters
        ----------
        task : {'detect', 'segment', 'pose', 'obb'}, optional
            What is written of each object; by default what most of them have.
        images : {'copy', 'link', 'none'}
            See :class:`~labkit.exchange.images.ImageWriter`.
        """
        if task is not None and task not in TASKS:
            raise unknown("task", task, list(TASKS))
        chosen: Task = task or guess_task(bundle.annotations)  # type: ignore[assignment]
        keypoints = _most_keypoints(bundle.annotations) if chosen == "pose" else 0
        if chosen == "pose" and not keypoints:
            raise InputError(
                "These objects cannot be exported as pose", "none of them has keypoints"
            )
        text, notes = _yaml(bundle, chosen, keypoints)
        for split in bundle.splits or ("train",):
            (out / "images" / split).mkdir(parents=True)
            (out / "labels" / split).mkdir(parents=True)
        writer = _Writer(bundle, out, chosen, keypoints, images)
        with SidecarWriter(out) as sidecar:
            for image in bundle.images():
                writer.write(image, sidecar)
        (out / DATA_YAML).write_text(text, encoding="utf-8")
        return ExportReport(
            format=self.name,
            out=out,
            files=(DATA_YAML,),
            task=chosen,
            frames=sum(writer.splits.values()),
            objects=writer.objects,
            backgrounds=writer.backgrounds,
            splits={s: writer.splits[s] for s in bundle.splits},
            failures=tuple(writer.failures),
            notes=(*notes, *writer.notes()),
        )

    def read(
        self,
        path: Path,
        *,
        size_of: SizeLookup | None = None,
        task: str | None = None,
        names: Sequence[str] | Mapping[int, str] | None = None,
    ) -> ImportedDataset:
        """Read a ``data.yaml``, or a folder with images and labels.

        Parameters
        ----------
        path : Path
            ``data.yaml``; a folder that holds it; or one with ``images/`` and ``labels/``, or
            with both kinds of file side by side.
        size_of : callable, optional
            Sizes of images that are not there.
        task : {'detect', 'segment', 'pose', 'obb'}, optional
            By default what ``data.yaml`` says, else what the numbers of columns say.
        names : sequence or dict, optional
            Class names where no ``data.yaml`` or ``classes.txt`` gives them.
        """
        from labkit.exchange.yolo_read import read_yolo

        if task is not None and task not in TASKS:
            raise unknown("task", task, list(TASKS))
        return read_yolo(Path(path), size_of=size_of, task=task, names=names)


FORMATS.register("yolo")(YoloFormat())
