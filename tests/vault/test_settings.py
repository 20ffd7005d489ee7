"""The vault's settings: strict, and told by name."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from runtime.settings import SettingsError
from vault.settings import Settings, read, table

GOOD = {
    "VAULT_DATABASE_URL": "postgresql://vault:secret@db/vault",
    "VAULT_REDIS_URL": "unix:///run/redis.sock",
    "VAULT_FILES": "/var/lib/vault",
    "VAULT_PUBLIC_URL": "https://certificates.example.edu/",
}


def test_four_settings_suffice() -> None:
    assert Settings(
        database_url="postgresql://vault:secret@db/vault",
        redis_url="unix:///run/redis.sock",
        files=Path("/var/lib/vault"),
        public_url="https://certificates.example.edu",
        host="127.0.0.1",
        port=8200,
        lease=timedelta(seconds=45),
        clock=timedelta(seconds=5),
        unused_uploads=timedelta(hours=72),
        requests_per_minute=6000,
    ) == read(GOOD)


def test_every_mistake_is_told_at_once_with_an_example() -> None:
    with pytest.raises(SettingsError) as raised:
        read({"VAULT_PUBLIC_URL": "certificates", "VAULT_PORT": "0", "VAULT_PROT": "1"})

    told = "\n".join(raised.value.problems)
    for name in ("DATABASE_URL", "REDIS_URL", "FILES", "PUBLIC_URL", "PORT", "PROT"):
        assert f"VAULT_{name}: " in told
    assert "Example: https://certificates.example.edu" in told
    assert "Did you mean VAULT_PORT?" in told


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://db/vault"),
        ("DATABASE_URL", "nonsense"),
        ("REDIS_URL", "localhost:6379"),
        ("FILES", ""),
        ("PUBLIC_URL", "ftp://x"),
        ("PUBLIC_URL", "https://x.example/?a=b"),
        ("PUBLIC_URL", "https://"),
        ("PORT", "65536"),
        ("LEASE_SECONDS", "9"),
        ("CLOCK_SECONDS", "0"),
        ("MAIL_SERVER", "mail.example.edu"),
        ("MAIL_SERVER", "smtp://mail.example.edu:99999"),
        ("MAIL_FROM", "nobody"),
    ],
)
def test_nonsense_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^VAULT_{name}: "):
        read({**GOOD, f"VAULT_{name}": value})


def test_addresses_with_passwords_are_not_shown() -> None:
    shown = dict(table(GOOD))

    assert ("••••••", "••••••") == (shown["VAULT_DATABASE_URL"], shown["VAULT_REDIS_URL"])
    assert "secret" not in repr(read(GOOD))


def test_a_mail_server_wants_a_sender_of_its_own() -> None:
    server = {"VAULT_MAIL_SERVER": "smtps://vault:hidden@mail.example.edu"}
    with pytest.raises(SettingsError, match="VAULT_MAIL_FROM: "):
        read({**GOOD, **server})
    found = read({**GOOD, **server, "VAULT_MAIL_FROM": "certificates@example.edu"})

    assert "certificates@example.edu" == found.mail_from
    assert "hidden" not in repr(found)


def test_what_a_killed_worker_held_is_taken_up_within_a_minute_unless_told_otherwise() -> None:
    found = read(GOOD)

    assert found.lease + found.clock < timedelta(seconds=60)
