"""The processes of the bridge, one command each, and the operator's chores."""

from __future__ import annotations

import os
from contextlib import closing
from functools import partial

import click

from bridge.cli.session import bridge
from bridge.pipeline import look_again, purge, telling
from bridge.queue import BELLS, SERVICE, answer, due_bells
from bridge.settings import from_environment
from bridge.store.tables import process
from bridge.wiring import migrate_database
from runtime import clock as runtime_clock
from runtime import logging
from runtime.heartbeat import beating
from runtime.repeating import repeating
from runtime.serve import serve
from runtime.worker import work


@click.command()
def web() -> None:
    """Serve hooks and learner pages."""
    logging.configure(SERVICE, "web")
    bridge("web").database.close()  # the schema and the keys are looked at before the first request
    settings = from_environment(os.environ)
    serve(
        "bridge.app:from_env",
        host=settings.host,
        port=settings.port,
        workers=settings.web_workers,
    )


@click.command()
@click.argument("bell", type=click.Choice(sorted(BELLS)))
def worker(bell: str) -> None:
    """Do the work of one bell until stopped."""
    b = bridge(f"worker-{bell}")
    with beating(b.database, process, f"worker {bell}"), closing(b):
        work(b.settings.redis_url, service=SERVICE, steps={bell: partial(answer, b, bell)})


@click.command()
def clock() -> None:
    """Ring for whatever is due, and tell owners what they must know, until stopped.

    After the night's hour (BRIDGE_LOOK_AGAIN_HOUR) it has what is held for missing data looked up
    again.
    """
    b = bridge("clock")
    tell = repeating("telling", partial(telling.run_all, b), every=b.settings.tell)
    look = repeating("looking again", partial(look_again.begin, b), every=look_again.EVERY)
    purging = repeating("purging", purge.Purger(bridge=b).round, every=purge.EVERY)
    with beating(b.database, process, "clock"), tell, look, purging:
        runtime_clock.run(partial(due_bells, b), b.ring, every=b.settings.sweep)


@click.command()
def migrate() -> None:
    """Bring the database's schema up to date; an SQLite database is copied first."""
    logging.configure(SERVICE, "migrate")
    backup = migrate_database(from_environment(os.environ))
    click.echo("The schema is up to date." + (f" Copy made before: {backup}" if backup else ""))
