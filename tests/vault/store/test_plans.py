"""Lists and searches stand on indexes: no query of theirs reads a whole table."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from tests.vault.world import World, upload
from vault.certificate import Status
from vault.store import listing, search
from vault.store.listing import Filters

DAY = date(2025, 6, 1)
NOW = datetime(2026, 11, 1, tzinfo=UTC)
FAILED_SINCE: dict[str, Any] = {"issue_date_from": DAY, "status": Status.FAILED}


def plans(world: World, filters: Filters) -> list[str]:
    """The steps of SQLite's plans of all that one page asks."""
    return steps(
        world, lambda conn: listing.page(conn, filters, institution_id=1, number=1, size=15)
    )


def steps(world: World, ask: Callable[[sa.Connection], object]) -> list[str]:
    """The steps of SQLite's plans of all that is asked."""
    asked: list[tuple[str, Any]] = []
    engine = world.vault.database.engine

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    with world.vault.database.read() as conn:
        sa.event.listen(engine, "before_cursor_execute", note)
        try:
            ask(conn)
        finally:
            sa.event.remove(engine, "before_cursor_execute", note)
        return [
            row.detail
            for statement, parameters in asked
            for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        (Filters(), "ix_certificate_newest"),
        (Filters(status=Status.FAILED), "ix_certificate_status"),
        (Filters(applicant_email="john@example.com"), "ix_certificate_email "),
        (Filters(issue_date_from=DAY, issue_date_to=DAY), "ix_certificate_issued"),
        (Filters(**FAILED_SINCE), "ix_certificate_status_issued"),
        (Filters(batch_id="b-1"), "ix_certificate_batch "),
        (Filters(search="john"), "search_word USING PRIMARY KEY"),
        (Filters(search="john smith"), "search_text USING PRIMARY KEY"),
        (Filters(search="john", status=Status.FAILED), "search_word USING PRIMARY KEY"),
        (Filters(batch_id="b-1", **FAILED_SINCE), "ix_certificate_batch "),
        (Filters(applicant_email="john@example.com", **FAILED_SINCE), "ix_certificate_email "),
        (Filters(search="john", batch_id="b-1", **FAILED_SINCE), "ix_certificate_batch "),
    ],
)
def test_no_page_and_no_search_reads_a_whole_table(
    world: World, filters: Filters, index: str
) -> None:
    world.institution("ABC University")
    told = plans(world, filters)

    tables = ("certificate", "search_text", "search_word")
    assert [] == [step for step in told if step.startswith(tuple(f"SCAN {t}" for t in tables))]
    assert any(index in step for step in told), told


def test_a_search_reads_nothing_but_its_narrow_rows(world: World) -> None:
    world.institution("ABC University")
    with world.vault.database.read() as conn:
        found = search.found(
            conn,
            "john smith",
            institution_id=1,
            narrowed=[search.search_text.c.status == "failed"],
            by_index=[],
        )
        plan = f"EXPLAIN QUERY PLAN {found.compile(conn, compile_kwargs={'literal_binds': True})}"
        steps = [row.detail for row in conn.exec_driver_sql(plan)]

    assert [] == [step for step in steps if "certificate " in step]


@pytest.mark.parametrize(
    ("institution_id", "index"),
    [
        (1, "ix_certificate_newest (institution_id=? AND id>? AND id<?)"),
        (None, "INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
    ],
)
def test_no_stretch_reads_beyond_its_end(
    world: World, institution_id: int | None, index: str
) -> None:
    world.institution("ABC University")
    filters = Filters(issue_date_from=DAY, status=Status.FAILED)
    with world.client(world.token(1)) as client:
        upload(client)
    told = steps(
        world,
        lambda conn: listing.stretch(
            conn,
            filters,
            institution_id=institution_id,
            updated_since=NOW,
            after=0,
            until=1,
            size=100,
        ),
    )

    assert [] == [step for step in told if step.startswith("SCAN certificate")]
    of_certificates = [step for step in told if step.startswith("SEARCH certificate ")]
    assert index in of_certificates[0]
    assert all("PRIMARY KEY (rowid=?)" in step for step in of_certificates[1:]), told
