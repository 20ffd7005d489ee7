"""Where somebody signs in from, roughly: enough for themselves to know it again, and no more."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from runtime.callers import caller

#: By the first that a browser's description of itself holds: many name others, too.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chromium", "Chromium"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Whence:
    """Where somebody signs in from."""

    #: By which tries are counted; see `runtime.callers`.
    client: str = "unknown"
    #: Such as "Firefox, Linux"; None where it says neither.
    browser: str | None = None
    #: A network of at least 256 addresses.
    network: str | None = None

    @classmethod
    def of(cls, address: str | None, agent: str) -> Whence:
        """By the address that asks, and by how the browser describes itself."""
        named = [_first(agent, _BROWSERS), _first(agent, _SYSTEMS)]
        return cls(
            client=caller(address),
            browser=", ".join(filter(None, named)) or None,
            network=_network(address),
        )


def _first(agent: str, names: tuple[tuple[str, str], ...]) -> str | None:
    return next((name for mark, name in names if mark in agent), None)


def _network(address: str | None) -> str | None:
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return None
    return str(ipaddress.ip_network((found, 24 if found.version == 4 else 48), strict=False))
