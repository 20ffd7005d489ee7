"""Many rows go in as one statement, and come out as they were given."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa

from runtime.database import Database, UtcDateTime
from runtime.inserting import Both, Rows

metadata = sa.MetaData()
thing = sa.Table(
    "thing",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(40), nullable=False, unique=True),
    sa.Column("day", sa.Date),
    sa.Column("at", UtcDateTime),
    sa.Column("document", sa.JSON),
    sa.Column("seal", sa.LargeBinary),
    sa.Column("state", sa.String(8), nullable=False, server_default="new"),
)
NOON = datetime(2026, 11, 30, 12, 0, 0, 5, tzinfo=UTC)
ALL = Rows(thing, ("name", "day", "at", "document"), returning=(thing.c.id, thing.c.name))
NEW = Rows(thing, ("name",), unless_taken=("name",), returning=(thing.c.name,))
SEEN = Rows(
    thing,
    ("name",),
    unless_taken=("name",),
    then=lambda added: sa.select(*(added.c.name, added.c.state, sa.literal(7).label("seven"))),
)
part = sa.Table(
    "part",
    metadata,
    sa.Column("thing_name", sa.String(40), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
)
BOTH = Both(Rows(thing, ("name", "at")), Rows(part, ("thing_name", "number")))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    metadata.create_all(database.engine)
    yield database
    database.close()


def row(name: str, **values: Any) -> dict[str, Any]:
    return {"name": name, "day": None, "at": None, "document": None, **values}


def test_rows_come_out_as_they_were_given(database: Database) -> None:
    document = {"name": 'a "b" \\ \'', "list": [1, None, True], "text": "نور 张\u0001"}
    elsewhere = NOON.astimezone(timezone(timedelta(hours=5)))
    with database.write() as conn:
        ALL.add(conn, [row('O\'Brien \\ "é" 张', day=date(2026, 2, 28), document=document)])
        ALL.add(conn, [row("late", at=elsewhere), row("nothing")])
        found = {one.name: one for one in conn.execute(sa.select(thing))}

    first = found['O\'Brien \\ "é" 张']
    assert (date(2026, 2, 28), document, "new") == (first.day, first.document, first.state)
    assert NOON == found["late"].at
    assert (None, None, None) == (found["nothing"].day, found["nothing"].at, found["nothing"].seal)


def test_what_is_returned_has_the_order_of_the_rows(database: Database) -> None:
    names = [f"{number * 7919 % 300:03}" for number in range(300)]
    with database.write() as conn:
        added = ALL.add(conn, [row(name) for name in names])

    assert names == [one.name for one in added]
    assert sorted(one.id for one in added) == [one.id for one in added]


def test_what_is_taken_already_is_left_out(database: Database) -> None:
    with database.write() as conn:
        NEW.add(conn, [{"name": "a"}])
        added = NEW.add(conn, [{"name": "b"}, {"name": "a"}, {"name": "c"}, {"name": "b"}])
        count = conn.execute(sa.select(sa.func.count()).select_from(thing)).scalar_one()

    assert {"b", "c"} == {one.name for one in added}
    assert 3 == count


def test_what_is_asked_afterwards_is_asked_of_those_that_were_added(database: Database) -> None:
    with database.write() as conn:
        NEW.add(conn, [{"name": "a"}])
        added = SEEN.add(conn, [{"name": "b"}, {"name": "a"}, {"name": "c"}])
        nothing = SEEN.add(conn, [{"name": "a"}])

    assert {("b", "new", 7), ("c", "new", 7)} == {tuple(one) for one in added}
    assert [] == list(nothing)


def test_two_inserts_go_in_together(database: Database) -> None:
    with database.write() as conn:
        BOTH.add(
            conn,
            [{"name": "a", "at": NOON}, {"name": "b", "at": None}],
            [{"thing_name": "a", "number": number} for number in range(3)],
        )
        BOTH.add(conn, [{"name": "c", "at": NOON}], [])
        things = conn.execute(sa.select(thing.c.name, thing.c.at).order_by(thing.c.name)).all()
        parts = conn.execute(sa.select(part).order_by(part.c.number)).all()

    assert [("a", NOON), ("b", None), ("c", NOON)] == [tuple(one) for one in things]
    assert [("a", 0), ("a", 1), ("a", 2)] == [tuple(one) for one in parts]


def test_no_rows_are_no_statement(database: Database) -> None:
    with database.read() as conn:  # SQLite would refuse a write here
        assert () == ALL.add(conn, [])


def test_on_postgresql_the_text_is_the_same_for_few_and_many(postgres_url: str) -> None:
    database = Database(postgres_url)
    metadata.create_all(database.engine)
    texts: list[str] = []
    sa.event.listen(database.engine, "before_cursor_execute", lambda *said: texts.append(said[2]))
    with database.write() as conn:
        NEW.add(conn, [{"name": "first"}])
        NEW.add(conn, [{"name": str(number)} for number in range(200)])
        BOTH.add(conn, [], [{"thing_name": "first", "number": 1}])
        BOTH.add(conn, [{"name": "next", "at": NOON}], [])
    database.close()

    assert 4 == len(texts)
    assert 2 == len(set(texts))


def test_what_cannot_travel_is_told(postgres_url: str) -> None:
    database = Database(postgres_url)
    metadata.create_all(database.engine)
    sealed = Rows(thing, ("name", "seal"))
    with pytest.raises(TypeError, match=r"say how in runtime/inserting\.py"), database.write() as c:
        sealed.add(c, [{"name": "a", "seal": b"x"}])
    with pytest.raises(ValueError, match="no time zone"), database.write() as c:
        ALL.add(c, [row("a", at=datetime(2026, 11, 30))])  # noqa: DTZ001
    database.close()
