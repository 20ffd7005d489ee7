"""What every connector is: the contract between one LMS and the bridge.

ConnectorError
 ├─ Unverified     verify: not provably from this LMS             → 401, no reason; counted
 ├─ Malformed      parse, enrich: verified, of a shape unknown     → dead letter with its path
 ├─ Quarantined    parse: verified, but speaks for another site    → kept apart, told
 ├─ Temporary      may go better later                             → again, not before retry_after
 └─ Permanent      will not go better until a person changes something → stop, tell the owner

Each of them, a Problem and a Receipt carry a ``code``: one short word of small letters, digits and
``_``, the same for the same cause whatever the wording ("http_503", "not_enrolled"). Failures are
grouped by it, so it holds no id and no name. There is always a default.
"""

from __future__ import annotations

import enum
import hashlib
import html
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

import httpx
import marshmallow as ma

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
Clock: TypeAlias = Callable[[], datetime]
S = TypeVar("S")

#: How far the moment that a list of completions tells may be off: a time without its zone.
ROUGHLY = timedelta(hours=15)
NOTHING: Mapping[str, Any] = MappingProxyType({})


def _nothing() -> Mapping[str, Any]:
    return NOTHING


class ConnectorError(Exception):
    """Base of everything a connector may raise on purpose."""


class Unverified(ConnectorError):
    """The request is not provably from this LMS. Final: answered 401 without a reason."""


class Malformed(ConnectorError):
    """Verified, but not of a shape this connector knows. Final: kept as a dead letter."""

    code: ClassVar[str] = "malformed"

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem

    @property
    def field(self) -> str:
        """What failures of this kind are told apart by: the path."""
        return self.path


class Quarantined(ConnectorError):
    """Verified, but it speaks for another site (a cloned staging LMS). Kept apart, for a person."""

    def __init__(self, problem: str, *, remedy: str, code: str = "other_site") -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy
        self.code = code


class Temporary(ConnectorError):
    """The LMS may answer better later. Tried again, not before ``retry_after``."""

    def __init__(
        self, problem: str, *, retry_after: timedelta | None = None, code: str = "unavailable"
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.retry_after = retry_after
        self.code = code


class Permanent(ConnectorError):
    """Trying again will not help until a person changes something: ``remedy`` says what."""

    def __init__(self, problem: str, *, remedy: str, code: str = "refused") -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy
        self.code = code


class Capability(enum.Enum):
    """What a site can do; the value is the name of the method that does it."""

    ENRICH = "enrich"
    WRITE_BACK = "write_back"
    TARGETS = "targets"
    LIST_COMPLETIONS = "completions"
    FETCH_FILE = "certificate_file"


def _aware(name: str, moment: datetime | None) -> None:
    if moment is not None and moment.utcoffset() is None:
        raise Malformed(name, "has no time zone")


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundRequest:
    """A webhook as it came off the wire; knows no web framework."""

    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)  #: names in lower case
    method: str = "POST"
    path: str = ""  #: what follows the hook's own address
    query: Mapping[str, str] = field(repr=False, default_factory=_nothing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """The course that was completed."""

    id: str  #: the LMS's own key, verbatim
    code: str | None = None  #: short name or number an admin knows ("BIO-101")
    title: str | None = None  #: plain text, unescaped
    category: str | None = None
    language: str | None = None  #: BCP 47, if the LMS says one
    timezone: str | None = None  #: IANA ("Asia/Dubai"), if the LMS says one of the course


@dataclass(frozen=True, slots=True, kw_only=True)
class Learner:
    """Who completed it."""

    id: str  #: the LMS's own key, verbatim
    full_name: str | None = None  #: as the LMS shows it
    given_name: str | None = None
    family_name: str | None = None
    preferred_name: str | None = None  #: whole, where the LMS has one besides
    legal_name: str | None = None  #: whole, where the LMS has one besides
    email: str | None = None
    id_number: str | None = None  #: the institution's number for this person
    language: str | None = None  #: BCP 47, if the LMS says one
    country: str | None = None  #: ISO 3166 alpha-2
    custom: Mapping[str, str] = field(default_factory=_nothing)  #: the LMS's custom profile fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """The course's final grade."""

    percent: Decimal | None = None  #: 0 to 100
    points: Decimal | None = None
    maximum: Decimal | None = None
    text: str | None = None  #: as the LMS prints it ("A-", "Pass")


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """The time zone in which the day of a completion is counted."""

    name: str  #: IANA
    source: str  #: who said so: "course", "site", "setting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """One learner has completed one course: said the same way for every LMS.

    ``completed_at`` is the true moment, where the LMS tells it; ``noticed_at`` the moment of the
    event that told us. Both aware.
    """

    course: Course
    learner: Learner
    noticed_at: datetime
    completed_at: datetime | None = None
    grade: Grade | None = None
    role: str | None = None  #: the learner's role in the course
    cohorts: tuple[str, ...] = ()
    enrolled: int | None = None  #: how many are enrolled in the course
    extra: Mapping[str, Json] = field(default_factory=_nothing)  #: whatever else the sender told
    zone: Zone | None = None  #: the bridge's to say, once for all, not the connector's

    def __post_init__(self) -> None:
        _aware("noticed_at", self.noticed_at)
        _aware("completed_at", self.completed_at)

    @property
    def round(self) -> str:
        """The completion's date at the LMS (UTC, ISO 8601); empty while it is not known."""
        if self.completed_at is None:
            return ""
        return self.completed_at.astimezone(UTC).date().isoformat()


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why one completion of a batch could not be enriched; the others of the batch go on."""

    problem: str
    remedy: str
    uncompleted: bool = False  #: the LMS says in so many words that it is not completed
    code: str = "refused"  #: see the top of this page


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One certificate as a gradebook row tells it; plain texts, in the learner's language."""

    status: str  #: the word that stands first ("Issued")
    reference_id: str | None
    link: str | None  #: https address of the learner page
    link_text: str
    title: str
    issue_date: date | None
    void: bool = False  #: no longer good (withdrawn, replaced): struck through


@dataclass(frozen=True, slots=True, kw_only=True)
class GradebookRow:
    """What one learner's row in one course's gradebook must say, newest certificate first."""

    course_id: str
    learner_id: str
    certificates: tuple[Certificate, ...]
    language: str = "en"  #: BCP 47
    direction: str = "ltr"  #: or "rtl"
    revision: int = 1  #: grows with every write; LMSs ignore a text equal to the last one
    known: tuple[str, ...] = ()  #: texts of ours that may stand there from before

    def as_text(self) -> str:
        """The row as plain text, one certificate a line."""
        return "\n".join(
            " · ".join(part for part in (*self._words(c), c.link) if part)
            for c in self.certificates
        )

    def as_html(self) -> str:
        """The row as HTML, everything escaped: status word, reference id, then the link.

        It carries its own checksum, by which `may_replace` knows it for ours and untouched.
        """
        content = (
            f'lang="{html.escape(self.language)}" dir="{html.escape(self.direction)}">'
            f"{''.join(self._html(c) for c in self.certificates)}"
        )
        head = f'data-rev="{self.revision}" data-sum="{_sum(str(self.revision), content)}"'
        return f'<div class="vaultbridge" {head} {content}</div>'

    def may_replace(self, text: str | None) -> bool:
        """Whether this row may be written over what stands there now.

        Yes where nothing stands, or a text of ours as we wrote it. Anything else is a person's.
        """
        if not text or text.strip() in {ours.strip() for ours in (self.as_text(), *self.known)}:
            return True
        ours = _OURS.fullmatch(text.strip())
        return ours is not None and ours["sum"] == _sum(ours["rev"], ours["content"])

    def _words(self, c: Certificate) -> Iterator[str | None]:
        yield from (c.status, c.reference_id)
        # What tells them apart, and nothing that is the same for all.
        if len({other.title for other in self.certificates}) > 1:
            yield _apart(c.title)
        if len({other.issue_date for other in self.certificates}) > 1 and c.issue_date:
            yield _apart(c.issue_date.isoformat())

    def _html(self, c: Certificate) -> str:
        head = " · ".join(html.escape(part) for part in self._words(c) if part)
        line = f"<s>{head}</s>" if c.void else head
        if c.link:
            href, text = html.escape(c.link), html.escape(c.link_text)
            line += f' · <a href="{href}" target="_blank" rel="noopener">{text}</a>'
        return f"<p>{line}</p>"


_OURS = re.compile(
    r'<div class="vaultbridge" data-rev="(?P<rev>\d+)" data-sum="(?P<sum>[0-9a-f]+)" '
    r"(?P<content>.*)</div>",
    re.DOTALL,
)


def _apart(text: str) -> str:
    """Isolated: in a row that runs the other way it would turn its neighbours about (UAX #9)."""
    return f"\N{FIRST STRONG ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}"


def _sum(revision: str, content: str) -> str:
    return hashlib.sha256(f"{revision} {content}".encode()).hexdigest()[:16]


class ReceiptState(enum.Enum):
    """What became of one row of a write-back."""

    WRITTEN = "written"  #: accepted; read_back tells whether it is really there
    WAITING = "waiting"  #: the course has no place for it yet; ``remedy`` says how to make one
    REFUSED = "refused"  #: the LMS will not take it, for ``problem``
    OVERRIDDEN = "overridden"  #: a person wrote or graded there: left alone, nothing was written


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One row's outcome; ``text`` is exactly what was sent, to compare with what is read back."""

    state: ReceiptState
    text: str | None = None
    problem: str | None = None
    remedy: str | None = None
    code: str = ""  #: empty for "no_place" where it waits, "refused" where it is refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What one learner's row says at the LMS."""

    text: str | None  #: raw, exactly as stored; None where nothing stands
    taken_over: bool = False  #: a person has graded it or overridden it, whatever its text


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One permission or setting that a site needs: there, or missing and where to grant it."""

    name: str
    ok: bool
    problem: str | None = None
    remedy: str | None = None
    note: str | None = None  #: what it goes without and how to have it, where that may be meant


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Whether a course has the place where certificates are written, e.g. an assignment."""

    course_id: str
    title: str | None
    found: bool
    problem: str | None = None
    remedy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFile:
    """A certificate that the LMS itself made."""

    content: bytes = field(repr=False)
    name: str


class Outcome(enum.Enum):
    """What the bridge did with a verified delivery."""

    STORED = "stored"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer to a webhook, where a protocol asks for one of its own."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=_nothing)


class Connector(ABC, Generic[S]):
    """Subclass once an LMS; an instance holds one configured site and keeps no state of its own.

    Safe to use from several threads as long as ``http`` is.
    """

    #: Equal to the entry point, the folder, and the part of the hook's address.
    name: ClassVar[str]
    #: Described once: validation, the console's form, masking. A secret field carries
    #: ``metadata={"secret": True}``; every field ``metadata={"help": …, "example": …}``, perhaps a
    #: ``"label"``; a secret that is the admin's own to choose ``"make"``, which makes a new one.
    settings_schema: ClassVar[type[ma.Schema]]
    #: Whether the LMS mails the learner of each text that `write_back` puts there: then nobody else
    #: mails them of the same.
    write_back_mails: ClassVar[bool] = False

    def __init__(self, settings: S, *, http: httpx.Client, now: Clock) -> None:
        self.settings = settings
        self.http = http
        self.now = now

    def capabilities(self) -> frozenset[Capability]:
        """What this site, with these settings, can do. Default: every method overridden."""
        return frozenset(
            c for c in Capability if getattr(type(self), c.value) is not getattr(Connector, c.value)
        )

    def check(self) -> Iterator[Finding]:
        """Try each permission and setting this site needs, one by one. Raises nothing."""
        yield from ()

    @abstractmethod
    def verify(self, request: InboundRequest) -> None:
        """Return if the request is genuine; raise Unverified if it is not.

        Raise Temporary when that cannot be settled now (a key server is down): the sender is
        told to come again. Raise nothing else.
        """

    @abstractmethod
    def parse(self, request: InboundRequest) -> Sequence[Completion]:
        """Return the completions in a verified request; none for an event known and not wanted.

        Pure: no network, no clock. Raises Malformed for a shape unknown, Quarantined for a
        delivery that speaks for another site.
        """

    def delivery_id(self, request: InboundRequest) -> str | None:
        """The sender's own id of this delivery, equal for every repetition; None if it has none."""
        return None

    def event_name(self, request: InboundRequest) -> str:
        """The sender's name for the event, to count what is not wanted. Raises nothing."""
        return "event"

    def answer(self, request: InboundRequest, outcome: Outcome, delivery_id: str) -> Reply | None:
        """A reply of the protocol's own; None for the bridge's (202, or 200 for a duplicate)."""
        return None

    def enrich(self, batch: Sequence[Completion]) -> Sequence[Completion | Problem]:
        """Return each completion with what only the LMS's API knows, or why not, in order.

        Few calls a batch. Raises Temporary or Permanent for what concerns the whole batch.
        """
        return batch

    def enrolled(self, course_id: str, *, enough: int) -> int | None:
        """How many are enrolled in a course; None where the LMS does not tell.

        Where they are ``enough`` or more, that may be the answer. Asked only where more than usual
        have completed a course in one day. Raises Temporary or Permanent.
        """
        return None

    def write_back(self, batch: Sequence[GradebookRow]) -> Sequence[Receipt]:
        """Put each row into its gradebook; one receipt each, in order. Safe to repeat.

        What a person wrote is never written over: look first, and ask `GradebookRow.may_replace`.
        Raises Temporary or Permanent for what concerns the whole batch.
        """
        raise Permanent(
            f"The connector {self.name} cannot write to a gradebook.",
            remedy="Set write_back: none in the mapping.",
        )

    def read_back(self, batch: Sequence[GradebookRow]) -> Sequence[Cell | None]:
        """Return what each row now says at the LMS, in order; their certificates do not matter.

        None where the LMS does not tell (the learner left the course), or not in few calls: it is
        asked every day for every row there is. Raises Temporary or Permanent.
        """
        return [None] * len(batch)

    def targets(self, course_ids: Sequence[str]) -> Sequence[Target]:
        """Say for each course whether it has the place that write_back needs."""
        return []

    def create_target(self, course_id: str) -> Target:
        """Make that place in a course which has none. Safe to repeat."""
        raise Permanent(
            f"The connector {self.name} cannot create a place for certificates.",
            remedy="Create it in the LMS by hand.",
        )

    def completions(self, *, since: datetime) -> Iterator[Completion]:
        """Every completion since a moment: for what a webhook never told us.

        Few calls for thousands, so it tells ids and little else. Where the list does not say the
        exact moment, ``completed_at`` is None and ``noticed_at`` at most `ROUGHLY` off: `enrich`
        is asked for the few that nobody has told us. Some may be as much older than ``since``, or
        come twice; who is no longer in the course may be missing. Raises Temporary or Permanent,
        also half-way.
        """
        yield from ()

    def certificate_file(self, completion: Completion) -> CertificateFile | Problem | None:
        """The certificate file that the LMS made for this completion; None if it has not yet.

        It is kept as it comes the first time. Raises Temporary or Permanent for what concerns more
        than this completion, Malformed for an answer of a shape unknown.
        """
        raise Permanent(
            f"The connector {self.name} fetches no certificate files.",
            remedy="Let the mapping print the page: `certificate: {template: …}`.",
            code="no_files",
        )
