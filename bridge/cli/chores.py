"""``settings`` and ``keys``: the operator's chores."""

from __future__ import annotations

import os
import sys

import click

from bridge.cli.printing import print_table
from bridge.cli.session import AS_OPTION, bridge, person
from bridge.settings import PREFIX, SettingsSchema
from bridge.store import accounts, events
from runtime import settings as runtime_settings
from runtime.keys import new_key


@click.command()
def settings() -> None:
    """List every setting with its value, secrets masked."""
    schema = SettingsSchema()
    values = runtime_settings.read(schema, prefix=PREFIX, environ=os.environ)
    rows = [
        {"setting": name, "value": shown, "what it is": schema.fields[key].metadata["help"]}
        for key, (name, shown) in zip(
            schema.fields,
            runtime_settings.table(schema, values, prefix=PREFIX),
            strict=True,
        )
    ]
    print_table(("setting", "value", "what it is"), rows, empty="")


@click.group()
def keys() -> None:
    """Keys: what secrets are encrypted and links are signed with."""


@keys.command()
def new() -> None:
    """Print a new key. Put it on the first line of the key file; keep the old lines below."""
    sys.stdout.write(new_key() + "\n")


@keys.command(name="rotate")
@AS_OPTION
def rotate(who: str | None) -> None:
    """Encrypt all stored secrets anew with the first key of the key file."""
    b = bridge()
    with b.database.write() as conn:
        count = accounts.encrypt_again(conn, b.keys)
        now = b.database.now(conn)
        detail = f"{count} secrets"
        events.record(conn, events.KEYS, "rotated", at=now, who=person(who), detail=detail)
    click.echo(
        f"{count} encrypted with the newest key. Keep the old keys in the file: learners' links "
        "and kept deliveries were made with them."
    )
