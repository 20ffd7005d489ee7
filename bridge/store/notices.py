"""What owners were told of and that stands, and the messages to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.store.ids import new_id
from bridge.store.states import NoticeState
from bridge.store.tables import notice
from bridge.store.tables import told as told_rows
from runtime.inserting import insert
from runtime.keys import Keys

#: What addresses of messages are encrypted for.
PURPOSE = "notice"
#: Of PostgreSQL's advisory locks, the one of those who decide what is told.
ONE_DECIDES = 0x7E11
_KEY = ("kind", "place", "cause")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Something that an owner was told of."""

    kind: str
    place: str
    cause: str
    since: datetime
    told_at: datetime  #: last
    gone_since: datetime | None = None  #: since when it is no more

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is known by."""
        return (self.kind, self.place, self.cause)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What one address is told."""

    audience: str
    address: str = field(repr=False)
    subject: str
    text: str


def alone(conn: sa.Connection) -> None:
    """Let nobody else decide until this transaction ends. SQLite's write lock is held already."""
    if conn.dialect.name == "postgresql":
        conn.execute(sa.select(sa.func.pg_advisory_xact_lock(ONE_DECIDES)))


def told(conn: sa.Connection) -> Sequence[Told]:
    """Everything that was told and of which no all-clear was given."""
    rows = conn.execute(sa.select(told_rows)).mappings()
    return [Told(**row) for row in rows]


def remember(conn: sa.Connection, some: Iterable[Told]) -> None:
    """Write down what was told."""
    for one in some:
        values = asdict(one)
        changed = {name: value for name, value in values.items() if name not in _KEY}
        conn.execute(
            insert(conn, told_rows)
            .values(**values)
            .on_conflict_do_update(index_elements=_KEY, set_=changed)
        )


def forget(conn: sa.Connection, some: Iterable[Told]) -> None:
    """It is no more, and the all-clear is given."""
    for one in some:
        same = (told_rows.c[name] == getattr(one, name) for name in _KEY)
        conn.execute(sa.delete(told_rows).where(*same))


def add(conn: sa.Connection, messages: Iterable[Message], *, keys: Keys, now: datetime) -> None:
    """Put messages on their way."""
    for one in messages:
        conn.execute(
            sa.insert(notice).values(
                id=new_id("nt", now),
                audience=one.audience,
                address=keys.encrypt({"address": one.address}, purpose=PURPOSE),
                subject=one.subject,
                text=one.text,
                state=NoticeState.DUE,
                created_at=now,
                next_run_at=now,
            )
        )


def address_of(row: sa.Row[Any], *, keys: Keys) -> str:
    """Where a message goes; raises runtime.keys.KeyProblem."""
    return str(keys.decrypt(row.address, purpose=PURPOSE)["address"])


def recent(conn: sa.Connection, *, state: str | None, limit: int) -> Sequence[sa.Row[Any]]:
    """Messages, newest first."""
    query = sa.select(notice).order_by(notice.c.id.desc()).limit(limit)
    return conn.execute(query if state is None else query.where(notice.c.state == state)).all()


def failed(conn: sa.Connection, *, since: datetime) -> int:
    """How many messages were given up since then."""
    lost = sa.and_(notice.c.state == NoticeState.FAILED, notice.c.ended_at >= since)
    count = sa.select(sa.func.count()).select_from(notice).where(lost)
    return int(conn.execute(count).scalar_one())


def drop(conn: sa.Connection, *, before: datetime) -> Sequence[str]:
    """Delete messages that ended before then; return their ids."""
    old = sa.delete(notice).where(notice.c.ended_at < before).returning(notice.c.id)
    return conn.execute(old).scalars().all()
