"""What is to be told now: from what stands and what was told. Pure; nothing is looked up here.

The first of each cause at once, or, where it may mend itself, once it has lasted; then once a day
while it stands; the all-clear when it has been gone for a little while; a digest every Monday.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bridge.pipeline.telling.concern import Concern, Standing
from bridge.store.notices import Told

#: Gone for so long, it is called gone: what comes and goes is not told each time.
CALM = timedelta(minutes=10)
#: The digest is no place's cause; it is remembered as one of its audience.
DIGEST = "digest"
#: Of the week, in UTC: the hour of Monday at which digests are written.
DIGEST_HOUR = 6
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How often what is told."""

    again: timedelta  #: between two messages of what stands
    patience: timedelta  #: how long what may mend itself lasts before it is told


@dataclass(frozen=True, slots=True, kw_only=True)
class Tell:
    """What one audience is told, in one message."""

    audience: str
    fresh: Sequence[Concern] = ()
    still: Sequence[Concern] = ()
    gone: Sequence[Told] = ()
    digest: datetime | None = None  #: the Monday whose week it tells


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to tell, and what to write down about it."""

    tell: Sequence[Tell]
    remember: Sequence[Told]
    forget: Sequence[Told]

    @property
    def is_anything(self) -> bool:
        """Whether there is something to tell or to write down."""
        return bool(self.tell or self.remember or self.forget)


def decide(stands: Standing, told: Sequence[Told], *, now: datetime, rhythm: Rhythm) -> Decision:
    """What is to be told; done once more after it was written down, it is nothing."""
    known = {one.key: one for one in told}
    parts = [
        _of_audience(audience, known, stands, now=now, rhythm=rhythm)
        for audience in stands.audiences
    ]
    return Decision(
        tell=[one for part in parts for one in part.tell],
        remember=[one for part in parts for one in part.remember],
        forget=[one for part in parts for one in part.forget],
    )


def _of_audience(
    audience: str,
    known: Mapping[tuple[str, str, str], Told],
    stands: Standing,
    *,
    now: datetime,
    rhythm: Rhythm,
) -> Decision:
    concerns = [one for one in stands.concerns if one.audience == audience]
    fresh = [c for c in concerns if c.key not in known and _is_ripe(c, now, rhythm)]
    old = [c for c in concerns if c.key in known]
    again = any(c.daily and now - known[c.key].told_at >= rhythm.again for c in old)
    back = [known[c.key] for c in old if known[c.key].gone_since is not None]
    lost = [one for one in known.values() if _is_lost(one, audience, concerns, stands)]
    gone = [one for one in lost if one.gone_since and now - one.gone_since >= CALM]
    digest = _digest(audience, known, now)
    message = Tell(
        audience=audience,
        fresh=fresh,
        still=old if again or digest.due else (),
        gone=gone,
        digest=digest.due,
    )
    says = message.fresh or message.still or message.gone or message.digest
    return Decision(
        tell=[message] if says else [],
        remember=[
            *(_told(c, now) for c in fresh),
            *(replace(one, gone_since=None) for one in back if not message.still),
            *(_told(c, now) for c in message.still),
            *(replace(one, gone_since=now) for one in lost if one.gone_since is None),
            *digest.remember,
        ],
        forget=gone,
    )


def _is_ripe(concern: Concern, now: datetime, rhythm: Rhythm) -> bool:
    return concern.at_once or now - concern.since >= rhythm.patience


def _is_lost(one: Told, audience: str, concerns: Sequence[Concern], stands: Standing) -> bool:
    """Whether something that this audience was told of stands no more."""
    if one.cause == DIGEST or stands.audience_of.get((one.kind, one.place)) != audience:
        return False
    return all(concern.key != one.key for concern in concerns)


def _told(concern: Concern, now: datetime) -> Told:
    return Told(
        kind=concern.kind,
        place=concern.place,
        cause=concern.cause,
        since=concern.since,
        told_at=now,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Digest:
    due: datetime | None
    remember: Sequence[Told]


def _digest(audience: str, known: Mapping[tuple[str, str, str], Told], now: datetime) -> _Digest:
    """Due once a Monday has passed since the last; the first week is not told of in part."""
    kind, _, place = audience.partition(" ")
    last = known.get((kind, place, DIGEST))
    monday = monday_before(now)
    if last is not None and last.told_at >= monday:
        return _Digest(due=None, remember=())
    written = Told(kind=kind, place=place, cause=DIGEST, since=monday, told_at=now)
    return _Digest(due=None if last is None else monday, remember=[written])


def monday_before(now: datetime) -> datetime:
    """The last moment at which digests were due, in UTC."""
    midnight = now.replace(hour=DIGEST_HOUR, minute=0, second=0, microsecond=0)
    monday = midnight - timedelta(days=now.weekday())
    return monday if monday <= now else monday - WEEK
