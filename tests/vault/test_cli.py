"""`certvault`: what an operator types, and what he reads when it is wrong."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from runtime import logging
from runtime.database import Database
from runtime.embedded import resolve
from tests.vault.world import World
from vault.addresses import API
from vault.cli import main
from vault.store.tables import token

PUBLIC_URL = "https://vault.example.edu"


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch, sqlite_url: str, tmp_path: Path) -> None:
    monkeypatch.setenv("VAULT_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("VAULT_REDIS_URL", "redis://:secret@127.0.0.1:1")
    monkeypatch.setenv("VAULT_FILES", str(tmp_path / "files"))
    monkeypatch.setenv("VAULT_PUBLIC_URL", PUBLIC_URL)
    # In this process it would decide how the log of all later tests is written.
    monkeypatch.setattr(logging, "configure", lambda service, process: None)


def run(*args: object) -> Result:
    return CliRunner().invoke(main, [str(arg) for arg in args])


def good(*args: object) -> str:
    result = run(*args)
    assert 0 == result.exit_code, result.output
    return result.output


def bad(*args: object) -> str:
    result = run(*args)
    assert 0 != result.exit_code
    assert None is result.exception or isinstance(result.exception, SystemExit)
    return result.output


def test_an_empty_database_is_migrated_once(sqlite_url: str) -> None:
    assert "The database's schema is up to date.\n" == good("migrate") == good("migrate")


def test_the_first_migration_may_make_an_institution_and_its_token(tmp_path: Path) -> None:
    first, second = tmp_path / "token", tmp_path / "another"
    good("migrate", "--first-institution", "ABC University", "--first-token", first)
    good("migrate", "--first-institution", "Other", "--first-token", second)

    assert "ABC University" in good("institution", "list")
    assert "Other" not in good("institution", "list")
    assert good("token", "list").startswith(first.read_text()[:8])
    assert (0o600, False) == (first.stat().st_mode & 0o777, second.exists())
    assert "go together" in bad("migrate", "--first-institution", "ABC University")


@pytest.mark.parametrize(
    "command",
    [["web"], ["worker", "process"], ["clock"], ["token", "list"], ["institution", "add", "X"]],
)
def test_nothing_runs_on_a_schema_that_is_not_current(command: list[str]) -> None:
    told = bad(*command)

    assert told.startswith("Error: The database's schema is empty, this program needs vault_")
    assert told.endswith(". Run: certvault migrate\n")


@pytest.mark.parametrize("command", [["migrate"], ["web"], ["clock"], ["settings"]])
def test_wrong_settings_are_told(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_PORT", "many")
    monkeypatch.delenv("VAULT_FILES")
    told = bad(*command)

    assert "VAULT_PORT: " in told
    assert "VAULT_FILES: is missing" in told


def test_a_database_that_cannot_be_opened_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VAULT_DATABASE_URL", f"sqlite:///{tmp_path / 'missing' / 'x.sqlite'}")

    assert (
        "Error: The database cannot be used: unable to open database file. "
        "Check VAULT_DATABASE_URL.\n"
    ) == bad("migrate")


def test_a_reader_that_hangs_up_is_no_trouble() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(  # noqa: S603  # our own
        resolve(("certvault", "settings")), stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)

    assert (1, b"") == (done.returncode, done.stderr)


def test_settings_are_listed_secrets_masked() -> None:
    listed = good("settings")

    assert f"VAULT_PUBLIC_URL={PUBLIC_URL}\n" in listed
    assert "VAULT_PORT=8200\n" in listed
    assert "secret" not in listed


def test_a_token_works_and_lies_only_where_it_was_put(world: World, tmp_path: Path) -> None:
    world.institution("ABC University")
    out = tmp_path / "token"
    assert "" == good("token", "create", "--institution", "ABC University", "--out", out)
    text = out.read_text().strip()

    assert 0o600 == out.stat().st_mode & 0o777
    with world.client(text) as client:
        assert 200 == client.get(API).status_code
    assert text not in good("token", "list")


def test_a_token_alone_is_printed(world: World) -> None:
    world.institution("ABC University")
    text = good("token", "create", "--institution", "ABC University")

    with world.client(text.removesuffix("\n")) as client:
        assert 200 == client.get(API).status_code


def test_a_tokens_permissions_and_last_day_are_kept(world: World) -> None:
    world.institution("ABC University")
    options = ["--permission", "list,view", "--permission", "create", "--expires", "2999-12-31"]
    text = good("token", "create", "--institution", "ABC University", *options)

    assert [
        f"{text[:12]}…",
        "ABC University",
        "list,view,create",
        "valid",
        "2999-12-31",
        "never",
    ] == good("token", "list").rstrip("\n").split("\t")


def test_a_tokens_last_use_is_listed(world: World) -> None:
    world.institution("ABC University")
    text = good("token", "create").strip()
    with world.client(text) as client:
        client.get(API)

    used = good("token", "list").rstrip("\n").split("\t")[-1]
    assert re.fullmatch(r"20\d\d-\d\d-\d\d \d\d:\d\dZ", used)


def test_a_token_is_revoked_by_its_beginning(world: World) -> None:
    world.institution("ABC University")
    text = good("token", "create", "--institution", "ABC University").strip()

    assert f"Revoked {text[:12]}….\n" == good("token", "revoke", f"{text[:12]}…")
    with world.client(text) as client:
        assert 401 == client.get(API).status_code
    assert "\tall\trevoked\t" in good("token", "list")
    assert "No valid token begins with" in bad("token", "revoke", text[:12])


def test_a_token_that_is_at_hand_is_revoked_whole(world: World) -> None:
    world.institution("ABC University")
    text = good("token", "create").strip()

    told = bad("token", "revoke", f"{text}x")
    assert text not in told
    assert f"Revoked {text[:12]}….\n" == good("token", "revoke", text)
    assert "\trevoked\t" in good("token", "list")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--institution", "XYZ"], "There is no institution 'XYZ'. There are: 'ABC University'."),
        (["--institution", "ABC University", "--permission", "fly"], "'fly' is no permission."),
        (["--institution", "ABC University", "--expires", "2020-01-01"], "2020-01-01 is past."),
        (["--institution", "ABC University", "--expires", "soon"], "does not match the format"),
    ],
)
def test_a_token_that_makes_no_sense_is_not_made(
    world: World, options: list[str], told: str
) -> None:
    world.institution("ABC University")

    assert told in bad("token", "create", *options)
    assert "" == good("token", "list")


def test_a_file_that_is_there_is_not_overwritten_and_no_token_is_made(
    world: World, tmp_path: Path, sqlite_url: str
) -> None:
    world.institution("ABC University")
    out = tmp_path / "token"
    out.write_text("precious")

    assert "File exists" in bad("token", "create", "--institution", "ABC University", "--out", out)
    assert "precious" == out.read_text()
    database = Database(sqlite_url)
    with database.read() as conn:
        assert 0 == conn.execute(sa.select(sa.func.count(token.c.id))).scalar_one()
    database.close()
