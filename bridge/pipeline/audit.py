"""The audit log as it is told: who did what to which, when, and what that changed.

The console, the API and the command line tell the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bridge.pipeline.bridge import Bridge
from bridge.store import acts
from bridge.store.acts import Filters, Place
from bridge.store.ids import kind_of

#: So many are read at a time where all are wanted.
CHUNK = 500
COLUMNS = ("at", "who", "what", "kind", "name", "subject", "detail", "changed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that an act changed, in words; None: there was none, or there is none now."""

    name: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One line of the log."""

    id: int
    at: datetime
    who: str
    what: str
    kind: str
    name: str  #: what it was done to is called; its id where it has no name
    subject: str
    detail: str | None
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None

    @property
    def changes(self) -> Sequence[Change]:
        """What it changed, by name."""
        return changes(self.before, self.after)

    @property
    def place(self) -> Place:
        """Where the next page begins after it."""
        return Place(at=self.at, id=self.id)


def page(
    bridge: Bridge, filters: Filters, *, after: Place | None = None, limit: int
) -> Sequence[Act]:
    """Acts, newest first; ``after`` is the place of the last one before."""
    with bridge.database.read() as conn:
        rows = acts.page(conn, filters, after=after, limit=limit)
        names = acts.names(conn, {row.subject for row in rows})
    return [
        Act(
            id=row.id,
            at=row.at,
            who=row.who,
            what=row.what,
            kind=row.act_on,
            name=names.get(row.subject) or _own_name(row.subject),
            subject=row.subject,
            detail=row.detail,
            before=row.before,
            after=row.after,
        )
        for row in rows
    ]


def _own_name(subject: str) -> str:
    return subject if kind_of(subject) else subject.partition(" ")[2]


def written(place: Place) -> str:
    """Where a page ends, in one word."""
    return f"{place.at.isoformat()}_{place.id}"


def place(text: str) -> Place | None:
    """The place that `written` has written; None where it is none, or was cut off."""
    at, _, number = text.rpartition("_")
    try:
        moment = datetime.fromisoformat(at)
        return Place(at=moment if moment.tzinfo else moment.replace(tzinfo=UTC), id=int(number))
    except ValueError:
        return None


def every(bridge: Bridge, filters: Filters, *, limit: int | None = None) -> Iterator[Act]:
    """All acts that fit, newest first, or so many; some are read at a time."""
    left, after = limit, None
    while left is None or left > 0:
        size = CHUNK if left is None else min(CHUNK, left)
        found = page(bridge, filters, after=after, limit=size)
        yield from found
        if len(found) < size:
            return
        after = found[-1].place
        left = None if left is None else left - size


def changes(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Sequence[Change]:
    """A difference, by name; what is inside of something is named by the way to it."""
    old, new = dict(_flat(before or {})), dict(_flat(after or {}))
    return [
        Change(name=name, old=old.get(name), new=new.get(name))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]


def _flat(values: Mapping[str, Any], way: str = "") -> Iterator[tuple[str, str | None]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{way}{name}.")
        else:
            yield f"{way}{name}", _text(value)


def _text(value: Any) -> str | None:
    if value is None or value in ("", []):
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(_text(each)) for each in value)
    return str(value)


def cells(act: Act) -> Sequence[str]:
    """An act as a row of a table, as `COLUMNS` names them."""
    told = [f"{one.name}: {one.old or '–'} → {one.new or '–'}" for one in act.changes]
    at = act.at.isoformat(timespec="seconds")
    detail = act.detail or ""
    return (at, act.who, act.what, act.kind, act.name, act.subject, detail, "; ".join(told))


def line(act: Act) -> dict[str, Any]:
    """An act as one JSON object."""
    names = ("who", "what", "kind", "name", "subject", "detail", "before", "after")
    at = act.at.isoformat(timespec="microseconds")
    return {"id": act.id, "at": at, **{name: getattr(act, name) for name in names}}


def lines(found: Iterator[Act]) -> Iterator[str]:
    """Acts as JSON, one a line."""
    for act in found:
        yield json.dumps(line(act), ensure_ascii=False) + "\n"
