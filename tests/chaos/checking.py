"""The outside checker: what was acknowledged, held against vaults and gradebook. It only reads.

Whatever it cannot explain is counted against us.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

#: A course and a learner at the LMS.
Who: TypeAlias = "tuple[int, int]"
#: A vault, and what it tells certificates apart by: e-mail, title, issue date.
Key: TypeAlias = "tuple[str, str, str, str]"

REFERENCE = re.compile(r"VEC-IC-\d{4}[0-9A-F]+")
MARK = re.compile(r"\bRef [0-9a-f]{8}\b")


@dataclass(frozen=True, kw_only=True)
class Completed:
    """One learner has completed one course, says the LMS."""

    who: Who
    acked: bool  #: whether its webhook was answered with success
    vault: str  #: the vault that its certificate belongs to
    email: str
    title: str
    day: str
    full_name: str

    @property
    def key(self) -> Key:
        return (self.vault, self.email, self.title, self.day)


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """One certificate, says a vault."""

    vault: str
    email: str
    title: str
    day: str
    full_name: str
    details: str
    reference_id: str
    status: str

    @property
    def key(self) -> Key:
        return (self.vault, self.email, self.title, self.day)


@dataclass(frozen=True, kw_only=True)
class Observed:
    """Everything that could be seen from outside when all had come to rest."""

    completed: Sequence[Completed]
    certificates: Sequence[Certificate]
    made: Mapping[Key, int]  #: how often each vault has ever made a certificate
    gradebook: Mapping[Who, str]  #: the certificate's cell of each learner, where it says anything
    held: Mapping[Who, str]  #: what the bridge shows to a person, and why
    heard: int  #: how many of the vaults' webhooks were taken
    restless: Sequence[str] = ()  #: what still had something to do when time was up
    kills: int = 0  #: how often a process was ended by kill -9, of all that was done to the town


@dataclass(kw_only=True)
class Verdict:
    """The count, and a sentence for each thing that is wrong."""

    acked: int = 0
    issued: int = 0
    held: int = 0
    kills: int = 0
    faults: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    KINDS = ("lost", "doubled", "wrong", "unexplained")

    @property
    def good(self) -> bool:
        """Whether nothing is wrong, and something was tried at all."""
        return self.acked > 0 and not any(self.faults[kind] for kind in self.KINDS)

    def line(self) -> str:
        """The last line that is printed."""
        counts = {"acked": self.acked, "issued": self.issued, "held": self.held}
        counts |= {kind: len(self.faults[kind]) for kind in self.KINDS}
        return " ".join(f"{name}={n}" for name, n in {**counts, "kills": self.kills}.items())


def check(seen: Observed) -> Verdict:
    """Judge what was seen."""
    verdict = Verdict(
        acked=sum(one.acked for one in seen.completed),
        kills=seen.kills,
    )
    by_key: dict[Key, list[Certificate]] = defaultdict(list)
    for certificate in seen.certificates:
        by_key[certificate.key].append(certificate)
    for one in seen.completed:
        found = by_key.get(one.key, [])
        if found:
            verdict.issued += 1
            verdict.faults["wrong"] += _wrong(one, found[0], seen.gradebook.get(one.who, ""))
        elif one.who in seen.held:
            verdict.held += 1
        else:
            verdict.faults["lost"].append(_lost(one))
    verdict.faults["doubled"] += _doubled(seen.made, by_key)
    verdict.faults["unexplained"] += _unexplained(seen)
    return verdict


def _lost(one: Completed) -> str:
    told = "acknowledged" if one.acked else "not acknowledged, and not found by reconciliation"
    return f"{one.who} {one.email} “{one.title}”: no certificate, nothing held ({told})"


def _wrong(one: Completed, found: Certificate, cell: str) -> Iterator[str]:
    about = f"{one.who} {found.reference_id}"
    if found.full_name != one.full_name:
        yield f"{about}: the name is {found.full_name!r}, not {one.full_name!r}"
    if not MARK.search(found.details):
        yield f"{about}: there is no mark of ours in {found.details!r}"
    if found.status != "generated":
        yield f"{about}: it is {found.status}, and stays so"
    named = REFERENCE.findall(cell)
    if named != [found.reference_id]:
        yield f"{about}: the gradebook names {named or 'nothing'}: {cell!r}"


def _doubled(made: Mapping[Key, int], found: Mapping[Key, list[Certificate]]) -> Iterator[str]:
    counts = Counter({key: len(several) for key, several in found.items()})
    for key in made.keys() | counts.keys():
        times = max(made.get(key, 0), counts[key])
        if times > 1:
            yield f"{key}: made {times} times"


def _unexplained(seen: Observed) -> Iterable[str]:
    owed = {one.key for one in seen.completed}
    places = {one.who for one in seen.completed}
    yield from (f"a certificate for nobody: {c}" for c in seen.certificates if c.key not in owed)
    listed = {certificate.key for certificate in seen.certificates}
    yield from (f"made, and gone since: {key}" for key in seen.made.keys() - listed)
    yield from (f"made, and never counted: {key}" for key in listed - seen.made.keys())
    yield from (
        f"the gradebook tells of a certificate for nobody: {who} {cell!r}"
        for who, cell in seen.gradebook.items()
        if who not in places
    )
    issued = {one.who for one in seen.completed if one.key in listed}
    yield from (
        f"held, though it is issued: {who}: {why}"
        for who, why in seen.held.items()
        if who in issued
    )
    yield from (f"not at rest: {what}" for what in seen.restless)
    if not seen.heard:
        yield "none of the vaults' webhooks was ever taken"
