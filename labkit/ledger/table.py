"""The ledger's table, and its rows as decisions and as Arrow columns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from labkit.core.types import KINDS, Decision
from labkit.ledger.schema import DECISION_COLUMNS

__all__ = ["ARROW", "DECISIONS", "META", "METADATA", "from_row", "to_row"]

ARROW = pa.schema(
    [
        (
            name,
            {
                "seq": pa.int64(),
                "time": pa.timestamp("us", tz="UTC"),
                "scripted": pa.bool_(),
                "score": pa.float64(),
                "threshold": pa.float64(),
                "active_s": pa.float64(),
                "clicks": pa.int64(),
            }.get(name, pa.string()),
        )
        for name in DECISION_COLUMNS
    ]
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
METADATA = sa.MetaData()
_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

DECISIONS = sa.Table(
    "decisions",
    METADATA,
    sa.Column("seq", _BIG, primary_key=True, autoincrement=True),
    sa.Column("decision_id", sa.String(64), nullable=False, unique=True),
    sa.Column("step", sa.String(64), nullable=False, index=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("frame_id", sa.String(32), nullable=False, index=True),
    sa.Column("object_id", sa.Text),
    sa.Column("run_id", sa.Text),
    sa.Column("reviewer", sa.Text, nullable=False),
    sa.Column("session_id", sa.String(64), nullable=False),
    sa.Column("time_us", sa.BigInteger, nullable=False),
    sa.Column("scripted", sa.Boolean, nullable=False),
    sa.Column("label_before", sa.Text),
    sa.Column("label_after", sa.Text),
    sa.Column("before", sa.Text),
    sa.Column("after", sa.Text),
    sa.Column("score", sa.Float),
    sa.Column("threshold", sa.Float),
    sa.Column("tool", sa.Text, nullable=False),
    sa.Column("active_s", sa.Float, nullable=False),
    sa.Column("clicks", sa.Integer, nullable=False),
    sa.Column("target", sa.String(64), index=True),
    sa.Column("comment", sa.Text, nullable=False),
    sa.CheckConstraint("kind IN ({})".format(", ".join(f"'{k}'" for k in KINDS)), "known_kind"),
    sqlite_autoincrement=True,
)
META = sa.Table(
    "labkit_meta",
    METADATA,
    sa.Column("key", sa.String(32), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)


def _dump(data: Mapping[str, Any] | None) -> str | None:
    if data is None:
        return None
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def to_row(d: Decision) -> dict[str, Any]:
    """A decision as the columns of :data:`DECISIONS`, without ``seq``."""
    return {
        "decision_id": d.decision_id,
        "step": d.step,
        "kind": d.kind,
        "frame_id": d.frame_id,
        "object_id": d.object_id,
        "run_id": d.run_id,
        "reviewer": d.reviewer,
        "session_id": d.session_id,
        "time_us": (d.time - _EPOCH) // timedelta(microseconds=1),
        "scripted": d.scripted,
        "label_before": d.before["label"] if d.before else None,
        "label_after": d.after["label"] if d.after else None,
        "before": _dump(d.before),
        "after": _dump(d.after),
        "score": d.score,
        "threshold": d.threshold,
        "tool": d.tool,
        "active_s": d.active_s,
        "clicks": d.clicks,
        "target": d.target,
        "comment": d.comment,
    }


def from_row(row: dict[str, Any]) -> Decision:
    """The inverse of :func:`to_row`, with ``seq``."""
    data = dict(row)
    del data["label_before"], data["label_after"]
    data["time"] = _EPOCH + timedelta(microseconds=data.pop("time_us"))
    for side in ("before", "after"):
        data[side] = json.loads(data[side]) if data[side] else None
    return Decision(**data)
