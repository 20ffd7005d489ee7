"""What a mapping document says, once read and found right."""

from __future__ import annotations

import enum
from collections.abc import Mapping as Map
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeAlias

from mappings.expressions import Condition, Expression
from mappings.periods import Period

ANY_SITE = "*"
#: Where a certificate's file comes from: printed here, or made by the LMS.
TEMPLATE, LMS = "template", "lms"

#: What a parameter of a certificate template may be given.
ParameterValue: TypeAlias = str | bool | int | float


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Which completions a mapping wants."""

    courses: tuple[str, ...]  #: globs on the course's id, code or title, whatever the case
    categories: tuple[str, ...]  #: globs on the course's category; none: any, or none told
    cohorts: tuple[str, ...]  #: globs, of which one fits a cohort of the learner's; none: any
    when: Condition | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRules:
    """How each field of an entry is made."""

    certificate_title: Expression
    full_name: Expression
    applicant_email: Expression
    issue_date: Expression
    details: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRules:
    """How the certificate file is made."""

    source: Literal["template", "lms"]  #: of what follows, the LMS's file needs the language alone
    template: str
    language: Expression  #: gives a BCP 47 tag
    paper: Literal["a4", "us-letter"]
    parameters: Map[str, ParameterValue | Expression]  #: the template's own


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """What a person looks at first."""

    names: tuple[str, ...]  #: kinds, see `mappings.doubts`
    placeholders: tuple[str, ...]  #: globs on the whole name
    addresses: tuple[str, ...]  #: globs
    older_than: timedelta | None  #: since the completion
    roles: tuple[str, ...]  #: globs on the learner's role in the course
    accounts: tuple[str, ...]  #: globs on the learner's address and ids


class AgainKind(enum.Enum):
    """Whether a learner's next round of the same course is certified."""

    NEVER = "never"
    AFTER = "after"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """What happens with a learner's next round."""

    kind: AgainKind
    after: timedelta | None = None  #: since the last one, for AFTER

    def __str__(self) -> str:
        """As a sentence has it."""
        return f"after {self.after.days} days" if self.after is not None else self.kind.value


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteBackRules:
    """Whether and how the gradebook is told."""

    target: Literal["auto", "none"]
    text: Literal["default"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """One mapping document, read. Two are equal if their documents say the same."""

    format: int  #: the ``mapping: 1`` it begins with
    name: str
    kind: str  #: which certificate of a completion it makes; of each kind there is one
    issuer: str
    sites: tuple[str, ...]  #: names, or ``("*",)`` for any
    priority: int  #: the higher is asked first
    match: Match
    entry: EntryRules
    hold: Hold
    certificate: CertificateRules
    again: Again
    valid_for: Period | None  #: since the issue date; None: for ever, or as the template says
    write_back: WriteBackRules
    #: Why nothing can be made by it, though it was good once; see `mappings.salvage`.
    fault: str | None = None
