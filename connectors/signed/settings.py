"""What one sender of signed webhooks is configured with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import marshmallow as ma

from connectors.fields import Secrets
from connectors.signatures import new_signing_secret, signing_key


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedSettings:
    """One sender; secrets never show in its repr."""

    secrets: tuple[str, ...] = field(repr=False)  #: whsec_…, each of them live


class SignedSettingsSchema(ma.Schema):
    """The form of these settings."""

    secrets = Secrets(
        required=True,
        check=signing_key,
        metadata={
            "label": "Signing secrets",
            "secret": True,
            "help": "The signing secrets, one a line: whsec_ and the base64 of 24 to 64 random "
            "bytes. Two are live while you change from one to the other.",
            "make": new_signing_secret,
            "example": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        },
    )

    @ma.post_load
    def build(self, data: dict[str, Any], **_: Any) -> SignedSettings:
        """The settings as a frozen value."""
        return SignedSettings(secrets=tuple(data["secrets"]))
