"""`certvault institution`: who may upload, what it is called, and what it has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import click
import sqlalchemy as sa

from runtime.translations import LANGUAGES
from vault.cli import printing, session, tokens, webhook
from vault.cli.signing import signing_key
from vault.institution import checked
from vault.store import certificates, endpoints, institutions, signing

EMAIL = click.option("--email", help="Its address, as answers show it.")
PHONE = click.option("--phone", "phone_number", help="Its phone number, as answers show it.")
LANGUAGE = click.option(
    "--language",
    type=click.Choice(list(LANGUAGES)),
    help="Of its mails to people without an account.",
)


@click.group()
def institution() -> None:
    """Look after institutions."""


institution.add_command(signing_key)


@institution.command("add")
@click.argument("name")
@EMAIL
@PHONE
@LANGUAGE
@click.option("--if-missing", is_flag=True, help="Say nothing if it is there already.")
def institution_add(name: str, *, if_missing: bool, **said: str | None) -> None:
    """Add an institution."""
    values = checked({"name": name, **said})
    database = session.database()
    try:
        with database.write() as conn:
            institutions.add(conn, values, now=database.now(conn))
    except institutions.AlreadyThere:
        if not if_missing:
            raise
    else:
        click.echo(f"Added {values['name']}.")


@institution.command("set")
@click.argument("name")
@click.option("--name", "new_name", help="Its new name, for answers, pages and mails.")
@EMAIL
@PHONE
@LANGUAGE
def institution_set(name: str, new_name: str | None, **said: str | None) -> None:
    """Change what is said of the institution NAME; an empty text takes it away.

    PDFs that are made already keep the name that was printed on them.
    """
    values = checked({"name": new_name, **said})
    if not values:
        raise click.UsageError("Say what to change: --name, --email, --phone or --language.")
    with session.database().write() as conn:
        institutions.change(conn, institutions.find(conn, name), values)
    click.echo(f"Changed {values.get('name') or name}.")


@institution.command("list")
def institution_list() -> None:
    """List the institutions: id, name, e-mail."""
    with session.database().read() as conn:
        found = institutions.all_of_them(conn)
    printing.rows(
        ("id", "name", "e-mail"),
        ((row.id, row.name, row.email) for row in found),
        empty='There is none. Add one: certvault institution add "…"',
    )


@institution.command("show")
@click.argument("name")
def institution_show(name: str) -> None:
    """Print what the institution NAME says of itself and what it has."""
    database = session.database()
    with database.read() as conn:
        now = database.now(conn)
        row = institutions.get(conn, institutions.find(conn, name))
        told = {
            "name": row.name,
            "e-mail": row.email,
            "phone": row.phone_number,
            "language": f"{row.language} ({LANGUAGES[row.language]})",
            "added": printing.moment(row.created_at),
            "signing key": _key(signing.find(conn, institution_id=row.id), now),
            "tokens": _tokens(conn, row.id, now),
            "certificates": _certificates(conn, row.id),
            "webhooks": _webhooks(conn, row.id),
        }
    for what, value in told.items():
        click.echo(f"{what:<14}{printing.cell(value or '-')}")


def _key(row: sa.Row[Any] | None, now: datetime) -> str | None:
    if row is None:
        return "none: its certificates are not signed"
    over = " EXPIRED" if row.valid_until <= now else ""
    return f"{row.subject}, until {row.valid_until:%Y-%m-%d}{over}"


def _tokens(conn: sa.Connection, institution_id: int, now: datetime) -> str:
    mine = [row for row in institutions.tokens(conn) if row.institution_id == institution_id]
    return _counted(tokens.state(row, now).value for row in mine)


def _certificates(conn: sa.Connection, institution_id: int) -> str:
    return _counted(certificates.count_by_status(conn, institution_id=institution_id))


def _webhooks(conn: sa.Connection, institution_id: int) -> str:
    mine = [row for row in endpoints.all_of_them(conn) if row.institution_id == institution_id]
    return _counted(webhook.state(row).value for row in mine)


def _counted(found: Iterable[str] | Mapping[str, int]) -> str:
    """How many there are of each: "3: 2 valid, 1 revoked"."""
    counts = Counter(found)
    parts = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    return f"{counts.total()}: {parts}" if parts else "none"
