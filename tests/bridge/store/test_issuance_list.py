"""Issuances are found by whatever is known of them, and no page reads all of them for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from benchmarks import crowd
from bridge.people.roles import NO_LIMITS, Limits
from bridge.store import issuance_list, issuances, tables
from bridge.store.issuance_list import COURSE, ISSUER, SITE, Filters, Total
from tests.bridge.world import World

COUNT, COURSES = 600, 20
MARCH = {
    "since": datetime(2025, 3, 1, tzinfo=UTC),
    "until": datetime(2025, 9, 1, tzinfo=UTC),
}
#: What is asked, each with the steps that are to find it once the newest do not.
ASKED = [
    Filters(),
    Filters(**MARCH),
    Filters(state="failed"),
    Filters(state="waiting"),
    Filters(site="north"),
    Filters(site="given-up", state="failed"),
    Filters(issuer="other", mapping="mapping-2"),
    Filters(course="0"),
    Filters(course="biology 1", **MARCH),
    Filters(q="maria"),
    Filters(q="john smith", state="generated"),
    Filters(q="m", site="north"),
    Filters(q="محمد", **MARCH),
    Filters(q="明华"),
    Filters(q="明华", site="given-up", state="generated"),
    Filters(q="john1", state="held"),
    Filters(q="42"),
    Filters(q="VEC-IC-2026000000000002A"),
    Filters(q="maría2@"),
]
TEACHER = Limits(courses=frozenset({f"north/{number}" for number in range(3)}))


@pytest.fixture
def many(world: World) -> World:
    crowd.fill(world.bridge.database, COUNT, keys=world.bridge.keys, courses=COURSES)
    return world


@pytest.fixture(params=[True, False], ids=["newest", "further"])
def reach(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether what is looked for stands among the newest, or all else has to find it."""
    if not request.param:
        for name, number in {
            "WALKED": 5,
            "FEW": 20,
            "ENTRIES": 40,
            "LOOKED_UP": 30,
            "MOST": 100,
        }.items():
            monkeypatch.setattr(issuance_list, name, number)
    return bool(request.param)


def ids(world: World, filters: Filters, limits: Limits = NO_LIMITS, size: int = 1000) -> list[str]:
    """Those of all pages."""
    found: list[str] = []
    within = limits.over(issuer=ISSUER, site=SITE, course=COURSE)
    with world.bridge.database.read() as conn:
        while True:
            after = found[-1] if found else None
            page = issuance_list.found(conn, filters, within=within, after=after, limit=size)
            found += page
            if len(page) < size:
                return found


def as_read(world: World, limits: Limits) -> list[list[str]]:
    """The same of all that is asked, by reading every row."""
    t = tables
    query = (
        sa.select(
            t.issuance,
            t.listed.c.text,
            t.lot.c.text.label("course"),
            t.site.c.name.label("site"),
            t.issuer.c.name.label("issuer"),
        )
        .join(t.listed, t.listed.c.id == t.issuance.c.id)
        .join(t.lot, t.lot.c.id == t.listed.c.lot_id)
        .join(t.site, t.site.c.id == t.lot.c.site_id)
        .join(t.issuer, t.issuer.c.id == t.lot.c.issuer_id)
        .where(limits.over(issuer=ISSUER, site=SITE, course=COURSE))
        .order_by(t.issuance.c.id.desc())
    )
    with world.bridge.database.read() as conn:
        rows = conn.execute(query).all()
    return [[row.id for row in rows if _fits(filters, row)] for filters in ASKED]


def _fits(filters: Filters, row: Any) -> bool:
    course = filters.course or ""
    by_course = course == row.course_id or (
        not course.isdigit() and all(f" {word}" in row.course for word in course.split())
    )
    return all(
        (
            not filters.state or row.state == filters.state,
            not filters.site or row.site == filters.site,
            not filters.issuer or row.issuer == filters.issuer,
            not filters.mapping or row.mapping_name == filters.mapping,
            not course or by_course,
            filters.since is None or row.created_at >= filters.since,
            filters.until is None or row.created_at < filters.until,
            _is_asked(filters.q, row, row.text),
        )
    )


def _is_asked(q: str, own: Any, text: str) -> bool:
    if q.startswith("VEC"):
        return bool(own.reference_id == q)
    if "@" in q:
        return bool(own.applicant_email.startswith(q))
    plain = {"明华": " 明 华"}.get(q) or f" {q}"
    return all(f" {part}" in text for part in plain.split(" ")[1:]) and (
        q != "明华" or plain in text
    )


def test_every_filter_finds_what_reading_all_rows_finds(many: World, reach: bool) -> None:
    for limits in (NO_LIMITS, TEACHER):
        within = limits.over(issuer=ISSUER, site=SITE, course=COURSE)
        size = 1000 if reach else 7
        told = [ids(many, filters, limits, size=size) for filters in ASKED]
        wanted = as_read(many, limits)
        with many.bridge.database.read() as conn:
            totals = [issuance_list.total(conn, filters, within=within) for filters in ASKED]

        assert wanted == told
        assert any(wanted)
        if reach:
            assert [Total(count=len(found)) for found in wanted] == totals
        for total, found in zip(totals, wanted, strict=True):
            assert total.count == len(found) or (total.more and total.count < len(found)), total


def plans(world: World, ask: Callable[[sa.Connection], object]) -> list[str]:
    """The steps of the database's plans of all that is asked."""
    asked: list[tuple[str, Any]] = []
    engine = world.bridge.database.engine

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    is_sqlite = world.bridge.database.is_sqlite
    explain = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
    with world.bridge.database.read() as conn:
        sa.event.listen(engine, "before_cursor_execute", note)
        try:
            ask(conn)
        finally:
            sa.event.remove(engine, "before_cursor_execute", note)
        if not is_sqlite:  # few rows are read whole, unless nothing else would do
            conn.execute(sa.text("SET enable_seqscan = off"))
        steps = [
            f"{row[-1]}"
            for statement, parameters in asked
            if statement.startswith("SELECT")
            for row in conn.exec_driver_sql(f"{explain} {statement}", parameters)
        ]
        if not is_sqlite:
            conn.execute(sa.text("RESET enable_seqscan"))
        return steps


@pytest.mark.parametrize("reach", [False], indirect=True)
def test_no_page_and_no_total_reads_a_whole_table(many: World, reach: bool) -> None:
    read = {}
    for limits in (NO_LIMITS, TEACHER):
        within = limits.over(issuer=ISSUER, site=SITE, course=COURSE)
        for filters in ASKED:
            steps = plans(
                many,
                lambda conn, filters=filters, within=within: [
                    issuance_list.page(conn, filters, within=within, after="is_z", limit=50),
                    issuance_list.total(conn, filters, within=within),
                ],
            )
            read[filters, limits.any] = [step for step in steps if _reads_all(step)]

    assert {} == {asked: steps for asked, steps in read.items() if steps}


def _reads_all(step: str) -> bool:
    """SQLite's or PostgreSQL's word for it, of a table that grows with each certificate."""
    big = ("listed_word", "listed", "issuance", "completion")
    scans = [f"SCAN {table}" for table in big] + [f"Seq Scan on {table}" for table in big]
    return any(scan in step and "USING" not in step for scan in scans)


def test_what_changes_is_found_as_it_is_now_and_no_more_as_it_was(world: World) -> None:
    world.issue("ada")
    row = world.issuance
    now = world.clock.now()

    with world.bridge.database.write() as conn:
        issuances.change(conn, row.id, now=now, full_name="Zoë Öst", state="failed")

    assert [row.id] == ids(world, Filters(q="zoe ost", state="failed"))
    assert [] == ids(world, Filters(q="lovelace"))
    assert [] == ids(world, Filters(state=row.state))


def test_a_course_is_found_by_the_title_it_was_told_with_last(world: World) -> None:
    world.issue("ada", course={"title": "Marine Biology"})
    world.issue("bob", course={"title": "Oceans"})

    assert 2 == len(ids(world, Filters(course="ocea")))
    assert [] == ids(world, Filters(course="marine"))
