"""`certvault institution`: who may upload."""

from __future__ import annotations

import click

from vault.cli import session
from vault.cli.signing import signing_key
from vault.store import institutions


@click.group()
def institution() -> None:
    """Look after institutions."""


institution.add_command(signing_key)


@institution.command("add")
@click.argument("name")
@click.option("--email", help="Its address, as answers show it.")
@click.option("--if-missing", is_flag=True, help="Say nothing if it is there already.")
def institution_add(name: str, email: str | None, if_missing: bool) -> None:
    """Add an institution."""
    name = name.strip()
    if not name:
        raise click.ClickException("The name is empty. Give the institution's name.")
    database = session.database()
    try:
        with database.write() as conn:
            institutions.add(conn, name=name, email=email, now=database.now(conn))
    except institutions.AlreadyThere:
        if not if_missing:
            raise
    else:
        click.echo(f"Added {name}.")


@institution.command("list")
def institution_list() -> None:
    """List the institutions: id, name, e-mail, a tab between them."""
    with session.database().read() as conn:
        for row in institutions.all_of_them(conn):
            click.echo(f"{row.id}\t{row.name}\t{row.email or ''}")
