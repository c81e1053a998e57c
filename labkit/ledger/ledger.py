"""The ledger: an append-only table of decisions in SQL, SQLite or PostgreSQL.

Rows are never changed or deleted. A decision is acknowledged only after its transaction has
committed, durably (SQLite: WAL with ``synchronous=FULL``). Connections come from a pool and are
bound to no thread.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection, Engine, make_url

from labkit.core.errors import InputError, StaleDecisionError, StoreError, store_error
from labkit.core.types import Decision
from labkit.ledger.schema import DECISION_COLUMNS, PROJECT_SCHEMA
from labkit.ledger.table import ARROW, DECISIONS, META, METADATA, from_row, to_row

__all__ = ["Ledger"]

_FETCH = 50_000
_WRITES = "labkit_writes"
"""Execution option of the connections that write."""

_APPEND_LOCK = 0x1AB_417
"""Key of PostgreSQL's advisory lock: one writer at a time, so that ``seq`` is commit order."""


def _url(text: str, root: Path) -> URL:
    """A SQLite path in the URL is relative to the project's folder."""
    url = make_url(text)
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        url = url.set(database=str(root / url.database))
    return url


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
        self._cache: pd.DataFrame = ARROW.empty_table().to_pandas()
        self._cache_lock = threading.Lock()
        try:
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
            # a transaction that reads before it writes must hold the lock from the start; one that
            # only reads sees the ledger as it was then, and waits for nobody
            writes = connection.get_execution_options().get(_WRITES)
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

        return engine

    def _check_schema(self) -> None:
        found = None
        with self._reading("Cannot open the ledger") as c:
            if self.read_only or sa.inspect(c).has_table(META.name):
                query = sa.select(META.c.value).where(META.c.key == "schema")
                found = c.execute(query).scalar()
        if found is None and not self.read_only:
            row = {"key": "schema", "value": str(PROJECT_SCHEMA)}
            with self._writing() as c:
                METADATA.create_all(c)
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
    def _writing(self) -> Iterator[Connection]:
        """A transaction that holds SQLite's write lock from the start."""
        with self._engine.connect().execution_options(**{_WRITES: True}) as c, c.begin():
            yield c

    @contextmanager
    def _reading(self, error: str = "Cannot read the ledger") -> Iterator[Connection]:
        try:
            with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as c:
                yield c
        except sa.exc.SQLAlchemyError as exc:
            raise self._error(error, exc) from exc

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
        rows = [to_row(d) for d in decisions]
        ids = [r["decision_id"] for r in rows]
        try:
            with self._writing() as c:
                if self.url.get_backend_name() == "postgresql":
                    c.execute(sa.select(sa.func.pg_advisory_xact_lock(_APPEND_LOCK)))
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
        known: dict[str, list[str]] = {}
        for d in decisions:
            known.setdefault(d.frame_id, []).append(d.decision_id)
        t = DECISIONS.c
        for frame_id, seq in expect.items():
            newer = (
                sa.select(t.reviewer, t.kind)
                .where(
                    t.frame_id == frame_id,
                    t.seq > seq,
                    t.decision_id.not_in(known.get(frame_id, ())),
                )
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
            return [from_row(r._asdict()) for r in c.execute(query.order_by(DECISIONS.c.seq))]

    def step(self, step: str) -> list[Decision]:
        """All rows of one step."""
        query = sa.select(DECISIONS).where(DECISIONS.c.step == step).order_by(DECISIONS.c.seq)
        with self._reading() as c:
            return [from_row(r._asdict()) for r in c.execute(query)]

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

    def dataframe(self) -> pd.DataFrame:
        """All rows as a DataFrame with ``DECISION_COLUMNS``.

        ``before`` and ``after`` stay JSON text; ``time`` is UTC. Rows never change, so those that
        were read once are kept and only newer ones are fetched.
        """
        with self._cache_lock:
            since = int(self._cache["seq"].iloc[-1]) if len(self._cache) else 0
            newer = self._fetch(since)
            if len(newer):
                parts = [self._cache, newer] if len(self._cache) else [newer]
                self._cache = pd.concat(parts, ignore_index=True)
            return self._cache.copy()

    def _fetch(self, since: int) -> pd.DataFrame:
        """Rows after ``since``, from the driver's tuples to Arrow: no object per row and column."""
        names = ["time_us" if n == "time" else n for n in DECISION_COLUMNS]
        query = sa.select(*[DECISIONS.c[n] for n in names]).where(DECISIONS.c.seq > since)
        text = str(
            query.order_by(DECISIONS.c.seq).compile(
                self._engine, compile_kwargs={"literal_binds": True}
            )
        )
        batches = []
        with self._reading() as c:
            cursor = c.connection.cursor()
            cursor.execute(text)
            while rows := cursor.fetchmany(_FETCH):
                columns = zip(ARROW.types, zip(*rows, strict=True), strict=True)
                arrays = [
                    # SQLite has no booleans and gives 0 and 1
                    pa.array(values).cast(kind) if kind == pa.bool_() else pa.array(values, kind)
                    for kind, values in columns
                ]
                batches.append(pa.table(arrays, schema=ARROW))
        table = pa.concat_tables([ARROW.empty_table(), *batches])
        df: pd.DataFrame = table.to_pandas().astype({"time": "datetime64[us, UTC]"})
        return df

    def close(self) -> None:
        """Give the connections back; the ledger cannot be used after it."""
        self._engine.dispose()
