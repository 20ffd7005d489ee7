"""`certvault serve`: the whole vault on the embedded defaults, in one group of processes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import click

import runtime.logging
from runtime import embedded, redis_server, schema
from runtime.database import Database
from runtime.embedded import LOOPBACK
from runtime.keys import Keys
from runtime.supervisor import Process, Supervisor
from vault import settings, wiring
from vault.cli import session
from vault.cli.first import first_token
from vault.store.tables import MIGRATIONS

PROGRAM = "certvault"
DEFAULT_PORT = 8200
NEARBY = f"http://{LOOPBACK}:"
WEB = ("web",)
#: What a vault that takes nothing does without.
WORKING = (("worker", "process"), ("worker", "deliver"), ("clock",))


@click.command()
@click.option(
    "--data",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder for everything kept.",
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    metavar="PORT",
    help="The port to listen on. Default: the last start's, or 8200.",
)
@click.option("--host", default=LOOPBACK, show_default=True, help="The address to listen on.")
@click.option("--read-only", is_flag=True, help="Be an archive: show all, take and change nothing.")
@click.option(
    "--institution",
    default="Example University",
    show_default=True,
    help="The name of the institution made at the first start.",
)
def serve(data: Path, port: int | None, host: str, read_only: bool, institution: str) -> None:
    """Run the vault: all its processes in one group. Ctrl-C stops all.

    In an empty folder it makes an institution and prints its token, once. When it is ready it
    prints one line of JSON with its address.
    """
    if read_only:
        _serve_archive(data, port, host)
        return
    data = embedded.private_folder(data)
    embedded.occupy(data)
    port = port or int(embedded.kept(data).get("VAULT_PORT", DEFAULT_PORT))
    embedded.require_free(host, port)
    url = f"http://{LOOPBACK}:{port}"
    redis = redis_server.embedded(data / "run")
    env = _environment(data, host, port, redis.url, read_only=False)
    Keys.read_or_create(data / "secret.key")
    found = settings.read({**os.environ, **env})
    embedded.keep(data, env, prefixes=(settings.PREFIX,))
    runtime.logging.configure(wiring.SERVICE, "serve")
    text = _prepare(found, data / "backups", institution)
    ready = {"vault": url, "read_only": False, **({"token": text} if text else {})}
    processes = [Process(name="redis", command=redis.command)]
    processes += [_process(arguments, env) for arguments in (WEB, *WORKING)]
    Supervisor(processes).run(meanwhile=embedded.Announcement([url], ready))


def _serve_archive(data: Path, port: int | None, host: str) -> None:
    """Serve what there is. Nothing is written: the folder may lie on a disk that cannot be."""
    last = session.kept(data)  # there must be something to show
    data = data.resolve()
    port = port or int(last.get("VAULT_PORT", DEFAULT_PORT))
    embedded.require_free(host, port)
    url = f"http://{LOOPBACK}:{port}"
    env = _environment(data, host, port, last["VAULT_REDIS_URL"], read_only=True)
    found = settings.read({**os.environ, **env})
    runtime.logging.configure(wiring.SERVICE, "serve")
    database = Database(found.database_url)
    try:
        schema.require_current(database, MIGRATIONS, remedy="Serve it once without --read-only")
    finally:
        database.close()
    ready = {"vault": url, "read_only": True}
    Supervisor([_process(WEB, env)]).run(meanwhile=embedded.Announcement([url], ready))


def _process(arguments: tuple[str, ...], env: Mapping[str, str]) -> Process:
    command = embedded.resolve((PROGRAM, *arguments))
    return Process(name="-".join(arguments), command=command, env=env)


def _environment(
    data: Path, host: str, port: int, redis_url: str, *, read_only: bool
) -> Mapping[str, str]:
    own = {
        "VAULT_DATABASE_URL": f"sqlite:///{data / 'vault.sqlite'}",
        "VAULT_FILES": str(data / "vault-files"),
        "VAULT_KEY_FILE": str(data / "secret.key"),
        "VAULT_MAIL_FOLDER": str(data / "mail"),
        # On one machine nothing is spared by waiting longer.
        "VAULT_CLOCK_SECONDS": "1",
    }
    # What was once set for this folder stays.
    last = {k: v for k, v in embedded.kept(data).items() if k.startswith(settings.PREFIX)}
    # QR codes name the address for ever; one on this machine alone is of no use to anybody else.
    if last.get("VAULT_PUBLIC_URL", NEARBY).startswith(NEARBY):
        last["VAULT_PUBLIC_URL"] = f"{NEARBY}{port}"
    fixed = {
        "VAULT_REDIS_URL": redis_url,
        "VAULT_HOST": host,
        "VAULT_PORT": str(port),
        "VAULT_READ_ONLY": str(read_only).lower(),
    }
    return embedded.unless_set(own | last) | fixed


def _prepare(found: settings.Settings, backups: Path, name: str) -> str | None:
    """Migrate; at the first start make an institution and return its token's text."""
    database = Database(found.database_url)
    try:
        copy = schema.migrate(database, MIGRATIONS, backups=backups)
        if copy is not None:
            click.echo(f"Copied the database before the upgrade: {copy}", err=True)
        with database.write() as conn:
            return first_token(conn, database, name)
    finally:
        database.close()
