"""`certvault mail`, `customer` and an institution's language: what an operator sees and does."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from tests.vault.world import World, upload
from vault import wiring
from vault.cli import main
from vault.store.people import notice

JOHN = "john@example.com"


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch, sqlite_url: str, tmp_path: Path) -> None:
    monkeypatch.setenv("VAULT_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("VAULT_REDIS_URL", "redis://127.0.0.1:1")
    monkeypatch.setenv("VAULT_FILES", str(tmp_path / "files"))
    monkeypatch.setenv("VAULT_KEY_FILE", str(tmp_path / "secret.key"))
    monkeypatch.setenv("VAULT_PUBLIC_URL", "https://vault.example.edu")


@pytest.fixture
def issued(world: World) -> str:
    """The reference id of a certificate that was issued to John."""
    with world.client(world.token(world.institution("ABC"))) as client:
        data = upload(client).json()["data"]
    world.process()
    reference_id: str = data["reference_id"]
    return reference_id


def good(*args: str) -> str:
    result = CliRunner().invoke(main, args)
    assert 0 == result.exit_code, result.output
    return result.output


def bad(*args: str) -> str:
    result = CliRunner().invoke(main, args)
    assert 0 != result.exit_code
    return result.output


def send(world: World) -> None:
    step = wiring.notices(world.vault)
    while step.run():
        pass


def test_mails_are_listed_shown_and_sent_again(world: World, issued: str) -> None:
    before = good("mail", "list").strip().split("\t")
    mail_id = before[0]
    planned = good("mail", "show", mail_id)
    send(world)
    sent = good("mail", "show", mail_id)
    resent = good("mail", "resend", mail_id)
    due = good("mail", "list", "--state", "due")
    send(world)
    files = sorted(path.name for path in wiring.mail_folder(world.vault.settings).iterdir())

    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert ["due", "invitation", JOHN, issued] == before[1:5]
    assert before[5].startswith(today)
    for shown in (planned, sent):
        assert f"To: {JOHN}\nSubject: Your certificate is ready\n" in shown
        assert "You do not need an account for that." in shown
    assert planned.split("/my/link/")[1].split()[0] == sent.split("/my/link/")[1].split()[0]
    assert resent.endswith("On the way again: 1. See: certvault mail list\n")
    assert mail_id in due
    assert [".1.eml", ".2.eml"] == [name[36:] for name in files]
    assert "" == good("mail", "list", "--state", "failed")


def test_all_that_failed_is_sent_again(world: World, issued: str) -> None:
    with world.client(world.token(1)) as client:
        upload(client, certificate_title="Second")
    world.process()
    with world.vault.database.write() as conn:
        conn.execute(sa.update(notice).values(state="failed", problem="No such mailbox."))
    told = good("mail", "resend", "--failed")
    send(world)

    assert told.endswith("On the way again: 2. See: certvault mail list\n")
    assert 2 == len(good("mail", "list", "--state", "sent").splitlines())
    assert "Name mails, or say --failed." in bad("mail", "resend")


def test_the_html_is_shown_on_request(issued: str) -> None:
    mail_id = good("mail", "list").partition("\t")[0]

    assert '<html lang="en" dir="ltr">' in good("mail", "show", mail_id, "--html")


@pytest.mark.parametrize("command", ["show", "resend"])
def test_an_unknown_mail_is_told(issued: str, command: str) -> None:
    told = bad("mail", command, "zzz")

    assert "Error: No mail has an id that begins with 'zzz'. See: certvault mail list\n" == told


def test_a_mail_without_sense_is_told(world: World, issued: str) -> None:
    mail_id = good("mail", "list").partition("\t")[0]
    good("customer", "add", JOHN)

    assert "Error: There is nothing to show: The certificate was claimed meanwhile.\n" == bad(
        "mail", "show", mail_id
    )


def test_customers_are_added_listed_shown_and_signed_out(world: World, issued: str) -> None:
    added = good("customer", "add", "John@Example.com", "--language", "fr")
    listed = good("customer", "list").strip().split("\t")
    shown = good("customer", "show", JOHN)

    assert "Added John@Example.com with 1 certificate.\n" == added
    assert ["1", "John@Example.com", "fr", "1"] == listed[:4]
    assert (
        "John@Example.com\tour mail goes here\n"
        f"{issued}\tgenerated\tCertificate of Achievement\tABC\n"
    ) == shown
    assert "Ended 0 sessions.\n" == good("customer", "sign-out", JOHN)
    assert f"Error: {JOHN} belongs to an account already.\n" == bad("customer", "add", JOHN)
    assert "is no e-mail address" in bad("customer", "add", "john")
    assert "is no address of an account" in bad("customer", "show", "mary@example.com")


def test_an_account_is_deleted_by_command(world: World, issued: str) -> None:
    good("customer", "add", JOHN)
    asked = bad("customer", "delete", JOHN)
    kept = good("customer", "list")
    done = good("customer", "delete", JOHN, "--yes")

    assert f"Delete the account of {JOHN} for good? [y/N]" in asked
    assert JOHN in kept
    assert (f"Deleted the account of {JOHN}.\n", "") == (done, good("customer", "list"))
    assert "is no address of an account" in bad("customer", "delete", JOHN, "--yes")


def test_an_institutions_language_is_that_of_its_mails(world: World, issued: str) -> None:
    good("institution", "set", "ABC", "--language", "ar")
    with world.client(world.token(1)) as client:
        upload(client, certificate_title="Second")
    world.process()
    mail_id = good("mail", "list").partition("\t")[0]

    assert "Subject: شهادتك جاهزة\n" in good("mail", "show", mail_id)
