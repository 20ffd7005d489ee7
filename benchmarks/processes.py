"""Processes to measure: started, waited for, ended; a private Redis beside them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from runtime.redis_server import embedded

#: Longer than a process may take to start on a busy machine.
PATIENCE_S = 60
POLL_S = 0.05
HOST = "127.0.0.1"


@contextmanager
def program(
    *arguments: str, environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``python -m arguments`` with these variables alone beside the machine's own."""
    own = {k: v for k, v in os.environ.items() if not k.startswith(("BRIDGE_", "VAULT_"))}
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603  # our own
            [sys.executable, "-m", *arguments],
            env={**own, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


@contextmanager
def running(
    module: str, *commands: Sequence[str], environment: Mapping[str, str], folder: Path
) -> Iterator[list[int]]:
    """Run a private Redis in a folder and these commands of ``module``; the ids of the latter."""
    with ExitStack() as stack:
        redis = subprocess.Popen(embedded(folder / "run").command, stdout=subprocess.DEVNULL)  # noqa: S603  # our own
        stack.callback(redis.wait)
        stack.callback(redis.terminate)
        yield [
            stack.enter_context(
                program(
                    module,
                    *command,
                    environment=environment,
                    log=folder / f"{'-'.join(command)}.log",
                )
            ).pid
            for command in commands
        ]


def answers(port: int) -> None:
    """Wait until something listens on a port of this machine; raises TimeoutError."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(POLL_S)
        else:
            return
    raise TimeoutError(f"nothing listens on port {port}")


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.create_server((HOST, 0)) as probe:
        port: int = probe.getsockname()[1]
    return port
