"""A vault with institutions in it, called over HTTP without a network."""

from __future__ import annotations

import atexit
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import sqlalchemy as sa
from flask import Flask

from runtime.database import Database
from runtime.schema import migrate
from tests.haste import hasty
from tests.vault import authority, samples
from vault import wiring
from vault.addresses import API
from vault.sandbox import Sandbox
from vault.sealer import Sealer
from vault.settings import Settings
from vault.signing import set_key
from vault.store import institutions
from vault.store.tables import MIGRATIONS, certificate
from vault.tokens import Permission, new_token
from vault.web.app import create_app

PUBLIC_URL = "https://vault.example.edu"
#: All tests of this process share its children: to start some for each would cost a second a test.
SANDBOX = Sandbox(count=1)
atexit.register(SANDBOX.close)
SEALER = Sealer(count=1)
atexit.register(SEALER.close)

#: What the seed's example sends.
ENTRY = {
    "certificate_title": "Certificate of Achievement",
    "full_name": "John Smith",
    "applicant_email": "john@example.com",
    "issue_date": "2025-06-01",
    "details": "Awarded for outstanding performance",
}


def settings_of(database_url: str, files: Path, redis_url: str = "redis://nowhere") -> Settings:
    """Settings for a vault of a test's own."""
    return Settings(
        database_url=database_url,
        redis_url=redis_url,
        files=files,
        public_url=PUBLIC_URL,
        host="127.0.0.1",
        port=1,
        lease=timedelta(seconds=20),
        clock=timedelta(seconds=1),
        unused_uploads=timedelta(hours=1),
        requests_per_minute=1_000_000,
        key_file=files.with_name("secret.key"),
    )


@dataclass(kw_only=True)
class World:
    """One vault, the bells it rang, and its WSGI application."""

    vault: wiring.Vault
    app: Flask
    rung: list[str] = field(default_factory=list)

    def institution(self, name: str, email: str | None = None) -> int:
        """Add an institution."""
        with self.vault.database.write() as conn:
            now = self.vault.database.now(conn)
            return institutions.add(conn, {"name": name, "email": email}, now=now)

    def signing_key(
        self, institution_id: int, holder: authority.Holder, *, now: datetime | None = None
    ) -> None:
        """Let an institution's certificates be signed; ``now`` sets the key at another time."""
        with self.vault.database.write() as conn:
            set_key(
                conn,
                wiring.keys(self.vault.settings, create=True),
                institution_id=institution_id,
                pkcs12=authority.as_pkcs12(holder),
                passphrase=authority.PASSPHRASE,
                now=now or self.vault.database.now(conn),
            )

    def token(
        self,
        institution_id: int,
        permissions: Iterable[Permission] = tuple(Permission),
        *,
        lasts: timedelta | None = None,
    ) -> str:
        """Make a token and return its text."""
        made = new_token()
        with self.vault.database.write() as conn:
            now = self.vault.database.now(conn)
            institutions.add_token(
                conn,
                institution_id=institution_id,
                made=made,
                permissions=frozenset(permissions),
                expires_at=now + lasts if lasts is not None else None,
                now=now,
            )
        return made.text

    def client(self, token: str | None) -> httpx.Client:
        """Calls this vault with a token, as the seed's examples do."""
        headers = {"Accept": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        transport = httpx.WSGITransport(app=self.app)
        return httpx.Client(transport=transport, base_url=PUBLIC_URL, headers=headers)

    def process(self) -> None:
        """Do all work that is due, as a worker does."""
        step = wiring.processing(self.vault)
        while step.run():
            pass

    def set(self, uuid: str, **values: Any) -> None:
        """Change a certificate's record behind the API's back."""
        with self.vault.database.write() as conn:
            conn.execute(sa.update(certificate).where(certificate.c.uuid == uuid).values(**values))

    def row(self, uuid: str) -> sa.Row[Any]:
        """A certificate's record."""
        with self.vault.database.read() as conn:
            return conn.execute(sa.select(certificate).where(certificate.c.uuid == uuid)).one()


def make(database_url: str, files: Path) -> World:
    """Migrate a database and build a vault on it."""
    url = sa.make_url(database_url)
    if url.get_backend_name() == "sqlite":
        Path(str(url.database)).write_bytes(_migrated())
    else:
        _migrate(database_url)
    rung: list[str] = []
    vault = wiring.build(
        settings_of(database_url, files),
        ring=rung.append,
        database=hasty(Database(database_url)),
        sandbox=SANDBOX,
        sealer=SEALER,
    )
    return World(vault=vault, app=create_app(vault), rung=rung)


@cache
def _migrated() -> bytes:
    """A new SQLite database: made once, since every test wants one."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "vault.sqlite"
        _migrate(f"sqlite:///{path}")
        return path.read_bytes()


def _migrate(database_url: str) -> None:
    database = Database(database_url)
    migrate(database, MIGRATIONS, backups=None)
    database.close()


def upload(
    client: httpx.Client, *, file: bytes | None = None, name: str = "certificate.pdf", **fields: Any
) -> httpx.Response:
    """Upload a certificate: the seed's entry with ``fields`` put over it; None leaves one out."""
    entry = {k: v for k, v in {**ENTRY, **fields}.items() if v is not None}
    content = samples.pdf() if file is None else file
    return client.post(API, data=entry, files={"certificate_file": (name, content)})
