"""Owners on the command line: named, shown, tried; and what they were told."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.pipeline import telling
from bridge.store import owners, tables
from tests.bridge.cli.conftest import Run
from tests.bridge.pipeline.telling.conftest import Chat, chat, own, set_up
from tests.bridge.world import SITE, World
from tests.mail_server import mail_server

#: pytest finds fixtures by their names here.
__all__ = ["chat"]
HOOK = "https://chat.example.edu/hooks/a-secret"


def known(world: World, kind: str = "site") -> tuple[str, ...]:
    row = world.site(SITE) if kind == "site" else world.issuer
    return owners.of(row, kind=kind, keys=world.bridge.keys)


def test_owners_of_a_site_are_set_shown_and_taken_away(
    run: Run, world: World, tmp_path: Path
) -> None:
    (tmp_path / "hook").write_text(f"{HOOK}\n")
    given = ("--owner", "alice@example.edu", "--owner", f"@{tmp_path / 'hook'}")

    said = run("site", "set", SITE, *given, "--as", "alice")
    seen = "alice@example.edu, https://chat.example.edu/••••••"
    assert (0, f"Changed {SITE}: owners: {seen}.\n") == (said.code, said.out)
    assert ("alice@example.edu", HOOK) == known(world)
    assert seen.split(", ") == run("site", "show", SITE, "--json").json["owners"]
    assert "a-secret" not in repr(world.rows(tables.site)) + repr(world.rows(tables.event))
    assert "nobody" in run("site", "set", SITE, "--owner", "").out
    assert () == known(world)


def test_owners_of_an_issuer_are_set_and_shown(run: Run, world: World) -> None:
    said = run("issuer", "set", "main", "--owner", "-", stdin=f"{HOOK}\n")

    assert (0, "Changed main: owners: https://chat.example.edu/••••••.\n") == (said.code, said.out)
    assert (HOOK,) == known(world, "issuer")
    shown = run("issuer", "show", "main", "--json").json
    assert ["https://chat.example.edu/••••••"] == shown["owners"]
    assert "owners: https" in shown["history"][-1]["detail"]


def test_a_site_and_an_issuer_can_be_added_with_their_owner(
    run: Run, world: World, secret_files: dict[str, str]
) -> None:
    owner = ("--owner", "alice@example.edu")
    secrets = ("--secret", secret_files["secrets"])
    assert 0 == run("site", "add", "new", "--connector", "signed", *secrets, *owner).code
    token = ("--secret", secret_files["token"], "--institution", "X", "--url", world.vault.url)
    assert 0 == run("issuer", "add", "new", *token, *owner).code

    for kind in ("site", "issuer"):
        assert ["alice@example.edu"] == run(kind, "show", "new", "--json").json["owners"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["site", "set", SITE, "--owner", "alice"], "an owner is a mail address, or"),
        (["site", "set", SITE, "--owner", "a@b c"], "an owner is a mail address, or"),
        (["site", "set", SITE, "--owner", HOOK], "is read from a file or standard input"),
        (["issuer", "set", "main", "--owner", "@/nowhere"], "cannot read /nowhere"),
        (["issuer", "set", "main"], "Say what to change: --owner."),
        (["site", "set", SITE], "Say what to change: --set, --issue-from, --timezone, --auto-mend"),
        (["notices", "try"], "Nobody is told. Name who is: vaultbridge site set NAME --owner"),
        (["notices", "try", "--site", SITE, "--issuer", "main"], "One at a time"),
    ],
)
def test_a_mistake_is_told(run: Run, world: World, arguments: list[str], told: str) -> None:
    said = run(*arguments)

    assert (True, "") == (said.code > 0, said.out)
    assert told in " ".join(said.err.replace("│", " ").split())
    assert "a-secret" not in said.err


def test_owners_are_encrypted_anew_with_the_other_secrets(
    run: Run, world: World, environment: dict[str, str]
) -> None:
    own(world, "alice@example.edu")
    key = run("keys", "new").out.strip()
    path = Path(environment["BRIDGE_KEY_FILE"])
    path.write_text(f"{key}\n{path.read_text()}")
    assert 0 == run("keys", "rotate").code
    path.write_text(f"{key}\n")

    assert ["alice@example.edu"] == run("site", "show", SITE, "--json").json["owners"]


def test_a_way_is_tried_and_says_why_not(
    run: Run, world: World, chat: Chat, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own(world, "alice@example.edu", chat.url)
    monkeypatch.setenv("BRIDGE_MAIL_FOLDER", str(tmp_path / "mail"))
    said = run("notices", "try", "--site", SITE)
    assert [
        f"alice@example.edu: written to {tmp_path / 'mail'}, as BRIDGE_MAIL_SERVER is not set.",
        "http://127.0.0.1/••••••: taken.",
    ] == said.out.splitlines()
    assert "Somebody tried whether" in chat.said[0]["text"]

    chat.answers.append(404)
    with mail_server() as mails:
        monkeypatch.setenv("BRIDGE_MAIL_SERVER", mails.url)
        monkeypatch.setenv("BRIDGE_MAIL_FROM", "bridge@example.edu")
        said = run("notices", "try", "--site", SITE)
        assert ["alice@example.edu"] == mails.recipients
    taken, gone = said.out.splitlines()
    assert (1, "alice@example.edu: taken.") == (said.code, taken)
    assert gone.startswith("http://127.0.0.1/••••••: The chat answered 404: ")
    assert [] == world.rows(tables.notice)


def test_what_was_told_is_listed(run: Run, world: World, tmp_path: Path) -> None:
    assert "Nobody was told anything yet.\n" == run("notices").out
    set_up(world, mail_folder=tmp_path / "mail")
    own(world, "alice@example.edu")
    world.complete("ada", learner={"email": None})
    world.run("normalise")
    telling.run_all(world.bridge)
    (told,) = run("notices", "--json").json

    assert (f"site {SITE}", "sent") == (told["audience"], told["state"])
    assert "vaultbridge replay --cause complete.missing.applicant_email" in told["text"]
    assert "alice" not in run("notices").out + run("show", told["id"]).out


def test_the_operators_addresses_are_checked_at_the_start(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRIDGE_OPERATOR", "ops@example.edu,nobody")

    said = run("notices")
    assert (1, True) == (said.code, "BRIDGE_OPERATOR: holds no address: an owner is" in said.err)
