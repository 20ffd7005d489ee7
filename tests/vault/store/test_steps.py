"""What a page costs: so many steps of SQLite's machine for each certificate, and no more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa

from runtime.database import Database
from runtime.schema import migrate
from vault.certificate import Entry, Status
from vault.store import certificates, institutions, listing, uploads
from vault.store.certificates import New
from vault.store.listing import Filters
from vault.store.search import FEW
from vault.store.tables import MIGRATIONS, certificate
from vault.store.uploads import StoredFile

#: More than are few, or every search would be one by the index.
COUNT = FEW + 500
BATCHED = 100
TITLE = "Certificate of Completion: Introductory Marine Biology"
DAY = date(2025, 6, 1)
NOW = datetime(2026, 11, 1, tzinfo=UTC)
GENERATED = Status.GENERATED


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One institution's certificates: all but a hundredth generated, the newest in a batch."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('steps') / 'vault.sqlite'}")
    migrate(database, MIGRATIONS, backups=None)
    with database.write() as conn:
        institution = institutions.add(conn, {"name": "ABC University"}, now=NOW)
        stored = StoredFile(sha256="0" * 64, size=1, mime_type="application/pdf", kind="upload")
        file_id = uploads.add_file(conn, stored, institution_id=institution, now=NOW)
        batch_id = certificates.add_batch(
            conn, "b-1", institution_id=institution, total=BATCHED, now=NOW
        )
        new = [_new(number, file_id) for number in range(COUNT)]
        for some, in_batch in ((new[:-BATCHED], None), (new[-BATCHED:], batch_id)):
            certificates.add_many(
                conn, some, institution_id=institution, batch_id=in_batch, now=NOW
            )
        ended = sa.case((certificate.c.id % 100 == 0, "failed"), else_="generated")
        conn.execute(sa.update(certificate).values(status=ended))
    yield database
    database.close()


def _new(number: int, file_id: int) -> New:
    entry = Entry(
        certificate_title=TITLE,
        full_name="王明华" if number % 50 == 0 else "John Smith",
        applicant_email=f"person{number}@example.com",
        issue_date=DAY + timedelta(days=number),
        details=None,
    )
    reference = f"VEC-IC-2026{number:013X}"
    return New(uuid=str(uuid4()), reference_id=reference, entry=entry, file_id=file_id)


def steps(database: Database, filters: Filters, number: int = 1) -> int:
    """How many steps SQLite's machine makes for one page."""
    made = 0

    def count() -> None:
        nonlocal made
        made += 1

    with database.read() as conn:
        driver = conn.connection.driver_connection
        driver.set_progress_handler(count, 1)
        try:
            listing.page(conn, filters, institution_id=1, number=number, size=15)
        finally:
            driver.set_progress_handler(None, 1)
    return made


ALL = {"issue_date_from": DAY, "issue_date_to": date(2099, 1, 1)}
EMAIL = f"person{COUNT - 1}@example.com"


def looking_up(filters: Filters) -> int:
    """At most so many steps it takes to find out which of a search's words are no help."""
    return 10 * FEW * len(set((filters.search or "").split()))


@pytest.mark.parametrize(
    ("filters", "each"),
    [
        (Filters(), 8),
        (Filters(status=GENERATED), 8),
        (Filters(**ALL), 20),
        (Filters(**ALL, status=GENERATED), 20),
        (Filters(search="e"), 15),
        (Filters(search="example.com"), 15),
        (Filters(search="e " * 120), 15),
        (Filters(search="example", status=GENERATED), 20),
        (Filters(search="example", **ALL), 20),
        (Filters(search="example", **ALL, status=GENERATED), 20),
        (Filters(search="cer of example person", status=GENERATED), 40),
        (Filters(search=TITLE), 15),
        (Filters(search=f"{TITLE} example"), 60),
    ],
)
@pytest.mark.parametrize("number", [1, COUNT // 15 // 2, COUNT // 15])
def test_what_many_have_costs_a_few_steps_a_certificate(
    full: Database, filters: Filters, each: int, number: int
) -> None:
    assert steps(full, filters, number) < each * COUNT + looking_up(filters)


@pytest.mark.parametrize(
    "filters",
    [
        Filters(search="nobody"),
        Filters(search="nobody example", **ALL),
        Filters(search="person77"),
        Filters(search="明华 e", **ALL, status=GENERATED),
        Filters(applicant_email=EMAIL, **ALL, status=GENERATED),
        Filters(batch_id="b-1", **ALL, status=GENERATED),
        Filters(batch_id="b-1", **ALL, status=GENERATED, search="e"),
        Filters(batch_id="b-1", applicant_email=EMAIL, **ALL, status=GENERATED, search="e"),
    ],
)
def test_what_few_have_is_not_sought_among_all(full: Database, filters: Filters) -> None:
    assert steps(full, filters) < 100 * BATCHED + looking_up(filters)
