"""`certvault institution signing-key`: set, shown, refused, taken away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.vault import authority
from tests.vault.authority import PASSPHRASE, as_pkcs12, issued
from tests.vault.world import World
from vault import wiring
from vault.cli import main
from vault.signing import SigningKeys


@pytest.fixture
def abc(world: World, monkeypatch: pytest.MonkeyPatch) -> int:
    """An institution of the vault that the commands are about."""
    settings = world.vault.settings
    for name in ("database_url", "redis_url", "files", "public_url", "key_file"):
        monkeypatch.setenv(f"VAULT_{name.upper()}", str(getattr(settings, name)))
    return world.institution("ABC University")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The institution's PKCS#12."""
    made = tmp_path / "key.p12"
    made.write_bytes(as_pkcs12(authority.institution()))
    return made


def told(*args: object, typed: str | None = None) -> tuple[int, str]:
    """(status, what was said)."""
    command = ["institution", "signing-key", *map(str, args)]
    result = CliRunner().invoke(main, command, input=typed)
    return result.exit_code, result.output


LAST_DAY = authority.institution().certificate.not_valid_after_utc
SIGNS = f"ABC University signs as CN=ABC University, until {LAST_DAY:%Y-%m-%d}.\n"
NONE = "ABC University has no signing key.\n"


def test_a_key_is_set_shown_and_taken_away(
    world: World, abc: int, file: Path, tmp_path: Path
) -> None:
    (tmp_path / "passphrase").write_text(PASSPHRASE + "\n")
    name = "ABC University"

    assert (0, NONE) == told(name)
    assert (0, SIGNS) == told(name, file, "--passphrase-file", tmp_path / "passphrase")
    assert (0, SIGNS) == told(name)
    keys = SigningKeys(world.vault.database, lambda: wiring.keys(world.vault.settings))
    found = keys.find(abc)
    assert found is not None
    assert "CN=ABC University" == found.subject
    assert (0, "ABC University signs no more.\n") == told(name, "--remove")
    assert (0, NONE) == told(name, "--remove")
    assert None is keys.find(abc)


def test_the_passphrase_is_asked_and_not_shown(abc: int, file: Path) -> None:
    status, said = told("ABC University", file, typed=f"{PASSPHRASE}\n")

    assert (0, True, False) == (status, said.endswith(SIGNS), PASSPHRASE in said)


def test_a_file_without_passphrase_takes_an_empty_one(abc: int, file: Path) -> None:
    file.write_bytes(as_pkcs12(authority.institution(), None))

    assert 0 == told("ABC University", file, typed="\n")[0]


def test_what_cannot_be_set_is_told_and_nothing_is_kept(
    world: World, abc: int, file: Path, tmp_path: Path
) -> None:
    past = datetime.now(UTC) - timedelta(days=1)
    old = issued("Old", by=authority.root(), since=past - authority.YEAR, until=past)
    (tmp_path / "old.p12").write_bytes(as_pkcs12(old))
    (tmp_path / "binary").write_bytes(b"\xff")
    name, passphrase = "ABC University", f"{PASSPHRASE}\n"
    mistakes = [
        (told(name, file, typed="wrong\n"), "Error: The PKCS#12 file cannot be opened: the pass"),
        (told(name, tmp_path / "old.p12", typed=passphrase), "(CN=Old) expired on "),
        (told(name, tmp_path / "no.p12", typed=passphrase), "no.p12: No such file or directory."),
        (told(name, file, "--passphrase-file", tmp_path / "binary"), "binary is no UTF-8 text."),
        (told("XYZ", file, typed=passphrase), "There is no institution 'XYZ'. There are:"),
        (told(name, file, "--remove"), "Error: Name a file or say --remove, not both."),
    ]

    assert [(True, True)] * 6 == [(status != 0, text in said) for (status, said), text in mistakes]
    assert (0, NONE) == told(name)


def test_a_damaged_key_file_is_told(world: World, abc: int, file: Path) -> None:
    key_file = world.vault.settings.key_file
    assert key_file is not None
    key_file.write_text("nonsense\n")
    status, said = told("ABC University", file, typed=f"{PASSPHRASE}\n")

    assert (1, True) == (status, "A key is not 32 bytes in URL-safe base64." in said)
