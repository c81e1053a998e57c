"""Between objects and columns: proposals to Arrow, rows to objects, JSON to geometry columns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.json as pa_json

from labkit.core.types import AnnotatedObject, Attribute, LabelChoice, Proposal, Rle, Shape
from labkit.store.schema import GEOMETRY_COLUMNS, PROPOSALS

__all__ = [
    "attributes_from_json",
    "attributes_to_json",
    "geometry_from_json",
    "object_from_row",
    "proposals_table",
    "shape_from_row",
]


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


def _flat(points: Iterable[Sequence[float]] | None) -> list[float] | None:
    return None if points is None else [float(v) for point in points for v in point]


def proposals_table(proposals: Sequence[Proposal]) -> pa.Table:
    """Proposals as an Arrow table with the schema :data:`labkit.store.schema.PROPOSALS`."""
    columns: dict[str, list[Any]] = {name: [] for name in PROPOSALS.names}
    for p in proposals:
        shape, mask = p.shape, p.shape.mask
        choices = [*p.choices[:3], *[None] * 3][:3]
        row = {
            "frame_id": p.frame_id,
            "index": p.index,
            "label": p.label,
            "score": p.score,
            "model_label": choices[0].label if choices[0] else p.label,
            "label_2": choices[1].label if choices[1] else None,
            "score_2": choices[1].score if choices[1] else None,
            "label_3": choices[2].label if choices[2] else None,
            "score_3": choices[2].score if choices[2] else None,
            **dict(zip(("x1", "y1", "x2", "y2"), shape.box, strict=True)),
            "rotated": None if shape.rotated is None else list(shape.rotated),
            "polygons": None if shape.polygons is None else [list(r) for r in shape.polygons],
            "mask_h": None if mask is None else mask.height,
            "mask_w": None if mask is None else mask.width,
            "mask_counts": None if mask is None else mask.counts,
            "keypoints": _flat(shape.keypoints),
            "attributes": attributes_to_json(p.attributes),
            "track_id": p.track_id,
        }
        for name, values in columns.items():
            values.append(row[name])
    arrays = []
    for spec in PROPOSALS:
        values = columns[spec.name]
        if pa.types.is_dictionary(spec.type):
            arrays.append(pa.array(values, pa.string()).dictionary_encode())
        else:
            arrays.append(pa.array(values, spec.type))
    return pa.Table.from_arrays(arrays, schema=PROPOSALS)


def _missing(value: Any) -> bool:
    """None, NaN or pandas' NA, but never a list."""
    return value is None or value is pd.NA or (isinstance(value, float) and value != value)


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


_NUMBERS = pa.list_(pa.float64())
_OBJECT = pa.schema(
    [
        pa.field(
            "shape",
            pa.struct(
                {
                    "box": _NUMBERS,
                    "rotated": _NUMBERS,
                    "polygons": pa.list_(_NUMBERS),
                    "mask": pa.struct({"size": pa.list_(pa.int32()), "counts": pa.string()}),
                    "keypoints": pa.list_(_NUMBERS),
                }
            ),
        ),
        pa.field("track_id", pa.int64()),
    ]
)


def geometry_from_json(texts: Sequence[str]) -> pd.DataFrame:
    """Geometry columns, attributes and track of objects as the ledger stores them, as text."""
    if not len(texts):
        return pd.DataFrame(columns=[*GEOMETRY_COLUMNS, "attributes", "track_id"], dtype=object)
    data = "\n".join(texts).encode()
    table = pa_json.read_json(
        pa.BufferReader(data),
        # Arrow parses a million boxes in the time that Python takes for a few thousand
        pa_json.ReadOptions(block_size=min(max(len(data) + 1, 1 << 20), (1 << 31) - 1)),
        pa_json.ParseOptions(explicit_schema=_OBJECT, unexpected_field_behavior="ignore"),
    )
    shape = table["shape"].combine_chunks()
    box = shape.field("box").flatten().to_numpy(zero_copy_only=False).reshape(-1, 4)
    out = pd.DataFrame(box, columns=list(GEOMETRY_COLUMNS[:4]))
    mask = shape.field("mask")
    size = _objects(mask.field("size"))
    rest = {
        "rotated": _objects(shape.field("rotated")),
        "polygons": _objects(shape.field("polygons")),
        "mask_h": [None if s is None else s[0] for s in size],
        "mask_w": [None if s is None else s[1] for s in size],
        "mask_counts": _objects(mask.field("counts")),
        "keypoints": [_flat(points) for points in _objects(shape.field("keypoints"))],
        "attributes": [_attributes(t) if '"attributes"' in t else None for t in texts],
        "track_id": _objects(table["track_id"]),
    }
    return out.assign(**{name: pd.Series(v, dtype=object) for name, v in rest.items()})


def _objects(column: pa.Array | pa.ChunkedArray) -> list[Any]:
    """Python values; a column of nothing but nulls costs nothing."""
    if column.null_count == len(column):
        return [None] * len(column)
    values: list[Any] = column.to_pylist()
    return values


def _attributes(text: str) -> str | None:
    # their values are of any type, which a column cannot be
    attributes = json.loads(text).get("attributes")
    return json.dumps(attributes, ensure_ascii=False) if attributes else None
