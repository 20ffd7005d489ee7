"""How long a page of the list and a search take, as the API answers them, among many certificates.

Each page and search is asked a few times; its median counts.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa
from flask.testing import FlaskClient

from benchmarks import databases
from benchmarks.rows import Row
from benchmarks.vaults import prepare
from runtime.database import Database
from vault import settings, wiring
from vault.addresses import API
from vault.certificate import Entry, Status
from vault.store import certificates, uploads
from vault.store.certificates import New
from vault.store.tables import certificate
from vault.store.uploads import StoredFile
from vault.web.app import create_app

CERTIFICATES = 100_000
BATCH = 1_000
ROUNDS = 7
#: What any page and any search may take, in milliseconds.
MOST = 200

FIRST = ("John", "Jane", "María", "José", "Zoë", "Ali", "فاطمة", "محمد", "Anna", "Priya", "Ivan")
LAST = ("Smith", "Müller", "García", "Nguyễn", "Khan", "O'Brien", "Haddad", "Okafor", "Петров")
HAN = "王李张刘陈明华伟芳娜秀英敏静丽强磊军洋勇"
TITLES = ("Certificate of Completion", "Certificate of Achievement", "شهادة إتمام", "伦理学证书")

#: What is asked, by what it is called.
CASES: Mapping[str, Mapping[str, str]] = {
    "first page": {},
    "100 on a page": {"per_page": "100"},
    "page in the middle": {"page": "3000"},
    "last page": {"page": "6666"},
    "status generated": {"status": "generated"},
    "status generated, late page": {"status": "generated", "page": "5000"},
    "status failed": {"status": "failed"},
    "e-mail": {"applicant_email": "person77@example.com"},
    "a month": {"issue_date_from": "2024-05-01", "issue_date_to": "2024-05-31"},
    "a month, its last page": {
        "issue_date_from": "2024-05-01",
        "issue_date_to": "2024-05-31",
        "page": "137",
    },
    "from a day on, status": {"issue_date_from": "2023-01-01", "status": "failed"},
    "search: nothing": {"search": "zzz"},
    "search: one person": {"search": "person4711"},
    "search: name": {"search": "john smith"},
    "search: without accents": {"search": "nguyen maria"},
    "search: two Chinese characters": {"search": "明华"},
    "search: Arabic": {"search": "محمد"},
    "search: all have it": {"search": "example.com"},
    "search: all have it, last page": {"search": "example.com", "page": "6666"},
    "search: one letter": {"search": "e"},
    "search: four common parts": {"search": "cer comp example person"},
    "search: VEC-IC": {"search": "VEC-IC", "page": "2000"},
    "search and status": {"search": "example", "status": "generated"},
    "search and status, late page": {"search": "example", "status": "generated", "page": "5000"},
    "search and few": {"search": "certificate", "status": "failed"},
    "search and a month": {
        "search": "certificate",
        "issue_date_from": "2024-05-01",
        "issue_date_to": "2024-05-31",
    },
    "search, status and a month": {
        "search": "completion",
        "status": "generated",
        "issue_date_from": "2024-05-01",
        "issue_date_to": "2024-05-31",
    },
}


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


def _fill(database: Database, mine: int, chance: random.Random) -> None:
    """Add the certificates as the API does."""
    now = datetime.now(UTC)
    with database.write() as conn:
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
        if not database.is_sqlite:
            conn.execute(sa.text("ANALYZE"))


def run() -> Iterator[Row]:
    """The first page and whatever takes longest, on each database."""
    for kind in databases.KINDS:
        with tempfile.TemporaryDirectory(prefix="vb-") as name, ExitStack() as stack:
            folder = Path(name)
            prepared = prepare(stack.enter_context(databases.empty(kind, folder)), folder)
            vault = wiring.build(settings.read(prepared.environment), ring=lambda _bell: None)
            stack.callback(vault.database.close)
            _fill(vault.database, prepared.institution_id, random.Random(1))  # noqa: S311  # the same each time
            client = create_app(vault).test_client()
            headers = {"Authorization": f"Bearer {prepared.token}"}
            taken = {case: _milliseconds(client, query, headers) for case, query in CASES.items()}
            slowest = max(taken, key=taken.__getitem__)
            yield _row("first page", taken["first page"], kind)
            yield _row(f"slowest of {len(taken)} ({slowest})", taken[slowest], kind)


def _row(what: str, taken: float, kind: str) -> Row:
    return Row(name=f"{what}, {kind}", figure=taken, unit="ms", at_most=MOST)


def _milliseconds(
    client: FlaskClient, query: Mapping[str, str], headers: Mapping[str, str]
) -> float:
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        answer = client.get(API, query_string=query, headers=headers)
        taken.append((time.perf_counter() - began) * 1000)
        if answer.status_code != HTTPStatus.OK:
            raise RuntimeError(f"{dict(query)}: {answer.status_code} {answer.text[:500]}")
    return statistics.median(taken)
