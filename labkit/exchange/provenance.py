"""Provenance for formats without room for it: two CSV files beside the labels.

``frames.csv`` has a row for each exported image, ``provenance.csv`` one for each object, keyed by
its label file and the number of its line there (from 1).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labkit.core.types import Attribute
from labkit.exchange.base import ExportImage, LabelledObject, Provenance

__all__ = ["FRAMES_CSV", "OBJECTS_CSV", "Sidecar", "SidecarWriter", "read_sidecar"]

FRAMES_CSV = "frames.csv"
OBJECTS_CSV = "provenance.csv"

_FRAMES = (
    "image", "split", "frame_id", "width", "height", "verdict", "reviewer", "scripted", "time",
    "uri", "index",
)  # fmt: skip
_OBJECTS = (
    "label_file", "line", "label", "verdict", "score", "run", "reviewer", "scripted", "time",
    "object_id", "track_id", "attributes",
)  # fmt: skip


class SidecarWriter:
    """Writes the two files row by row; a context manager."""

    def __init__(self, out: Path) -> None:
        self._files = [
            (out / name).open("w", encoding="utf-8", newline="")
            for name in (FRAMES_CSV, OBJECTS_CSV)
        ]
        self._frames, self._objects = (csv.writer(f, lineterminator="\n") for f in self._files)
        self._frames.writerow(_FRAMES)
        self._objects.writerow(_OBJECTS)

    def __enter__(self) -> SidecarWriter:
        return self

    def __exit__(self, *_: object) -> None:
        for f in self._files:
            f.close()

    def frame(self, name: str, image: ExportImage) -> None:
        """One exported image under its name relative to the export."""
        f = image.frame
        self._frames.writerow(
            [name, image.split, f.frame_id, f.width, f.height, image.verdict, image.reviewer or "",
             int(image.scripted), image.time or "", f.uri, f.index]
        )  # fmt: skip

    def object(self, label_file: str, line: int, item: LabelledObject) -> None:
        """One object, with its line in a label file."""
        p = item.provenance
        attributes = [[a.name, a.value, a.score] for a in item.attributes]
        self._objects.writerow(
            [label_file, line, item.label, p.verdict, "" if p.score is None else repr(p.score),
             p.run or "", p.reviewer or "", int(p.scripted), p.time or "", p.object_id or "",
             "" if item.track_id is None else item.track_id,
             json.dumps(attributes, ensure_ascii=False) if attributes else ""]
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What the two files say: by image name, and by label file in the order of its lines."""

    frames: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    objects: dict[str, list[LabelledRow]] = field(default_factory=dict)
    broken: tuple[str, ...] = ()
    _stems: dict[str, tuple[str, int, int]] = field(default_factory=dict)

    def frame(self, name: str) -> tuple[str, int, int] | None:
        """``frame_id, width, height`` of an image; its suffix may be missing."""
        if not self._stems:
            self._stems.update((k.rsplit(".", 1)[0], v) for k, v in self.frames.items())
        return self.frames.get(name) or self._stems.get(name)


@dataclass(frozen=True, slots=True)
class LabelledRow:
    """One row of ``provenance.csv``."""

    label: str
    provenance: Provenance
    attributes: tuple[Attribute, ...]
    track_id: int | None


def _labelled_row(row: dict[str, str]) -> LabelledRow:
    listed: list[Any] = json.loads(row["attributes"]) if row["attributes"] else []
    return LabelledRow(
        row["label"],
        Provenance(
            object_id=row["object_id"] or None,
            run=row["run"] or None,
            score=float(row["score"]) if row["score"] else None,
            reviewer=row["reviewer"] or None,
            verdict=row["verdict"] or "none",
            scripted=row["scripted"] == "1",
            time=row["time"] or None,
        ),
        tuple(Attribute(*a) for a in listed),
        int(row["track_id"]) if row["track_id"] else None,
    )


def _rows(path: Path, columns: Iterable[str]) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as f:
        reader = csv.DictReader(f)
        if reader.fieldnames is None or not set(columns) <= set(reader.fieldnames):
            raise ValueError("its columns are not those that labkit writes")
        return list(reader)


def read_sidecar(root: Path) -> Sidecar:
    """The two files in ``root``: empty where absent, ``broken`` says what is unreadable."""
    side, broken = Sidecar(), []
    for name, columns in ((FRAMES_CSV, _FRAMES), (OBJECTS_CSV, _OBJECTS)):
        if not (root / name).is_file():
            continue
        try:
            for row in _rows(root / name, columns):
                if name == FRAMES_CSV:
                    entry = (row["frame_id"], int(row["width"]), int(row["height"]))
                    side.frames[row["image"]] = entry
                else:
                    side.objects.setdefault(row["label_file"], []).append(_labelled_row(row))
        except (OSError, ValueError, TypeError, csv.Error) as exc:
            broken.append(f"{name}: {exc}")
    return Sidecar(side.frames, side.objects, tuple(broken))
