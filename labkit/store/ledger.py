"""The ledger: an append-only table of decisions in SQL, SQLite or PostgreSQL.

Rows are never changed or deleted. A decision is acknowledged only after its transaction has
committed, durably (SQLite: WAL with ``synchronous=FULL``). Connections come from a pool and are
bound to no thread.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection, Engine, make_url

from labkit.core.errors import InputError, StaleDecisionError, StoreError
from labkit.core.types import KINDS, Decision
from labkit.store.files import store_error
from labkit.store.schema import DECISION_COLUMNS, PROJECT_SCHEMA

__all__ = ["Ledger"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_METADATA = sa.MetaData()
_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

DECISIONS = sa.Table(
    "decisions",
    _METADATA,
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
    _METADATA,
    sa.Column("key", sa.String(32), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)


def _url(text: str, root: Path) -> URL:
    """A SQLite path in the URL is relative to the project's folder."""
    url = make_url(text)
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        url = url.set(database=str(root / url.database))
    return url


def _dump(data: Mapping[str, Any] | None) -> str | None:
    if data is None:
        return None
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def _to_row(d: Decision) -> dict[str, Any]:
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


def _from_row(row: dict[str, Any]) -> Decision:
    data = dict(row)
    del data["label_before"], data["label_after"]
    data["time"] = _EPOCH + timedelta(microseconds=data.pop("time_us"))
    for side in ("before", "after"):
        data[side] = json.loads(data[side]) if data[side] else None
    return Decision(**data)


class Ledger:
    """The decisions of one project.

    Parameters
    ----------
    url : str
        SQLAlchemy URL; a SQLite path is relative to ``root``.
    root : Path
        The project's folder.
    read_only : bool
        Open without writing anything, not even SQLite's side files.

    Raises
    ------
    StoreError
        It cannot be opened, or was written by a newer labkit.
    """

    def __init__(self, url: str, root: Path, *, read_only: bool = False) -> None:
        self.url, self.read_only = _url(url, root), read_only
        if self.url.get_backend_name() not in ("sqlite", "postgresql"):
            raise InputError(
                f"A ledger cannot be in {self.url.get_backend_name()!r}",
                remedy="give a sqlite:/// or postgresql+psycopg:// URL",
            )
        self._engine = self._connect()
        try:
            if not read_only:
                _METADATA.create_all(self._engine)
            self._check_schema()
        except sa.exc.SQLAlchemyError as exc:
            self.close()
            raise self._error("Cannot open the ledger", exc) from exc
        except StoreError:
            self.close()
            raise

    def _connect(self) -> Engine:
        if self.url.get_backend_name() != "sqlite":
            return sa.create_engine(self.url, pool_pre_ping=True)
        url = self.url
        if self.read_only:
            # a ledger whose WAL is empty can be read without touching the folder at all
            wal = Path(f"{url.database}-wal")
            pending = wal.exists() and wal.stat().st_size > 0
            query = {"uri": "true", **({"mode": "ro"} if pending else {"immutable": "1"})}
            url = url.set(database=f"file:{quote(str(url.database))}", query=query)
        engine = sa.create_engine(url, connect_args={"timeout": 30, "check_same_thread": False})

        @sa.event.listens_for(engine, "connect")
        def _pragmas(connection: Any, _record: Any) -> None:
            connection.isolation_level = None  # transactions are begun by us, see _begin
            if not self.read_only:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=FULL")

        @sa.event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            # a transaction that reads before it writes must hold the lock from the start
            connection.exec_driver_sql("BEGIN" if self.read_only else "BEGIN IMMEDIATE")

        return engine

    def _check_schema(self) -> None:
        with self._engine.begin() as c:
            found = c.execute(sa.select(META.c.value).where(META.c.key == "schema")).scalar()
            if found is None and not self.read_only:
                row = {"key": "schema", "value": str(PROJECT_SCHEMA)}
                c.execute(self._insert(META).values(row).on_conflict_do_nothing())
        if found is not None and int(found) > PROJECT_SCHEMA:
            raise StoreError(
                "This ledger cannot be opened",
                f"it has schema {found}, this labkit knows {PROJECT_SCHEMA}",
                "update labkit",
            )

    def _error(self, what: str, exc: Exception) -> Exception:
        cause = getattr(exc, "orig", None) or exc
        return store_error(what, cause)

    def _insert(self, table: sa.Table) -> Any:
        dialect = postgresql if self.url.get_backend_name() == "postgresql" else sqlite
        return dialect.insert(table)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as c:
                yield c
        except sa.exc.SQLAlchemyError as exc:
            raise self._error("Cannot read the ledger", exc) from exc

    def append(
        self, decisions: Sequence[Decision], expect: Mapping[str, int] | None = None
    ) -> list[int]:
        """Write decisions in one transaction and return their ``seq``, after the commit.

        Writing a ``decision_id`` again changes nothing and returns its old ``seq``, so a caller
        that does not know whether a write arrived can repeat it.

        Parameters
        ----------
        decisions : sequence of Decision
        expect : mapping of str to int, optional
            Frame id → the last ``seq`` that the caller has seen there. Where another session has
            decided on that frame since, nothing is written.

        Raises
        ------
        StaleDecisionError
            See ``expect``.
        StoreError
            The ledger is read-only, locked or the disk is full; nothing was written.
        """
        if not decisions:
            return []
        if self.read_only:
            raise StoreError("This decision was not saved", "the project is open read-only")
        rows = [_to_row(d) for d in decisions]
        ids = [r["decision_id"] for r in rows]
        try:
            with self._engine.begin() as c:
                if expect:
                    self._refuse_stale(c, expect, decisions)
                c.execute(self._insert(DECISIONS).on_conflict_do_nothing(), rows)
                found: dict[str, int] = {}
                for k in range(0, len(ids), 500):
                    chosen = DECISIONS.c.decision_id.in_(ids[k : k + 500])
                    query = sa.select(DECISIONS.c.decision_id, DECISIONS.c.seq).where(chosen)
                    found.update({row[0]: row[1] for row in c.execute(query)})
        except sa.exc.SQLAlchemyError as exc:
            raise self._error("This decision was not saved", exc) from exc
        return [found[i] for i in ids]

    def _refuse_stale(
        self, c: Connection, expect: Mapping[str, int], decisions: Sequence[Decision]
    ) -> None:
        known = [d.decision_id for d in decisions]
        t = DECISIONS.c
        for frame_id, seq in expect.items():
            newer = (
                sa.select(t.reviewer, t.kind)
                .where(t.frame_id == frame_id, t.seq > seq, t.decision_id.not_in(known))
                .where(t.session_id != decisions[0].session_id, t.kind != "comment")
                .order_by(t.seq.desc())
                .limit(1)
            )
            other = c.execute(newer).first()
            if other is not None:
                raise StaleDecisionError(
                    f"This decision on frame {frame_id} was not saved",
                    f"{other.reviewer} has decided there in the meantime ({other.kind})",
                    "look at the frame again",
                )

    def frame(self, frame_id: str) -> list[Decision]:
        """All rows of one frame in the order of writing."""
        query = sa.select(DECISIONS).where(DECISIONS.c.frame_id == frame_id)
        with self._reading() as c:
            return [_from_row(r._asdict()) for r in c.execute(query.order_by(DECISIONS.c.seq))]

    def step(self, step: str) -> list[Decision]:
        """All rows of one step."""
        query = sa.select(DECISIONS).where(DECISIONS.c.step == step).order_by(DECISIONS.c.seq)
        with self._reading() as c:
            return [_from_row(r._asdict()) for r in c.execute(query)]

    def history(self, reviewer: str) -> list[tuple[str, str, str | None, str]]:
        """``(step, kind, target, frame_id)`` of one reviewer's rows, in order: what undo needs."""
        t = DECISIONS.c
        query = sa.select(t.step, t.kind, t.target, t.frame_id).where(t.reviewer == reviewer)
        with self._reading() as c:
            return [tuple(row) for row in c.execute(query.order_by(t.seq))]

    def last_seq(self) -> int:
        """``seq`` of the newest row, 0 for an empty ledger."""
        with self._reading() as c:
            return int(c.execute(sa.select(sa.func.max(DECISIONS.c.seq))).scalar() or 0)

    def dataframe(self, since: int = 0) -> pd.DataFrame:
        """All rows after ``since`` as a DataFrame with ``DECISION_COLUMNS``.

        ``before`` and ``after`` stay JSON text; ``time`` is UTC.
        """
        names = ["time_us" if n == "time" else n for n in DECISION_COLUMNS]
        query = sa.select(*[DECISIONS.c[n] for n in names]).where(DECISIONS.c.seq > since)
        with self._reading() as c:
            rows = c.execute(query.order_by(DECISIONS.c.seq)).all()
        df = pd.DataFrame.from_records([tuple(r) for r in rows], columns=list(DECISION_COLUMNS))
        df["time"] = pd.to_datetime(df["time"].astype("int64"), unit="us", utc=True)
        dtypes = {"seq": "int64", "clicks": "int64", "scripted": "bool"}
        dtypes |= dict.fromkeys(("score", "threshold", "active_s"), "float64")
        return df.astype(dtypes)

    def close(self) -> None:
        """Give the connections back; the ledger cannot be used after it."""
        self._engine.dispose()
