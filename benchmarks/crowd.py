"""A crowd of issuances in a bridge's database, made in minutes: what has to be found among many.

The rows are those that completions leave behind, with what is told of nothing else left out. Names,
courses, mappings and states come as unevenly as in life: a course that everybody takes, sites that
were given up, names of one script at one site, and words that a great part of all have.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bridge.store import accounts
from bridge.store.ids import new_id
from bridge.store.listed import course_text, text_of
from bridge.store.tables import completion, issuance, listed, listed_word, lot
from runtime.database import Database
from runtime.keys import Keys
from runtime.words import words

FIRST = ("John", "Jane", "María", "José", "Zoë", "Ali", "Anna", "Priya", "Ivan", "Thị", "Chloé")
LAST = ("Smith", "Müller", "García", "Nguyễn", "Khan", "O'Brien", "Okafor", "Петров", "Łukasz")
ARABIC = (("فاطمة", "محمد", "عائشة", "خالد"), ("حداد", "القاسم", "العمري", "الشامسي"))
HAN = "王李张刘陈明华伟芳娜秀英敏静丽强磊军洋勇"
SYLLABLES = ("ba", "do", "ki", "lu", "me", "no", "pa", "ri", "sa", "to", "va", "ze", "ha", "ju")
SITES, ISSUERS, MAPPINGS = ("north", "east", "given-up", "small"), ("faculty", "other"), 8
COURSES, SMALL = 2_500, 20  #: of each site, and of the last
ROWS_AT_ONCE = 20_000
#: How long a time they were made in.
YEARS = timedelta(days=3 * 365)
SUBJECTS = ("Biology", "History", "Law")
STATES = ("held", "failed", "processing", "cancelled")


@dataclass(frozen=True, slots=True)
class _Lot:
    id: int
    site_id: str
    course_id: str
    issuer_id: str
    mapping_name: str
    course: Mapping[str, str]


def fill(database: Database, count: int, *, keys: Keys, courses: int = COURSES) -> Sequence[str]:
    """Add so many issuances and all they need; return their ids, oldest first."""
    chance = random.Random(1)  # noqa: S311  # the same each time
    until = datetime.now(UTC)
    with database.write() as conn:
        lots = _lots(conn, courses, keys=keys, began=until - YEARS)
    indexes = [index for table in (completion, issuance, listed) for index in table.indexes]
    with database.engine.begin() as conn:
        for index in indexes:
            index.drop(conn)
    ids = []
    with database.engine.connect() as conn:
        if database.is_sqlite:
            _pragmas(conn, "foreign_keys=OFF", "synchronous=OFF", "cache_size=-400000")
        else:
            conn.exec_driver_sql("SET statement_timeout = 0")
            conn.exec_driver_sql("SET session_replication_role = replica")  # no foreign keys
        for begin in range(0, count, ROWS_AT_ONCE):
            rows = [
                _row(number, count, lots, until=until, chance=chance)
                for number in range(begin, min(begin + ROWS_AT_ONCE, count))
            ]
            _store(conn, rows, sorted_words=count <= ROWS_AT_ONCE)
            ids += [row["issuance"]["id"] for row in rows]
        if count > ROWS_AT_ONCE:
            _sort_words(conn)
        for index in indexes:
            index.create(conn)
        conn.commit()
        if database.is_sqlite:
            _pragmas(conn, "foreign_keys=ON", "synchronous=FULL", "cache_size=-2000")
        else:
            conn.exec_driver_sql("RESET session_replication_role")
            conn.exec_driver_sql("RESET statement_timeout")
            conn.commit()
    with database.engine.connect() as conn:
        alone = conn.execution_options(isolation_level="AUTOCOMMIT")
        if not database.is_sqlite:
            alone.execute(sa.text("SET statement_timeout = 0"))
        alone.execute(sa.text("ANALYZE" if database.is_sqlite else "VACUUM ANALYZE"))
    return ids


def _lots(conn: sa.Connection, courses: int, *, keys: Keys, began: datetime) -> list[_Lot]:
    sites = [
        accounts.add_site(
            conn,
            name,
            connector="signed",
            settings={},
            secrets={"secrets": ["x"]},
            keys=keys,
            now=began,
            issue_from=began,
        )
        for name in SITES
    ]
    issuers = [
        accounts.add_issuer(
            conn,
            name,
            keys=keys,
            secrets={"token": "x"},
            now=began,
            vault_url="https://vault.example.edu",
            institution_name="University of Sharjah",
        )
        for name in ISSUERS
    ]
    made = []
    for place, site_id in enumerate(sites):
        for number in range(courses if place < len(sites) - 1 else SMALL):
            title = f"{SUBJECTS[number % 3]} {number}"
            course = {"id": str(number), "code": f"{title[:3].upper()}{number}", "title": title}
            # A mapping belongs to two sites at most, an issuer to some of its courses.
            shared = {
                "site_id": site_id,
                "course_id": str(number),
                "issuer_id": issuers[number % 10 == 0],
                "mapping_name": f"mapping-{(place * 2 + number % 3) % MAPPINGS}",
            }
            text = course_text(str(number), course)
            lot_id = conn.execute(sa.insert(lot).values(**shared, text=text).returning(lot.c.id))
            made.append(_Lot(id=lot_id.scalar_one(), course=course, **shared))
    return made


def _row(
    number: int, count: int, lots: Sequence[_Lot], *, until: datetime, chance: random.Random
) -> dict[str, Any]:
    """What one certificate left behind, by table."""
    at = until - YEARS + YEARS * (number / count)
    of = _lot_of(number, count, lots, chance)
    name = _name(of, lots, chance)
    email = f"{name.split()[0].casefold()}{number}@{'students.' if number % 3 else ''}example.edu"
    learner = {"id": str(number // 3), "full_name": name, "email": email}
    row_id, completion_id = new_id("is", at), new_id("cp", at)
    state = _state(number, count, chance)
    text = text_of(full_name=name, email=email, learner_id=learner["id"])
    return {
        "completion": {
            "id": completion_id,
            "site_id": of.site_id,
            "course_id": of.course_id,
            "learner_id": learner["id"],
            "round": f"{at:%Y-%m-%d} {number}",
            "data": json.dumps({"course": of.course, "learner": learner}),
            "state": "mapped",
            "asked": False,
            "created_at": at,
            "tries": 0,
            "fence": 0,
        },
        "issuance": {
            "id": row_id,
            "issuer_id": of.issuer_id,
            "completion_id": completion_id,
            "site_id": of.site_id,
            "course_id": of.course_id,
            "learner_id": learner["id"],
            "mapping_name": of.mapping_name,
            "mapping_version": 1,
            "revision": 0,
            "natural_key": f"{number:064x}",
            "certificate_title": f"Certificate of Completion: {of.course['title']}",
            "full_name": name,
            "applicant_email": email,
            "issue_date": at.date(),
            "ref": f"{number:08x}",
            "language": "en",
            "certificate": json.dumps({"template": "classic"}),
            "state": state,
            "reference_id": f"VEC-IC-2026{number:013X}" if state == "generated" else None,
            "looks": 0,
            "vault_retries": 0,
            "created_at": at,
            "updated_at": at,
            "generated_at": at if state == "generated" else None,
            "tries": 0,
            "fence": 0,
        },
        "listed": {"id": row_id, "lot_id": of.id, "state": state, "text": text},
        "listed_word": [
            {"word": word, "issuance_id": row_id, "lot_id": of.id} for word in words(text)
        ],
    }


def _lot_of(number: int, count: int, lots: Sequence[_Lot], chance: random.Random) -> _Lot:
    """One in ten is of the course that everybody takes; the third site was given up early."""
    if number % 10 == 0:
        return lots[0]
    courses = (len(lots) - SMALL) // 3
    last = 3 * courses if number < count // 4 else 2 * courses
    if number % 1_000 == 1:
        return lots[3 * courses + chance.randrange(SMALL)]
    return lots[chance.randrange(last)]


def _name(of: _Lot, lots: Sequence[_Lot], chance: random.Random) -> str:
    """Names of the east are Arabic, and some of those of the site given up Chinese."""
    place = (of.id - lots[0].id) // ((len(lots) - SMALL) // 3)
    if place == 1:
        return " ".join(chance.choice(names) for names in ARABIC)
    if place == 2 and chance.random() < 0.3:
        return "".join(chance.sample(HAN, 3))
    if chance.random() < 0.5:
        return f"{chance.choice(FIRST)} {chance.choice(LAST)}"
    made = ("".join(chance.choices(SYLLABLES, k=3)).title() for _ in range(2))
    return " ".join(made)


def _state(number: int, count: int, chance: random.Random) -> str:
    """Most are generated; failed ones are mostly old, those on their way new."""
    if number > count - 200:
        return "processing"
    rare = 0.08 if number < count // 10 else 0.02
    return chance.choice(STATES[:2] + STATES[3:]) if chance.random() < rare else "generated"


def _store(conn: sa.Connection, rows: Sequence[Mapping[str, Any]], *, sorted_words: bool) -> None:
    for table in (completion, issuance, listed):
        _put(conn, table.name, [row[table.name] for row in rows])
    entries = [entry for row in rows for entry in row["listed_word"]]
    if sorted_words:
        _put(conn, "listed_word", entries)
        return
    conn.exec_driver_sql(
        "CREATE TEMPORARY TABLE IF NOT EXISTS unsorted (word text, issuance_id text, lot_id int)"
    )
    _put(conn, "unsorted", entries)


def _pragmas(conn: sa.Connection, *pragmas: str) -> None:
    """Said to the driver, as SQLite does not hear them within a transaction."""
    driver: Any = conn.connection.driver_connection
    for pragma in pragmas:
        driver.execute(f"PRAGMA {pragma}")


def _sort_words(conn: sa.Connection) -> None:
    """An index is built many times as fast by rows that come in its order."""
    collated = "" if conn.dialect.name == "sqlite" else ' COLLATE "C"'
    names = ", ".join(listed_word.c.keys())
    conn.exec_driver_sql(
        f"INSERT INTO listed_word ({names}) SELECT {names} FROM unsorted "  # noqa: S608
        f"ORDER BY word{collated}, issuance_id"
    )


def _put(conn: sa.Connection, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    names = list(rows[0])
    columns = ", ".join(names)
    driver: Any = conn.connection.driver_connection
    if conn.dialect.name == "sqlite":
        marks = ", ".join("?" * len(names))
        statement = f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608
        driver.executemany(statement, (tuple(_as_sqlite(row.values())) for row in rows))
        return
    with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(tuple(row.values()))


def _as_sqlite(values: Any) -> Iterator[Any]:
    for value in values:
        if isinstance(value, datetime):
            yield value.replace(tzinfo=None).isoformat(" ", "microseconds")
        else:
            yield value.isoformat() if hasattr(value, "isoformat") else value
