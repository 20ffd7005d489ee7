"""What a vault may answer, by what it means for us; and the errors of questions without an answer.

VaultError       a question to the vault has no answer now
 ├─ NotReady     the verified PDF is not there yet
 ├─ Unavailable  the vault cannot be reached, or answers what is no answer
 └─ Forbidden    the vault does not take our token for this
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultCertificate:
    """A certificate as the vault tells it."""

    uuid: str
    reference_id: str | None
    certificate_title: str
    full_name: str
    applicant_email: str
    issue_date: str | None  #: ISO date, verbatim
    status: str  #: ``processing``, ``generated``, ``failed``, ``revoked`` … or one we don't know
    status_label: str
    source: str | None
    details: str | None  #: empty if there are none; None where they are not shown
    created_at: datetime | None
    verification_url: str | None  #: our own vault's extension
    reason: str | None  #: why it failed, where the vault says so
    batch_id: str | None = None  #: of the bulk upload it came by, where the vault shows it


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What the vault is told of one certificate."""

    certificate_title: str
    full_name: str
    applicant_email: str
    issue_date: str
    details: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The vault has done it."""

    certificate: VaultCertificate
    status_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """Such a certificate exists: ours from an earlier try, or somebody else's."""

    code: ClassVar[str] = "vault_duplicate"
    message: str
    status_code: int = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The vault will never take this request as it is; ``field`` is the first it objects to."""

    code: ClassVar[str] = "vault_refused"
    message: str
    status_code: int
    field: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unauthorised:
    """The vault does not take our token for this."""

    code: ClassVar[str] = "vault_token"
    message: str
    remedy: str
    status_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotPermitted:
    """The vault takes our token, and does not let it do just this."""

    code: ClassVar[str] = "vault_permission"
    message: str
    remedy: str
    status_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CannotRevoke:
    """The vault has no such call, or none for this certificate."""

    message: str
    status_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotDone:
    """Surely not done: nothing was sent, or the vault said "not now"."""

    message: str
    retry_after: timedelta | None = None
    status_code: int | None = None

    @property
    def code(self) -> str:
        """What such failures are grouped by."""
        return code_of(self.status_code)


def code_of(status_code: int | None) -> str:
    """What failures are grouped by that ended with a status, or with no answer at all."""
    return "vault_unreachable" if status_code is None else f"vault_http_{status_code}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ambiguous:
    """Nobody knows whether it was done."""

    code: ClassVar[str] = "vault_answer_lost"
    message: str
    retry_after: timedelta | None = None
    status_code: int | None = None


Answer: TypeAlias = Accepted | Duplicate | Refused | Unauthorised | NotDone | Ambiguous
#: What becomes of a revocation; asking for it again does no harm.
RevokeAnswer: TypeAlias = (
    Accepted | CannotRevoke | NotPermitted | Refused | Unauthorised | NotDone | Ambiguous
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """Whether the token may do something at the vault."""

    name: str
    ok: bool
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTaken:
    """The vault keeps a file whose entry is to follow."""

    file_id: str
    status_code: int


#: What becomes of a file uploaded ahead of its entry; uploading it again does no harm.
FileAnswer: TypeAlias = FileTaken | Refused | Unauthorised | NotDone | Ambiguous


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkEntry:
    """What the vault is told of one certificate whose file it has."""

    certificate_title: str
    full_name: str
    applicant_email: str
    issue_date: str
    details: str
    file_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkTaken:
    """The vault has taken the entries in. That is a promise, not yet a certificate."""

    batch_id: str | None
    status_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkRefused:
    """The vault took none of the entries.

    ``guilty`` maps the places of those that it names to what it says of each; it may name none.
    """

    message: str
    guilty: Mapping[int, str]
    status_code: int


BulkAnswer: TypeAlias = BulkTaken | BulkRefused | Unauthorised | NotDone | Ambiguous


class VaultError(Exception):
    """A question to the vault has no answer now; such failures are grouped by ``code``."""

    code = "vault_unreachable"


class NotReady(VaultError):
    """The verified PDF is not there yet."""


class Unavailable(VaultError):
    """The vault cannot be reached, or answers what is no answer. Ask again later."""

    def __init__(
        self,
        message: str,
        *,
        retry_after: timedelta | None = None,
        code: str = "vault_unreachable",
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.code = code


class Forbidden(VaultError):
    """The vault does not take our token for this; ``remedy`` says what it needs."""

    code = "vault_token"

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy
