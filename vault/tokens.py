"""API tokens: what they permit, how they look, and the hash that alone is kept."""

from __future__ import annotations

import enum
import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

SCOPE = "certificate-vault"
#: How much of a token is kept to recognise it by; far too little to guess the rest.
PREFIX_LENGTH = 12


class Permission(enum.Enum):
    """What a token may do; the value is the word on the wire."""

    LIST = f"{SCOPE}:list"
    VIEW = f"{SCOPE}:view"
    CREATE = f"{SCOPE}:create"
    DOWNLOAD = f"{SCOPE}:download"
    UPDATE = f"{SCOPE}:update"
    # Extensions of ours. Erasing is apart: it cannot be undone.
    REVOKE = f"{SCOPE}:revoke"
    ERASE = f"{SCOPE}:erase"

    @property
    def short(self) -> str:
        """Its word without the scope."""
        return self.value.rpartition(":")[2]


class UnknownPermission(ValueError):
    """The text names no permission; it says which there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """A token just made: ``text`` is shown once and kept nowhere."""

    text: str = field(repr=False)
    sha256: str
    prefix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token that was presented and is valid."""

    id: int
    institution_id: int
    permissions: frozenset[Permission]
    last_used_at: datetime | None
    asked_at: datetime  #: when it was presented, by the database's clock


def new_token() -> NewToken:
    """A fresh token of 256 random bits."""
    text = f"vault_{secrets.token_urlsafe(32)}"
    return NewToken(text=text, sha256=hash_of(text), prefix=text[:PREFIX_LENGTH])


def hash_of(text: str) -> str:
    """The SHA-256 of a token's text. Tokens are random, so no slow hash is needed."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def parse_permissions(words: Iterable[str]) -> frozenset[Permission]:
    """Read permissions, each with or without its ``certificate-vault:``, commas allowed.

    Raises UnknownPermission.
    """
    return frozenset(
        _permission(word.strip()) for text in words for word in text.split(",") if word.strip()
    )


def _permission(word: str) -> Permission:
    try:
        return Permission(word if ":" in word else f"{SCOPE}:{word}")
    except ValueError as exc:
        known = ", ".join(permission.short for permission in Permission)
        raise UnknownPermission(f"{word!r} is no permission. There are: {known}.") from exc


def permissions_text(permissions: Iterable[Permission]) -> str:
    """Permissions as they are stored."""
    return ",".join(sorted(p.value for p in permissions))
