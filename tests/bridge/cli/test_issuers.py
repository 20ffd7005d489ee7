"""``vaultbridge issuer …``"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bridge.store import accounts
from runtime.database import Database
from runtime.keys import Keys, new_key
from tests.bridge.cli.conftest import Run
from tests.bridge.institution import KEY
from tests.bridge.world import World
from tests.scripted_vault import PERMISSIONS, TOKEN, ScriptedVault

HOME = "https://vault.example"


def add(run: Run, secret: str, *more: str, url: str = HOME, name: str = "main") -> None:
    said = run("issuer", "add", name, "--url", url, "--institution", "I", "--secret", secret, *more)
    assert 0 == said.code, said.err


def test_an_issuer_is_added_listed_and_shown_with_its_token_masked(
    run: Run, secret_files: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    more = ["--logo", str(tmp_path / "logo.png"), "--signatory-name", "Prof. X", "--as", "alice"]
    add(run, secret_files["token"], *more, url=f"{HOME}/business/certificate-vault/")

    listed = run("issuer", "list", "--json").json
    shown = run("issuer", "show", "main")
    history = run("issuer", "show", "main", "--json").json["history"]

    assert [
        {
            "name": "main",
            "vault_url": HOME,
            "institution_name": "I",
            "state": "active",
            "problem": None,
            "remedy": None,
        }
    ] == listed
    assert "••••••" in shown.out
    assert "8 bytes" in shown.out
    assert TOKEN not in shown.out
    assert [("added", "alice")] == [(e["what"], e["who"]) for e in history]
    assert "main" in run("issuer", "list").out


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["add", "main", "--url", HOME, "--institution", "I"], 2, "--secret token=@FILE"),
        (["add", "a/b", "--url", HOME, "--institution", "I"], 2, "letters, digits"),
        (["add", "x" * 65, "--url", HOME, "--institution", "I"], 2, "letters, digits"),
        (["add", "main", "--url", "vault.example", "--institution", "I"], 2, "https://"),
        (["add", "main", "--url", "ftp://vault", "--institution", "I"], 2, "https://"),
        (["show", "nobody"], 1, "There is no issuer called 'nobody'. There is: none yet."),
        (["check", "nobody"], 1, "There is no issuer called 'nobody'"),
        (["rotate", "nobody"], 2, "--secret token=@FILE"),
        (["remove", "nobody"], 1, "There is no issuer called 'nobody'"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(
    run: Run, arguments: list[str], code: int, told: str
) -> None:
    said = run("issuer", *arguments)

    assert (code, "") == (said.code, said.out)
    assert told in said.err


@pytest.mark.parametrize(
    ("secret", "told"),
    [
        ("token=plain", "token=@FILE"),
        ("token", "token=@FILE"),
        ("token=@/nowhere/file", "cannot read /nowhere/file"),
        ("password=-", "a secret is token or webhook_secret"),
        ("token=-", "is empty"),
    ],
)
def test_a_secret_is_read_from_a_file_and_never_an_argument(
    run: Run, secret: str, told: str
) -> None:
    typed = " \n" if secret == "token=-" else "typed"
    arguments = ["--url", HOME, "--institution", "I", "--secret", secret]

    said = run("issuer", "add", "main", *arguments, stdin=typed)

    assert (2, True) == (said.code, told in said.err), said.err


def test_a_token_of_several_lines_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "two").write_text("one\ntwo\n")
    pair = f"token=@{tmp_path / 'two'}"

    said = run("issuer", "add", "main", "--url", HOME, "--institution", "I", "--secret", pair)

    assert (2, True) == (said.code, "one line" in said.err), said.err


@pytest.mark.parametrize("logo", ["missing.png", ".", "large.png"])
def test_a_logo_that_cannot_be_used_is_refused(
    run: Run, secret_files: dict[str, str], tmp_path: Path, logo: str
) -> None:
    (tmp_path / "large.png").write_bytes(b"x" * (1024 * 1024 + 1))
    arguments = ["--url", HOME, "--institution", "I", "--secret", secret_files["token"]]

    said = run("issuer", "add", "main", *arguments, "--logo", str(tmp_path / logo))

    assert (2, []) == (said.code, run("issuer", "list", "--json").json), said.err


def test_a_name_is_never_given_twice(run: Run, secret_files: dict[str, str]) -> None:
    add(run, secret_files["token"])
    assert 0 == run("issuer", "remove", "main").code
    assert [] == run("issuer", "list", "--json").json

    arguments = ["--url", HOME, "--institution", "I", "--secret", secret_files["token"]]
    said = run("issuer", "add", "main", *arguments)

    assert (1, True) == (said.code, "history keeps its name" in said.err)


def test_check_tries_each_permission_and_says_what_is_missing(
    run: Run, secret_files: dict[str, str], vault: ScriptedVault
) -> None:
    add(run, secret_files["token"], url=vault.url)
    assert (0, 5) == ((said := run("issuer", "check", "main")).code, said.out.count("✓"))

    vault.tokens[TOKEN] = PERMISSIONS - {"certificate-vault:update"}
    said = run("issuer", "check", "main")

    assert (1, True) == (said.code, "✗ certificate-vault:update" in said.out)
    assert "The token lacks certificate-vault:update." in said.err
    assert "vaultbridge issuer rotate main --secret token=@FILE" in said.err

    vault.stop()
    try:
        said = run("issuer", "check", "main")
        assert (1, True) == (said.code, "The vault did not answer" in said.err)
    finally:
        vault.start()


@pytest.mark.parametrize("how", ["check", "rotate"])
def test_a_paused_issuer_goes_on_by_check_or_by_a_new_token(
    run: Run, world: World, tmp_path: Path, how: str
) -> None:
    world.vault.tokens.clear()
    world.issue()
    assert "paused" == run("issuer", "list", "--json").json[0]["state"]
    assert 1 == run("issuer", "check", "main").code

    if how == "check":
        world.vault.tokens[TOKEN] = PERMISSIONS
        assert "Sending goes on." in run("issuer", "check", "main", "--as", "alice").out
    else:
        world.vault.tokens["fresh"] = PERMISSIONS
        said = run("issuer", "rotate", "main", "--secret", "token=-", "--as", "al", stdin="fresh\n")
        assert 0 == said.code
    # The commands go by the machine's clock.
    world.clock.moment = max(world.clock.now(), datetime.now(UTC)) + timedelta(days=1)
    world.settle()

    assert (["generated"], 1) == (world.states(), sum(world.vault.created.values()))
    assert "active" == run("issuer", "list", "--json").json[0]["state"]


def test_after_a_lost_key_the_token_can_be_entered_again(
    run: Run, secret_files: dict[str, str], environment: dict[str, str]
) -> None:
    add(run, secret_files["token"])
    Path(environment["BRIDGE_KEY_FILE"]).write_text(new_key() + "\n")

    said = run("issuer", "show", "main")
    assert (1, True) == (said.code, "enter the secrets again" in said.err)
    assert 1 == run("issuer", "rotate", "main", "--secret", "webhook_secret=-", stdin="x").code
    assert 0 == run("issuer", "rotate", "main", "--secret", secret_files["token"]).code
    assert 0 == run("issuer", "show", "main").code


def test_rotated_keys_encrypt_every_secret_anew_and_say_who(
    run: Run, secret_files: dict[str, str], environment: dict[str, str]
) -> None:
    add(run, secret_files["token"])
    fresh = run("keys", "new").out.strip()
    Path(environment["BRIDGE_KEY_FILE"]).write_text(f"{fresh}\n{KEY}\n")

    said = run("keys", "rotate", "--as", "alice")

    assert (0, "1 encrypted with the newest key.") == (said.code, said.out.split(" Keep")[0])
    database = Database(environment["BRIDGE_DATABASE_URL"])
    with database.read() as conn:
        row = accounts.issuer_named(conn, "main")
    database.close()
    assert {"token": TOKEN} == accounts.secrets_of(row, kind="issuer", keys=Keys([fresh]))
