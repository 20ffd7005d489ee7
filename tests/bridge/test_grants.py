"""Grants and the settings of the institution's sign-in: read strictly, mistakes told."""

from __future__ import annotations

import pytest

from bridge.grants import Grant, NotAGrant
from runtime.settings import SettingsError
from tests.bridge.institution import settings

SIGN_IN = {
    "oidc_issuer": "https://login.example.edu",
    "oidc_client_id": "vaultbridge",
    "oidc_roles": "admins=admin",
}


def test_a_grant_is_read_and_written_alike() -> None:
    text = "cn=bio,ou=staff=support issuer:main site:a site:b course:a/42"

    grant = Grant.read(text)

    assert ("cn=bio,ou=staff", "support") == (grant.value, grant.role)
    assert {"issuers": ("main",), "sites": ("a", "b"), "courses": ("a/42",)} == grant.limits
    assert text == str(grant)


@pytest.mark.parametrize(
    "text", ["admin", "=admin", "x=root", "x=", "x=admin bio", "x=admin course:42", "x=admin site:"]
)
def test_a_mistake_in_a_grant_is_told(text: str) -> None:
    with pytest.raises(NotAGrant):
        Grant.read(text)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"oidc_roles": ""}, "set all of them, or none"),
        ({"oidc_client_id": ""}, "set all of them, or none"),
        ({"oidc_issuer": "http://login.example.edu"}, "must begin with https://"),
        ({"oidc_scopes": "email"}, "does not hold openid"),
        ({"oidc_unknown": "ask"}, "neither create nor refuse"),
        ({"oidc_roles": "admins=root"}, "'root' is no role"),
    ],
)
def test_settings_that_would_let_in_the_wrong_people_are_refused(
    changed: dict[str, str], said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        settings(**{**SIGN_IN, **changed})


def test_a_host_inside_the_network_that_is_allowed_may_do_without_https() -> None:
    inside = {**SIGN_IN, "oidc_issuer": "http://login.internal:8080/realms/staff"}

    found = settings(**inside, allowed_private_hosts="login.internal:8080")

    assert "http://login.internal:8080/realms/staff" == found.oidc_issuer
    assert "a secret" not in repr(settings(**SIGN_IN, oidc_client_secret="a secret"))
