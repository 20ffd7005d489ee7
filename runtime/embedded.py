"""Running a service on the embedded defaults: its folder, its ports, the environment it keeps."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import shlex
import shutil
import socket
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

import httpx

from runtime.on_disk import appearing

LOOPBACK = "127.0.0.1"
#: The file in an installation's folder that holds its environment.
ENVIRONMENT = "env"
#: In that file: the folder it was written for, so that it can be read after a move.
PLACE = "INSTALLATION"
#: The file that is locked while an installation runs; it holds the process id.
LOCK = "lock"
#: How many ports are tried for one that is free.
PORTS_TRIED = 1000


class Taken(Exception):
    """Something else uses the port or the folder; the text says what to do."""


def private_folder(path: Path) -> Path:
    """Make a folder whose databases, copies and files are nobody else's; return where it is.

    From then on, whatever this process and its children make is their user's alone.
    """
    os.umask(0o077)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path.resolve()


def occupy(data: Path) -> None:
    """Keep an installation's folder for this process until it ends; raises Taken.

    Two groups of processes on one folder would take each other's Redis and settings away.
    """
    handle = os.open(data / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(handle, 20).decode()
        os.close(handle)
        raise Taken(
            f"{data} runs already, as process {holder}. Stop that first, or name another folder."
        ) from None
    os.truncate(handle, 0)
    os.write(handle, str(os.getpid()).encode())


def require_free(host: str, port: int) -> None:
    """Raise Taken if something listens there, or nothing can."""
    reason = _why_not(host, port)
    if reason is None:
        return
    if reason.errno == errno.EADDRINUSE:
        raise Taken(f"The port {port} is taken. Stop what listens there, or give another: --port.")
    raise Taken(
        f"Nothing can listen on {host}, port {port} ({reason.strerror}). "
        "Give an address of this machine (--host) and a port that this user may use (--port)."
    )


def free_port(host: str, *, after: int) -> int:
    """Return the next port that is free; raises Taken if none of the next thousand is."""
    following = range(after + 1, after + 1 + PORTS_TRIED)
    found = next((port for port in following if _why_not(host, port) is None), None)
    if found is None:
        raise Taken(f"No port from {after + 1} to {after + PORTS_TRIED} is free. Name one.")
    return found


def _why_not(host: str, port: int) -> OSError | None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as exc:
            return exc
    return None


def unless_set(values: Mapping[str, str]) -> dict[str, str]:
    """The values with those that the caller's environment sets put over them."""
    return {
        name: os.environ.get(name, value)
        for name, value in values.items()
        if f"{name}_FILE" not in os.environ
    }


def keep(data: Path, env: Mapping[str, str], *, prefixes: tuple[str, ...]) -> None:
    """Write the environment for a shell to read, so that other commands find this installation.

    ``prefixes`` say which of the caller's own variables are kept with it.
    """
    theirs = {k: v for k, v in os.environ.items() if k.startswith(prefixes)}
    kept_ = {**theirs, **env, PLACE: str(data.resolve())}
    lines = (f"{name}={shlex.quote(value)}\n" for name, value in sorted(kept_.items()))
    with appearing(data / ENVIRONMENT) as unfinished:
        unfinished.write_text("".join(lines), encoding="utf-8")


def kept(data: Path) -> dict[str, str]:
    """The environment that `keep` wrote, empty if there is none.

    Of a folder that was moved or copied since, whatever lay inside it is where it lies now.
    """
    path = data / ENVIRONMENT
    if not path.is_file():
        return {}
    words = shlex.split(path.read_text(encoding="utf-8"))
    found = dict(word.split("=", 1) for word in words)
    before, now = found.pop(PLACE, None), str(data.resolve())
    if before is None or before == now:
        return found
    return {name: _moved(value, before, now) for name, value in found.items()}


def _moved(value: str, before: str, now: str) -> str:
    """A path, or the path of an address, that lay below one folder, below another."""
    for old, new in {before: now, quote(before): quote(now)}.items():
        found = re.fullmatch(rf"(|\w+:/{{2,3}}){re.escape(old)}(|/.*)", value, re.DOTALL)
        if found is not None:
            return f"{found[1]}{new}{found[2]}"
    return value


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


class Announcement:
    """Says in one line of JSON, once, that everything that serves is ready."""

    def __init__(self, urls: Iterable[str], ready: Mapping[str, object]) -> None:
        self._waiting = list(urls)
        self._ready = {"ready": True, **ready}
        self._made = False

    def __call__(self) -> None:
        """Ask who is not ready yet; for `runtime.supervisor.Supervisor.run`."""
        if self._made:
            return
        while self._waiting:
            if not _is_ready(self._waiting[0]):
                return
            self._waiting.pop(0)
        self._made = True
        sys.stdout.write(json.dumps(self._ready) + "\n")
        sys.stdout.flush()


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/ready", timeout=1, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
