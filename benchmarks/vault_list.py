"""How long a page of the list and a search take: python -m benchmarks.vault_list [DATABASE_URL].

Fills a database with certificates (by default SQLite in a temporary folder; on PostgreSQL it must
be empty), then prints the milliseconds of each page and search, the median of a few and the worst.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa

from runtime.database import Database
from runtime.schema import migrate
from vault.certificate import Entry, Status
from vault.store import certificates, institutions, listing, uploads
from vault.store.certificates import New
from vault.store.listing import Filters
from vault.store.tables import MIGRATIONS, certificate
from vault.store.uploads import StoredFile

CERTIFICATES = 100_000
BATCH = 1_000
ROUNDS = 7
#: What any page and any search may take, in milliseconds.
MOST = 200

FIRST = ("John", "Jane", "María", "José", "Zoë", "Ali", "فاطمة", "محمد", "Anna", "Priya", "Ivan")
LAST = ("Smith", "Müller", "García", "Nguyễn", "Khan", "O'Brien", "Haddad", "Okafor", "Петров")
HAN = "王李张刘陈明华伟芳娜秀英敏静丽强磊军洋勇"
TITLES = ("Certificate of Completion", "Certificate of Achievement", "شهادة إتمام", "伦理学证书")

Case = tuple[str, Filters, int]

CASES: tuple[Case, ...] = (
    ("first page", Filters(), 1),
    ("page in the middle", Filters(), 3_000),
    ("last page", Filters(), CERTIFICATES // 15),
    ("status generated", Filters(status=Status.GENERATED), 1),
    ("status generated, late page", Filters(status=Status.GENERATED), 5_000),
    ("status failed", Filters(status=Status.FAILED), 1),
    ("e-mail", Filters(applicant_email="person77@example.com"), 1),
    ("a month", Filters(issue_date_from=date(2024, 5, 1), issue_date_to=date(2024, 5, 31)), 1),
    ("from a day on, status", Filters(issue_date_from=date(2023, 1, 1), status=Status.FAILED), 1),
    ("search: nothing", Filters(search="zzz"), 1),
    ("search: one person", Filters(search="person4711"), 1),
    ("search: name", Filters(search="john smith"), 1),
    ("search: without accents", Filters(search="nguyen maria"), 1),
    ("search: two Chinese characters", Filters(search="明华"), 1),
    ("search: Arabic", Filters(search="محمد"), 1),
    ("search: all have it", Filters(search="example.com"), 1),
    ("search: all have it, last page", Filters(search="example.com"), CERTIFICATES // 15),
    ("search: one letter", Filters(search="e"), 1),
    ("search: four common parts", Filters(search="cer comp example person"), 1),
    ("search: VEC-IC", Filters(search="VEC-IC"), 2_000),
    ("search and status", Filters(search="example", status=Status.GENERATED), 1),
    ("search and status, late page", Filters(search="example", status=Status.GENERATED), 5_000),
    ("search and few", Filters(search="certificate", status=Status.FAILED), 1),
)


def entry(number: int, chance: random.Random) -> Entry:
    """Every entry another person's, titles and names as they come."""
    name = f"{chance.choice(FIRST)} {chance.choice(LAST)}"
    if number % 10 == 0:
        name = "".join(chance.sample(HAN, 3))
    return Entry(
        certificate_title=f"{chance.choice(TITLES)}: Course {number % 200}",
        full_name=name,
        applicant_email=f"person{number}@example.com",
        issue_date=date(2022, 1, 1) + timedelta(days=number % 1500),
        details=None,
    )


def fill(database: Database, chance: random.Random) -> int:
    """Add the certificates as the API does; return their institution."""
    now = datetime.now(UTC)
    with database.write() as conn:
        mine = institutions.add(conn, {"name": "Example University"}, now=now)
        stored = StoredFile(sha256="0" * 64, size=1, mime_type="application/pdf", kind="upload")
        file_id = uploads.add_file(conn, stored, institution_id=mine, now=now)
    for begin in range(0, CERTIFICATES, BATCH):
        new = [
            New(
                uuid=str(UUID(int=chance.getrandbits(128))),
                reference_id=f"VEC-IC-2026{chance.getrandbits(52):013X}",
                entry=entry(number, chance),
                file_id=file_id,
            )
            for number in range(begin, begin + BATCH)
        ]
        with database.write() as conn:
            certificates.add_many(conn, new, institution_id=mine, batch_id=None, now=now)
    with database.write() as conn:
        ready = {"status": Status.GENERATED.value, "next_run_at": None}
        conn.execute(sa.update(certificate).where(certificate.c.id % 100 != 0).values(ready))
        failed = {"status": Status.FAILED.value, "next_run_at": None}
        conn.execute(sa.update(certificate).where(certificate.c.id % 100 == 0).values(failed))
    return mine


def milliseconds(database: Database, case: Case, institution_id: int) -> tuple[float, int]:
    """The median of some rounds, and how many certificates there are on all pages."""
    _, filters, number = case
    taken, total = [], 0
    for _ in range(ROUNDS):
        began = time.perf_counter()
        with database.read() as conn:
            _, total = listing.page(
                conn, filters, institution_id=institution_id, number=number, size=15
            )
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken), total


def main(arguments: list[str]) -> int:
    """Fill, measure, print; status 1 if something takes too long."""
    with tempfile.TemporaryDirectory() as folder:
        url = arguments[0] if arguments else f"sqlite:///{Path(folder) / 'vault.sqlite'}"
        database = Database(url)
        migrate(database, MIGRATIONS, backups=None)
        began = time.perf_counter()
        institution_id = fill(database, random.Random(1))  # noqa: S311  # the same each time
        sys.stdout.write(
            f"{CERTIFICATES} certificates added in {time.perf_counter() - began:.0f} s\n"
        )
        if not database.is_sqlite:
            with database.write() as conn:
                conn.execute(sa.text("ANALYZE"))
        worst = 0.0
        for case in CASES:
            taken, total = milliseconds(database, case, institution_id)
            worst = max(worst, taken)
            sys.stdout.write(f"{taken:8.1f} ms  {total:7} found  {case[0]}\n")
        sys.stdout.write(f"worst: {worst:.0f} ms; at most {MOST} ms are allowed\n")
        database.close()
    return 0 if worst <= MOST else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
