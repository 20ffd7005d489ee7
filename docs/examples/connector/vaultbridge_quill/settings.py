"""What one Quill site is configured with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import marshmallow as ma

from connectors.fields import BaseUrl, Secrets, at_least


@dataclass(frozen=True, slots=True, kw_only=True)
class QuillSettings:
    """One Quill site; secrets never show in its repr."""

    base_url: str  #: without a slash at its end
    token: str = field(repr=False)  #: of the API
    signing_secrets: tuple[str, ...] = field(repr=False)  #: of the webhook, each of them live


class QuillSettingsSchema(ma.Schema):
    """The form of these settings: validation, help, which of them are secret."""

    base_url = BaseUrl(
        required=True,
        metadata={"help": "Quill's address.", "example": "https://quill.example.edu"},
    )
    token = ma.fields.String(
        required=True,
        validate=ma.validate.Regexp(r"\A[!-~]{16,}\Z", error="Give the token and nothing else."),
        metadata={
            "secret": True,
            "help": "An API token with the scopes people:read and notes:write.",
            "example": "0123456789abcdef",
        },
    )
    signing_secrets = Secrets(
        required=True,
        check=at_least(16),
        metadata={
            "secret": True,
            "help": "The secrets that Quill signs webhooks with, one a line.",
            "example": ["a-long-random-text"],
        },
    )

    @ma.post_load
    def build(self, data: dict[str, Any], **_: Any) -> QuillSettings:
        """The settings as a frozen value."""
        return QuillSettings(**{**data, "signing_secrets": tuple(data["signing_secrets"])})
