"""The columns of the ledger's tables: decisions, and annotations, which are folded from them."""

from __future__ import annotations

from typing import Final

from labkit.core.rows import GEOMETRY_COLUMNS

__all__ = ["ANNOTATION_COLUMNS", "DECISION_COLUMNS", "PROJECT_SCHEMA"]

PROJECT_SCHEMA: Final = 1
"""Version of the layout on disk and of the ledger; a newer one is refused."""

DECISION_COLUMNS: Final = (
    "seq",
    "decision_id",
    "step",
    "kind",
    "frame_id",
    "object_id",
    "run_id",
    "reviewer",
    "session_id",
    "time",
    "scripted",
    "label_before",
    "label_after",
    "before",
    "after",
    "score",
    "threshold",
    "tool",
    "active_s",
    "clicks",
    "target",
    "comment",
)
"""Columns of ``Project.decisions()`` and, but for the order, of the ledger's table.

``label_before`` and ``label_after`` are the labels of the JSON objects ``before`` and ``after``,
as columns of their own so that metrics need not parse JSON.
"""

ANNOTATION_COLUMNS: Final = (
    "object_id",
    "frame_id",
    "label",
    "state",
    "score",
    "run_id",
    "reviewer",
    "scripted",
    "time",
    "revision",
    *GEOMETRY_COLUMNS,
    "attributes",
    "track_id",
    "model_label",
    "edited",
    "relabelled",
    "covered_by",
    "shown_from",
)
"""Columns of ``Project.annotations()``: objects as they stand after all decisions.

See :func:`labkit.ledger.fold.fold` for what the last five say.
"""
