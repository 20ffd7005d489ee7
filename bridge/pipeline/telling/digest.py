"""The figures of a weekly digest: what became of the week's completions, by place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from bridge.pipeline.telling.audiences import Audiences
from bridge.pipeline.telling.decide import WEEK, Tell
from bridge.store import issuances, tallies
from bridge.store.tallies import Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """What a week was at one place: a site's tally, or an issuer's certificates."""

    place: str
    until: datetime
    tally: Tally | None = None
    issued: int | None = None


def tallies_of(conn: sa.Connection, known: Audiences, tell: Tell) -> Sequence[Week]:
    """The week that ended with the digest's Monday, at each place of its audience."""
    until = tell.digest
    if until is None:
        return ()
    by_site = tallies.by_site(conn, since=until - WEEK, until=until)
    weeks = []
    for (kind, name), audience in sorted(known.of_place.items()):
        if audience != tell.audience:
            continue
        if kind == "site":
            weeks.append(Week(place=name, until=until, tally=by_site.get(name, Tally())))
        elif kind == "issuer":
            issued = issuances.generated_between(conn, name, since=until - WEEK, until=until)
            weeks.append(Week(place=name, until=until, issued=issued))
    return weeks
