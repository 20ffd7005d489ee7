"""`certvault token`: who may call the API, and what for."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import sqlalchemy as sa

from vault.cli import session
from vault.store import institutions
from vault.tokens import Permission, new_token, parse_permissions

PERMISSIONS = ", ".join(permission.value.rpartition(":")[2] for permission in Permission)


@click.group()
def token() -> None:
    """Look after API tokens."""


@token.command("create")
@click.option("--institution", "name", help="Whose token it is. Default: the only institution.")
@click.option(
    "--permissions",
    "--permission",
    "words",
    multiple=True,
    help=f"{PERMISSIONS}; a comma between them. Default: all.",
)
@click.option("--expires", type=click.DateTime(["%Y-%m-%d"]), help="Its last day (UTC).")
@click.option("--out", type=click.Path(path_type=Path), help="Write it to this new file instead.")
def token_create(
    name: str | None, words: tuple[str, ...], expires: datetime | None, out: Path | None
) -> None:
    """Make a token, with every permission unless some are named. It is shown this once."""
    asked = [word for part in words for word in part.replace(",", " ").split()]
    if words and not asked:
        raise click.ClickException(f"No permission is named. There are: {PERMISSIONS}.")
    permissions = parse_permissions(asked) or frozenset(Permission)
    until = expires.replace(tzinfo=UTC) + timedelta(days=1) if expires else None
    database = session.database()
    made = new_token()
    with database.write() as conn:
        now = database.now(conn)
        if until is not None and until <= now:
            raise click.ClickException(f"{expires:%Y-%m-%d} is past. Give a later day.")
        institutions.add_token(
            conn,
            institution_id=chosen_institution(conn, name),
            made=made,
            permissions=permissions,
            expires_at=until,
            now=now,
        )
        if out is not None:
            write_secret(out, made.text)  # before the commit: a token nobody has is useless
    if out is None:
        click.echo(made.text)


def chosen_institution(conn: sa.Connection, name: str | None) -> int:
    """Return the id of the institution named, or of the only one there is."""
    if name is not None:
        return institutions.find(conn, name)
    there = institutions.all_of_them(conn)
    if not there:
        raise click.ClickException('There is no institution. Add it: certvault institution add "…"')
    if len(there) > 1:
        names = ", ".join(row.name for row in there)
        raise click.ClickException(f"Say whose, with --institution. There are: {names}.")
    return int(there[0].id)


def write_secret(path: Path, text: str) -> None:
    """Write a secret to a new file that its owner alone can read. Raises FileExistsError."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(f"{text}\n")


@token.command("list")
def token_list() -> None:
    """List the tokens by how they begin: prefix, institution, permissions, state, last use."""
    database = session.database()
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
def token_revoke(prefix: str) -> None:
    """Revoke a token, named by the beginning that `token list` shows."""
    database = session.database()
    with database.write() as conn:
        found = institutions.revoke_token(conn, prefix.rstrip("…"), now=database.now(conn))
    if not found:
        raise click.ClickException(
            f"No valid token begins with {prefix!r}. See: certvault token list"
        )
    click.echo(f"Revoked {prefix}.")
