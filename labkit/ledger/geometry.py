"""Objects as the ledger stores them, JSON text, to the geometry columns of a table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.json as pa_json

from labkit.core.rows import GEOMETRY_COLUMNS

__all__ = ["geometry_from_json"]

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
        "keypoints": _keypoints(shape.field("keypoints")),
        "attributes": _attributes(texts) if b'"attributes"' in data else [None] * len(texts),
        "track_id": _objects(table["track_id"]),
    }
    return out.assign(**{name: pd.Series(v, dtype=object) for name, v in rest.items()})


def _objects(column: pa.Array | pa.ChunkedArray) -> list[Any]:
    """Python values; a column of nothing but nulls costs nothing."""
    if column.null_count == len(column):
        return [None] * len(column)
    values: list[Any] = column.to_pylist()
    return values


def _attributes(texts: Sequence[str]) -> list[str | None]:
    # their values are of any type, which a column cannot be
    given = (json.loads(t).get("attributes") if '"attributes"' in t else None for t in texts)
    return [json.dumps(a, ensure_ascii=False) if a else None for a in given]


def _keypoints(column: pa.Array) -> list[list[float] | None]:
    if column.null_count == len(column):
        return [None] * len(column)
    return [
        None if points is None else [float(v) for point in points for v in point]
        for points in _objects(column)
    ]
