"""Which vault is tried: the one that the environment names, or one of ours made for it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.conformance.subject import Subject
from tests.polling import eventually
from tests.vault.world import make

URL, TOKEN = "CONFORMANCE_URL", "CONFORMANCE_TOKEN"
#: How long a foreign vault may take to process one certificate, in seconds.
PATIENCE_S = 300.0
_left: list[str] = []


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    """The vault that is tried."""
    url = os.environ.get(URL)
    if url is None:
        yield from _ours(tmp_path_factory.mktemp("conformance"))
        return
    if TOKEN not in os.environ:
        pytest.fail(f"{URL} is set and {TOKEN} is not. Set it to a token of a test institution.")
    with httpx.Client(base_url=url.rstrip("/"), timeout=60) as client:
        yield Subject(client=client, token=os.environ[TOKEN], wait=_wait, left=_left)


def _ours(folder: Path) -> Iterator[Subject]:
    world = make(f"sqlite:///{folder / 'vault.sqlite'}", folder / "files")
    token = world.token(world.institution("Conformance"))

    def wait(look: Callable[[], bool]) -> None:
        world.process()
        assert look()

    with world.client(None) as client:
        yield Subject(client=client, token=token, wait=wait, left=[])
    world.vault.database.close()


def _wait(look: Callable[[], bool]) -> None:
    eventually(look, within=PATIENCE_S)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what stays in a foreign vault: its API can delete nothing."""
    if _left:
        terminalreporter.section("left in the vault")
        for line in _left:
            terminalreporter.write_line(line)
