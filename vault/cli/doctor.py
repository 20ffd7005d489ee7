"""`certvault doctor`: whether the vault is well, and what to do where it is not."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import timedelta

import click
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from runtime import schema
from runtime.bell import Bell
from runtime.database import Database
from vault import wiring
from vault.certificate import Status
from vault.cli import session
from vault.files import DamagedFile, Files
from vault.settings import Settings
from vault.store.tables import MIGRATIONS, certificate, file

#: So long after it was due, a certificate is stuck.
STUCK = timedelta(minutes=5)
#: How many examples are named.
SHOWN = 5

Check = Callable[[Settings], Iterator[str]]


@click.command()
@click.option("--quick", is_flag=True, help="Leave the content of files alone.")
def doctor(quick: bool) -> None:
    """Look for trouble and say what to do.

    Ends with status 1 if there is any.
    """
    found = session.found_settings()
    troubles = 0
    for name, check in CHECKS.items():
        if quick and check is _files:
            continue
        told = list(check(found))
        troubles += len(told)
        click.echo(f"{name}: {'well' if not told else 'trouble'}")
        for trouble in told:
            click.echo(f"  {trouble}")
        if told and check is _database:
            break  # the rest stands on it
    if troubles:
        raise SystemExit(1)


def _database(found: Settings) -> Iterator[str]:
    database = Database(found.database_url)
    try:
        schema.require_current(database, MIGRATIONS, remedy=wiring.MIGRATE)
    except schema.SchemaError as exc:
        yield str(exc)
    except DBAPIError as exc:
        yield f"It cannot be used: {exc.orig}. Check VAULT_DATABASE_URL, and whether it runs."
    finally:
        database.close()


def _redis(found: Settings) -> Iterator[str]:
    if found.read_only:
        return
    problem = Bell(found.redis_url, service=wiring.SERVICE).problem()
    if problem is not None:
        yield (
            f"{problem}. Start it, or `certvault serve`, which brings its own. Uploads are taken "
            "all the same; processing waits."
        )


def _stuck(found: Settings) -> Iterator[str]:
    database = Database(found.database_url)
    with database.read() as conn:
        rows = conn.execute(
            sa.select(certificate.c.reference_id)
            .where(
                certificate.c.status == Status.PROCESSING.value,
                certificate.c.next_run_at < database.now(conn) - STUCK,
            )
            .order_by(certificate.c.id)
        ).all()
    database.close()
    if rows:
        names = ", ".join(row.reference_id for row in rows[:SHOWN])
        yield (
            f"{len(rows)} certificates wait to be processed for more than "
            f"{STUCK.seconds // 60} minutes ({names}, …). Are `certvault worker process` and "
            "`certvault clock` running? What they log names the reason."
        )


def _failed(found: Settings) -> Iterator[str]:
    database = Database(found.database_url)
    failed = certificate.c.status == Status.FAILED.value
    newest = sa.select(certificate.c.reference_id, certificate.c.problem).where(failed)
    with database.read() as conn:
        rows = conn.execute(newest.order_by(certificate.c.id.desc()).limit(SHOWN)).all()
    database.close()
    for row in rows:
        yield f"{row.reference_id} failed: {row.problem} Then: certvault retry {row.reference_id}"


def _files(found: Settings) -> Iterator[str]:
    if not os.access(found.files, os.W_OK | os.X_OK) and not found.read_only:
        yield f"{found.files} cannot be written by this user. Give it to the vault's user."
    files, database = Files(found.files), Database(found.database_url)
    with database.read() as conn:
        hashes = conn.scalars(sa.select(file.c.sha256).distinct()).all()
    database.close()
    for sha256 in hashes:
        try:
            files.read(sha256)
        except DamagedFile as exc:
            yield str(exc)


CHECKS: dict[str, Check] = {
    "database": _database,
    "redis": _redis,
    "processing": _stuck,
    "failed certificates": _failed,
    "files": _files,
}
