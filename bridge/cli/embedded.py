"""The embedded defaults: the environment that `up` gives its processes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from runtime.embedded import LOOPBACK, unless_set
from runtime.redis_server import EmbeddedRedis

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
        allowed = _also("BRIDGE_ALLOWED_PRIVATE_HOSTS", f"{LOOPBACK}:{vault.port}")
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
            "VAULT_ALLOWED_PRIVATE_HOSTS": _also(
                "VAULT_ALLOWED_PRIVATE_HOSTS", f"{LOOPBACK}:{place.port}"
            ),
        }
    return _defaults(place, vault) | fixed


def _also(variable: str, host: str) -> str:
    """The hosts that the caller's environment allows, and this one."""
    return ",".join(filter(None, [os.environ.get(variable, ""), host]))


def _defaults(place: Place, vault: Vault) -> dict[str, str]:
    data = place.data
    values = {
        "BRIDGE_DATABASE_URL": f"sqlite:///{data / 'bridge.sqlite'}",
        "BRIDGE_KEY_FILE": str(data / "secret.key"),
        "BRIDGE_PUBLIC_URL": place.url,
        "BRIDGE_BACKUP_DIR": str(data / "backups"),
        "BRIDGE_CACHE_DIR": str(data / "cache"),
        "BRIDGE_TEMPLATES_DIR": str(data / "templates"),
        "BRIDGE_MAIL_FOLDER": str(data / "notices"),
        # On one machine nothing is spared by waiting longer.
        "BRIDGE_SWEEP": "1",
        "BRIDGE_POLL_FIRST": "1",
    }
    if vault.port is not None:
        values["VAULT_DATABASE_URL"] = f"sqlite:///{data / 'vault.sqlite'}"
        values["VAULT_PUBLIC_URL"] = vault.url
        values["VAULT_FILES"] = str(data / "vault-files")
        values["VAULT_KEY_FILE"] = str(data / "secret.key")
        values["VAULT_MAIL_FOLDER"] = str(data / "mail")
    return unless_set(values)
