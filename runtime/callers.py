"""Who asks, as far as an address tells: counted to keep one caller from asking too often."""

from __future__ import annotations

import ipaddress


def caller(address: str | None) -> str:
    """An IPv4 address, or the network of an IPv6 one, of which a person has many."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if found.version == 4:
        return str(found)
    return str(ipaddress.ip_network(f"{found}/64", strict=False))
