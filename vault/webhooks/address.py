"""Which addresses an endpoint may have; each is checked again, resolved, whenever it is sent to."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection

import httpx

from vault.webhooks import WebhookProblem


class AddressNotUsable(WebhookProblem):
    """An endpoint cannot have this address; the text says why and what to do."""


def check(url: str, *, allowed: Collection[str]) -> str:
    """Return the address as it is kept; raises AddressNotUsable.

    ``allowed`` are the private hosts (or host:port) that may be sent to; only they may be sent to
    without TLS, for bodies hold e-mail addresses. A name is not resolved here: what it stands for
    may change, and is checked by `runtime.http.Client` at every sending.
    """
    try:
        found = httpx.URL(url.strip())
    except httpx.InvalidURL as exc:
        raise AddressNotUsable(f"{url!r} is not an address: {exc}.") from exc
    if found.scheme not in ("https", "http") or not found.host:
        raise AddressNotUsable(f"{url!r} is not an https:// address.")
    if found.userinfo or found.fragment:
        raise AddressNotUsable(
            "The address holds a user, a password or a fragment. Leave it out: a receiver knows "
            "us by the signature."
        )
    if not _names(found).isdisjoint({host.lower() for host in allowed}):
        return str(found)
    name = found.netloc.decode()
    if _is_inside(found.host):
        raise AddressNotUsable(
            f"{found.host} is an address inside a private network. If it is meant, add {name} to "
            "VAULT_ALLOWED_PRIVATE_HOSTS."
        )
    if found.scheme == "http":
        raise AddressNotUsable(
            "The address begins with http://, and what is sent holds e-mail addresses. Give an "
            f"https:// address, or add {name} to VAULT_ALLOWED_PRIVATE_HOSTS if it is inside your "
            "network."
        )
    return str(found)


def _names(url: httpx.URL) -> set[str]:
    host = f"[{url.host}]" if ":" in url.host else url.host
    port = url.port or {"http": 80, "https": 443}[url.scheme]
    return {url.host, host, f"{host}:{port}"}


def _is_inside(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False
