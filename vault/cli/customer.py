"""`certvault customer`: who has an account, and what is in it."""

from __future__ import annotations

from typing import Any

import click
import sqlalchemy as sa

from runtime.counting import counted
from runtime.translations import FALLBACK, LANGUAGES
from vault import accounts, wiring
from vault.cli import printing, session
from vault.emails import is_email
from vault.store import customers, entrances


@click.group()
def customer() -> None:
    """Look after customers' accounts. They make them themselves, on the pages under /my."""


@customer.command("list")
def customer_list() -> None:
    """List the accounts: id, e-mail, language, certificates, since when."""
    with session.database().read() as conn:
        found = customers.all_of_them(conn)
    printing.rows(
        ("id", "e-mail", "language", "certificates", "since"),
        (
            (row.id, row.email, row.language, row.certificates, f"{row.created_at:%Y-%m-%d}")
            for row in found
        ),
        empty="There is none yet. Customers make their accounts on the pages under /my.",
    )


@customer.command("add")
@click.argument("email")
@click.option("--language", type=click.Choice(list(LANGUAGES)), default=FALLBACK, show_default=True)
def customer_add(email: str, language: str) -> None:
    """Make an account for an address that you vouch for; what waits for it is claimed."""
    email = email.strip()
    if not is_email(email):
        raise click.ClickException(f"{email!r} is no e-mail address. Give one: name@example.org")
    database = session.database()
    with database.write() as conn:
        if customers.find(conn, email) is not None:
            raise click.ClickException(f"{email} belongs to an account already.")
        now = database.now(conn)
        customer_id = customers.of_verified(conn, email, language=language, now=now)
        count = len(customers.certificates(conn, customer_id))
    click.echo(f"Added {email} with {counted(count, 'certificate')}.")


@customer.command("show")
@click.argument("email")
def customer_show(email: str) -> None:
    """Print an account: its addresses, then its certificates."""
    with session.database().read() as conn:
        found = _found(conn, email)
        for address in customers.emails(conn, found.id):
            note = "\tour mail goes here" if address.email == found.email else ""
            click.echo(f"{address.email}{note}")
        for row in customers.certificates(conn, found.id):
            told = (row.reference_id, row.status, row.certificate_title, row.institution_name)
            click.echo("\t".join(map(printing.cell, told)))


@customer.command("sign-out")
@click.argument("email")
def customer_sign_out(email: str) -> None:
    """End all sessions of an account."""
    database = session.database()
    with database.write() as conn:
        found = _found(conn, email)
        ended = entrances.close_sessions(conn, found.id, now=database.now(conn))
    click.echo(f"Ended {counted(ended, 'session')}.")


@customer.command("delete")
@click.argument("email")
@click.option("--yes", is_flag=True, help="Do not ask.")
def customer_delete(email: str, yes: bool) -> None:
    """Delete an account with its addresses and mails. Its certificates stay what they are."""
    found = session.found_settings()
    database = session.database(found)
    with database.read() as conn:
        customer_id = int(_found(conn, email).id)
    if not yes:
        click.confirm(f"Delete the account of {email} for good?", abort=True)
    accounts.close(customer_id, database=database, mail_folder=wiring.mail_folder(found))
    click.echo(f"Deleted the account of {email}.")


def _found(conn: sa.Connection, email: str) -> sa.Row[Any]:
    row = customers.find(conn, email)
    if row is None:
        raise click.ClickException(
            f"{email} is no address of an account. See: certvault customer list"
        )
    return row
