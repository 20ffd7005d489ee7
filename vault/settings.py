"""What the vault can be told through its environment (``VAULT_…``), read once and strictly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import marshmallow as ma
import sqlalchemy as sa

import runtime.settings

PREFIX = "VAULT_"
#: Of mails that are only files.
NO_SENDER = "vault@localhost.localdomain"


def _public_url(value: str) -> str:
    url = value.rstrip("/")
    if not url.startswith(("https://", "http://")) or any(c in url for c in "?# "):
        raise ma.ValidationError("is not an http(s) address without query")
    return url


def _database_url(value: str) -> None:
    try:
        backend = sa.make_url(value).get_backend_name()
    except sa.exc.ArgumentError as exc:
        raise ma.ValidationError("is not a database URL") from exc
    if backend not in ("sqlite", "postgresql"):
        raise ma.ValidationError("is neither an SQLite nor a PostgreSQL URL")


def _mail_server(value: str) -> None:
    url = urlsplit(value)
    try:
        usable = url.scheme in ("smtp", "smtps") and bool(url.hostname) and url.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ma.ValidationError("is not an smtp:// or smtps:// address")


class PublicUrl(ma.fields.String):
    """An address without a slash at its end."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **options: Any) -> str:
        return _public_url(super()._deserialize(value, attr, data, **options))


class Folder(ma.fields.Field[Path]):
    """A folder's path."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **_: Any) -> Path:
        if not value:
            raise ma.ValidationError("is empty")
        return Path(value)


class SettingsSchema(ma.Schema):
    """Every setting: what it is for, an example, its default."""

    database_url = ma.fields.String(
        required=True,
        validate=_database_url,
        metadata={
            "help": "where the vault keeps its records: SQLite or PostgreSQL.",
            "example": "postgresql://vault:password@db.example.edu/vault",
            "secret": True,
        },
    )
    redis_url = ma.fields.String(
        required=True,
        validate=ma.validate.Regexp(
            r"(redis|rediss|unix)://.+", error="is not a redis://, rediss:// or unix:// address"
        ),
        metadata={
            "help": "the Redis or Valkey whose bells wake the workers.",
            "example": "redis://localhost:6379/1",
            "secret": True,
        },
    )
    files = Folder(
        required=True,
        metadata={
            "help": "the private folder for uploaded and verified files.",
            "example": "/var/lib/vault/files",
        },
    )
    key_file = Folder(
        load_default=None,
        metadata={
            "help": "the file with the keys that secrets at rest are encrypted with, newest first; "
            "where it is not set, vault.key beside the folder of files.",
            "example": "/etc/vault/secret.key",
        },
    )
    public_url = PublicUrl(
        required=True,
        metadata={
            "help": "the address under which everybody reaches the vault; "
            "it stands in QR codes for ever.",
            "example": "https://certificates.example.edu",
        },
    )
    mail_server = ma.fields.String(
        load_default=None,
        validate=_mail_server,
        metadata={
            "help": "the server that takes the mails to certificates' holders; without one they "
            "are files in a folder.",
            "example": "smtp://user:password@mail.example.edu:587",
            "secret": True,
        },
    )
    mail_from = ma.fields.Email(
        load_default=NO_SENDER,
        metadata={
            "help": "the address that mails come from; one that VAULT_MAIL_SERVER may send for.",
            "example": "certificates@example.edu",
        },
    )
    mail_folder = Folder(
        load_default=None,
        metadata={
            "help": "the private folder for mails where no server is set. "
            "By default the folder mail beside VAULT_FILES.",
            "example": "/var/lib/vault/mail",
        },
    )
    host = ma.fields.String(
        load_default="127.0.0.1",
        metadata={"help": "the address the web server listens on.", "example": "0.0.0.0"},  # noqa: S104
    )
    port = ma.fields.Integer(
        load_default=8200,
        validate=ma.validate.Range(1, 65535, error="is not a port (1 to 65535)"),
        metadata={"help": "the port the web server listens on.", "example": "8200"},
    )
    trusted_proxies = ma.fields.Integer(
        load_default=0,
        validate=ma.validate.Range(0, 5, error="is not between 0 and 5"),
        metadata={
            "help": "how many reverse proxies stand before the vault and set X-Forwarded-For; "
            "without it all their clients count as one.",
            "example": "1",
        },
    )
    read_only = ma.fields.Boolean(
        load_default=False,
        metadata={
            "help": "whether the vault is an archive: it shows what it holds and takes nothing.",
            "example": "true",
        },
    )
    lease_seconds = ma.fields.Integer(
        load_default=45,
        validate=ma.validate.Range(min=10, max=3600, error="is not between 10 and 3600"),
        metadata={
            "help": "how long a worker may hold certificates before another takes them up.",
            "example": "45",
        },
    )
    unused_uploads_hours = ma.fields.Integer(
        load_default=72,
        validate=ma.validate.Range(1, 8760, error="is not between 1 and 8760"),
        metadata={
            "help": "how long a file uploaded for a bulk upload waits for its entry.",
            "example": "72",
        },
    )
    requests_per_minute = ma.fields.Integer(
        load_default=6000,
        validate=ma.validate.Range(1, 1_000_000, error="is not between 1 and 1000000"),
        metadata={
            "help": "how many requests a minute one token may make of one web process.",
            "example": "6000",
        },
    )
    allowed_private_hosts = runtime.settings.CommaList(
        load_default=(),
        metadata={
            "help": "hosts (or host:port) inside your network that webhooks may be sent to.",
            "example": "bridge.internal,127.0.0.1:8000",
        },
    )
    webhook_time_scale = ma.fields.Float(
        load_default=1.0,
        validate=ma.validate.Range(min=0, max=1, error="is not between 0 and 1"),
        metadata={
            "help": "what the waits before webhooks are sent again are multiplied by; for tests.",
            "example": "1",
        },
    )
    clock_seconds = ma.fields.Float(
        load_default=5.0,
        validate=ma.validate.Range(min=0.05, max=60, error="is not between 0.05 and 60"),
        metadata={"help": "how often the clock looks for work that is due.", "example": "5"},
    )

    @ma.validates_schema
    def _fits(self, data: dict[str, Any], **_: Any) -> None:
        if data["mail_server"] and data["mail_from"] == NO_SENDER:
            raise ma.ValidationError(
                "VAULT_MAIL_FROM: VAULT_MAIL_SERVER is set, so it needs a sender it may send for. "
                "Set it, for example VAULT_MAIL_FROM=certificates@example.edu."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one vault."""

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    files: Path
    public_url: str  #: without a slash at its end
    host: str
    port: int
    lease: timedelta  #: how long a worker may hold certificates
    clock: timedelta  #: how often the clock looks for due work
    unused_uploads: timedelta  #: how long a file waits for its entry
    requests_per_minute: int  #: of one token, to one web process
    allowed_private_hosts: tuple[str, ...] = ()  #: that webhooks may be sent to
    webhook_time_scale: float = 1.0  #: for tests: shortens the waits before webhooks go again
    trusted_proxies: int = 0  #: how many set X-Forwarded-For
    read_only: bool = False  #: whether nothing may be changed
    mail_server: str | None = field(default=None, repr=False)
    mail_from: str = NO_SENDER
    mail_folder: Path | None = None  #: where mails go without a server
    key_file: Path | None = None  #: with the keys that secrets at rest are encrypted with


def read(environ: Mapping[str, str]) -> Settings:
    """Return the settings; raises runtime.settings.SettingsError naming every mistake."""
    values = runtime.settings.read(SettingsSchema(), prefix=PREFIX, environ=environ)
    lease = timedelta(seconds=values.pop("lease_seconds"))
    clock = timedelta(seconds=values.pop("clock_seconds"))
    unused = timedelta(hours=values.pop("unused_uploads_hours"))
    return Settings(lease=lease, clock=clock, unused_uploads=unused, **values)


def table(environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return (variable, value) for every setting, secrets masked; raises SettingsError."""
    schema = SettingsSchema()
    values = runtime.settings.read(schema, prefix=PREFIX, environ=environ)
    return runtime.settings.table(schema, values, prefix=PREFIX)
