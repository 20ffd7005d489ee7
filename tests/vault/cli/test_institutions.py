"""`certvault institution`: added, changed, listed, shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from tests.vault import authority
from tests.vault.world import World, upload
from vault.addresses import API
from vault.cli import main


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    settings = world.vault.settings
    for name in ("database_url", "redis_url", "files", "public_url", "key_file"):
        monkeypatch.setenv(f"VAULT_{name.upper()}", str(getattr(settings, name)))


def good(*args: object) -> str:
    result = CliRunner().invoke(main, [str(arg) for arg in args])
    assert 0 == result.exit_code, result.output
    return result.output


def bad(*args: object) -> str:
    result = CliRunner().invoke(main, [str(arg) for arg in args])
    assert 0 != result.exit_code
    assert isinstance(result.exception, SystemExit)
    return result.output


def test_an_institution_is_added_once(world: World) -> None:
    assert "Added ABC University.\n" == good(
        "institution", "add", "ABC University", "--email", "a@abc.edu"
    )
    assert "" == good("institution", "add", "ABC University", "--if-missing")
    assert "There is an institution 'ABC University' already." in bad(
        "institution", "add", " ABC University "
    )
    assert "1\tABC University\ta@abc.edu\n" == good("institution", "list")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (["add", "ABC\tUniversity"], "The name is no line of at most 255 characters."),
        (["add", "X", "--email", "nobody"], "'nobody' is no e-mail address. Give one:"),
        (["add", "X", "--phone", "1" * 65], "is no phone number of at most 64 characters."),
        (["add", "X", "--language", "xx"], "'xx' is not one of"),
        (["set", "XYZ", "--phone", "1"], "There is no institution 'XYZ'. There are: 'ABC"),
        (["set", "ABC University"], "Say what to change: --name, --email, --phone or --language."),
        (["set", "ABC University", "--name", " "], "The name is empty."),
        (["set", "ABC University", "--name", "DEF"], "There is an institution 'DEF' already."),
        (["show", "XYZ"], "There is no institution 'XYZ'."),
    ],
)
def test_what_cannot_be_said_of_an_institution_is_told(
    world: World, said: list[str], told: str
) -> None:
    world.institution("ABC University")
    world.institution("DEF")
    before = good("institution", "show", "ABC University")

    assert told in bad("institution", *said)
    assert before == good("institution", "show", "ABC University")
    assert "1\tABC University\t\n2\tDEF\t\n" == good("institution", "list")


def test_an_institution_says_something_else_of_itself(world: World) -> None:
    world.institution("Example University")
    options = ["--name", "ABC University", "--email", "a@abc.edu", "--phone", "+971 4 1"]
    assert "Changed ABC University.\n" == good(
        "institution", "set", "Example University", *options, "--language", "ar"
    )
    with world.client(world.token(1)) as client:
        found = client.get(f"{API}/{upload(client).json()['data']['uuid']}").json()["data"]
    assert ["ABC University", "a@abc.edu", "+971 4 1"] == [
        found[f"institution_{field}"] for field in ("name", "email", "phone_number")
    ]

    good("institution", "set", "ABC University", "--email", "", "--language", "fr")
    shown = good("institution", "show", "ABC University").splitlines()
    assert ["e-mail        -", "phone         +971 4 1", "language      fr (Français)"] == shown[
        1:4
    ]


def test_an_institution_is_shown_with_what_it_has(world: World) -> None:
    abc, other = world.institution("ABC University", "a@abc.edu"), world.institution("DEF")
    key = authority.institution()
    world.signing_key(abc, key)
    for lasts in (None, timedelta(days=1), timedelta(seconds=-1)):
        world.token(abc, lasts=lasts)
    good("token", "revoke", world.token(abc))
    world.token(other)
    with world.client(world.token(abc)) as client:
        upload(client)
        world.process()
        upload(client, certificate_title="Second")
    for url in ("https://93.184.216.34/a", "https://93.184.216.34/b"):
        good("webhook", "add", url, "--institution", "ABC University")
    good("webhook", "disable", 2)
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    shown = {
        line[:14].strip(): line[14:]
        for line in good("institution", "show", "ABC University").splitlines()
    }

    assert shown.pop("added").startswith(today)
    assert {
        "name": "ABC University",
        "e-mail": "a@abc.edu",
        "phone": "-",
        "language": "en (English)",
        "signing key": f"CN=ABC University, until {key.certificate.not_valid_after_utc:%Y-%m-%d}",
        "tokens": "5: 3 valid, 1 expired, 1 revoked",
        "certificates": "2: 1 generated, 1 processing",
        "webhooks": "2: 1 active, 1 disabled",
    } == shown
    assert "certificates  none\n" in good("institution", "show", "DEF")
