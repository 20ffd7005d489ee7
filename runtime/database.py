"""One database, SQLite or PostgreSQL: how it is opened, its clock, its transactions."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import DisconnectionError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

BUSY_TIMEOUT_MS = 10_000
#: How often a writer looks whether SQLite is free, and one for whose end somebody waits.
LOOK_S, URGENT_LOOK_S = 0.015, 0.001
#: More than an urgent writer's look takes.
FREE_S = 0.0025
STATEMENT_TIMEOUT_MS = 30_000
#: A connection to PostgreSQL that was not used for so long may be dead, and is tried before it is.
RESTED_S = 1.0
#: A PostgreSQL that is gone without a word (its power, a firewall) is noticed within half a minute,
#: not after the two hours or so of operating systems; what the address asks for comes first.
#: See postgresql.org/docs/current/libpq-connect.html, Parameter Key Words.
KEEPALIVE: Mapping[str, str] = MappingProxyType(
    {
        "keepalives_idle": "15",
        "keepalives_interval": "5",
        "keepalives_count": "3",
        "tcp_user_timeout": "30000",  # milliseconds; where our own bytes are not acknowledged
    }
)
#: Before this release the write-ahead log can corrupt a database (sqlite.org/wal.html#walresetbug).
WAL_IS_SOUND_SINCE = (3, 51, 3)


class RolledBack(SQLAlchemyError):
    """A transaction was committed that SQLite had already ended."""


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware moment, kept in UTC; a naive one is refused."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.utcoffset() is None:
            raise ValueError(f"{value!r} has no time zone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Database:
    """An engine with the transactions and the one clock that leases need.

    ``now`` is for tests; otherwise PostgreSQL's clock is asked, so that machines with clocks of
    their own agree, and on SQLite, which lives on one machine, the machine's. So is ``monotonic``,
    in seconds.
    """

    def __init__(
        self,
        url: str,
        *,
        now: Callable[[], datetime] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.engine = _engine(url, monotonic)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        # PostgreSQL lets each statement see the newest, in a transaction or not, and to begin and
        # end one would cost two more answers to wait for.
        self._reading = self.engine.execution_options(
            **({"reads_only": True} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"})
        )
        self._urgent = self.engine.execution_options(urgent=True)
        #: For so many seconds SQLite is free after each transaction of one who writes many.
        self.free_s = FREE_S
        self._wrote_at = -FREE_S
        self._now = now

    @contextmanager
    def write(self, *, urgent: bool = False) -> Iterator[sa.Connection]:
        """A transaction that may write. On SQLite it takes the write lock at once.

        There an ``urgent`` one, for whose end somebody waits, mostly comes before those that wait
        beside it.
        """
        if urgent:
            with self._urgent.begin() as conn:
                yield conn
            return
        self._leave_it_free()
        try:
            with self.engine.begin() as conn:
                yield conn
        finally:
            self._wrote_at = time.monotonic()

    def _leave_it_free(self) -> None:
        """Whoever writes one transaction after the other lets urgent ones in between."""
        since = time.monotonic() - self._wrote_at
        if self.is_sqlite and since < self.free_s:
            time.sleep(self.free_s - since)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection that only reads: on SQLite it does not wait for writers.

        There it is one transaction and sees one state; on PostgreSQL each statement sees the
        newest.
        """
        with self._reading.begin() as conn:
            yield conn

    def now(self, conn: sa.Connection) -> datetime:
        """The moment by the clock that all processes share."""
        if (known := self._known_here()) is not None:
            return known
        moment: datetime = conn.execute(sa.select(self.clock())).scalar_one()
        return moment

    def clock(self) -> sa.ColumnElement[datetime]:
        """What `now` says, as a part of a statement that asks for more: one answer to wait for.

        It is asked each time the statement is executed.
        """
        if self._known_here() is not None:
            return sa.bindparam("now_here", callable_=self._known_here, type_=UtcDateTime())
        return sa.func.clock_timestamp(type_=UtcDateTime())

    def _known_here(self) -> datetime | None:
        if self._now is not None:
            return self._now()
        return datetime.now(UTC) if self.is_sqlite else None

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def is_read_only(conn: sa.Connection) -> bool:
    """Whether nothing can be written, as on a PostgreSQL standby; SQLite says so at BEGIN."""
    if conn.dialect.name != "postgresql":
        return False
    said: str = conn.execute(sa.text("SHOW transaction_read_only")).scalar_one()
    return said == "on"


def is_rolled_back(conn: sa.Connection) -> bool:
    """Whether SQLite has ended the transaction by itself, as it does when the disk is full.

    Its driver would then call a commit of nothing a success.
    """
    return conn.dialect.name == "sqlite" and not conn.connection.in_transaction


def _engine(url: str, monotonic: Callable[[], float]) -> sa.Engine:
    # An error's text names its statement, never the values: they are people's.
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed)
    if parsed.get_backend_name() == "postgresql":
        return _postgresql(parsed, monotonic)
    raise ValueError(f"{parsed.get_backend_name()!r} is neither sqlite nor postgresql")


def _sqlite(url: sa.URL) -> sa.Engine:
    engine = sa.create_engine(url, hide_parameters=True, connect_args={"check_same_thread": False})
    journal = "WAL" if sqlite3.sqlite_version_info >= WAL_IS_SOUND_SINCE else "TRUNCATE"

    @sa.event.listens_for(engine, "connect")
    def _pragmas(connection: DBAPIConnection, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        cursor.execute(f"PRAGMA journal_mode={journal}")
        # NORMAL may lose commits with the machine's power; a 2xx is a promise.
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def _begin(conn: sa.Connection) -> None:
        if conn.get_execution_options().get("reads_only"):
            conn.exec_driver_sql("BEGIN")
        else:
            urgent = conn.get_execution_options().get("urgent", False)
            _begin_to_write(conn, look_every=URGENT_LOOK_S if urgent else LOOK_S)

    @sa.event.listens_for(engine, "commit")
    def _commit(conn: sa.Connection) -> None:
        if is_rolled_back(conn):
            raise RolledBack("SQLite had rolled the transaction back; nothing was stored.")

    return engine


def _begin_to_write(conn: sa.Connection, *, look_every: float) -> None:
    """Begin as soon as the writer before has ended.

    A deferred transaction that turns to writing would fail at once, without waiting its turn. And
    where SQLite waits it sleeps longer and longer, up to a tenth of a second: while workers write
    one after the other, the web process would hardly ever find the database free.
    """
    cursor = conn.connection.cursor()
    cursor.execute("PRAGMA busy_timeout=0")
    try:
        until = time.monotonic() + BUSY_TIMEOUT_MS / 1000
        while not _has_begun(cursor) and time.monotonic() < until:
            time.sleep(look_every)
        if not conn.connection.in_transaction:
            conn.exec_driver_sql("BEGIN IMMEDIATE")
    finally:
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")


def _has_begun(cursor: DBAPICursor) -> bool:
    try:
        cursor.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as exc:
        # Whatever else it is, SQLAlchemy's own call has it, too, and tells it.
        return exc.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY
    return True


def _postgresql(url: sa.URL, monotonic: Callable[[], float]) -> sa.Engine:
    options = (
        f"-c statement_timeout={STATEMENT_TIMEOUT_MS} "
        f"-c idle_in_transaction_session_timeout={2 * STATEMENT_TIMEOUT_MS} "
        "-c synchronous_commit=on -c timezone=UTC"
    )
    keepalive = {name: value for name, value in KEEPALIVE.items() if name not in url.query}
    engine = sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        hide_parameters=True,
        connect_args={"options": options, "connect_timeout": 10, **keepalive},
    )

    # Several rows go as one statement, not as many in a row.
    engine.dialect.use_insertmanyvalues_wo_returning = True

    @sa.event.listens_for(engine, "checkin")
    def _rests(_connection: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
        record.info["rests_since"] = monotonic()

    # SQLAlchemy's own pool_pre_ping tries it each time, for three answers to wait for.
    @sa.event.listens_for(engine, "checkout")
    def _try(connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: Any) -> None:
        if monotonic() - record.info.get("rests_since", monotonic()) < RESTED_S:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as exc:
            raise DisconnectionError from exc  # the pool opens another

    return engine
