"""Small tables for tests, in the shape that the store gives them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pandas as pd

from labkit.ledger.schema import DECISION_COLUMNS
from labkit.store.schema import PROPOSAL_COLUMNS

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
_NAMES = ("frame_id", "run_id", "label", "model_label", "label_2", "label_3")


def proposals_frame(rows: list[dict[str, Any]], run_id: str = "r0001-test") -> pd.DataFrame:
    """Proposals from dictionaries with at least ``frame_id`` and ``box``."""
    out: list[dict[str, Any]] = []
    per_frame: dict[str, int] = {}
    for given in rows:
        row = dict(given)
        box = row.pop("box")
        index = per_frame.get(row["frame_id"], 0)
        per_frame[row["frame_id"]] = index + 1
        row.setdefault("run_id", run_id)
        row.setdefault("index", index)
        row.setdefault("label", "thing")
        row.setdefault("score", 0.9)
        row.setdefault("model_label", row["label"])
        row.setdefault("object_id", f"{row['run_id']}/{row['frame_id']}/{row['index']}")
        row.update(zip(("x1", "y1", "x2", "y2"), box, strict=True))
        out.append(row)
    df = pd.DataFrame(out, columns=list(PROPOSAL_COLUMNS))
    for name in _NAMES:
        df[name] = df[name].astype("category")
    for name in ("score", "score_2", "score_3", "x1", "y1", "x2", "y2"):
        df[name] = df[name].astype("float32")
    return df


def object_json(label: str, box: tuple[float, float, float, float], **more: Any) -> str:
    """The ``before`` or ``after`` of a decision."""
    return json.dumps({"label": label, "shape": {"box": list(box), **more}})


def decision_row(kind: str, frame_id: str, **given: Any) -> dict[str, Any]:
    """One ledger row with the rest filled in."""
    row = {
        "decision_id": uuid4().hex,
        "step": uuid4().hex,
        "kind": kind,
        "frame_id": frame_id,
        "reviewer": "ana",
        "session_id": "s1",
        "scripted": False,
        "tool": "api",
        "active_s": 1.0,
        "clicks": 1,
        "comment": "",
        **given,
    }
    for side in ("before", "after"):
        text = row.get(side)
        row.setdefault(f"label_{side}", json.loads(text)["label"] if text else None)
    return row


def decisions_frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """The ledger as a table: ``seq`` and, where not given, ``time`` in order, a second apart."""
    df = pd.DataFrame(rows)
    df["seq"] = range(1, len(df) + 1)
    if "time" not in df:
        df["time"] = [START + timedelta(seconds=k) for k in range(len(df))]
    df = df.reindex(columns=list(DECISION_COLUMNS))
    df["time"] = pd.to_datetime(df["time"], utc=True)
    return df


def frames_frame(
    ids: list[str], width: int = 640, height: int = 480, group: str = "g"
) -> pd.DataFrame:
    """A frames table with one image a frame."""
    return pd.DataFrame(
        {
            "frame_id": ids,
            "source": ids,
            "uri": [f"{i}.jpg" for i in ids],
            "index": 0,
            "width": width,
            "height": height,
            "time_s": None,
            "sha256": ids,
            "group": group,
            "orientation": 1,
        }
    )
