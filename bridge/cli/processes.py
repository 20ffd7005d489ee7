"""The processes of the bridge, one command each, and the operator's chores."""

from __future__ import annotations

import os
import sys
from functools import partial

import click

from bridge.cli.session import AS_OPTION, bridge, print_table
from bridge.queue import BELLS, SERVICE, answer, due_bells
from bridge.settings import PREFIX, SettingsSchema, from_environment
from bridge.store import accounts
from bridge.wiring import migrate_database
from runtime import clock as runtime_clock
from runtime import logging
from runtime import settings as runtime_settings
from runtime.keys import new_key
from runtime.serve import serve
from runtime.worker import work


@click.command()
def web() -> None:
    """Serve hooks and learner pages."""
    logging.configure(SERVICE, "web")
    bridge("web").database.close()  # the schema and the keys are looked at before the first request
    settings = from_environment(os.environ)
    serve(
        "bridge.web.app:from_env",
        host=settings.host,
        port=settings.port,
        workers=settings.web_workers,
    )


@click.command()
@click.argument("bell", type=click.Choice(sorted(BELLS)))
def worker(bell: str) -> None:
    """Do the work of one bell until stopped."""
    b = bridge(f"worker-{bell}")
    work(b.settings.redis_url, service=SERVICE, steps={bell: partial(answer, b, bell)})


@click.command()
def clock() -> None:
    """Ring for whatever is due, again and again, until stopped."""
    b = bridge("clock")
    runtime_clock.run(partial(due_bells, b), b.ring, every=b.settings.sweep)


@click.command()
def migrate() -> None:
    """Bring the database's schema up to date; an SQLite database is copied first."""
    logging.configure(SERVICE, "migrate")
    backup = migrate_database(from_environment(os.environ))
    click.echo("The schema is up to date." + (f" Copy made before: {backup}" if backup else ""))


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
    click.echo(
        f"{count} encrypted with the newest key. Keep the old keys in the file: learners' links "
        "and kept deliveries were made with them."
    )
