"""`certvault token`: who may call the API, and what for."""

from __future__ import annotations

import enum
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa

from vault.cli import printing, session
from vault.store import institutions
from vault.tokens import PREFIX_LENGTH, Permission, new_token, parse_permissions

PERMISSIONS = ", ".join(permission.short for permission in Permission)


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
@click.option(
    "--expires",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="YYYY-MM-DD",
    help="Its last day (UTC). Default: it does not expire.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Write it to this new file instead.")
def token_create(
    name: str | None, words: tuple[str, ...], expires: datetime | None, out: Path | None
) -> None:
    """Make a token and print it, this once.

    It may do everything unless permissions are named. Nothing else is printed.
    """
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


class State(enum.Enum):
    """What has become of a token."""

    VALID = "valid"
    EXPIRED = "expired"
    REVOKED = "revoked"


def state(row: sa.Row[Any], now: datetime) -> State:
    """What has become of a token by now."""
    if row.revoked_at is not None:
        return State.REVOKED
    expired = row.expires_at is not None and row.expires_at <= now
    return State.EXPIRED if expired else State.VALID


@token.command("list")
def token_list() -> None:
    """List the tokens: how each begins, institution, permissions, state, last day, last use."""
    database = session.database()
    with database.read() as conn:
        now = database.now(conn)
        found = institutions.tokens(conn)
    printing.rows(
        ("token", "institution", "permissions", "state", "last day", "last used"),
        (
            (
                f"{row.prefix}…",
                row.institution,
                _permitted(row.permissions),
                state(row, now).value,
                _last_day(row.expires_at),
                row.last_used_at or "never",
            )
            for row in found
        ),
        empty="There is none. Make one: certvault token create",
    )


def _permitted(text: str) -> str:
    """The words that `token create` takes."""
    permitted = parse_permissions([text])
    if permitted == frozenset(Permission):
        return "all"
    return ",".join(each.short for each in Permission if each in permitted)


def _last_day(expires_at: datetime | None) -> str:
    if expires_at is None:
        return "none"
    return f"{expires_at - timedelta(microseconds=1):%Y-%m-%d}"


@token.command("revoke")
@click.argument("token_text", metavar="TOKEN")
def token_revoke(token_text: str) -> None:
    """Revoke a token, now and for good.

    TOKEN is its beginning, as `certvault token list` shows it, or the whole token.
    """
    text = token_text.strip().rstrip("…")
    begins = text[:PREFIX_LENGTH]
    database = session.database()
    with database.write() as conn:
        found = institutions.revoke_token(conn, text, now=database.now(conn))
    if not found:
        raise click.ClickException(
            f"No valid token begins with {begins!r}. See: certvault token list"
        )
    click.echo(f"Revoked {begins}….")
