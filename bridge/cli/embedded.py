"""The embedded defaults: the environment that `up` gives its processes, and keeps for others."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runtime.redis_server import EmbeddedRedis

LOOPBACK = "127.0.0.1"
OURS = ("BRIDGE_", "VAULT_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an installation lives and listens."""

    data: Path
    host: str
    port: int

    @property
    def url(self) -> str:
        """The bridge's address on this machine."""
        return f"http://{LOOPBACK}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vault:
    """The vault that certificates go to: our own, or one at an address."""

    url: str
    port: int | None  #: None for a vault that somebody else runs
    token_file: Path | None


def environment(place: Place, vault: Vault, redis: EmbeddedRedis) -> dict[str, str]:
    """The embedded defaults; what the caller's environment sets stays as it is."""
    allowed = os.environ.get("BRIDGE_ALLOWED_PRIVATE_HOSTS", "")
    if vault.port is not None:
        allowed = ",".join(filter(None, [allowed, f"{LOOPBACK}:{vault.port}"]))
    fixed = {
        "BRIDGE_REDIS_URL": redis.url,
        "BRIDGE_HOST": place.host,
        "BRIDGE_PORT": str(place.port),
        "BRIDGE_ALLOWED_PRIVATE_HOSTS": allowed,
    }
    if vault.port is not None:
        fixed |= {
            "VAULT_REDIS_URL": redis.url,
            "VAULT_HOST": place.host,
            "VAULT_PORT": str(vault.port),
        }
    return _defaults(place, vault) | fixed


def _defaults(place: Place, vault: Vault) -> dict[str, str]:
    data = place.data
    values = {
        "BRIDGE_DATABASE_URL": f"sqlite:///{data / 'bridge.sqlite'}",
        "BRIDGE_KEY_FILE": str(data / "secret.key"),
        "BRIDGE_PUBLIC_URL": place.url,
        "BRIDGE_BACKUP_DIR": str(data / "backups"),
        "BRIDGE_CACHE_DIR": str(data / "cache"),
        # On one machine nothing is spared by waiting longer.
        "BRIDGE_SWEEP": "1",
        "BRIDGE_POLL_FIRST": "1",
    }
    if vault.port is not None:
        values["VAULT_DATABASE_URL"] = f"sqlite:///{data / 'vault.sqlite'}"
        values["VAULT_PUBLIC_URL"] = vault.url
        values["VAULT_FILES"] = str(data / "vault-files")
    return {
        name: os.environ.get(name, value)
        for name, value in values.items()
        if f"{name}_FILE" not in os.environ
    }


def keep(path: Path, env: Mapping[str, str]) -> None:
    """Write the environment for a shell to read, so that other commands find this installation."""
    kept = {**{k: v for k, v in os.environ.items() if k.startswith(OURS)}, **env}
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.writelines(f"{name}={shlex.quote(value)}\n" for name, value in sorted(kept.items()))


def kept_port(path: Path) -> int | None:
    """Our vault's port of the last start: QR codes already printed name it."""
    if not path.exists():
        return None
    kept = dict(word.split("=", 1) for word in shlex.split(path.read_text(encoding="utf-8")))
    return int(kept["VAULT_PORT"]) if "VAULT_PORT" in kept else None
