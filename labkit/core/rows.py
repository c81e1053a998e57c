"""Rows of tables as objects: the one way from columns to shapes, attributes and objects.

A row is any mapping of column names to values, as ``DataFrame.to_dict("records")`` makes them;
missing values may be None, NaN or pandas' NA.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from labkit.core.types import AnnotatedObject, Attribute, Frame, LabelChoice, Rle, Shape
from labkit.core.visibility import NEVER

__all__ = [
    "GEOMETRY_COLUMNS",
    "attributes_from_json",
    "attributes_to_json",
    "frame_from_row",
    "is_missing",
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


def is_missing(value: Any) -> bool:
    """Whether a cell of a table is None, NaN or pandas' NA."""
    if value is None or isinstance(value, float):
        return value is None or value != value
    return type(value).__name__ in ("NAType", "NaTType")  # pandas' own, which core does not import


def shape_from_row(row: Mapping[str, Any]) -> Shape:
    """The shape in the geometry columns of one row."""
    rotated, polygons, keypoints = row["rotated"], row["polygons"], row["keypoints"]
    counts = row["mask_counts"]
    points: tuple[tuple[float, float, float], ...] | None = None
    if not is_missing(keypoints):
        flat = [float(v) for v in keypoints]
        points = tuple(zip(flat[0::3], flat[1::3], flat[2::3], strict=True))
    turned: tuple[float, float, float, float, float] | None = None
    if not is_missing(rotated):
        cx, cy, w, h, angle = (float(v) for v in rotated)
        turned = (cx, cy, w, h, angle)
    return Shape(
        box=(float(row["x1"]), float(row["y1"]), float(row["x2"]), float(row["y2"])),
        rotated=turned,
        polygons=None
        if is_missing(polygons)
        else tuple(tuple(float(v) for v in ring) for ring in polygons),
        mask=None if is_missing(counts) else Rle(int(row["mask_h"]), int(row["mask_w"]), counts),
        keypoints=points,
    )


def object_from_row(row: Mapping[str, Any]) -> AnnotatedObject:
    """A row of ``PROPOSAL_COLUMNS`` as an undecided object, or one of ``ANNOTATION_COLUMNS``."""
    folded = "state" in row
    score, track, run = row["score"], row["track_id"], row["run_id"]
    plain: dict[str, Any] = {
        "object_id": str(row["object_id"]),
        "frame_id": str(row["frame_id"]),
        "label": str(row["label"]),
        "shape": shape_from_row(row),
        "score": None if is_missing(score) else float(score),
        "run_id": None if is_missing(run) else str(run),
        "attributes": attributes_from_json(
            None if is_missing(row["attributes"]) else row["attributes"]
        ),
        "track_id": None if is_missing(track) else int(track),
    }
    if not folded:
        return AnnotatedObject(
            **plain,
            choices=_choices(row),
            model_label=plain["label"],
            shown_from=NEVER if plain["score"] is None else plain["score"],
        )
    return AnnotatedObject(
        **plain,
        state=row["state"],
        reviewer=_text(row["reviewer"]),
        revision=int(row["revision"]),
        model_label=_text(row["model_label"]),
        edited=bool(row["edited"]),
        covered_by=_text(row["covered_by"]),
        shown_from=float(row["shown_from"]),
    )


def _text(value: Any) -> str | None:
    return None if is_missing(value) else str(value)


def _choices(row: Mapping[str, Any]) -> tuple[LabelChoice, ...]:
    """The model's best classes under the model's names."""
    pairs = (("model_label", "score"), ("label_2", "score_2"), ("label_3", "score_3"))
    return tuple(
        LabelChoice(str(row[name]), float(row[score]))
        for name, score in pairs
        if not is_missing(row[name])
    )


def frame_from_row(row: Mapping[str, Any]) -> Frame:
    """A row of the frames table; columns that it does not know are left out."""
    time_s = row["time_s"]
    return Frame(
        frame_id=str(row["frame_id"]),
        source=str(row["source"]),
        uri=str(row["uri"]),
        index=int(row["index"]),
        width=int(row["width"]),
        height=int(row["height"]),
        time_s=None if is_missing(time_s) else float(time_s),
        sha256=str(row["sha256"]),
        group=str(row["group"]),
        orientation=int(row["orientation"]),
    )
