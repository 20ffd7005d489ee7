"""`vaultbridge-vault`: run the vault's processes, look after its institutions and tokens."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

import click
from sqlalchemy.exc import DBAPIError

import runtime.logging
from runtime import clock, schema, worker
from runtime.bell import Bell
from runtime.database import Database
from runtime.serve import serve
from runtime.settings import SettingsError
from vault import processing, settings, wiring
from vault.store import institutions
from vault.store.tables import MIGRATIONS
from vault.tokens import Permission, UnknownPermission, new_token, parse_permissions

P = ParamSpec("P")
R = TypeVar("R")

EXPECTED = (
    SettingsError,
    schema.SchemaError,
    institutions.AlreadyThere,
    institutions.NoSuchInstitution,
    UnknownPermission,
)


def _told(command: Callable[P, R]) -> Callable[P, R]:
    """Turn what an operator can mend into one clear message and status 1."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except EXPECTED as exc:
            raise click.ClickException(str(exc)) from exc
        except DBAPIError as exc:
            raise click.ClickException(
                f"The database cannot be used: {exc.orig}. Check VAULT_DATABASE_URL."
            ) from exc
        except OSError as exc:
            raise click.ClickException(f"{exc.filename}: {exc.strerror}.") from exc

    return run


@click.group()
def main() -> None:
    """The Certificate Vault. Its settings are environment variables that begin with VAULT_."""


@main.command()
@click.option("--backups", type=click.Path(path_type=Path), help="Folder for a copy made before.")
@_told
def migrate(backups: Path | None) -> None:
    """Bring the database's schema up to date."""
    database = _database()
    copy = schema.migrate(database, MIGRATIONS, backups=backups)
    if copy:
        click.echo(f"Copied the database to {copy}.")
    click.echo("The database's schema is up to date.")


@main.command()
@_told
def web() -> None:
    """Serve the API and the verification pages."""
    found = settings.read(os.environ)
    wiring.build(found).database.close()  # tell what is wrong here, not in the server's children
    serve("vault.web.app:create_app", host=found.host, port=found.port)


@main.group("worker")
def worker_group() -> None:
    """Do one step's work whenever its bell rings."""


@worker_group.command("process")
@_told
def worker_process() -> None:
    """Turn uploads into verified PDFs."""
    runtime.logging.configure(wiring.SERVICE, "worker-process")
    vault = wiring.build(settings.read(os.environ))
    steps = {processing.STEP: wiring.processing(vault).run}
    worker.work(vault.settings.redis_url, service=wiring.SERVICE, steps=steps)


@main.command("clock")
@_told
def run_clock() -> None:
    """Ring for whatever is due."""
    runtime.logging.configure(wiring.SERVICE, "clock")
    found = settings.read(os.environ)
    database = _current(found)
    bell = Bell(found.redis_url, service=wiring.SERVICE)
    clock.run(lambda: processing.steps_due(database), bell.ring, every=found.clock)


@main.command("settings")
@_told
def show_settings() -> None:
    """List every setting; secrets are masked."""
    for variable, value in settings.table(os.environ):
        click.echo(f"{variable}={value}")


@main.group()
def institution() -> None:
    """Look after institutions."""


@institution.command("add")
@click.argument("name")
@click.option("--email", help="Its address, as answers show it.")
@click.option("--if-missing", is_flag=True, help="Say nothing if it is there already.")
@_told
def institution_add(name: str, email: str | None, if_missing: bool) -> None:
    """Add an institution."""
    name = name.strip()
    if not name:
        raise click.ClickException("The name is empty. Give the institution's name.")
    database = _current(settings.read(os.environ))
    try:
        with database.write() as conn:
            institutions.add(conn, name=name, email=email, now=database.now(conn))
    except institutions.AlreadyThere:
        if not if_missing:
            raise
    else:
        click.echo(f"Added {name}.")


@institution.command("list")
@_told
def institution_list() -> None:
    """List the institutions: id, name, e-mail, a tab between them."""
    with _current(settings.read(os.environ)).read() as conn:
        for row in institutions.all_of_them(conn):
            click.echo(f"{row.id}\t{row.name}\t{row.email or ''}")


@main.group()
def token() -> None:
    """Look after API tokens."""


@token.command("create")
@click.option("--institution", "name", required=True, help="Whose token it is.")
@click.option("--permission", "words", multiple=True, help="list, view, create, download, update.")
@click.option("--expires", type=click.DateTime(["%Y-%m-%d"]), help="Its last day (UTC).")
@click.option("--out", type=click.Path(path_type=Path), help="Write it to this new file instead.")
@_told
def token_create(
    name: str, words: tuple[str, ...], expires: datetime | None, out: Path | None
) -> None:
    """Make a token, with every permission unless some are named. It is shown this once."""
    permissions = parse_permissions(words) or frozenset(Permission)
    until = expires.replace(tzinfo=UTC) + timedelta(days=1) if expires else None
    database = _current(settings.read(os.environ))
    made = new_token()
    with database.write() as conn:
        now = database.now(conn)
        if until is not None and until <= now:
            raise click.ClickException(f"{expires:%Y-%m-%d} is past. Give a later day.")
        institutions.add_token(
            conn,
            institution_id=institutions.find(conn, name),
            made=made,
            permissions=permissions,
            expires_at=until,
            now=now,
        )
        if out is not None:
            _write_secret(out, made.text)  # before the commit: a token nobody has is useless
    if out is None:
        click.echo(made.text)


def _write_secret(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(f"{text}\n")


@token.command("list")
@_told
def token_list() -> None:
    """List the tokens by how they begin: prefix, institution, permissions, state, last use."""
    database = _current(settings.read(os.environ))
    with database.read() as conn:
        now = database.now(conn)
        for row in institutions.tokens(conn):
            state = "revoked" if row.revoked_at else "valid"
            if state == "valid" and row.expires_at:
                state = f"{'valid until' if row.expires_at > now else 'expired'} {row.expires_at}"
            used = f"last used {row.last_used_at:%Y-%m-%d %H:%M}Z" if row.last_used_at else "unused"
            click.echo(f"{row.prefix}…\t{row.institution}\t{row.permissions}\t{state}\t{used}")


@token.command("revoke")
@click.argument("prefix")
@_told
def token_revoke(prefix: str) -> None:
    """Revoke a token, named by the beginning that `token list` shows."""
    database = _current(settings.read(os.environ))
    with database.write() as conn:
        found = institutions.revoke_token(conn, prefix.rstrip("…"), now=database.now(conn))
    if not found:
        raise click.ClickException(
            f"No valid token begins with {prefix!r}. See: vaultbridge-vault token list"
        )
    click.echo(f"Revoked {prefix}.")


def _database() -> Database:
    return Database(settings.read(os.environ).database_url)


def _current(found: settings.Settings) -> Database:
    database = Database(found.database_url)
    schema.require_current(database, MIGRATIONS, remedy=wiring.MIGRATE)
    return database


if __name__ == "__main__":
    sys.exit(main())
