"""``vaultbridge up``: everything from one command, restarted when it dies, gone when it ends."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bridge.processes import BRIDGE, VAULT
from runtime.embedded import resolve
from tests.acceptance.installation import COMMAND_S, READY_S
from tests.polling import eventually
from tests.ports import free_port
from tests.processes import children_of, is_alive


@contextmanager
def up(data: Path, port: int, *more: str) -> Iterator[subprocess.Popen[bytes]]:
    """``vaultbridge up``, told to end at the end."""
    command = resolve(("vaultbridge", "up", "--data", str(data), "--port", str(port), *more))
    with (data.parent / "up.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)  # noqa: S603
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=COMMAND_S)


def ready(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """The line it prints when all is ready."""
    assert process.stdout is not None
    line: dict[str, Any] = json.loads(process.stdout.readline())
    return line


def environment(data: Path) -> dict[str, str]:
    """What other commands need to find the installation."""
    kept = dict(word.split("=", 1) for word in shlex.split((data / "env").read_text()))
    return {**os.environ, **kept}


def told(env: Mapping[str, str], *command: str) -> Any:
    """What a command tells as JSON."""
    done = subprocess.run(  # noqa: S603  # our own
        resolve(("vaultbridge", *command, "--json")),
        env=dict(env),
        capture_output=True,
        check=True,
        timeout=COMMAND_S,
    )
    return json.loads(done.stdout)


def _is_well(env: Mapping[str, str], check: str) -> bool:
    """Whether the doctor finds no trouble there."""
    done = subprocess.run(  # noqa: S603  # our own
        resolve(("vaultbridge", "doctor", "--quick")),
        env=dict(env),
        capture_output=True,
        check=False,
        timeout=COMMAND_S,
    )
    return f"{check}: well" in done.stdout.decode().splitlines()


def test_it_runs_every_process_restarts_the_dead_and_ends_them_all(tmp_path: Path) -> None:
    data, port = tmp_path / "data", free_port()
    with up(data, port) as process:
        line = ready(process)
        running = children_of(process.pid)

        assert (True, f"http://127.0.0.1:{port}") == (line["ready"], line["bridge"])
        assert len({**BRIDGE, **VAULT}) + 1 == len(running)  # and Redis
        assert [] == told(environment(data), "deliveries")
        assert eventually(lambda: _is_well(environment(data), "processes"), within=READY_S, every=1)
        victim = running[0]
        os.kill(victim, signal.SIGKILL)
        eventually(
            lambda: (
                victim not in children_of(process.pid)
                and len(children_of(process.pid)) == len(running)
            ),
            within=READY_S,
        )
        last = children_of(process.pid)

    assert [] == [pid for pid in [*running, *last] if is_alive(pid)]
    assert (0o600, 0o700) == (
        (data / "secret.key").stat().st_mode & 0o777,
        data.stat().st_mode & 0o777,
    )


def test_nothing_is_left_when_it_is_killed_itself(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with up(data, free_port()) as process:
        ready(process)
        running = children_of(process.pid)
        process.kill()

    eventually(lambda: not [pid for pid in running if is_alive(pid)], within=READY_S)


def test_a_second_start_keeps_its_issuer_its_vault_and_the_vaults_port(tmp_path: Path) -> None:
    data, port = tmp_path / "data", free_port()
    with up(data, port, "--institution", "Universität Zürich") as process:
        first = ready(process)
        issuers = told(environment(data), "issuer", "list")
    with up(data, port) as process:
        second = ready(process)
        again = told(environment(data), "issuer", "list")

    assert first == second
    assert issuers == again
    assert ["Universität Zürich"] == [issuer["institution_name"] for issuer in again]


def test_a_bridge_that_moves_to_another_port_takes_the_vaults_webhooks_with_it(
    tmp_path: Path,
) -> None:
    data, ports = tmp_path / "data", [free_port(), free_port()]
    endpoints = []
    for port in ports:
        with up(data, port) as process:
            ready(process)
            endpoints.append(_listed(environment(data), "webhook", "list"))

    hooks = [f"http://127.0.0.1:{port}/hooks/vault/main" for port in ports]
    assert [[(hook, "active")] for hook in hooks] == [
        [(address, state) for _, _, address, _, state, _ in found] for found in endpoints
    ]
    assert endpoints[0][0][0] == endpoints[1][0][0], "the same endpoint"


def _listed(env: Mapping[str, str], *command: str) -> list[list[str]]:
    """What a command of the vault lists."""
    done = subprocess.run(  # noqa: S603  # our own
        resolve(("certvault", *command)),
        env=dict(env),
        capture_output=True,
        check=True,
        timeout=COMMAND_S,
    )
    return [line.split("\t") for line in done.stdout.decode().splitlines()]


def test_another_vault_is_used_by_its_address(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("a-token-of-another-vault\n")
    data = tmp_path / "data"
    with up(
        data, free_port(), "--vault", "https://vault.example.org", "--vault-token-file", str(token)
    ) as process:
        line = ready(process)
        [issuer] = told(environment(data), "issuer", "list")

        assert len(BRIDGE) + 1 == len(children_of(process.pid))
    assert "https://vault.example.org" == line["vault"] == issuer["vault_url"]


def test_a_taken_port_is_said_before_anything_starts(tmp_path: Path) -> None:
    command = resolve(("vaultbridge", "up", "--data", str(tmp_path / "data"), "--port"))
    with contextlib.closing(_listening()) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(  # noqa: S603  # our own
            (*command, str(port)), capture_output=True, text=True, check=False, timeout=COMMAND_S
        )

    assert 1 == done.returncode
    assert f"The port {port} is taken." in done.stderr
    assert not (tmp_path / "data").exists()


def _listening() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def test_with_a_new_key_the_secrets_are_entered_again(tmp_path: Path) -> None:
    data, port = tmp_path / "data", free_port()
    with up(data, port) as process:
        ready(process)
    (data / "secret.key").unlink()
    token = tmp_path / "token"
    token.write_text("a-token-made-anew\n")
    with up(data, port) as process:
        ready(process)
        env = environment(data)
        lost = subprocess.run(  # noqa: S603  # our own
            resolve(("vaultbridge", "issuer", "show", "main")),
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_S,
        )
        rotate = ("vaultbridge", "issuer", "rotate", "main", "--secret", f"token=@{token}")
        subprocess.run(resolve(rotate), env=env, check=True, timeout=COMMAND_S)  # noqa: S603
        shown = told(env, "issuer", "show", "main")

    assert 1 == lost.returncode
    assert "enter the secrets again" in lost.stderr
    assert ["token"] == list(shown["secrets"])
