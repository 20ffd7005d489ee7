"""The kinds of settings that connectors share: secrets that rotate, and addresses."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import marshmallow as ma


class Secrets(ma.fields.List[Any]):
    """One or more live secrets: a list, or one text with a secret a line.

    Several are live at a time, so that a secret can be changed without losing a delivery.
    """

    def __init__(self, *, check: Callable[[str], object], **options: Any) -> None:
        def checked(secret: str) -> None:
            try:
                check(secret)
            except ValueError as exc:
                raise ma.ValidationError(f"A secret {exc}.") from exc

        super().__init__(
            ma.fields.String(validate=checked), validate=ma.validate.Length(min=1), **options
        )

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any
    ) -> list[Any]:
        given = value.split() if isinstance(value, str) else value
        return list(super()._deserialize(given, attr, data, **options))


class BaseUrl(ma.fields.String):
    """An http or https address without query, fragment or password; without a slash at its end."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any
    ) -> Any:
        address = super()._deserialize(value, attr, data, **options)
        if not _is_base_url(address):
            raise ma.ValidationError(
                "Give an address such as https://moodle.example.edu: http or https, a host, "
                "perhaps a port and a path, nothing else."
            )
        return address.rstrip("/")


def _is_base_url(address: str) -> bool:
    try:
        parts = urlsplit(address)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment or "@" in parts.netloc)
    tidy = address.isprintable() and " " not in address
    return (
        parts.scheme in ("http", "https")
        and bool(parts.hostname)
        and plain
        and tidy
        and port_is_fine
    )


def secret_names(schema: type[ma.Schema]) -> frozenset[str]:
    """The names of the settings that must be encrypted at rest and masked when shown."""
    return frozenset(
        name for name, field in schema().fields.items() if field.metadata.get("secret")
    )


def at_least(length: int) -> Callable[[str], None]:
    """A check for `Secrets`: refuses what is shorter, or holds a blank or a control character."""

    def check(secret: str) -> None:
        if len(secret) < length:
            raise ValueError(f"has {len(secret)} characters; at least {length} are needed")
        if not secret.isprintable() or " " in secret:
            raise ValueError("holds a blank or a control character")

    return check


def random_text() -> str:
    """A new secret for a setting whose text is the admin's own to choose."""
    return secrets.token_urlsafe(32)
