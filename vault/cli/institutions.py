"""`certvault institution`: who may upload."""

from __future__ import annotations

import click

from runtime.translations import LANGUAGES
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


@institution.command("language")
@click.argument("name")
@click.argument("language", type=click.Choice(list(LANGUAGES)))
def institution_language(name: str, language: str) -> None:
    """Choose the language of the institution's mails to people without an account."""
    with session.database().write() as conn:
        institutions.set_language(conn, institutions.find(conn, name), language)
    click.echo(f"{name} writes in {LANGUAGES[language]}.")


@institution.command("list")
def institution_list() -> None:
    """List the institutions: id, name, e-mail, a tab between them."""
    with session.database().read() as conn:
        for row in institutions.all_of_them(conn):
            click.echo(f"{row.id}\t{row.name}\t{row.email or ''}")
