"""The columns of everything that labkit stores, in one place.

Two tables: the frames of a project and the proposals of a run. All boxes are pixel ``xyxy`` of
the upright frame, all times UTC.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

__all__ = [
    "FRAMES",
    "PROPOSALS",
    "PROPOSAL_COLUMNS",
]

_NAME = pa.dictionary(pa.int32(), pa.string())

FRAMES: Final = pa.schema(
    [
        pa.field("frame_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("uri", pa.string(), nullable=False),
        pa.field("index", pa.int32(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("height", pa.int32(), nullable=False),
        pa.field("time_s", pa.float64()),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("group", pa.string(), nullable=False),
        pa.field("orientation", pa.int8(), nullable=False),
    ]
)
"""frames.parquet: one row per frame, in the order of adding."""

PROPOSALS: Final = pa.schema(
    [
        pa.field("frame_id", _NAME, nullable=False),
        pa.field("index", pa.int32(), nullable=False),
        pa.field("label", _NAME, nullable=False),
        pa.field("score", pa.float32(), nullable=False),
        pa.field("model_label", _NAME, nullable=False),
        pa.field("label_2", _NAME),
        pa.field("score_2", pa.float32()),
        pa.field("label_3", _NAME),
        pa.field("score_3", pa.float32()),
        pa.field("x1", pa.float32(), nullable=False),
        pa.field("y1", pa.float32(), nullable=False),
        pa.field("x2", pa.float32(), nullable=False),
        pa.field("y2", pa.float32(), nullable=False),
        pa.field("rotated", pa.list_(pa.float32())),
        pa.field("polygons", pa.list_(pa.list_(pa.float32()))),
        pa.field("mask_h", pa.int32()),
        pa.field("mask_w", pa.int32()),
        pa.field("mask_counts", pa.string()),
        pa.field("keypoints", pa.list_(pa.float32())),
        pa.field("attributes", pa.string()),
        pa.field("track_id", pa.int64()),
    ]
)
"""runs/<run_id>/part-*.parquet: one row per object.

``label`` is the project's label; ``model_label``, ``label_2`` and ``label_3`` are the model's own
names of its three best classes, with ``score`` (of the first), ``score_2`` and ``score_3``.
``keypoints`` is flat ``x, y, v``; ``attributes`` is JSON ``[[name, value, score], ...]``.
"""

PROPOSAL_COLUMNS: Final = ("object_id", "run_id", *PROPOSALS.names)
"""Columns of ``Project.proposals()``; ``object_id`` is ``run_id/frame_id/index``."""
