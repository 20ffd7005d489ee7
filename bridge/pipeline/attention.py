"""What needs somebody: failures and differences, each with what it means and the next move."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from bridge.pipeline.known_causes import Mender, known
from bridge.pipeline.reconcile.causes import CAUSES, TOLD_BY_ROWS, Mends
from bridge.store import differences, failures
from bridge.store.failures import Failures

SAID_BY_EACH = "Each one's remedy says what to do."


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """Something that is not as it should be: where, since when, how often, and what to do."""

    cause: str
    kind: str | None  #: of its places: site, issuer; None for what belongs to neither
    places: tuple[str, ...]  #: their names
    size: int
    since: datetime
    means: str
    move: str
    command: str  #: what to run: to mend it, once the move is made, or to look at each
    waits_for_a_person: bool


def matters(
    conn: sa.Connection, *, apart: bool = False, in_their_words: bool = True
) -> Sequence[Matter]:
    """Everything that is not as it should be; what waits for a person first, then the largest.

    ``apart``: each site's and each issuer's by itself. ``in_their_words``: a move that the
    catalogue leaves to the rows is the newest one's; these may hold what is personal.
    """
    found = [
        _failure(group, in_their_words=in_their_words)
        for group in failures.groups(conn, apart=apart)
        if known(group.cause).mender is not Mender.NOBODY
    ]
    found += [
        _difference(row.site, row.cause, row.size, row.since)
        for row in differences.open_by_cause(conn)
        if row.cause not in TOLD_BY_ROWS and CAUSES[row.cause].mends is not Mends.ITSELF
    ]
    return sorted(found, key=lambda one: (not one.waits_for_a_person, -one.size, one.cause))


def _failure(group: Failures, *, in_their_words: bool) -> Matter:
    about = known(group.cause)
    said = move(group) if about.move or in_their_words else SAID_BY_EACH
    return Matter(
        cause=group.cause,
        kind=_kind(group),
        places=group.places,
        size=group.size,
        since=group.first_seen,
        means=about.means,
        move=said,
        command=replay_command(group) if about.replays else look_command(group),
        waits_for_a_person=about.waits_for_a_person,
    )


def _difference(site: str, cause: str, size: int, since: datetime) -> Matter:
    about = CAUSES[cause]
    by_person = about.mends is Mends.PERSON
    named = "" if about.mends is Mends.FIX else f" --cause {cause}"
    fix = f"vaultbridge reconcile --site {shlex.quote(site)} --fix{named}"
    look = f"vaultbridge differences --site {shlex.quote(site)} --cause {cause}"
    return Matter(
        cause=cause,
        kind="site",
        places=(site,),
        size=size,
        since=since,
        means=about.text,
        move=SAID_BY_EACH if by_person else "Have it mended.",
        command=look if by_person else fix,
        waits_for_a_person=True,
    )


def move(group: Failures) -> str:
    """What to do about a group of failures, with the name of its only place in the command."""
    text = known(group.cause).move or group.example.remedy or "Look at the example's history."
    if len(group.places) != 1:
        return text
    name = shlex.quote(group.places[0])
    return re.sub(rf"(vaultbridge {_kind(group)} [a-z]+) NAME\b", rf"\1 {name}", text)


def _kind(group: Failures) -> str | None:
    if "issuer" in group.states:
        return "issuer"
    return "site" if group.places else None


def replay_command(group: Failures) -> str:
    """The command that replays a group, once its cause is mended."""
    return f"vaultbridge replay --cause {shlex.quote(group.cause)}"


def look_command(group: Failures) -> str:
    """The command that shows each row of a group."""
    last = group.cause.rpartition(".")[2]
    return known(group.cause).look.format(cause=shlex.quote(group.cause), last=last)
