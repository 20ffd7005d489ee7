"""``vaultbridge backup`` and ``restore``: a copy of the database, and one put back.

A restored database is unsure of what was done since its copy was made; see bridge.store.restored.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import click
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from bridge.cli.session import AS_OPTION, person
from bridge.queue import SERVICE
from bridge.settings import Settings, from_environment
from bridge.store import accounts, events, restored
from bridge.store.tables import process
from bridge.wiring import MIGRATIONS
from runtime import heartbeat, logging
from runtime.backup import BackupProblem, copy, prepare_in_place, put_back
from runtime.database import Database
from runtime.keys import Keys
from runtime.on_disk import appearing
from runtime.schema import SchemaError, migrate, require_current

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=FILE)
@click.option("--keys", type=FILE, help="Copy the key file, too: to another place than FILE.")
def backup(file: Path, keys: Path | None) -> None:
    """Copy the bridge's database to FILE, while it is in use.

    The keys that open the secrets in it are not in it.
    """
    settings = _settings()
    with closing(Database(settings.database_url)) as database:
        copy(database, file)
        _note(database)
    click.echo(f"Copied the database to {file} ({file.stat().st_size / 1e6:.1f} MB).")
    if keys is None:
        click.echo(
            f"The keys are not in it, and nothing in it can be read without them. Have a copy of "
            f"{settings.key_file} in another place (--keys FILE)."
        )
        return
    _copy_keys(settings.key_file, keys)
    click.echo(f"Copied the keys to {keys}. Keep the two apart: who has both has the secrets.")


def _note(database: Database) -> None:
    """Write down that there is a copy: it holds what the database holds.

    Not in a database that cannot be written, or that this release does not know: a copy is what is
    made before it is brought up to date.
    """
    with suppress(SQLAlchemyError, SchemaError):
        require_current(database, MIGRATIONS, remedy="")
        with database.write() as conn:
            now = database.now(conn)
            events.record(conn, events.INSTALLATION, "copied", at=now, who=person(None))


def _copy_keys(source: Path, target: Path) -> None:
    if target.exists():
        raise BackupProblem(f"{target} exists. Name a new file for the keys.")
    try:
        with appearing(target) as unfinished:
            unfinished.write_bytes(source.read_bytes())
    except OSError as exc:
        raise BackupProblem(f"The keys cannot be copied ({exc.strerror}: {exc.filename}).") from exc


@click.command()
@click.argument("file", type=FILE, required=False)
@click.option("--in-place", is_flag=True, help="The database was put back by other means already.")
@AS_OPTION
def restore(file: Path | None, in_place: bool, who: str | None) -> None:
    """Put the copy FILE in the place of the bridge's database. Stop every process first.

    Then each site looks before it sends: what was done since the copy is found in the LMS and at
    the vault, and taken as done. A site sends again once its reconciliation finds nothing amiss.
    """
    if (file is None) is not in_place:
        raise click.UsageError("Name the FILE to put back, or say --in-place.")
    settings = _settings()
    _require_nobody(settings.database_url)
    names: list[str] = []
    prepare = partial(_prepare, settings=settings, who=person(who), tell=names.extend)
    if file is None:
        prepare_in_place(settings.database_url, prepare)
    else:
        before = put_back(settings.database_url, file, prepare=prepare)
        click.echo(f"Put {file} back." + (f" The former database: {before}" if before else ""))
    click.echo(
        f"Looking before they send: {', '.join(names) or 'no sites'}. Start the processes; "
        "`vaultbridge status` says how far they are."
    )


def _settings() -> Settings:
    logging.configure(SERVICE, "cli")
    return from_environment(os.environ)


def _require_nobody(url: str) -> None:
    """Raise BackupProblem while a process gives signs of life; a broken database cannot tell."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite" and not Path(str(parsed.database)).exists():
        return
    try:
        with closing(Database(url)) as database, database.read() as conn:
            found = heartbeat.signs(conn, process, now=database.now(conn))
    except SQLAlchemyError:
        return
    if alive := sorted({f"{one.name} (process {one.pid})" for one in found if one.is_alive}):
        lately = int(heartbeat.LATELY.total_seconds())
        raise BackupProblem(
            f"There were signs of life within {lately} s of: {', '.join(alive)}. Stop all "
            f"processes of the bridge; if one was killed, wait {lately} s. Then restore again."
        )


def _prepare(
    database: Database, *, settings: Settings, who: str, tell: Callable[[Collection[str]], None]
) -> None:
    migrate(database, MIGRATIONS, backups=None)
    keys = Keys.read(settings.key_file)
    with database.write() as conn:
        for row in accounts.issuers(conn):
            accounts.secrets_of(row, kind="issuer", keys=keys)
        tell(restored.mark(conn, who=who, now=database.now(conn)))
