"""The processes: web, workers, clock; and the migration before them."""

from __future__ import annotations

import os
from pathlib import Path

import click

import runtime.logging
from runtime import clock as runtime_clock
from runtime import schema
from runtime import worker as runtime_worker
from runtime.bell import Bell
from runtime.database import Database
from runtime.heartbeat import beating
from runtime.serve import serve
from vault import bells, steps, wiring
from vault.cli import first, session
from vault.cli.tokens import write_secret
from vault.store.tables import MIGRATIONS, process


@click.command()
@click.option("--backups", type=click.Path(path_type=Path), help="Folder for a copy made before.")
@click.option("--first-institution", help="Make this institution if there is none yet …")
@click.option(
    "--first-token", type=click.Path(path_type=Path), help="… and write its token to this new file."
)
def migrate(backups: Path | None, first_institution: str | None, first_token: Path | None) -> None:
    """Bring the database's schema up to date."""
    if (first_institution is None) != (first_token is None):
        raise click.UsageError("--first-institution and --first-token go together.")
    database = Database(session.found_settings().database_url)
    copy = schema.migrate(database, MIGRATIONS, backups=backups)
    if copy:
        click.echo(f"Copied the database to {copy}.")
    if first_institution is not None and first_token is not None:
        with database.write() as conn:
            text = first.first_token(conn, database, first_institution)
            if text is not None:
                write_secret(first_token, text)  # before the commit, as in `token create`
    click.echo("The database's schema is up to date.")


@click.command()
def web() -> None:
    """Serve the API and the verification pages."""
    found = session.found_settings()
    wiring.build(found).database.close()  # tell what is wrong here, not in the server's children
    os.environ.update(session.environment())  # which is where the children look
    serve("vault.web.app:create_app", host=found.host, port=found.port)


@click.command()
@click.argument("bell", type=click.Choice(list(steps.BELLS)))
def worker(bell: str) -> None:
    """Do one bell's work whenever it rings.

    process turns uploads into verified PDFs, deliver sends mails and webhooks.
    """
    runtime.logging.configure(wiring.SERVICE, f"worker-{bell}")
    vault = session.vault()
    answers = {bell: steps.answer(vault, bell)}
    with beating(vault.database, process, bells.worker(bell)):
        runtime_worker.work(vault.settings.redis_url, service=wiring.SERVICE, steps=answers)


@click.command()
def clock() -> None:
    """Ring for whatever is due."""
    runtime.logging.configure(wiring.SERVICE, "clock")
    found = session.found_settings()
    database = session.database(found)
    bell = Bell(found.redis_url, service=wiring.SERVICE)
    with beating(database, process, bells.CLOCK):
        runtime_clock.run(lambda: steps.due_bells(database), bell.ring, every=found.clock)
