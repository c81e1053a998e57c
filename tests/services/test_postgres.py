"""The ledger on a real PostgreSQL behaves as on SQLite."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from labkit.core.errors import StaleDecisionError, StoreError
from labkit.core.types import Decision
from labkit.ledger import Ledger


def decision(frame_id: str = "f", session: str = "s", reviewer: str = "ana") -> Decision:
    after = {"label": 'größe "q"', "shape": {"box": [0.0, 0.0, 1.5, 2.0]}}
    return Decision(
        uuid4().hex,
        uuid4().hex,
        "add",
        frame_id,
        reviewer,
        session,
        datetime.now(UTC),
        object_id=uuid4().hex,
        scripted=True,
        after=after,
        score=0.25,
    )


@pytest.fixture
def ledger(postgres: str, tmp_path):
    book = Ledger(postgres, tmp_path)
    yield book
    with book._engine.begin() as c:
        c.exec_driver_sql("TRUNCATE decisions RESTART IDENTITY")
    book.close()


def test_what_is_written_comes_back(ledger: Ledger) -> None:
    d = decision()
    assert ledger.append([d]) == ledger.append([d]) == [1]
    assert ledger.frame("f") == [replace(d, seq=1)]
    row = ledger.dataframe().iloc[0]
    assert (row["label_after"], row["scripted"], row["score"]) == ('größe "q"', True, 0.25)
    assert row["time"].to_pydatetime() == d.time


def test_stale_decisions_are_refused(ledger: Ledger) -> None:
    ledger.append([decision(session="other", reviewer="ben")])
    with pytest.raises(StaleDecisionError, match="ben has decided"):
        ledger.append([decision()], {"f": 0})
    assert ledger.last_seq() == 1


def test_the_order_of_seq_is_the_order_of_commits(ledger: Ledger) -> None:
    """A reader that asks for newer rows only must never miss one that commits late."""
    seen: list[int] = []
    stop = threading.Event()

    def write() -> None:
        for _ in range(40):
            ledger.append([decision(frame_id=uuid4().hex[:16]) for _ in range(3)])

    def read() -> None:
        while not stop.is_set():
            seen.append(len(ledger.dataframe()))

    writers = [threading.Thread(target=write) for _ in range(4)]
    reader = threading.Thread(target=read)
    reader.start()
    for t in writers:
        t.start()
    for t in writers:
        t.join()
    stop.set()
    reader.join()
    assert len(ledger.dataframe()) == 480
    assert seen == sorted(seen)


def test_an_unreachable_server_is_one_line(tmp_path) -> None:
    with pytest.raises(StoreError, match="Cannot open the ledger") as caught:
        Ledger("postgresql+psycopg://nobody@127.0.0.1:1/none", tmp_path)
    assert "\n" not in str(caught.value)
