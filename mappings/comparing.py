"""Compares what two sets of mappings make of a completion: the active ones, and with a draft."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum, auto
from functools import partial
from itertools import zip_longest
from typing import TypeAlias

from connectors.base import Completion
from mappings import model
from mappings.engine import Entry, Held, apply, choose
from mappings.rounds import leaves_out
from mappings.suspects import suspicion
from mappings.ties import undecided

#: Of each field that differs: (before, after).
Fields: TypeAlias = Mapping[str, tuple[str | None, str | None]]


class Change(StrEnum):
    """What becomes of one certificate of one completion."""

    SAME = "same"
    CHANGED = "changed"
    MATCHED = "newly matched"
    UNMATCHED = "no longer matched"
    FAILING = "newly failing"
    MENDED = "no longer failing"
    HELD = "newly held for a person"
    RELEASED = "no longer held for a person"
    LEFT_OUT = "no longer issued again"
    AGAIN = "newly issued again"


class _Outcome(Enum):
    """What one set of mappings makes of one certificate."""

    NOTHING = auto()
    LEFT_OUT = auto()  #: it is a next round that ``again`` does not certify
    FAILS = auto()
    WAITS = auto()  #: for a person, who looks at it first
    ISSUED = auto()


#: What it comes to, where that was something else before.
_BECOMES: Mapping[_Outcome, Change] = {
    _Outcome.NOTHING: Change.UNMATCHED,
    _Outcome.LEFT_OUT: Change.LEFT_OUT,
    _Outcome.FAILS: Change.FAILING,
    _Outcome.WAITS: Change.HELD,
}
#: What is issued, by what it came to before.
_ISSUED: Mapping[_Outcome, Change] = {
    _Outcome.NOTHING: Change.MATCHED,
    _Outcome.LEFT_OUT: Change.AGAIN,
    _Outcome.FAILS: Change.MENDED,
    _Outcome.WAITS: Change.RELEASED,
}
#: No certificate, nor any to come.
_NOT_ISSUED = {_Outcome.NOTHING, _Outcome.LEFT_OUT}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """One certificate under one set of mappings."""

    outcome: _Outcome
    by: model.Mapping | None = None
    problem: str | None = None  #: why it is not issued at once
    entry: Entry | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One certificate before and after."""

    change: Change
    by: model.Mapping  #: that makes it afterwards; where none does, that made it before
    fields: Fields = field(default_factory=dict)  #: where it is made before and after
    problem: str | None = None  #: why it is not issued at once afterwards
    entry: Entry | None = None  #: what it says afterwards, unless nothing changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One completion as it came."""

    completion: Completion
    site: str
    came: datetime  #: when it was decided what becomes of it
    earlier: Sequence[Completion] = ()  #: the learner's other rounds that came before, oldest first


def compare(
    before: Sequence[model.Mapping], after: Sequence[model.Mapping], case: Case
) -> Iterator[Difference]:
    """What becomes of each certificate of a completion; nothing where no mapping wants it.

    As if either set of mappings had been in use all the time. Raises nothing.
    """
    old, new = _Side(before, case), _Side(after, case)
    for was_by, is_by in _pairs(old.chosen, new.chosen):
        # Most completions are another mapping's: what that makes of them need not be known.
        if is_by is not None and was_by is is_by and old.says_the_same(new, is_by):
            yield Difference(change=Change.SAME, by=is_by)
        elif (by := is_by or was_by) is not None:
            yield _difference(by, old.made(was_by), new.made(is_by))


class _Side:
    """One set of mappings, and what it makes of a completion."""

    def __init__(self, mappings: Sequence[model.Mapping], case: Case) -> None:
        self._mappings = mappings
        self._case = case
        self.chosen = choose(mappings, case.completion, site=case.site)

    def says_the_same(self, other: _Side, by: model.Mapping) -> bool:
        """Whether a mapping of both surely makes the same of it."""
        ties = undecided(by, self.chosen), undecided(by, other.chosen)
        return ties[0] == ties[1] and not self._case.earlier

    def made(self, by: model.Mapping | None) -> _Made:
        if by is None:
            return _Made(outcome=_Outcome.NOTHING)
        return self._left_out(by) or self._made(by)

    def _left_out(self, by: model.Mapping) -> _Made | None:
        case = self._case
        if not leaves_out(by.again, case.completion, case.earlier, has=partial(self._has, by)):
            return None
        problem = (
            f"The learner completed the course before, and the mapping {by.name} certifies a next "
            f"round: {by.again}."
        )
        return _Made(outcome=_Outcome.LEFT_OUT, by=by, problem=problem)

    def _has(self, by: model.Mapping, completion: Completion) -> bool:
        """Whether one of the learner's rounds has a certificate of a mapping's, if a held one."""
        chosen = choose(self._mappings, completion, site=self._case.site)
        return by in chosen and undecided(by, chosen) is None

    def _made(self, by: model.Mapping) -> _Made:
        case = self._case
        if (tie := undecided(by, self.chosen)) is not None:
            return _Made(outcome=_Outcome.FAILS, by=by, problem=tie)
        entry = apply(by, case.completion, site=case.site)
        if isinstance(entry, Held):
            problem = " ".join(f"{each.field}: {each.problem}." for each in entry.problems)
            return _Made(outcome=_Outcome.FAILS, by=by, problem=problem)
        suspect = suspicion(by.hold, case.completion, now=case.came)
        if suspect is not None:
            return _Made(outcome=_Outcome.WAITS, by=by, problem=suspect.problem, entry=entry)
        return _Made(outcome=_Outcome.ISSUED, by=by, entry=entry)


def _pairs(
    before: Sequence[model.Mapping], after: Sequence[model.Mapping]
) -> Iterator[tuple[model.Mapping | None, model.Mapping | None]]:
    """What stands for what: first the mappings of one name, then one that takes another's place."""
    new = {mapping.name: mapping for mapping in after}
    gone = []
    for old in before:
        if old.name in new:
            yield old, new.pop(old.name)
        else:
            gone.append(old)
    yield from zip_longest(gone, new.values())


def _difference(by: model.Mapping, was: _Made, becomes: _Made) -> Difference:
    fields = _differing(was, becomes)
    change = _change(was, becomes, fields)
    if change is Change.SAME:
        return Difference(change=change, by=by, problem=becomes.problem)
    return Difference(
        change=change, by=by, fields=fields, problem=becomes.problem, entry=becomes.entry
    )


def _change(was: _Made, becomes: _Made, fields: Fields) -> Change:
    if was.outcome is becomes.outcome:
        return Change.CHANGED if fields else Change.SAME
    if {was.outcome, becomes.outcome} <= _NOT_ISSUED:
        return Change.SAME
    if becomes.outcome is _Outcome.ISSUED:
        return _ISSUED[was.outcome]
    return _BECOMES[becomes.outcome]


def _said(by: model.Mapping, entry: Entry) -> Mapping[str, str | None]:
    """All that a certificate says, how it is printed, and where it goes."""
    return {
        "mapping": by.name,
        "issuer": by.issuer,
        "certificate_title": entry.certificate_title,
        "full_name": entry.full_name,
        "applicant_email": entry.applicant_email,
        "issue_date": entry.issue_date.isoformat(),
        "expires_on": None if entry.expires_on is None else entry.expires_on.isoformat(),
        "details": entry.details or None,
        "from": by.certificate.source,
        "template": by.certificate.template,
        "language": entry.language,
        "paper": by.certificate.paper,
        "parameters": json.dumps(dict(entry.parameters), ensure_ascii=False, sort_keys=True),
        "write_back": by.write_back.target,
    }


def _differing(was: _Made, becomes: _Made) -> Fields:
    """What it says otherwise, where it is made before and after."""
    if was.by is None or was.entry is None or becomes.by is None or becomes.entry is None:
        return {}
    old, new = _said(was.by, was.entry), _said(becomes.by, becomes.entry)
    return {name: (old[name], value) for name, value in new.items() if old[name] != value}
