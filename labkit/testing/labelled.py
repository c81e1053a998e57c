"""A small project with real images whose boxes a person has decided, to export and import."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import numpy as np
import pandas as pd

from labkit.core.types import AnnotatedObject, Decision, Shape
from labkit.frames import scan
from labkit.store import ProjectStore

__all__ = ["Box", "boxes_by_frame", "small_project", "truth"]

_LABELS: Final = ("person", "traffic light", '../"sign", <b>é</b>')

Box = tuple[str, float, float, float, float]
"""Label, x1, y1, x2, y2."""


@contextmanager
def small_project() -> Iterator[ProjectStore]:
    """Five images, two of one name and one a background, all accepted by a person."""
    with tempfile.TemporaryDirectory(prefix="labkit-check-") as folder:
        root = Path(folder).resolve()
        places = ["day/a.png", "night/a.png", "day/ünï (1) 'x'.png", "day/b.png", "night/c.png"]
        for number, name in enumerate(places):
            _draw(root / "photos" / name, number)
        with ProjectStore.create(root / "project", labels=_LABELS) as project:
            found = scan(root / "photos", root=project.root)
            project.append_frames(found.frames)
            for number, frame in enumerate(project.iter_frames()):
                boxes = [] if number == 3 else _boxes(number, frame.width, frame.height)
                _decide(project, frame.frame_id, boxes)
            yield project


def _draw(path: Path, number: int) -> None:
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 255, (40 + 8 * number, 64, 3), np.uint8)
    Image.fromarray(pixels).save(path)


def _boxes(number: int, width: int, height: int) -> list[Box]:
    """As many boxes as labels, the first the whole image, none on whole pixels alone."""
    whole: Box = (_LABELS[number % 3], 0.0, 0.0, float(width), float(height))
    part: Box = (_LABELS[(number + 1) % 3], 3.25, 5.5, 20.75, 30.125)
    return [whole, part, (_LABELS[2], 30.0, 2.0, 31.0, 38.0)]


def _decide(project: ProjectStore, frame_id: str, boxes: list[Box]) -> None:
    common: dict[str, Any] = {
        "step": uuid4().hex,
        "frame_id": frame_id,
        "reviewer": "check",
        "session_id": "check",
        "time": datetime.now(UTC),
    }
    rows = []
    for label, *box in boxes:
        x1, y1, x2, y2 = box
        new = AnnotatedObject(uuid4().hex, frame_id, label, Shape((x1, y1, x2, y2)))
        rows.append(
            Decision(
                uuid4().hex, kind="add", object_id=new.object_id, after=new.to_json(), **common
            )
        )
    rows.append(Decision(uuid4().hex, kind="accept_frame", **common))
    project.ledger.append(rows)


def truth(project: ProjectStore) -> dict[str, list[Box]]:
    """The boxes of every frame as the project has them."""
    return boxes_by_frame(project, project.annotations())


def boxes_by_frame(project: ProjectStore, table: pd.DataFrame) -> dict[str, list[Box]]:
    """The boxes of a table of objects by frame; a frame without any has an empty list."""
    out: dict[str, list[Box]] = {str(i): [] for i in project.frames()["frame_id"]}
    columns = ["frame_id", "label", "x1", "y1", "x2", "y2"]
    for frame_id, label, *box in table[columns].itertuples(index=False, name=None):
        x1, y1, x2, y2 = map(float, box)
        out[str(frame_id)].append((str(label), x1, y1, x2, y2))
    return out
