"""Rows of tables as objects: the one way from columns to shapes, attributes and objects.

A row is any mapping of column names to values, as ``DataFrame.to_dict("records")`` makes them;
missing values may be None, NaN or pandas' NA.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from labkit.core.types import AnnotatedObject, Attribute, LabelChoice, Rle, Shape

__all__ = [
    "GEOMETRY_COLUMNS",
    "attributes_from_json",
    "attributes_to_json",
    "object_from_row",
    "shape_from_row",
]

GEOMETRY_COLUMNS: Final = (
    "x1",
    "y1",
    "x2",
    "y2",
    "rotated",
    "polygons",
    "mask_h",
    "mask_w",
    "mask_counts",
    "keypoints",
)


def attributes_to_json(attributes: Sequence[Attribute]) -> str | None:
    """``[[name, value, score], ...]``, or None where there are none."""
    if not attributes:
        return None
    return json.dumps([[a.name, a.value, a.score] for a in attributes], ensure_ascii=False)


def attributes_from_json(data: str | Sequence[Sequence[Any]] | None) -> tuple[Attribute, ...]:
    """The inverse of :func:`attributes_to_json`; takes the parsed list as well."""
    if data is None or data == "" or data != data:
        return ()
    rows: Sequence[Sequence[Any]] = json.loads(data) if isinstance(data, str) else data
    return tuple(Attribute(str(n), v, None if s is None else float(s)) for n, v, s in rows)


def _missing(value: Any) -> bool:
    """None, NaN or pandas' NA, but never a list."""
    if value is None or isinstance(value, float):
        return value is None or value != value
    return type(value).__name__ in ("NAType", "NaTType")  # pandas' own, which core does not import


def shape_from_row(row: Mapping[str, Any]) -> Shape:
    """The shape in the geometry columns of one row."""
    rotated, polygons, keypoints = row["rotated"], row["polygons"], row["keypoints"]
    counts = row["mask_counts"]
    points: tuple[tuple[float, float, float], ...] | None = None
    if not _missing(keypoints):
        flat = [float(v) for v in keypoints]
        points = tuple(zip(flat[0::3], flat[1::3], flat[2::3], strict=True))
    turned: tuple[float, float, float, float, float] | None = None
    if not _missing(rotated):
        cx, cy, w, h, angle = (float(v) for v in rotated)
        turned = (cx, cy, w, h, angle)
    return Shape(
        box=(float(row["x1"]), float(row["y1"]), float(row["x2"]), float(row["y2"])),
        rotated=turned,
        polygons=None
        if _missing(polygons)
        else tuple(tuple(float(v) for v in ring) for ring in polygons),
        mask=None if _missing(counts) else Rle(int(row["mask_h"]), int(row["mask_w"]), counts),
        keypoints=points,
    )


def object_from_row(row: Mapping[str, Any]) -> AnnotatedObject:
    """A proposal's row as an undecided object."""
    pairs = (("model_label", "score"), ("label_2", "score_2"), ("label_3", "score_3"))
    choices = tuple(
        LabelChoice(str(row[name]), float(row[score]))
        for name, score in pairs
        if not _missing(row[name])
    )
    track = row["track_id"]
    return AnnotatedObject(
        object_id=str(row["object_id"]),
        frame_id=str(row["frame_id"]),
        label=str(row["label"]),
        shape=shape_from_row(row),
        score=float(row["score"]),
        run_id=str(row["run_id"]),
        choices=choices,
        attributes=attributes_from_json(None if _missing(row["attributes"]) else row["attributes"]),
        track_id=None if _missing(track) else int(track),
    )
