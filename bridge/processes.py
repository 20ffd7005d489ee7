"""The processes of both services and their commands; the Procfile says the same."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

BRIDGE: Mapping[str, tuple[str, ...]] = {
    "web": ("vaultbridge", "web"),
    "worker-normalise": ("vaultbridge", "worker", "normalise"),
    "worker-issue": ("vaultbridge", "worker", "issue"),
    "worker-follow": ("vaultbridge", "worker", "follow"),
    "worker-write-back": ("vaultbridge", "worker", "write_back"),
    "clock": ("vaultbridge", "clock"),
}

VAULT: Mapping[str, tuple[str, ...]] = {
    "vault-web": ("certvault", "web"),
    "vault-worker": ("certvault", "worker", "process"),
    "vault-deliver": ("certvault", "worker", "deliver"),
    "vault-clock": ("certvault", "clock"),
}


def resolve(command: tuple[str, ...]) -> tuple[str, ...]:
    """The command with its program's full path: beside this Python first, then on the PATH."""
    beside = str(Path(sys.executable).parent)
    path = os.pathsep.join([beside, os.environ.get("PATH", os.defpath)])
    program = shutil.which(command[0], path=path)
    if program is None:
        raise FileNotFoundError(
            f"The program {command[0]} is not installed beside {sys.executable}. "
            "Install the distribution vaultbridge into this environment."
        )
    return (program, *command[1:])
