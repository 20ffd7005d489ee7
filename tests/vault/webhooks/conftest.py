"""A vault with an institution that has webhook endpoints, and a clock that tests move."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from runtime.database import Database
from runtime.keys import Keys, new_key
from tests.vault.webhooks.receiver import Receiver, receiver
from tests.vault.world import World, upload
from vault.store import endpoints, webhook_deliveries
from vault.store.tables import certificate
from vault.webhooks.deliver import Deliver
from vault.webhooks.events import Event
from vault.webhooks.schedule import Schedule
from vault.webhooks.sending import client
from vault.webhooks.signing import new_secret

LEASE = timedelta(seconds=60)
#: For a busy machine; who waits for a receiver that says nothing has a deadline of its own.
PATIENCE = timedelta(seconds=30)


@dataclass(kw_only=True)
class Office:
    """ABC University at its vault, and the parts that send for it."""

    world: World
    api: httpx.Client
    institution_id: int
    now: datetime
    database: Database
    keys: Keys = field(default_factory=lambda: Keys([new_key()]))
    made: list[Deliver] = field(default_factory=list)

    def endpoint(
        self,
        url: str,
        *events: Event,
        secrets: tuple[str, ...] | None = None,
        institution_id: int | None = None,
    ) -> int:
        """Add an endpoint and return its id."""
        with self.database.write() as conn:
            return endpoints.add(
                conn,
                self.keys,
                institution_id=institution_id or self.institution_id,
                url=url,
                events=frozenset(events),
                secrets=secrets or (new_secret(),),
                description=None,
                now=self.now,
            )

    def sender(
        self,
        *,
        allowed: tuple[str, ...] = ("127.0.0.1",),
        deadline: timedelta = PATIENCE,
        **parts: Any,
    ) -> Deliver:
        """A worker of its own that sends by this office's clock, without jitter."""
        made = Deliver(
            **{
                "database": self.database,
                "keys": lambda: self.keys,
                "http": client(allowed, deadline=deadline),
                "schedule": Schedule(random=lambda: 0.5),
                "lease": LEASE,
                **parts,
            }
        )
        self.made.append(made)
        return made

    def send(self, sender: Deliver | None = None) -> None:
        """Send all that is due now."""
        sender = sender or self.sender()
        while sender.run():
            pass

    def upload(self, **fields: Any) -> str:
        """Upload a certificate and return its uuid; what it makes due is due by our clock."""
        answer = upload(self.api, **fields)
        assert 201 == answer.status_code, answer.text
        self.catch_up()
        return str(answer.json()["data"]["uuid"])

    def process(self) -> None:
        """Make PDFs of all uploads; what that makes due is due by our clock."""
        self.world.process()
        self.catch_up()

    def catch_up(self) -> None:
        """The API lives by the machine's clock: take up what it has made due into ours."""
        table = webhook_deliveries.delivery
        with self.database.write() as conn:
            late = sa.and_(table.c.next_run_at > self.now, table.c.tries == 0)
            conn.execute(sa.update(table).where(late).values(next_run_at=self.now))

    def deliveries(self) -> list[sa.Row[Any]]:
        """Every delivery, oldest first."""
        with self.database.read() as conn:
            found = webhook_deliveries.log(conn, endpoint_id=None, state=None, limit=10_000)
        return list(reversed(found))

    def attempts(self) -> list[sa.Row[Any]]:
        """Every attempt, oldest first."""
        ids = [row.id for row in self.deliveries()]
        with self.database.read() as conn:
            return list(webhook_deliveries.attempts(conn, ids))

    def found(self, endpoint_id: int) -> sa.Row[Any]:
        """An endpoint's record."""
        with self.database.read() as conn:
            return endpoints.find(conn, endpoint_id)

    def certificate(self, uuid: str) -> sa.Row[Any]:
        """A certificate's record."""
        with self.database.read() as conn:
            return conn.execute(sa.select(certificate).where(certificate.c.uuid == uuid)).one()


def _office(world: World) -> Iterator[Office]:
    abc = world.institution("ABC University", "admin@abcuniversity.edu")
    office: Office
    database = Database(world.vault.settings.database_url, now=lambda: office.now)
    with world.client(world.token(abc)) as api:
        office = Office(
            world=world,
            api=api,
            institution_id=abc,
            now=datetime(2026, 1, 1, tzinfo=UTC),
            database=database,
        )
        yield office
    for sender in office.made:
        sender.close()
    database.close()


@pytest.fixture
def office(world: World) -> Iterator[Office]:
    """On SQLite."""
    yield from _office(world)


@pytest.fixture
def each_office(each_world: World) -> Iterator[Office]:
    """Once on SQLite and once on PostgreSQL."""
    yield from _office(each_world)


@pytest.fixture
def there() -> Iterator[Receiver]:
    """A receiver that accepts."""
    with receiver() as made:
        yield made


@pytest.fixture
def elsewhere() -> Iterator[Receiver]:
    """Another one."""
    with receiver() as made:
        yield made
