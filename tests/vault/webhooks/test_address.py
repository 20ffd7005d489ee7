"""Addresses of endpoints: what can be seen to be wrong is refused when it is entered."""

from __future__ import annotations

import pytest

from vault.webhooks.address import AddressNotUsable, check


@pytest.mark.parametrize(
    "url",
    [
        "https://abc.example.edu/hooks/vault?tenant=1",
        "https://abc.example.edu:8443/",
        "https://8.8.8.8/x",
    ],
)
def test_a_public_https_address_is_taken(url: str) -> None:
    assert url == check(f" {url} ", allowed=())


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", "is not an https:// address"),
        ("abc.example.edu/hook", "is not an https:// address"),
        ("ftp://abc.example.edu/", "is not an https:// address"),
        ("https:///x", "is not an https:// address"),
        ("https://abc.example.edu:port/", "is not an address: "),
        ("https://user:password@abc.example.edu/", "holds a user, a password"),
        ("https://abc.example.edu/#x", "holds a user, a password or a fragment"),
        ("http://abc.example.edu/hook", "or add abc.example.edu to VAULT_ALLOWED_PRIVATE_HOSTS"),
        ("https://127.0.0.1:8000/x", "add 127.0.0.1:8000 to VAULT_ALLOWED_PRIVATE_HOSTS"),
        ("https://10.1.2.3/", "inside a private network"),
        ("https://[::1]:8000/", r"add \[::1\]:8000 to VAULT_ALLOWED_PRIVATE_HOSTS"),
        ("https://169.254.169.254/", "inside a private network"),
        ("https://localhost/", "inside a private network"),
    ],
)
def test_any_other_is_refused_with_what_to_do(url: str, told: str) -> None:
    with pytest.raises(AddressNotUsable, match=told):
        check(url, allowed=("10.9.9.9",))


@pytest.mark.parametrize("allowed", ["bridge.internal", "bridge.internal:8000", "BRIDGE.internal"])
def test_a_private_host_that_is_allowed_is_taken(allowed: str) -> None:
    url = "http://bridge.internal:8000/hooks/vault"

    assert url == check(url, allowed=(allowed,))


def test_another_port_of_an_allowed_host_is_not() -> None:
    with pytest.raises(AddressNotUsable):
        check("http://bridge.internal:8001/", allowed=("bridge.internal:8000",))
