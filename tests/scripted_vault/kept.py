"""What the scripted vault keeps: certificates, and files whose entry is still to come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

from tests.scripted_vault.answering import missing

REQUIRED = ("certificate_title", "full_name", "applicant_email")

Key = tuple[str, str, str | None]


@dataclass(kw_only=True)
class Kept:
    """One certificate in the vault."""

    title: str
    name: str
    email: str
    issue_date: str | None
    details: str | None
    content: bytes = field(repr=False, default=b"")
    source: str = "vault"
    status: str = "processing"
    reason: str | None = None
    batch_id: str | None = None
    created_at: datetime
    uuid: str = field(default_factory=lambda: str(uuid4()))
    reference_id: str = field(default_factory=lambda: f"VEC-IC-2026{uuid4().hex[:13].upper()}")
    downloads: int = 0

    @property
    def key(self) -> Key:
        return (self.email.casefold(), self.title, self.issue_date)


@dataclass(kw_only=True)
class UploadedFile:
    """A file uploaded ahead of its entry; good for one."""

    content: bytes = field(repr=False)
    used: bool = False
    expired: bool = False
    file_id: str = field(default_factory=lambda: str(uuid4()))

    @property
    def free(self) -> bool:
        return not self.used and not self.expired


def mistakes(fields: Mapping[str, Any], *, beside: Mapping[str, Any]) -> dict[str, list[str]]:
    """What an entry lacks, by field; ``beside``: what must come with it, and whether it does."""
    wanted = {**{name: fields.get(name) for name in REQUIRED}, **beside}
    return {name: [missing(name)] for name, given in wanted.items() if not given}


def certificate(fields: Mapping[str, Any], **more: Any) -> Kept:
    """A certificate as an entry describes it."""
    return Kept(
        title=fields["certificate_title"],
        name=fields["full_name"],
        email=fields["applicant_email"],
        issue_date=fields.get("issue_date"),
        details=fields.get("details"),
        **more,
    )
