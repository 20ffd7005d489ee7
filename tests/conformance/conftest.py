"""Which vault is tried: the one that the environment names, or one of ours made for it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.conformance.preflight import EMAIL, TOKEN, URL, why_not
from tests.conformance.subject import API, Subject
from tests.polling import eventually
from tests.vault.world import make

#: How long a foreign vault may take to answer a call, and to process one certificate, in seconds.
TIMEOUT_S = 60.0
PATIENCE_S = 300.0
#: The foreign vault that was tried.
_tried: list[Subject] = []


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to try a foreign vault several times at once."""
    if URL in os.environ and getattr(config.option, "numprocesses", None):
        raise pytest.UsageError("A vault is tried by one process, which says what stays: omit -n.")


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    """The vault that is tried."""
    if URL in os.environ:
        yield from _foreign(os.environ[URL])
    else:
        yield from _ours(tmp_path_factory.mktemp("conformance"))


def _foreign(url: str) -> Iterator[Subject]:
    token = os.environ.get(TOKEN, "").strip()
    if not token:
        _stop(f"{URL} is set and {TOKEN} is not. Set it to a token of a test institution.")
    base = url.rstrip("/").removesuffix(API)
    if not base.startswith(("http://", "https://")):
        _stop(f"{URL} is {url!r}. Set it to a vault's address with http:// or https://.")
    with httpx.Client(base_url=base, timeout=TIMEOUT_S) as client:
        found = Subject(
            client=client,
            token=token,
            wait=lambda look: eventually(look, within=PATIENCE_S) and None,
            mailbox=os.environ.get(EMAIL),
        )
        _tried.append(found)
        if (reason := why_not(found)) is not None:
            _stop(reason)
        yield found


def _ours(folder: Path) -> Iterator[Subject]:
    world = make(f"sqlite:///{folder / 'vault.sqlite'}", folder / "files")
    token = world.token(world.institution("Conformance"))

    def wait(look: Callable[[], bool]) -> None:
        world.process()
        assert look()

    with world.client(None) as client:
        yield Subject(client=client, token=token, wait=wait)
    world.vault.database.close()


def _stop(reason: str) -> None:
    """End the run: each test would only fail for the same reason."""
    pytest.exit(f"The vault cannot be tried. {reason}", returncode=pytest.ExitCode.USAGE_ERROR)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what stays in a foreign vault: its API can delete nothing."""
    for subject in _tried:
        terminalreporter.section(f"left in the vault at {subject.client.base_url}")
        for line in [*subject.left.lines()] or ["nothing"]:
            terminalreporter.write_line(line)
