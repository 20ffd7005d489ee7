"""Compares what two sets of mappings make of a completion: the active ones, and with a draft."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import zip_longest
from typing import TypeAlias

from connectors.base import Completion
from mappings import model
from mappings.engine import Entry, Held, apply, choose
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One certificate before and after."""

    change: Change
    by: model.Mapping  #: that makes it afterwards; where none does, that made it before
    fields: Fields = field(default_factory=dict)  #: for ``CHANGED``
    problem: str | None = None  #: why it fails afterwards
    entry: Entry | None = None  #: what it says afterwards, unless it says the same as before


def compare(
    before: Sequence[model.Mapping],
    after: Sequence[model.Mapping],
    completion: Completion,
    *,
    site: str,
) -> Iterator[Difference]:
    """What becomes of each certificate of a completion; nothing where no mapping wants it.

    Raises nothing.
    """
    old = choose(before, completion, site=site)
    new = choose(after, completion, site=site)
    for was_by, is_by in _pairs(old, new):
        if is_by is None:
            if was_by is not None:
                yield Difference(change=Change.UNMATCHED, by=was_by)
        # Most completions are another mapping's: what that makes of them need not be known.
        elif was_by is is_by and undecided(was_by, old) == undecided(is_by, new):
            yield Difference(change=Change.SAME, by=is_by)
        else:
            was = None if was_by is None else _made(was_by, old, completion, site)
            yield _difference(was_by, was, is_by, _made(is_by, new, completion, site))


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


def _made(
    by: model.Mapping, chosen: Sequence[model.Mapping], completion: Completion, site: str
) -> Entry | str:
    """The entry, or why there is none."""
    if (tie := undecided(by, chosen)) is not None:
        return tie
    made = apply(by, completion, site=site)
    if isinstance(made, Held):
        return " ".join(f"{each.field}: {each.problem}." for each in made.problems)
    return made


def _difference(
    was_by: model.Mapping | None,
    was: Entry | str | None,
    is_by: model.Mapping,
    becomes: Entry | str,
) -> Difference:
    if isinstance(becomes, str):
        change = Change.SAME if isinstance(was, str) else Change.FAILING
        return Difference(change=change, by=is_by, problem=becomes)
    if was_by is None or was is None:
        return Difference(change=Change.MATCHED, by=is_by, entry=becomes)
    if isinstance(was, str):
        return Difference(change=Change.MENDED, by=is_by, entry=becomes)
    fields = _differing(_said(was_by, was), _said(is_by, becomes))
    if not fields:
        return Difference(change=Change.SAME, by=is_by)
    return Difference(change=Change.CHANGED, by=is_by, fields=fields, entry=becomes)


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


def _differing(was: Mapping[str, str | None], becomes: Mapping[str, str | None]) -> Fields:
    return {name: (was[name], value) for name, value in becomes.items() if was[name] != value}
