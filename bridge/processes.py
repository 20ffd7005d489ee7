"""The processes of both services and their commands; the Procfile says the same."""

from __future__ import annotations

from collections.abc import Mapping

BRIDGE: Mapping[str, tuple[str, ...]] = {
    "web": ("vaultbridge", "web"),
    "worker-normalise": ("vaultbridge", "worker", "normalise"),
    "worker-issue": ("vaultbridge", "worker", "issue"),
    "worker-follow": ("vaultbridge", "worker", "follow"),
    "worker-write-back": ("vaultbridge", "worker", "write_back"),
    "worker-reconcile": ("vaultbridge", "worker", "reconcile"),
    "clock": ("vaultbridge", "clock"),
}

#: Of the bridge's, those that give signs of life in its database: their names there, and commands.
LIVING: Mapping[str, str] = {
    " ".join(command[1:]): " ".join(command)
    for command in BRIDGE.values()
    if command[1] in ("worker", "clock")
}

VAULT: Mapping[str, tuple[str, ...]] = {
    "vault-web": ("certvault", "web"),
    "vault-worker": ("certvault", "worker", "process"),
    "vault-deliver": ("certvault", "worker", "deliver"),
    "vault-clock": ("certvault", "clock"),
}
