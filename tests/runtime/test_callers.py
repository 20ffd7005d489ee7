"""One caller is one address, or one network of many."""

from __future__ import annotations

import pytest

from runtime.callers import caller


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("", "unknown"),
        (None, "unknown"),
        ("unix:", "unknown"),
    ],
)
def test_an_address_tells_who_asks(address: str | None, told: str) -> None:
    assert told == caller(address)
