"""A bridge with a real database, one institution in it, and certificates as a test wants them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa

from bridge.pipeline.learner_links import LearnerLinks
from bridge.settings import Settings, from_environment
from bridge.store import accounts, completions, issuances, links, write_backs
from bridge.store.states import IssuanceState
from bridge.store.tables import issuance
from bridge.wiring import MIGRATIONS
from connectors.base import Completion, Course, Learner
from runtime.database import Database
from runtime.keys import Keys
from runtime.retry import Backoff
from runtime.schema import migrate

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
PDF = b"%PDF-1.7\n" + bytes(range(256)) * 600 + b"\n%%EOF\n"
ENTRY: Mapping[str, Any] = {
    "mapping_name": "course-completion",
    "mapping_version": 1,
    "certificate_title": "Certificate of Completion: Marine Biology",
    "full_name": "Nguyễn Thị Minh Khai",
    "applicant_email": "khai@learners.example",
    "issue_date": date(2026, 11, 20),
    "details": "Ref 0a1b2c3d",
    "ref": "0a1b2c3d",
    "language": "en",
    "certificate": {},
    "state": IssuanceState.GENERATED,
    "vault_uuid": "5f0c6d6e-0000-4000-8000-000000000001",
    "vault_status": "generated",
    "reference_id": "VEC-IC-202667DAE48425BAD",
    "verification_url": "https://vault.example/verify/VEC-IC-202667DAE48425BAD",
}


def settings(**changed: str) -> Settings:
    """The bridge's settings; ``changed`` by their names without the prefix, in lower case."""
    environ = {
        "BRIDGE_DATABASE_URL": "sqlite://",
        "BRIDGE_REDIS_URL": "unix:///nowhere.sock",
        "BRIDGE_KEY_FILE": "secret.key",
        "BRIDGE_PUBLIC_URL": "https://certs.example.edu",
    }
    return from_environment(
        environ | {f"BRIDGE_{name.upper()}": value for name, value in changed.items()}
    )


class Vault:
    """A vault that hands out one file, or raises what it is told to."""

    def __init__(self) -> None:
        self.content: tuple[bytes, ...] = (PDF,)
        self.error: Exception | None = None
        self.asked: list[str] = []
        self.open = 0

    @contextmanager
    def download(self, uuid: str) -> Iterator[httpx.Response]:
        self.asked.append(uuid)
        if self.error is not None:
            raise self.error
        self.open += 1
        try:
            yield httpx.Response(200, content=iter(self.content))
        finally:
            self.open -= 1


@dataclass(kw_only=True)
class Institution:
    """What bridge.pipeline.bridge.Bridge offers to a learner's page and to mail."""

    settings: Settings
    database: Database
    keys: Keys
    clock: list[datetime]
    vault: Vault = field(default_factory=Vault)
    rung: list[str] = field(default_factory=list)
    owner: str = "test"

    def __post_init__(self) -> None:
        self.links = LearnerLinks(
            self.keys, self.settings.public_url, self.settings.download_expires
        )
        with self.database.write() as conn:
            self.issuer_id = accounts.add_issuer(
                conn,
                "main",
                keys=self.keys,
                secrets={"token": "t"},
                now=self.now(),
                vault_url="https://vault.example",
                institution_name="Institute of the Sea",
            )
            self.site_id = accounts.add_site(
                conn,
                "moodle-main",
                connector="moodle",
                settings={},
                secrets={},
                keys=self.keys,
                now=self.now(),
            )

    @property
    def backoff(self) -> Backoff:
        return Backoff(first=self.settings.retry_first, longest=self.settings.retry_longest)

    def now(self) -> datetime:
        return self.clock[-1]

    def ring(self, step: str) -> None:
        self.rung.append(step)

    def vault_for(self, issuer_id: str) -> Vault:
        assert self.issuer_id == issuer_id
        return self.vault

    def pass_time(self, by: timedelta) -> None:
        self.clock.append(self.now() + by)

    def issue(self, *, learner: str = "7", **changed: Any) -> str:
        """Add a certificate, generated unless said otherwise; return its issuance's id."""
        self.pass_time(timedelta(seconds=1))
        with self.database.write() as conn:
            completion_id = completions.add(
                conn, self.site_id, self._completion(learner), delivery_id=None, now=self.now()
            )
            values = {"issuer_id": self.issuer_id, "completion_id": completion_id}
            place = {"site_id": self.site_id, "course_id": "42", "learner_id": learner}
            made = issuances.add(conn, now=self.now(), **{**ENTRY, **values, **place, **changed})
            write_backs.tell(conn, made, "42", wanted=True)
            return made

    def _completion(self, learner: str) -> Completion:
        return Completion(
            course=Course(id="42"), learner=Learner(id=learner), noticed_at=self.now()
        )

    def link(self, issuance_id: str) -> str:
        """The id of an issuance's live link."""
        with self.database.write() as conn:
            return links.live_link(conn, issuance_id, now=self.now())

    def revoke(self, issuance_id: str) -> None:
        with self.database.write() as conn:
            assert links.revoke(conn, issuance_id, now=self.now()) == 1

    def row(self, issuance_id: str) -> sa.Row[Any]:
        with self.database.read() as conn:
            found = issuances.by_id(conn, issuance_id)
        assert found is not None
        return found

    def change(self, issuance_id: str, **values: Any) -> None:
        with self.database.write() as conn:
            conn.execute(sa.update(issuance).where(issuance.c.id == issuance_id).values(**values))


def institution(database_url: str, **changed: str) -> Institution:
    """An institution in an empty database, at noon."""
    clock = [NOON]
    database = Database(database_url, now=lambda: clock[-1])
    migrate(database, Path(MIGRATIONS), backups=None)
    return Institution(
        settings=settings(**changed), database=database, keys=Keys([KEY]), clock=clock
    )
