"""Settings are read strictly: every mistake at once, each with the way out."""

from __future__ import annotations

from pathlib import Path

import marshmallow as ma
import pytest

from runtime.settings import MASK, CommaList, SettingsError, read, table


class Schema(ma.Schema):
    public_url = ma.fields.Url(
        required=True,
        schemes={"https"},
        metadata={"help": "the address learners see.", "example": "https://certs.example.org"},
    )
    port = ma.fields.Integer(
        load_default=8000, metadata={"help": "the port listened on.", "example": "8000"}
    )
    vault_token = ma.fields.String(
        required=True,
        metadata={"help": "the vault's token.", "example": "vt_abc", "secret": True},
    )
    proxies = CommaList(
        load_default=(), metadata={"help": "the trusted proxies.", "example": "10.0.0.1,10.0.0.2"}
    )


GOOD = {"BRIDGE_PUBLIC_URL": "https://certs.example.org", "BRIDGE_VAULT_TOKEN": "canary-token"}


def problems(environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read(Schema(), prefix="BRIDGE_", environ=environ)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def test_good_settings_are_read_with_their_defaults_and_types() -> None:
    environ = {
        **GOOD,
        "BRIDGE_PORT": "9000",
        "BRIDGE_PROXIES": " 10.0.0.1, ,10.0.0.2 ",
        "HOME": "x",
    }

    expected = {
        "public_url": "https://certs.example.org",
        "port": 9000,
        "vault_token": "canary-token",
        "proxies": ("10.0.0.1", "10.0.0.2"),
    }

    assert expected == read(Schema(), prefix="BRIDGE_", environ=environ)


def test_every_mistake_is_told_at_once_with_what_it_is_for_and_an_example() -> None:
    environ = {
        "BRIDGE_PUBLIC_URL": "certs",
        "BRIDGE_PORT": "many",
        "BRIDGE_PROXIS": "10.0.0.1",
        "BRIDGE_ZZZZZZZZ": "",
        "OTHER_THING": "not ours",
    }

    expected = [
        "BRIDGE_PROXIS: no such setting. Did you mean BRIDGE_PROXIES?",
        (
            "BRIDGE_ZZZZZZZZ: no such setting. Known are: BRIDGE_PORT, BRIDGE_PROXIES, "
            "BRIDGE_PUBLIC_URL, BRIDGE_VAULT_TOKEN."
        ),
        (
            "BRIDGE_PUBLIC_URL: Not a valid URL. It is the address learners see. "
            "Example: https://certs.example.org"
        ),
        "BRIDGE_PORT: Not a valid integer. It is the port listened on. Example: 8000",
        "BRIDGE_VAULT_TOKEN: is missing. It is the vault's token. Example: vt_abc",
    ]

    assert sorted(expected) == sorted(problems(environ))


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("from-the-file\n")
    environ = {
        "BRIDGE_PUBLIC_URL": GOOD["BRIDGE_PUBLIC_URL"],
        "BRIDGE_VAULT_TOKEN_FILE": str(file),
    }

    assert "from-the-file" == read(Schema(), prefix="BRIDGE_", environ=environ)["vault_token"]


def test_a_secret_both_in_a_file_and_in_the_open_is_one_mistake(tmp_path: Path) -> None:
    environ = {**GOOD, "BRIDGE_VAULT_TOKEN_FILE": str(tmp_path / "token")}

    assert [
        "BRIDGE_VAULT_TOKEN_FILE: BRIDGE_VAULT_TOKEN is set too. Set only one of them."
    ] == problems(environ)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_file_that_cannot_be_read_is_one_mistake_and_not_a_missing_one_too(
    content: bytes | None, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    environ = {
        "BRIDGE_PUBLIC_URL": GOOD["BRIDGE_PUBLIC_URL"],
        "BRIDGE_VAULT_TOKEN_FILE": str(file),
    }

    (problem,) = problems(environ)

    assert problem.startswith(f"BRIDGE_VAULT_TOKEN_FILE: cannot read {file} (")
    assert problem.endswith("). Name a readable text file.")


def test_an_empty_secret_file_is_told_as_one() -> None:
    environ = {
        "BRIDGE_PUBLIC_URL": GOOD["BRIDGE_PUBLIC_URL"],
        "BRIDGE_VAULT_TOKEN_FILE": "/dev/null",
    }

    assert ["BRIDGE_VAULT_TOKEN_FILE: /dev/null is empty. Put the value into it."] == problems(
        environ
    )


def test_only_a_secret_may_stand_in_a_file() -> None:
    environ = {**GOOD, "BRIDGE_PORT_FILE": "/dev/null"}

    assert ["BRIDGE_PORT_FILE: no such setting. Did you mean BRIDGE_PORT?"] == problems(environ)


def test_no_mistake_shows_a_secrets_value() -> None:
    environ = {
        "BRIDGE_VAULT_TOKEN": "canary-token",
        "BRIDGE_VAULT_TOKEM": "canary-token",
        "BRIDGE_VAULT_TOKEN_FILE": "/nowhere",
    }

    assert "canary" not in "\n".join(problems(environ))


def test_the_table_shows_every_setting_and_no_secret() -> None:
    values = read(Schema(), prefix="BRIDGE_", environ={**GOOD, "BRIDGE_PROXIES": "a,b"})

    expected = [
        ("BRIDGE_PUBLIC_URL", "https://certs.example.org"),
        ("BRIDGE_PORT", "8000"),
        ("BRIDGE_VAULT_TOKEN", MASK),
        ("BRIDGE_PROXIES", "a,b"),
    ]

    assert expected == table(Schema(), values, prefix="BRIDGE_")


def test_the_table_leaves_what_is_not_set_empty() -> None:
    assert ("BRIDGE_VAULT_TOKEN", "") in table(Schema(), {"vault_token": None}, prefix="BRIDGE_")
