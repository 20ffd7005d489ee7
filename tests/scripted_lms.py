"""An LMS for tests, with a connector of its own: signed deliveries in, scripted answers after.

The connector is installed as a plug-in is: by an entry point, in a folder on the path.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from connectors.base import (
    ROUGHLY,
    Capability,
    Cell,
    CertificateFile,
    Completion,
    Connector,
    Finding,
    GradebookRow,
    InboundRequest,
    Outcome,
    Problem,
    Quarantined,
    Receipt,
    ReceiptState,
    Reply,
    Target,
    Temporary,
)
from connectors.signed.connector import SignedConnector

NAME = "scripted"
Place = tuple[str, str]


@dataclass
class ScriptedLms:
    """What the LMS knows and holds; behaviours are used up one a call, then it is well again."""

    enriching: deque[Any] = field(default_factory=deque)
    writing: deque[Any] = field(default_factory=deque)
    reading: deque[Any] = field(default_factory=deque)
    verifying: deque[Any] = field(default_factory=deque)
    true_times: dict[str, datetime] = field(default_factory=dict)
    emails: dict[str, str] = field(default_factory=dict)  #: of learners, where it knows better
    gradebook: dict[Place, str] = field(default_factory=dict)
    writes: list[tuple[Place, str]] = field(default_factory=list)
    enriched: list[tuple[str, ...]] = field(default_factory=list)  #: the learners of each batch
    reads: int = 0
    without_place: set[str] = field(default_factory=set)
    listed: list[Completion] = field(default_factory=list)  #: what its list of completions holds
    listing: deque[Any] = field(default_factory=deque)
    lists: bool = True  #: whether it can list completions at all
    uncompleted: set[str] = field(default_factory=set)  #: learners who were reset
    swallows: int = 0  #: writes it takes and does not show
    graded: set[Place] = field(default_factory=set)  #: where a teacher gave a grade
    untold: set[Place] = field(default_factory=set)  #: of which it does not tell
    sizes: dict[str, Any] = field(default_factory=dict)  #: how many are enrolled, by course
    asked_sizes: list[str] = field(default_factory=list)
    #: The certificate files it makes, by learner; None: it makes none at all.
    files: dict[str, bytes] | None = None
    fetching: deque[Any] = field(default_factory=deque)
    fetched: list[str] = field(default_factory=list)  #: for whom a file was asked
    findings: list[Finding] = field(default_factory=lambda: [Finding(name="token", ok=True)])

    def enrich(self, batch: Sequence[Completion]) -> Sequence[Completion | Problem]:
        self.enriched.append(tuple(found.learner.id for found in batch))
        if self.enriching:
            return _behave(self.enriching.popleft(), batch)
        return [self.known(found) for found in batch]

    def known(self, found: Completion) -> Completion | Problem:
        if found.learner.id in self.uncompleted:
            return Problem(problem="Not completed.", remedy="Wait.", uncompleted=True)
        when = self.true_times.get(found.learner.id, found.completed_at)
        email = self.emails.get(found.learner.id, found.learner.email)
        return replace(found, completed_at=when, learner=replace(found.learner, email=email))

    def size(self, course_id: str, enough: int) -> int | None:
        self.asked_sizes.append(course_id)
        told = self.sizes.get(course_id)
        if isinstance(told, Exception):
            raise told
        return None if told is None else min(told, enough)

    def write(self, batch: Sequence[GradebookRow]) -> Sequence[Receipt]:
        if self.writing:
            return _behave(self.writing.popleft(), batch)
        return [self.put(row) for row in batch]

    def put(self, row: GradebookRow) -> Receipt:
        if row.course_id in self.without_place:
            return Receipt(
                state=ReceiptState.WAITING, problem="No place there.", remedy="Create one."
            )
        place, text = (row.course_id, row.learner_id), row.as_html()
        if place in self.graded or not row.may_replace(self.gradebook.get(place)):
            return Receipt(state=ReceiptState.OVERRIDDEN)
        self.writes.append((place, text))
        if self.swallows:
            self.swallows -= 1
        else:
            self.gradebook[place] = text
        return Receipt(state=ReceiptState.WRITTEN, text=text)

    def read(self, batch: Sequence[GradebookRow]) -> Sequence[Cell | None]:
        self.reads += 1
        if self.reading:
            return _behave(self.reading.popleft(), batch)
        return [self.cell((row.course_id, row.learner_id)) for row in batch]

    def file(self, found: Completion) -> CertificateFile | Problem | None:
        self.fetched.append(found.learner.id)
        if self.fetching:
            told: CertificateFile | Problem | None = _behave(self.fetching.popleft(), found)
            return told
        content = (self.files or {}).get(found.learner.id)
        return CertificateFile(content=content, name="from-lms.pdf") if content else None

    def cell(self, place: Place) -> Cell | None:
        if place in self.untold:
            return None
        return Cell(text=self.gradebook.get(place), taken_over=place in self.graded)


def _behave(behaviour: Any, batch: Any) -> Any:
    if isinstance(behaviour, BaseException):
        raise behaviour
    return behaviour(batch)


class ScriptedConnector(SignedConnector):
    """Deliveries as those of ``signed``; everything after is the LMS's above."""

    name = NAME
    lms: ClassVar[ScriptedLms]

    def verify(self, request: InboundRequest) -> None:
        if self.lms.verifying:
            _behave(self.lms.verifying.popleft(), request)
        super().verify(request)

    def parse(self, request: InboundRequest) -> Sequence[Completion]:
        return [_told(found) for found in super().parse(request)]

    def answer(self, request: InboundRequest, outcome: Outcome, delivery_id: str) -> Reply | None:
        if request.path == "own-answer":
            return Reply(status=207, body=b"mine", headers={"X-Own": outcome.value})
        return None

    def enrich(self, batch: Sequence[Completion]) -> Sequence[Completion | Problem]:
        return self.lms.enrich(batch)

    def enrolled(self, course_id: str, *, enough: int) -> int | None:
        return self.lms.size(course_id, enough)

    def write_back(self, batch: Sequence[GradebookRow]) -> Sequence[Receipt]:
        return self.lms.write(batch)

    def read_back(self, batch: Sequence[GradebookRow]) -> Sequence[Cell | None]:
        return self.lms.read(batch)

    def capabilities(self) -> frozenset[Capability]:
        able = {
            Capability.LIST_COMPLETIONS: self.lms.lists,
            Capability.FETCH_FILE: self.lms.files is not None,
        }
        return super().capabilities() - {what for what, is_able in able.items() if not is_able}

    def certificate_file(self, completion: Completion) -> CertificateFile | Problem | None:
        return self.lms.file(completion)

    def completions(self, *, since: datetime) -> Iterator[Completion]:
        if self.lms.listing:
            yield from _behave(self.lms.listing.popleft(), since)
        for found in self.lms.listed:
            if (found.completed_at or found.noticed_at) >= since - ROUGHLY:
                yield found

    def targets(self, course_ids: Sequence[str]) -> Sequence[Target]:
        return [
            Target(course_id=c, title=None, found=c not in self.lms.without_place)
            for c in course_ids
        ]

    def create_target(self, course_id: str) -> Target:
        self.lms.without_place.discard(course_id)
        return Target(course_id=course_id, title=None, found=True)

    def check(self) -> Iterator[Finding]:
        yield from self.lms.findings


class SecondConnector(ScriptedConnector):
    """The same with an LMS of its own, where one is not enough."""

    name = "second"
    lms: ClassVar[ScriptedLms]


def _told(found: Completion) -> Completion:
    extra = found.extra
    if "from" in extra:
        raise Quarantined(f"It comes from {extra['from']}.", remedy="Add that site, too.")
    if extra.get("bug"):
        raise ZeroDivisionError
    return replace(found, completed_at=None) if extra.get("time_unknown") else found


def install(folder: Path, connector: type[Connector[Any]] = ScriptedConnector) -> Path:
    """Make a folder that, on the path, is an installed package with this connector."""
    name, where = connector.name, f"{connector.__module__}:{connector.__name__}"
    about = folder / f"{name}_lms-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-lms\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[vaultbridge.connectors]\n{name} = {where}\n")
    return folder


DOWN = Temporary("The LMS is down for maintenance.")
Behaviour = Callable[[Any], Any] | BaseException
