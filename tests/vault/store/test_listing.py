"""Every list and search, however it is found, is what a plain look at all certificates says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from tests.vault.world import World
from vault.certificate import Entry, Status, fold_email
from vault.store import certificates, listing, search, uploads
from vault.store.certificates import New
from vault.store.listing import Filters
from vault.store.tables import certificate
from vault.store.uploads import StoredFile

NOW = datetime(2026, 11, 1, tzinfo=UTC)
DAY = date(2025, 6, 1)
NAMES = ("John Smith", "Zoë Müller", "王明华")
TITLES = ("Biology of the Sea", "The Sea: a Long Course of the Biology of All Its Shores")
EMAILS = ("john@example.com", "Zoe@Example.com")
SEARCHES = (
    None,
    "zzz",
    "e",
    "john smi",
    "smith john",
    "明华",
    "sea sea SEA s",
    "the sea a long course of",
    "of long the a sea course",
)
COUNT = 24


@pytest.fixture
def full(each_world: World) -> World:
    """Certificates of an institution, and one of another's that is like them."""
    ours, theirs = (each_world.institution(name) for name in ("ABC University", "Other"))
    with each_world.vault.database.write() as conn:
        for institution_id, count in ((ours, COUNT), (theirs, 1)):
            _add(conn, institution_id, count)
        failed = sa.update(certificate).where(certificate.c.id % 3 == 0)
        conn.execute(failed.values(status="failed"))
    return each_world


def _add(conn: sa.Connection, institution_id: int, count: int) -> None:
    stored = StoredFile(sha256="0" * 64, size=1, mime_type="application/pdf", kind="upload")
    file_id = uploads.add_file(conn, stored, institution_id=institution_id, now=NOW)
    name = f"b-{institution_id}"
    batch_id = certificates.add_batch(conn, name, institution_id=institution_id, total=1, now=NOW)
    for number in range(count):
        entry = Entry(
            certificate_title=f"{TITLES[number % 2]} {number}",
            full_name=NAMES[number % 3],
            applicant_email=EMAILS[number % 2],
            issue_date=DAY + timedelta(days=number) if number % 4 else None,
            details=None,
        )
        reference = f"VEC-IC-2026{institution_id}{number:012X}"
        new = New(uuid=str(uuid4()), reference_id=reference, entry=entry, file_id=file_id)
        certificates.add_many(
            conn,
            [new],
            institution_id=institution_id,
            batch_id=batch_id if number % 5 else None,
            now=NOW,
        )


def all_filters() -> Iterator[Filters]:
    """Every search with every choice of the other filters."""
    for text, status, email, batch_id, day in product(
        SEARCHES, (None, Status.FAILED), (None, "ZOE@example.com"), (None, "b-1"), (None, DAY)
    ):
        yield Filters(
            search=text,
            status=status,
            applicant_email=email,
            batch_id=batch_id,
            issue_date_from=day and day + timedelta(days=4),
            issue_date_to=day and day + timedelta(days=18),
        )


def plainly(row: sa.Row[Any], filters: Filters) -> bool:
    """Whether a whole record meets the filters."""
    fields = (row.full_name, row.applicant_email, row.certificate_title, row.reference_id)
    texts = [f" {search.fold(field)}" for field in fields]
    email = filters.applicant_email
    return all(
        [
            filters.status in (None, Status(row.status)),
            email is None or fold_email(row.applicant_email) == fold_email(email),
            filters.batch_id in (None, row.batch_uuid),
            filters.issue_date_from is None
            or (row.issue_date or date.min) >= filters.issue_date_from,
            filters.issue_date_to is None or (row.issue_date or date.max) <= filters.issue_date_to,
            *(
                any(f" {search.fold(part)}" in text for text in texts)
                for part in (filters.search or "").split()
            ),
        ]
    )


@pytest.mark.parametrize("few", [0, search.FEW])
def test_any_filters_find_what_meets_them_all(
    full: World, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(search, "FEW", few)
    with full.vault.database.read() as conn:
        every = certificates.get_all(conn, range(1, COUNT + 1))
        newest_first = sorted(every, key=lambda row: row.id, reverse=True)
        for filters in all_filters():
            expected = [row.id for row in newest_first if plainly(row, filters)]
            rows, total = listing.page(conn, filters, institution_id=1, number=1, size=100)

            assert (filters, expected, len(expected)) == (filters, [r.id for r in rows], total)


@pytest.mark.parametrize("few", [0, search.FEW])
def test_a_search_goes_by_the_present_status(
    full: World, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(search, "FEW", few)

    def failed() -> int:
        filters = Filters(search="sea", status=Status.FAILED)
        with full.vault.database.read() as conn:
            return listing.page(conn, filters, institution_id=1, number=1, size=1)[1]

    before = failed()
    with full.vault.database.read() as conn:
        uuid = conn.execute(sa.select(certificate.c.uuid).where(certificate.c.id == 3)).scalar_one()
    with full.vault.database.write() as conn:
        certificates.retry(conn, uuid, institution_id=1, now=NOW)

    assert before - 1 == failed()


@pytest.mark.parametrize("institution_id", [1, 2, None])
def test_stretches_put_together_are_the_whole_list(full: World, institution_id: int | None) -> None:
    with full.vault.database.read() as conn:
        every = certificates.get_all(conn, range(1, COUNT + 2))
        mine = [row for row in every if institution_id in (None, row.institution_id)]
        for filters in (one for one in all_filters() if one.search is None):
            expected = sorted(row.id for row in mine if plainly(row, filters))
            for size in (1, 7, 100):
                found = stretches(conn, filters, institution_id, size)

                assert (filters, size, expected) == (filters, size, found)


def stretches(
    conn: sa.Connection, filters: Filters, institution_id: int | None, size: int
) -> list[int]:
    """The ids of all stretches, each of which looked at ``size`` certificates at most."""
    found: list[int] = []
    after = 0
    while stretch := listing.stretch(
        conn,
        filters,
        institution_id=institution_id,
        updated_since=None,
        after=after,
        until=listing.newest_id(conn),
        size=size,
    ):
        rows, after = stretch
        assert len(rows) <= size
        found += [row.id for row in rows]
    return found


def test_a_stretch_ends_where_it_was_said_to_and_may_leave_out_what_did_not_change(
    full: World,
) -> None:
    later = NOW + timedelta(days=1)
    with full.vault.database.write() as conn:
        changed = sa.update(certificate).where(certificate.c.id.in_([3, 5, 9]))
        conn.execute(changed.values(updated_at=later))
        rows, last = listing.stretch(
            conn,
            Filters(),
            institution_id=1,
            updated_since=later,
            after=3,
            until=8,
            size=100,
        ) or ([], 0)

    assert ([5], 8) == ([row.id for row in rows], last)
