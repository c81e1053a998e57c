"""Proposals as an Arrow table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from labkit.core.rows import attributes_to_json
from labkit.core.types import Proposal
from labkit.store.schema import PROPOSALS

__all__ = ["proposals_table"]


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
