"""``vaultbridge up``: every process of both services on the embedded defaults, in one group."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import click

from bridge.cli.embedded import OURS, Place, Vault, environment
from bridge.connections import issuers
from bridge.people import entering
from bridge.processes import BRIDGE, VAULT
from bridge.queue import SERVICE
from bridge.settings import from_environment
from bridge.store import accounts
from bridge.wiring import Bridge, build, migrate_database
from runtime import embedded, logging, redis_server
from runtime.crashpoint import crashpoint
from runtime.embedded import LOOPBACK
from runtime.keys import Keys
from runtime.redis_server import EmbeddedRedis
from runtime.supervisor import Process, Supervisor

#: The issuer that `up` sets up by itself.
ISSUER = "main"


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
    default=8000,
    show_default=True,
    help="The bridge's port.",
)
@click.option("--host", default=LOOPBACK, show_default=True, help="The address to listen on.")
@click.option(
    "--vault-port",
    type=click.IntRange(1, 65535),
    metavar="PORT",
    help="Our vault's port. Default: the next free one.",
)
@click.option("--vault", "vault_url", help="Another vault's address, instead of our own.")
@click.option(
    "--vault-token-file",
    type=click.Path(path_type=Path, exists=True),
    help="The file with that vault's token.",
)
@click.option(
    "--institution",
    default="Example University",
    show_default=True,
    help="The name printed on certificates, at the first start.",
)
def up(
    data: Path,
    port: int,
    host: str,
    vault_port: int | None,
    vault_url: str | None,
    vault_token_file: Path | None,
    institution: str,
) -> None:
    """Run the bridge and, unless --vault names another, our vault. Ctrl-C stops all."""
    if (vault_url is None) != (vault_token_file is None):
        raise click.UsageError("--vault and --vault-token-file go together.")
    embedded.require_free(host, port)
    data = embedded.private_folder(data)
    embedded.occupy(data)
    place = Place(data=data, host=host, port=port)
    Keys.read_or_create(place.data / "secret.key")
    # QR codes already printed name the port of the last start.
    last = embedded.kept(place.data)
    vault_port = vault_port or (int(last["VAULT_PORT"]) if "VAULT_PORT" in last else None)
    vault = _vault(vault_url, vault_token_file, vault_port, place)
    redis = redis_server.embedded(place.data / "run")
    env = environment(place, vault, redis)
    os.environ.update(env)
    logging.configure(SERVICE, "up")
    _prepare(vault, institution, place.data, last.get("BRIDGE_PORT"))
    # Once all of it is prepared: what was cut off half-way is done again at the next start.
    embedded.keep(place.data, env, prefixes=OURS)
    (place.data / "templates").mkdir(exist_ok=True)
    crashpoint("up.kept")
    _run(env, vault, redis, place)


def _vault(url: str | None, token_file: Path | None, port: int | None, place: Place) -> Vault:
    if url is not None:
        return Vault(url=url.rstrip("/"), port=None, token_file=token_file)
    chosen = port or embedded.free_port(place.host, after=place.port)
    embedded.require_free(place.host, chosen)
    return Vault(url=f"http://{LOOPBACK}:{chosen}", port=chosen, token_file=None)


def _prepare(vault: Vault, institution: str, data: Path, found_port: str | None) -> None:
    """Migrate both databases; at the first start, make the issuer and our vault's token."""
    settings = from_environment(os.environ)
    backup = migrate_database(settings)
    if backup is not None:
        click.echo(f"Copied the database before the upgrade: {backup}", err=True)
    bridge = build(settings, ring=lambda _step: None)
    with bridge.database.read() as conn:
        found = next((row for row in accounts.issuers(conn) if row.name == ISSUER), None)
    migrate = ("migrate", "--backups", str(data / "backups"))
    if found is not None and vault.port is not None:
        _vault_command(*migrate)
    if found is None:
        token = _first_token(vault, institution, data, migrate)
        url, hidden = vault.url, {"token": token}
        issuers.add(bridge, ISSUER, url=url, institution=institution, secrets=hidden, who="up")
        crashpoint("up.issuer_added")
    elif vault.port is None and found.vault_url != vault.url:
        raise click.ClickException(
            f"The issuer {ISSUER} belongs to the vault at {found.vault_url}, and its certificates "
            f"with it. For {vault.url} add another: vaultbridge issuer add NAME --url {vault.url}"
        )
    elif vault.port is not None and urlsplit(found.vault_url).hostname == LOOPBACK:
        with bridge.database.write() as conn:
            accounts.change(conn, found.id, kind="issuer", vault_url=vault.url)
    if vault.port is not None:
        _have_vault_tell(bridge, found_port)
    if link := entering.first_link(bridge, who="up"):
        click.echo(
            f"The console has no admin yet. Make the first one within 3 days: {link}", err=True
        )
    bridge.database.close()


def _have_vault_tell(bridge: Bridge, last_port: str | None) -> None:
    """Our vault tells the bridge by webhook what became of a certificate, wherever that listens."""
    with bridge.database.read() as conn:
        issuer = accounts.issuer_named(conn, ISSUER)
    known = accounts.secrets_or_none(issuer, kind="issuer", keys=bridge.keys)
    if "token" not in known:  # the key is lost: first a person enters the token again
        return
    if "webhook_secret" in known and last_port == str(bridge.settings.port):
        return
    hook = f"http://{LOOPBACK}:{bridge.settings.port}/hooks/vault/{ISSUER}"
    told = _vault_command(
        "webhook",
        "add",
        hook,
        "--institution",
        issuer.institution_name,
        "--description",
        "The bridge of this installation.",
        "--replace",
        quiet=True,
    )
    crashpoint("up.vault_told")
    with bridge.database.write() as conn:
        secrets = {**known, "webhook_secret": told.split()[-1]}
        accounts.set_secrets(conn, issuer, kind="issuer", keys=bridge.keys, secrets=secrets)
    crashpoint("up.vault_known")


def _first_token(vault: Vault, institution: str, data: Path, migrate: tuple[str, ...]) -> str:
    """The token of the first issuer: given, or of our vault, which is migrated on the way."""
    if vault.token_file is not None:
        return vault.token_file.read_text(encoding="utf-8").strip()
    for left in data.glob("token-*"):  # by one that was killed
        left.unlink()
    path = data / f"token-{secrets.token_hex(4)}"
    first = ("--first-institution", institution, "--first-token", str(path))
    try:
        _vault_command(*migrate, *first)
        if not path.exists():  # the vault was there before the bridge
            _vault_command("institution", "add", "--if-missing", institution)
            _vault_command("token", "create", "--institution", institution, "--out", str(path))
        crashpoint("up.token_made")
        return path.read_text(encoding="utf-8").strip()
    finally:
        path.unlink(missing_ok=True)


def _vault_command(*arguments: str, quiet: bool = False) -> str:
    """Run a command of the vault; return what it says, if it is to be ``quiet``."""
    done = subprocess.run(  # noqa: S603  # our own program
        embedded.resolve(("certvault", *arguments)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if quiet else sys.stderr,
        text=True,
        check=False,
    )
    if done.returncode:
        raise click.ClickException(f"`certvault {arguments[0]}` failed; what it said stands above.")
    return done.stdout or ""


def _run(env: Mapping[str, str], vault: Vault, redis: EmbeddedRedis, place: Place) -> None:
    commands = dict(BRIDGE) | (dict(VAULT) if vault.port is not None else {})
    processes = [
        Process(name="redis", command=redis.command),
        *(
            Process(name=name, command=embedded.resolve(command), env=env)
            for name, command in commands.items()
        ),
    ]
    urls = [place.url] if vault.port is None else [place.url, vault.url]
    ready = {"bridge": place.url, "vault": vault.url}
    Supervisor(processes).run(meanwhile=embedded.Announcement(urls, ready))
