"""A vault certificate: its entry, its statuses, the key that makes it unique, its reference id."""

from __future__ import annotations

import enum
import hashlib
import json
import secrets
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType

#: "VEC-IC-", the year, 13 hexadecimal digits: VEC-IC-202567DAE48425BAD.
REFERENCE_ID = r"VEC-IC-[0-9]{4}[0-9A-F]{13}"
#: Random bits in a reference id: its 13 digits.
REFERENCE_BITS = 52

#: Returns that many random bits.
Random = Callable[[int], int]


class Status(enum.Enum):
    """Where a certificate stands; the value is the word on the wire."""

    PENDING = "pending"
    PROCESSING = "processing"
    GENERATED = "generated"
    FAILED = "failed"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Display:
    """How a status is shown."""

    label: str
    color: str
    icon: str
    description: str


#: Processing and generated as the vendor shows them; the others in the same manner.
DISPLAY = MappingProxyType(
    {
        Status.PENDING: Display(
            label="Pending",
            color="gray",
            icon="heroicon-o-clock",
            description="Certificate is waiting to be processed",
        ),
        Status.PROCESSING: Display(
            label="Processing",
            color="warning",
            icon="heroicon-o-arrow-path",
            description="Certificate is being processed",
        ),
        Status.GENERATED: Display(
            label="Generated",
            color="success",
            icon="heroicon-o-check-circle",
            description="Certificate has been successfully generated",
        ),
        Status.FAILED: Display(
            label="Failed",
            color="danger",
            icon="heroicon-o-x-circle",
            description="Certificate could not be processed",
        ),
        Status.REVOKED: Display(
            label="Revoked",
            color="danger",
            icon="heroicon-o-no-symbol",
            description="Certificate has been revoked",
        ),
    }
)


class Source(enum.Enum):
    """Who brought a certificate; the value is the word on the wire."""

    VAULT = "vault"
    CUSTOMER = "customer"

    @property
    def label(self) -> str:
        """As it is shown."""
        return self.value.capitalize()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What an institution says about a certificate; texts trimmed, otherwise verbatim."""

    certificate_title: str
    full_name: str
    applicant_email: str
    issue_date: date | None
    details: str | None


def fold_email(email: str) -> str:
    """An e-mail address as it is compared: without case."""
    return unicodedata.normalize("NFC", email.strip()).casefold()


def natural_key(institution_id: int, entry: Entry) -> str:
    """The key that no two certificates share: institution, e-mail, title, issue date (or none)."""
    parts = [
        institution_id,
        fold_email(entry.applicant_email),
        unicodedata.normalize("NFC", entry.certificate_title),
        entry.issue_date.isoformat() if entry.issue_date else None,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def new_reference_id(now: datetime, random: Random = secrets.randbits) -> str:
    """A reference id that nobody can guess."""
    return f"VEC-IC-{now.year:04d}{random(REFERENCE_BITS):013X}"
