"""Addresses of owners: a mail address, or a chat's incoming webhook, whose address is its key."""

from __future__ import annotations

from email.headerregistry import Address
from urllib.parse import urlsplit

#: What is shown of a chat's address.
HIDDEN = "••••••"


def is_chat(address: str) -> bool:
    """Whether an address is a chat's webhook; otherwise it is a mail address."""
    return address.startswith(("https://", "http://"))


def problem_with(address: str) -> str | None:
    """Why nobody can be told at an address, in words that do not repeat it; None if they can."""
    if is_chat(address):
        fits = address.isprintable() and " " not in address and bool(urlsplit(address).hostname)
        return None if fits else "a chat's address is https:// with a host, and without blanks"
    try:
        parsed = Address(addr_spec=address)
    except (ValueError, IndexError):  # IndexError: Python's parser of some that are cut off
        parsed = Address()
    if not (parsed.username and parsed.domain and address.isprintable()):
        return "an owner is a mail address, or the https:// address of a chat's incoming webhook"
    return None


def shown(address: str) -> str:
    """An address as it may be seen: of a chat's, its host."""
    if not is_chat(address):
        return address
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.hostname}/{HIDDEN}"
