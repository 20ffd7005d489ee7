"""The command line as a whole: settings, schema, keys; and errors without a trace."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from bridge.cli import COMMANDS, processes
from bridge.pipeline import side_by_side
from bridge.queue import SERVICE
from runtime.embedded import resolve
from runtime.keys import Keys
from tests.bridge.cli.conftest import Run
from tests.polling import PATIENCE_S


def test_every_command_explains_itself(run: Run) -> None:
    listed = run("--help").out

    for command in COMMANDS:
        assert command in listed
        said = run(command, "--help")
        assert (0, True) == (said.code, said.out.startswith("Usage: vaultbridge"))


def test_settings_are_listed_with_their_secrets_masked(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRIDGE_DATABASE_URL", "postgresql://bridge:a-canary@db/bridge")

    said = run("settings")

    assert 0 == said.code
    assert "a-canary" not in said.out
    for expected in ("BRIDGE_DATABASE_URL", "••••••", "https://certs.example.edu", "BRIDGE_LEASE"):
        assert expected in said.out


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"BRIDGE_PUBLIC_URL": None}, "BRIDGE_PUBLIC_URL: is missing."),
        ({"BRIDGE_COLOUR": "red"}, "BRIDGE_COLOUR: no such setting."),
        ({"BRIDGE_PUBLIC_URL": "x"}, "Example: https://certs.example.edu"),
        ({"BRIDGE_LEASE": "30"}, "BRIDGE_LEASE: it must be longer"),
        ({"BRIDGE_WEB_WORKERS": "2"}, "SQLite takes one web process"),
        ({"BRIDGE_KEY_FILE": "/nowhere/secret.key"}, "Cannot read the keys in /nowhere"),
        ({"BRIDGE_DATABASE_URL": "sqlite:////nowhere/x.sqlite"}, "The database does not answer"),
        ({"BRIDGE_DATABASE_URL": "sqlite:///{empty}"}, "Run `vaultbridge migrate`."),
    ],
    ids=str,
)
def test_an_installation_that_cannot_work_says_why(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    changes: dict[str, str | None],
    told: str,
) -> None:
    for name, value in changes.items():
        if value is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, value.replace("{empty}", str(tmp_path / "empty.sqlite")))

    said = run("issuances")

    assert (1, "", True) == (said.code, said.out, told in said.err), said.err
    assert said.err.startswith("vaultbridge: ")


def test_migrate_makes_the_tables_and_may_be_repeated(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BRIDGE_DATABASE_URL", f"sqlite:///{tmp_path / 'new.sqlite'}")

    for _ in range(2):
        said = run("migrate")
        assert (0, "The schema is up to date.\n") == (said.code, said.out), said.err
    assert (0, []) == ((listed := run("issuances", "--json")).code, listed.json)


def test_a_worker_ends_once_whoever_it_serves_has_been_served(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(side_by_side, "SLICE_S", 0.01)
    monkeypatch.setattr(side_by_side, "LOOK_S", 0.01)
    asked_to_end, served = threading.Event(), threading.Event()

    def serve(_who: str) -> None:
        asked_to_end.wait(PATIENCE_S)
        served.set()

    def work(_url: str, *, service: str, steps: dict[str, Any]) -> None:
        bridge = steps["issue"].args[0]
        assert (SERVICE, True) == (service, bridge.sides["issue"].run(lambda: ["main"], serve))
        threading.Timer(0.1, asked_to_end.set).start()

    monkeypatch.setattr(processes, "work", work)

    assert 0 == run("worker", "issue").code
    assert served.is_set()


def test_a_new_key_is_one_that_works(run: Run) -> None:
    key = run("keys", "new").out.strip()

    sealed = Keys([key]).encrypt({"a": "b"}, purpose="p")

    assert {"a": "b"} == Keys([key]).decrypt(sealed, purpose="p")


def test_the_installed_program_tells_a_mistake_without_a_trace_and_is_quiet_otherwise(
    environment: dict[str, str],
) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = resolve(("vaultbridge", *arguments))
        return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603

    good, bad = run("issuances", "--json"), run("show", "nothing")

    assert (0, "[]\n", "") == (good.returncode, good.stdout, good.stderr)
    assert (1, "") == (bad.returncode, bad.stdout)
    assert bad.stderr.startswith("vaultbridge: 'nothing' is not an id.")
