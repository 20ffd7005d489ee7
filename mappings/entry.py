"""What comes of a completion under a mapping: an entry, or why there is none yet."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType

from mappings.model import ParameterValue
from mappings.texts import line

#: Room that the caller needs at the end of ``details`` for its own mark.
REF_MARK = "\nRef xxxxxxxx"
#: The vault takes 255 characters for a text, 1000 for details.
TEXT_LIMIT = 255
DETAILS_LIMIT = 1000 - len(REF_MARK)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldTrace:
    """Where one field's value came from."""

    field: str  #: key in the document ("entry.full_name")
    expression: str  #: as the document has it
    inputs: tuple[tuple[str, str | None], ...]  #: name and what stood there, None for nil
    result: str | None  #: None if the expression gave none
    #: The filters that were used, as the document writes them, and what each gave.
    filters: tuple[tuple[str, str | None], ...] = ()
    tidied: tuple[str, ...] = ()  #: what was done to the text it printed, in words


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """Why the issue date is that day."""

    instant: datetime | None  #: the moment whose day it is; None if it is no moment's
    zone: str | None  #: in which that day is counted
    source: str  #: who said the zone: "course", "site", "setting", or the "mapping" itself


#: A day that a mapping states, or takes from elsewhere.
BY_MAPPING = "mapping"
NO_MOMENT = Dated(instant=None, zone=None, source=BY_MAPPING)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldProblem:
    """Why one field keeps a certificate from being issued, and what to do."""

    field: str
    problem: str
    remedy: str
    #: To group failures by: ``missing``, ``too_long``, ``invalid``, ``doubtful``, ``expression``,
    #: or ``document`` where it is the whole mapping, which ``field`` then names.
    code: str

    def __str__(self) -> str:
        return f"{self.field}: {self.problem}. {self.remedy}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What the vault is told, and what the page is; every text is NFC and clean."""

    certificate_title: str  #: 1 to 255 characters
    full_name: str  #: 1 to 255 characters
    applicant_email: str  #: at most 255 characters, in the case it came in
    issue_date: date
    details: str  #: may be empty, may hold line ends; leaves room for ``REF_MARK``
    language: str  #: BCP 47
    #: The template's own, of which some say more of this completion.
    parameters: Mapping[str, ParameterValue] = field(default_factory=lambda: MappingProxyType({}))
    expires_on: date | None = None  #: the last day it is valid, where the mapping says one
    dated: Dated = field(default=NO_MOMENT, compare=False)
    trace: tuple[FieldTrace, ...] = field(compare=False)  #: empty unless it was asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """No entry until a person, or the LMS, mends what ``problems`` names; never empty."""

    problems: tuple[FieldProblem, ...]
    trace: tuple[FieldTrace, ...] = field(compare=False)


def natural_key(issuer: str, entry: Entry) -> str:
    """SHA-256 in hex of issuer, e-mail, title and issue date: what the vault calls a duplicate.

    The e-mail's case and the title's spacing make no difference. JSON keeps the four apart,
    whatever stands in them.
    """
    email = unicodedata.normalize("NFC", entry.applicant_email.casefold())
    parts = [issuer, email, line(entry.certificate_title), entry.issue_date.isoformat()]
    return hashlib.sha256(json.dumps(parts).encode("ascii")).hexdigest()
