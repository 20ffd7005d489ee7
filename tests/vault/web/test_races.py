"""What two do at the same moment in PostgreSQL, where transactions run side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

from tests.polling import eventually
from tests.vault.web.test_bulk import BULK, entry, file_id
from tests.vault.web.test_people import JOHN, Mailbox, browser_of
from tests.vault.world import ENTRY, World, make, upload
from vault.bulk import DUPLICATE
from vault.certificate import Entry, natural_key
from vault.store import certificates, customers
from vault.store.certificates import New
from vault.store.tables import certificate, file


@pytest.fixture
def world(postgres_url: str, tmp_path: Path) -> Iterator[World]:
    """An empty vault on PostgreSQL."""
    made = make(postgres_url, tmp_path / "files")
    yield made
    made.vault.database.close()


def waiting(world: World) -> int:
    """How many transactions wait for another to end."""
    asked = sa.text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    with world.vault.database.read() as conn:
        return int(conn.execute(asked).scalar_one())


def test_who_loses_to_a_quicker_upload_is_told_of_that_alone(world: World) -> None:
    abc = world.institution("ABC University")
    with world.client(world.token(abc)) as client, ThreadPoolExecutor() as pool:
        another = upload(client, certificate_title="Another").json()["data"]["uuid"]
        entries = [
            entry(file_id(client, text), text, issue_date=None) for text in ("First", "Second")
        ]
        with world.vault.database.write() as conn:
            # As another upload of this entry does, not committed yet.
            key = natural_key(abc, new("Second", 0).entry)
            own = sa.update(certificate).where(certificate.c.uuid == another)
            conn.execute(own.values(natural_key=key))
            answer = pool.submit(client.post, BULK, json={"entries": entries})
            eventually(lambda: waiting(world))

    assert (422, {"message": DUPLICATE, "errors": {"entries.1": [DUPLICATE]}}) == (
        answer.result().status_code,
        answer.result().json(),
    )


def new(title: str, file_id: int) -> New:
    """A certificate to be added."""
    return New(
        uuid=str(uuid4()),
        reference_id=f"VEC-IC-2026{title}",
        entry=Entry(**{**ENTRY, "certificate_title": title, "issue_date": None}),  # type: ignore[arg-type]
        file_id=file_id,
    )


def test_the_same_entries_in_another_order_are_a_duplicate_and_no_deadlock(world: World) -> None:
    abc = world.institution("ABC University")
    with world.client(world.token(abc)) as client:
        file_id(client)
    database = world.vault.database
    with database.read() as conn:
        uploaded = conn.execute(sa.select(file.c.id)).scalar_one()
        now = database.now(conn)

    def begin(conn: sa.Connection) -> Callable[[str], None]:
        batch_id = certificates.add_batch(conn, str(uuid4()), institution_id=abc, total=2, now=now)

        def add(title: str) -> None:
            one = new(title, uploaded)
            certificates.add_many(conn, [one], institution_id=abc, batch_id=batch_id, now=now)

        return add

    def add_both_the_other_way_round() -> None:
        with database.write() as conn:
            add = begin(conn)
            add("Second")
            add("First")

    with ThreadPoolExecutor() as pool:
        with database.write() as conn:
            add = begin(conn)
            add("First")
            other = pool.submit(add_both_the_other_way_round)
            eventually(lambda: waiting(world))
            add("Second")

        with pytest.raises(certificates.Duplicate):
            other.result()


def test_two_links_of_one_address_used_at_once_lead_into_one_account(world: World) -> None:
    mailbox, browser = Mailbox(world), browser_of(world)
    browser.post("/my/sign-in", data={"email": JOHN})
    link = mailbox.link()
    with ThreadPoolExecutor() as pool:
        with world.vault.database.write() as conn:
            # As the other link does, not committed yet.
            now = world.vault.database.now(conn)
            known = customers.of_verified(conn, JOHN, language="en", now=now)
            answer = pool.submit(browser.post, link)
            eventually(lambda: waiting(world))

        assert (303, "/my") == (answer.result().status_code, answer.result().headers["Location"])
    with world.vault.database.read() as conn:
        assert [known] == [row.id for row in customers.all_of_them(conn)]
