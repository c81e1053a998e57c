"""How long does one decision take until it is durable on SQLite? Bar: p99 <= 10 ms.

The peer is a bare ``sqlite3`` connection in the same folder, with the same durability (WAL,
``synchronous=FULL``), that inserts one row and commits: what the disk itself costs.
"""

from __future__ import annotations

import sqlite3
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import numpy as np
from _table import show

from labkit.core.types import Decision
from labkit.ledger.ledger import Ledger

ROUNDS = 2000


def a_decision() -> Decision:
    shape = {"label": "person", "shape": {"box": [10.5, 20.25, 110.0, 220.0]}}
    return Decision(
        uuid4().hex,
        uuid4().hex,
        "edit",
        f"{np.random.default_rng().integers(500):016x}",
        "ana",
        "session",
        datetime.now(UTC),
        object_id=uuid4().hex,
        before=shape,
        after=shape,
        score=0.7,
        threshold=0.5,
    )


def timed(work) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def main() -> None:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        ledger = Ledger("sqlite:///ledger.db", Path(folder))
        bare = sqlite3.connect(Path(folder) / "bare.db", isolation_level=None)
        bare.execute("PRAGMA journal_mode=WAL")
        bare.execute("PRAGMA synchronous=FULL")
        bare.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, data TEXT)")
        # a ledger that has been worked with, not an empty one
        ledger.append([replace(a_decision()) for _ in range(20_000)])
        ours, floor = [], []
        for _ in range(ROUNDS):
            d = a_decision()
            ours.append(timed(lambda d=d: ledger.append([d], {d.frame_id: 10**9})))
            floor.append(
                timed(lambda: bare.execute("INSERT INTO t (data) VALUES (?)", ("x" * 400,)))
            )
        bare.close()
        ledger.close()
    rows = []
    for name, values in (("labkit ledger", ours), ("bare sqlite3 insert", floor)):
        p50, p95, p99 = np.percentile(values, [50, 95, 99])
        rows.append([name, f"{p50:.2f}", f"{p95:.2f}", f"{p99:.2f}"])
    ratio = np.median(ours) / np.median(floor)
    rows.append(["ratio of the medians", f"{ratio:.1f}", "", ""])
    show(
        "decisions",
        "One decision, committed durably on SQLite: p99 at most 10 ms",
        ["", "p50 ms", "p95 ms", "p99 ms"],
        rows,
    )


if __name__ == "__main__":
    main()
