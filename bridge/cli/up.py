"""``vaultbridge up``: every process of both services on the embedded defaults, in one group."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import click
import httpx

from bridge.cli.issuers import add_issuer
from bridge.processes import BRIDGE, VAULT, resolve
from bridge.queue import SERVICE
from bridge.settings import from_environment
from bridge.store import accounts
from bridge.wiring import build, migrate_database
from runtime import logging
from runtime.keys import Keys
from runtime.redis_server import EmbeddedRedis, embedded
from runtime.supervisor import Process, Supervisor

#: The issuer that `up` sets up by itself.
ISSUER = "main"
HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Vault:
    """The vault that certificates go to: our own, or one at an address."""

    url: str
    port: int | None  #: None for a vault that somebody else runs
    token_file: Path | None


@click.command()
@click.option(
    "--data", required=True, type=click.Path(path_type=Path), help="The folder for everything kept."
)
@click.option("--port", default=8000, show_default=True, help="The bridge's port.")
@click.option("--vault-port", type=int, help="Our vault's port. Default: the next free one.")
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
    vault_port: int | None,
    vault_url: str | None,
    vault_token_file: Path | None,
    institution: str,
) -> None:
    """Run the bridge and, unless --vault names another, our vault. Ctrl-C stops all."""
    if (vault_url is None) != (vault_token_file is None):
        raise click.UsageError("--vault and --vault-token-file go together.")
    _require_free(port)
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    data = data.resolve()
    Keys.read_or_create(data / "secret.key")
    vault_port = vault_port or _kept_port(data / "env")
    vault = _vault(vault_url, vault_token_file, vault_port, beside=port)
    redis = embedded(data / "run")
    env = _environment(data, port, vault, redis)
    _write_env(data / "env", env)
    os.environ.update(env)
    logging.configure(SERVICE, "up")
    _prepare(vault, institution, data)
    _run(env, vault, redis, port)


def _require_free(port: int) -> None:
    if not _is_free(port):
        raise click.ClickException(
            f"The port {port} is taken. Stop what listens there, or give another: --port."
        )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _vault(url: str | None, token_file: Path | None, port: int | None, *, beside: int) -> _Vault:
    if url is not None:
        return _Vault(url=url.rstrip("/"), port=None, token_file=token_file)
    chosen = port or next(p for p in range(beside + 1, beside + 1000) if _is_free(p))
    _require_free(chosen)
    return _Vault(url=f"http://{HOST}:{chosen}", port=chosen, token_file=None)


def _kept_port(env: Path) -> int | None:
    """Our vault's port of the last start: QR codes already printed name it."""
    if not env.exists():
        return None
    kept = dict(line.split("=", 1) for line in env.read_text(encoding="utf-8").splitlines())
    return int(kept["VAULT_PORT"]) if "VAULT_PORT" in kept else None


def _environment(data: Path, port: int, vault: _Vault, redis: EmbeddedRedis) -> dict[str, str]:
    """The embedded defaults; what the caller's environment sets stays as it is."""
    allowed = os.environ.get("BRIDGE_ALLOWED_PRIVATE_HOSTS", "")
    if vault.port is not None:
        allowed = ",".join(filter(None, [allowed, f"{HOST}:{vault.port}"]))
    defaults = {
        "BRIDGE_DATABASE_URL": f"sqlite:///{data / 'bridge.sqlite'}",
        "BRIDGE_KEY_FILE": str(data / "secret.key"),
        "BRIDGE_PUBLIC_URL": f"http://{HOST}:{port}",
        "BRIDGE_BACKUP_DIR": str(data / "backups"),
        "BRIDGE_CACHE_DIR": str(data / "cache"),
        # On one machine nothing is spared by waiting longer.
        "BRIDGE_SWEEP": "1",
        "BRIDGE_POLL_FIRST": "1",
    }
    fixed = {
        "BRIDGE_REDIS_URL": redis.url,
        "BRIDGE_HOST": HOST,
        "BRIDGE_PORT": str(port),
        "BRIDGE_ALLOWED_PRIVATE_HOSTS": allowed,
    }
    if vault.port is not None:
        defaults["VAULT_DATABASE_URL"] = f"sqlite:///{data / 'vault.sqlite'}"
        defaults["VAULT_PUBLIC_URL"] = vault.url
        defaults["VAULT_FILES"] = str(data / "vault-files")
        fixed |= {
            "VAULT_REDIS_URL": redis.url,
            "VAULT_HOST": HOST,
            "VAULT_PORT": str(vault.port),
        }
    return {name: os.environ.get(name, value) for name, value in defaults.items()} | fixed


def _write_env(path: Path, env: Mapping[str, str]) -> None:
    """Keep the environment, so that other commands find this installation."""
    ours = ("BRIDGE_", "VAULT_")
    kept = {**{k: v for k, v in os.environ.items() if k.startswith(ours)}, **env}
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in sorted(kept.items()))


def _prepare(vault: _Vault, institution: str, data: Path) -> None:
    """Migrate both databases; at the first start, make the issuer and our vault's token."""
    settings = from_environment(os.environ)
    backup = migrate_database(settings)
    if backup is not None:
        click.echo(f"Copied the database before the upgrade: {backup}", err=True)
    if vault.port is not None:
        _vault_command("migrate")
    bridge = build(settings, ring=lambda _step: None)
    with bridge.database.read() as conn:
        found = next((row for row in accounts.issuers(conn) if row.name == ISSUER), None)
    if found is None:
        token = _first_token(vault, institution, data)
        url, hidden = vault.url, {"token": token}
        add_issuer(bridge, ISSUER, url=url, institution=institution, secrets=hidden, who="up")
    elif vault.port is None and found.vault_url != vault.url:
        raise click.ClickException(
            f"The issuer {ISSUER} belongs to the vault at {found.vault_url}, and its certificates "
            f"with it. For {vault.url} add another: vaultbridge issuer add NAME --url {vault.url}"
        )
    elif vault.port is not None and urlsplit(found.vault_url).hostname == HOST:
        with bridge.database.write() as conn:
            accounts.change(conn, found.id, kind="issuer", vault_url=vault.url)
    bridge.database.close()


def _first_token(vault: _Vault, institution: str, data: Path) -> str:
    if vault.token_file is not None:
        return vault.token_file.read_text(encoding="utf-8").strip()
    path = data / f"token-{secrets.token_hex(4)}"
    try:
        _vault_command("institution", "add", institution)
        _vault_command("token", "create", "--institution", institution, "--out", str(path))
        return path.read_text(encoding="utf-8").strip()
    finally:
        path.unlink(missing_ok=True)


def _vault_command(*arguments: str) -> None:
    done = subprocess.run(  # noqa: S603  # our own program
        resolve(("vaultbridge-vault", *arguments)),
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        check=False,
    )
    if done.returncode:
        raise click.ClickException(
            f"`vaultbridge-vault {arguments[0]}` failed; what it said stands above."
        )


def _run(env: Mapping[str, str], vault: _Vault, redis: EmbeddedRedis, port: int) -> None:
    commands = dict(BRIDGE) | (dict(VAULT) if vault.port is not None else {})
    processes = [
        Process(name="redis", command=redis.command),
        *(
            Process(name=name, command=resolve(command), env=env)
            for name, command in commands.items()
        ),
    ]
    bridge_url = f"http://{HOST}:{port}"
    waiting = {bridge_url} | ({vault.url} if vault.port is not None else set())
    ready = {"ready": True, "bridge": bridge_url, "vault": vault.url}
    Supervisor(processes).run(meanwhile=lambda: _announce(waiting, ready))


def _announce(waiting: set[str], ready: Mapping[str, object]) -> None:
    """Print one line once everything that serves is ready."""
    if not waiting:
        return
    for url in list(waiting):
        try:
            if httpx.get(f"{url}/health/ready", timeout=1, trust_env=False).status_code == 200:
                waiting.discard(url)
        except httpx.HTTPError:
            return
    if not waiting:
        click.echo(json.dumps(ready))
        sys.stdout.flush()
