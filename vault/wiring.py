"""Builds the vault from its settings; web, worker, clock and command line call it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from runtime.bell import Bell, Ring
from runtime.database import Database
from runtime.group_commit import GroupCommit
from runtime.keys import Keys
from runtime.post import Post, by_smtp, into_folder
from runtime.schema import require_current
from vault.addresses import Addresses
from vault.files import Files
from vault.intake import Intake
from vault.links import Links
from vault.notices import Notices
from vault.processing import Processing
from vault.sandbox import LIMIT, Sandbox
from vault.sealer import Sealer
from vault.settings import Settings
from vault.signing import SigningKeys
from vault.store.tables import MIGRATIONS
from vault.sweep import Sweep
from vault.webhooks.deliver import Deliver
from vault.webhooks.schedule import Schedule
from vault.webhooks.sending import DEADLINE as WEBHOOK_DEADLINE
from vault.webhooks.sending import client as webhook_client
from vault.withdrawal import Withdrawal

SERVICE = "vault"
MIGRATE = "Run: certvault migrate"
#: A batch begins no certificate after half of its lease (vault.processing).
SHARE_OF_LEASE = 0.4
#: How long a file that anybody checks may take, and wait for its turn.
PUBLIC = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vault:
    """The parts of one running vault."""

    settings: Settings
    database: Database
    writer: GroupCommit[Any]
    files: Files
    addresses: Addresses
    intake: Intake
    withdrawal: Withdrawal
    links: Links
    ring: Ring
    sandbox: Sandbox  #: for files that institutions sent
    public_sandbox: Sandbox  #: for those that anybody checks, so that they hold up no upload
    sealer: Sealer


def build(
    settings: Settings,
    *,
    ring: Ring | None = None,
    database: Database | None = None,
    sandbox: Sandbox | None = None,
    sealer: Sealer | None = None,
) -> Vault:
    """Build everything; raises runtime.schema.SchemaError unless the schema is current.

    All but the settings are for tests; otherwise bell and database are those of the settings, and
    files are opened and signed in children of this process.
    """
    database = database or Database(settings.database_url)
    require_current(database, MIGRATIONS, remedy=MIGRATE)
    files = Files(settings.files)
    writer: GroupCommit[Any] = GroupCommit(database)
    limit = min(LIMIT, settings.lease * SHARE_OF_LEASE)
    ring = ring or Bell(settings.redis_url, service=SERVICE).ring
    return Vault(
        settings=settings,
        database=database,
        writer=writer,
        files=files,
        addresses=Addresses(settings.public_url),
        intake=Intake(
            database=database,
            writer=writer,
            files=files,
            ring=ring,
            unused_uploads=settings.unused_uploads,
        ),
        withdrawal=Withdrawal(
            database=database,
            writer=writer,
            files=files,
            mail_folder=mail_folder(settings),
            ring=ring,
        ),
        links=Links(lambda: _link_keys(settings), public_url=settings.public_url),
        ring=ring,
        sandbox=sandbox or Sandbox(limit=limit),
        public_sandbox=sandbox or Sandbox(count=1, limit=PUBLIC, patience=PUBLIC),
        sealer=sealer or Sealer(limit=limit),
    )


def notices(vault: Vault) -> Notices:
    """Build the step that sends mails, which the web does not need."""
    return Notices(
        database=vault.database,
        links=vault.links,
        post=_post(vault.settings),
        sender=vault.settings.mail_from,
        lease=vault.settings.lease,
    )


def mail_folder(settings: Settings) -> Path:
    """Where mails go as files where no server takes them."""
    return settings.mail_folder or settings.files.with_name("mail")


def _post(settings: Settings) -> Post:
    if settings.mail_server is not None:
        return by_smtp(settings.mail_server)
    return into_folder(mail_folder(settings))


def _link_keys(settings: Settings) -> Keys:
    """The keys that links and sessions are signed with; made when first needed."""
    return keys(settings, create=not settings.read_only)


def processing(vault: Vault) -> Processing:
    """Build the processing step, which a worker needs and the web does not."""
    return Processing(
        database=vault.database,
        files=vault.files,
        addresses=vault.addresses,
        sandbox=vault.sandbox,
        sealer=vault.sealer,
        signing_keys=SigningKeys(vault.database, lambda: keys(vault.settings)),
        lease=vault.settings.lease,
    )


def keys(settings: Settings, *, create: bool = False) -> Keys:
    """Read the keys of secrets at rest; raises runtime.keys.KeyProblem.

    Whoever puts the first secret in says ``create``: then a missing file is made.
    """
    path = key_file(settings)
    return Keys.read_or_create(path) if create else Keys.read(path)


def key_file(settings: Settings) -> Path:
    """Where the keys of secrets at rest are."""
    return settings.key_file or settings.files.with_name("vault.key")


def sweep(vault: Vault) -> Sweep:
    """Build the step that tidies up."""
    return Sweep(
        database=vault.database,
        writer=vault.writer,
        files=vault.files,
        mail_folder=mail_folder(vault.settings),
    )


def webhooks(vault: Vault) -> Deliver:
    """Build the step that sends webhooks."""
    return Deliver(
        database=vault.database,
        keys=lambda: keys(vault.settings),
        http=webhook_client(vault.settings.allowed_private_hosts),
        schedule=Schedule(random=random.random, scale=vault.settings.webhook_time_scale),
        lease=vault.settings.lease + WEBHOOK_DEADLINE,
    )
