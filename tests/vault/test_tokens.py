"""Tokens: random, known by a hash, with permissions by name."""

from __future__ import annotations

import hashlib

import pytest

from vault.tokens import Permission, UnknownPermission, new_token, parse_permissions


def test_a_token_is_shown_once_and_hashed() -> None:
    made = new_token()

    assert made.text.startswith("vault_")
    assert made.sha256 == hashlib.sha256(made.text.encode()).hexdigest()
    assert (made.prefix, len(made.prefix)) == (made.text[:12], 12)
    assert made.text not in repr(made)
    assert made.text != new_token().text


def test_permissions_are_the_seeds_and_two_of_ours() -> None:
    words = {"list", "view", "create", "download", "update", "revoke", "erase"}

    assert {f"certificate-vault:{word}" for word in words} == {p.value for p in Permission}


def test_permissions_may_be_named_in_short_in_full_or_in_a_list() -> None:
    assert {Permission.LIST, Permission.VIEW, Permission.UPDATE} == parse_permissions(
        ["list, view", "certificate-vault:update"]
    )


@pytest.mark.parametrize("word", ["delete", "certificate-vault:delete", "other:list", "LIST"])
def test_an_unknown_permission_is_told_with_those_there_are(word: str) -> None:
    with pytest.raises(UnknownPermission, match="list, view, create, download, update"):
        parse_permissions([word])
