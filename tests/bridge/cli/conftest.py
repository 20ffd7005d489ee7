"""The command line as an operator uses it: `main` in this process, on one SQLite file."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bridge.cli import main
from runtime import logging
from tests.bridge.acts import written_down
from tests.bridge.institution import KEY
from tests.bridge.world import SECRET
from tests.scripted_vault import TOKEN


@dataclass(frozen=True)
class Said:
    """What a command said, and its exit status."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Said]
#: Commands that do what the pipeline does, or prepare the database for it.
NOT_BY_A_PERSON = frozenset({"worker", "clock", "web", "migrate", "up"})


def _is_an_act(arguments: tuple[str, ...]) -> bool:
    """Whether a person changes something by it: not where they go on with what was begun, or have
    what waits looked at now."""
    looks = arguments[:2] == ("site", "check")
    return not (looks or arguments[0] in NOT_BY_A_PERSON or "--continue" in arguments)


class Terminal(io.StringIO):
    """What somebody types who sits there."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def kind() -> str:
    """SQLite alone: PostgreSQL has its tests elsewhere."""
    return "sqlite"


@pytest.fixture
def environment(
    tmp_path: Path, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """The settings of an installation in a folder of its own, set in the environment."""
    (tmp_path / "secret.key").write_text(KEY + "\n")
    values = {
        "BRIDGE_DATABASE_URL": migrated_url,
        "BRIDGE_REDIS_URL": f"unix://{tmp_path / 'no-redis.sock'}",
        "BRIDGE_KEY_FILE": str(tmp_path / "secret.key"),
        "BRIDGE_PUBLIC_URL": "https://certs.example.edu",
        "BRIDGE_ALLOWED_PRIVATE_HOSTS": "127.0.0.1",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return values


@pytest.fixture
def run(
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run ``vaultbridge …``; ``stdin`` is what is typed in, or comes through a pipe."""
    # It would send the log lines of all later tests to this test's standard error.
    monkeypatch.setattr(logging, "configure", lambda service, process: None)

    def run(*arguments: str, stdin: str = "", terminal: bool = False) -> Said:
        monkeypatch.setattr(sys, "argv", ["vaultbridge", *arguments])
        given = (Terminal if terminal else io.StringIO)(stdin)
        monkeypatch.setattr(sys, "stdin", given)
        capsys.readouterr()
        with written_down(" ".join(("vaultbridge", *arguments))) as acts:
            with pytest.raises(SystemExit) as ended:
                main()
            if not _is_an_act(arguments):
                acts.tables.clear()
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return Said(code=ended.value.code or 0, out=said.out, err=said.err)  # type: ignore[arg-type]

    return run


@pytest.fixture
def secret_files(tmp_path: Path) -> dict[str, str]:
    """A token and a signing secret, as files to name on the command line."""
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    (tmp_path / "signing").write_text(f"{SECRET}\n")
    return {"token": f"token=@{tmp_path / 'token'}", "secrets": f"secrets=@{tmp_path / 'signing'}"}
