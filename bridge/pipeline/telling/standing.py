"""What stands now that an owner may have to know, without anything personal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import sqlalchemy as sa

from bridge.pipeline import known_causes
from bridge.pipeline.attention import Matter, matters
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.telling import silence
from bridge.pipeline.telling.audiences import Audiences
from bridge.pipeline.telling.concern import (
    NOT_RUNNING,
    OPERATOR,
    REFUSED,
    SILENT,
    Concern,
    Place,
    Standing,
)
from bridge.processes import LIVING
from bridge.store import deliveries, last_signs
from bridge.store.tables import process
from runtime import heartbeat

#: Fewer deliveries turned away, or longer ago, may be anybody's.
FEW = 3
LATELY = timedelta(days=1)


def standing(bridge: Bridge, conn: sa.Connection, known: Audiences, *, now: datetime) -> Standing:
    """What stands at places that somebody is told of."""
    found = [*_matters(conn, known), *_of_sites(bridge, conn, known, now=now)]
    found += _not_running(conn, known, now=now)
    return Standing(concerns=found, audience_of=known.of_place, audiences=tuple(known.addresses))


def _matters(conn: sa.Connection, known: Audiences) -> Iterator[Concern]:
    for one in matters(conn, apart=True, in_their_words=False):
        place = (one.kind or OPERATOR, one.places[0] if one.places else "")
        audience = known.audience(place)
        if audience is not None:
            yield _concern(one, place, audience)


def _concern(one: Matter, place: Place, audience: str) -> Concern:
    return Concern(
        kind=place[0],
        place=place[1],
        audience=audience,
        cause=one.cause,
        size=one.size,
        since=one.since,
        means=one.means,
        move=one.move,
        command=one.command,
        at_once=one.waits_for_a_person,
        daily=known_causes.known(one.cause).daily,
    )


def _of_sites(
    bridge: Bridge, conn: sa.Connection, known: Audiences, *, now: datetime
) -> Iterator[Concern]:
    """What no row says: that nothing comes from a site, or nothing that is genuine."""
    for site in last_signs.sites(conn):
        audience = known.audience(("site", site.name))
        if audience is None:
            continue
        heard = max(filter(None, (site.last_delivery, site.last_unwanted)), default=None)
        yield from _refused(conn, site.name, audience, heard, now=now)
        if heard is not None and _is_silent(bridge, conn, site.id, heard, now=now):
            yield Concern(
                kind="site",
                place=site.name,
                audience=audience,
                cause=SILENT,
                size=0,
                since=heard,
                means=f"Nothing has come from this LMS since {heard:%Y-%m-%d %H:%M} UTC, for "
                "longer than it ever pauses.",
                move=f"Look whether its webhook still runs, and what was turned away: "
                f"`vaultbridge site show {site.name}`. What was missed:",
                command=f"vaultbridge reconcile --site {site.name}",
                at_once=True,
                daily=False,  # it may be summer
            )


def _is_silent(
    bridge: Bridge, conn: sa.Connection, site_id: str, heard: datetime, *, now: datetime
) -> bool:
    least = bridge.settings.silence
    if now - heard < least:  # most are, and their history need not be read
        return False
    history = deliveries.moments(conn, site_id, since=heard - silence.LOOKS_BACK)
    return silence.is_silent(history, heard=heard, now=now, least=least)


def _refused(
    conn: sa.Connection, name: str, audience: str, heard: datetime | None, *, now: datetime
) -> Iterator[Concern]:
    """A site of which lately nothing came but what proves nothing: its secret is not ours."""
    lately = now - LATELY
    hours = deliveries.refused_by_hour(conn, name, since=max(heard or lately, lately))
    count = sum(hours.values())
    if count >= FEW:
        yield Concern(
            kind="site",
            place=name,
            audience=audience,
            cause=REFUSED,
            size=count,
            since=min(hours),
            means="Deliveries are turned away, as they do not prove that they come from this LMS, "
            "and none that does has come since.",
            move="Compare the secret there with ours; to enter another one: "
            f"`vaultbridge site rotate {name}`. What was missed:",
            command=f"vaultbridge reconcile --site {name}",
            at_once=False,
        )


def _not_running(conn: sa.Connection, known: Audiences, *, now: datetime) -> Iterator[Concern]:
    """Workers that were killed and nobody has started again; who ended well left no sign."""
    if known.audience((OPERATOR, "")) is None:
        return
    signs = heartbeat.signs(conn, process, now=now)
    alive = {one.name for one in signs if one.is_alive}
    last = {one.name: one for one in reversed(signs)}
    for name, command in LIVING.items():
        if name in last and name not in alive:
            yield Concern(
                kind=OPERATOR,
                place="",
                audience=OPERATOR,
                cause=f"{NOT_RUNNING}.{name.replace(' ', '_')}",
                size=0,
                since=last[name].seen_at,
                means=f"Nobody runs `{command}`: its work waits.",
                move="Start it, and see what its log says.",
                command="vaultbridge doctor",
                at_once=False,
            )
