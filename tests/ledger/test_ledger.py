"""Reading the ledger takes no lock that a writer holds, and keeps none that a writer needs."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from review.conftest import make_project, queue_of

from labkit.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Any:
    with make_project(tmp_path / "p") as p:
        with p.review(queue_of(p, p.seen_run), "ana") as session:
            session.accept_frame()
        yield p


@pytest.fixture
def writer(project: Project) -> Any:
    """Another program in the middle of a long write."""
    connection = sqlite3.connect(project.root / "ledger.db", isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    yield connection
    connection.execute("ROLLBACK")
    connection.close()


def test_every_read_runs_beside_a_held_write_lock(project: Project, writer: Any) -> None:
    start = time.monotonic()
    frame_id = str(project.frames()["frame_id"][0])
    rows = project.ledger.frame(frame_id)
    assert [d.kind for d in rows] == ["accept_frame", "accept", "accept", "accept"]
    assert project.ledger.step(rows[0].step) == rows
    assert len(project.ledger.history("ana")) == 4
    assert project.ledger.last_seq() == 4
    assert len(project.decisions()) == 4
    assert (project.annotations(project.seen_run)["state"] == "accepted").sum() == 3
    assert time.monotonic() - start < 5


def test_a_project_opens_and_a_review_goes_on_beside_a_held_write_lock(
    project: Project, writer: Any
) -> None:
    start = time.monotonic()
    with Project.open(project.root) as again:
        session = again.review(queue_of(again, project.seen_run), "ana")
        assert session.progress() == (1, 4)
        assert session.next() is not None
    assert time.monotonic() - start < 5


def test_an_open_read_lets_others_write(project: Project) -> None:
    with project.ledger._reading() as c:
        c.exec_driver_sql("SELECT count(*) FROM decisions").scalar()
        done = threading.Event()

        def write() -> None:
            with project.review(queue_of(project, project.seen_run), "ben") as session:
                session.accept_frame()
            done.set()

        threading.Thread(target=write).start()
        assert done.wait(10)
        # the read goes on seeing the ledger as it was when it began
        assert c.exec_driver_sql("SELECT count(*) FROM decisions").scalar() == 4
    assert project.ledger.last_seq() > 4
