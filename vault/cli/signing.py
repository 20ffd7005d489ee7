"""`certvault institution signing-key`: what an institution's certificates are signed with."""

from __future__ import annotations

from pathlib import Path

import click

from runtime.database import Database
from vault import wiring
from vault.cli import session
from vault.signing import set_key
from vault.store import institutions, signing

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("signing-key")
@click.argument("name")
@click.argument("pkcs12", type=FILE, required=False)
@click.option("--passphrase-file", type=FILE, help="Where its passphrase stands; else it is asked.")
@click.option("--remove", is_flag=True, help="Sign this institution's certificates no more.")
def signing_key(name: str, pkcs12: Path | None, passphrase_file: Path | None, remove: bool) -> None:
    """Sign the institution NAME's certificates (PAdES) from now on.

    PKCS12 is a file with the private key, its certificate and the certificates above it. Without
    one the present key is shown. Certificates that are made already stay as they are.
    """
    if remove and pkcs12 is not None:
        raise click.UsageError("Name a file or say --remove, not both.")
    if pkcs12 is not None:
        _set(name, pkcs12, _passphrase(passphrase_file))
    elif remove:
        _remove(name, session.database())
    else:
        _show(name, session.database())


def _passphrase(file: Path | None) -> str:
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").rstrip("\r\n")
        except UnicodeDecodeError as exc:
            raise click.ClickException(f"{file} is no UTF-8 text. Save it as such.") from exc
    asked: str = click.prompt("Passphrase (none: Enter)", default="", hide_input=True, err=True)
    return asked


def _set(name: str, pkcs12: Path, passphrase: str) -> None:
    content = pkcs12.read_bytes()
    found = session.found_settings()
    database = session.database(found)
    with database.write() as conn:
        taken = set_key(
            conn,
            wiring.keys(found, create=True),
            institution_id=institutions.find(conn, name),
            pkcs12=content,
            passphrase=passphrase,
            now=database.now(conn),
        )
    click.echo(f"{name} signs as {taken.subject}, until {taken.valid_until:%Y-%m-%d}.")


def _remove(name: str, database: Database) -> None:
    with database.write() as conn:
        removed = signing.remove(conn, institution_id=institutions.find(conn, name))
    click.echo(f"{name} signs no more." if removed else f"{name} has no signing key.")


def _show(name: str, database: Database) -> None:
    with database.read() as conn:
        row = signing.find(conn, institution_id=institutions.find(conn, name))
    if row is None:
        click.echo(f"{name} has no signing key.")
    else:
        click.echo(f"{name} signs as {row.subject}, until {row.valid_until:%Y-%m-%d}.")
