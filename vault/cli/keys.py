"""`certvault keys`: what the vault's secrets are encrypted with."""

from __future__ import annotations

import click

from runtime.secrets_at_rest import encrypt_again
from vault import wiring
from vault.cli import session
from vault.store.endpoints import endpoint
from vault.store.signing import signing_key


@click.group()
def keys() -> None:
    """Keys: what secrets are encrypted with, and links in mails signed."""


@keys.command()
def rotate() -> None:
    """Encrypt all stored secrets anew with the first key of the key file."""
    found = session.found_settings()
    known = wiring.keys(found)
    with session.database(found).write() as conn:
        webhooks = encrypt_again(conn, known, endpoint, "secrets")
        signing = encrypt_again(conn, known, signing_key, "secrets")
    click.echo(
        f"Secrets of {webhooks} webhooks and {signing} signing keys encrypted with the newest key. "
        "Keep the old keys in the file: links in mails were signed with them."
    )
