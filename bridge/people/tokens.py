"""Tokens by which programs use the API: what each may, and how it is made, known and revoked.

A token's scope is a role by another name, so that one door decides about both. It may never more
than whose it is: their role and limits count with each request, as they are then.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from bridge.people import rules
from bridge.people.roles import NO_LIMITS, Limits, Role
from bridge.pipeline.bridge import Bridge
from bridge.store import api_tokens, events
from bridge.store.people import SEEN_EVERY

#: So that whoever finds one knows what it is, programs that look for lost secrets among them.
PREFIX = "vbt_"
_TOKEN_BYTES = 32
LONGEST_NAME = 64
#: How long a token lasts: nobody remembers one that lasts for ever.
DAYS, MOST_DAYS = 90, 366


class Scope(StrEnum):
    """What a token may do; each may do what those before it may."""

    READ = "read"  #: look
    SUPPORT = "support"  #: and replay, release, correct
    ADMIN = "admin"  #: and change sites, issuers, mappings, people and tokens

    @property
    def role(self) -> Role:
        """The role that may do the same."""
        return list(Role)[list(Scope).index(self)]

    @classmethod
    def of(cls, role: Role) -> Scope:
        """The scope that may do the same as a role."""
        return list(cls)[list(Role).index(role)]


class MoreThanOwn(Exception):
    """Somebody gives a token more than they have; the text says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """Who makes a token, and what they may themselves."""

    person_id: str | None  #: None on the machine's own command line
    who: str
    role: Role = Role.ADMIN
    bounds: Sequence[Limits] = ()


def maker(person: sa.Row[Any], *, who: str) -> Maker:
    """A person, by their row, as whose a token is made."""
    return Maker(
        person_id=person.id,
        who=who,
        role=Role(person.role),
        bounds=[Limits.unpacked(person.limits)],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A program that has shown a token, as it and its person are now."""

    token_id: str
    person_id: str | None
    who: str  #: for the history
    role: Role
    bounds: tuple[Limits, ...]  #: all of them hold: its person's, and its own

    @property
    def is_limited(self) -> bool:
        """Whether it sees less than everything."""
        return any(limits.any for limits in self.bounds)

    def over(
        self,
        *,
        issuer: sa.ColumnElement[str] | None = None,
        site: sa.ColumnElement[str] | None = None,
        course: sa.ColumnElement[str] | None = None,
    ) -> sa.ColumnElement[bool]:
        """The rows it may see, as `Limits.over` says."""
        parts = [limits.over(issuer=issuer, site=site, course=course) for limits in self.bounds]
        return sa.and_(sa.true(), *parts)

    def as_maker(self) -> Maker:
        """As it makes another token."""
        return Maker(person_id=self.person_id, who=self.who, role=self.role, bounds=self.bounds)


def make(
    bridge: Bridge,
    name: str,
    *,
    scope: Scope,
    by: Maker,
    limits: Limits = NO_LIMITS,
    days: int = DAYS,
) -> tuple[str, str]:
    """Make a token; return its id, and the token itself, which nobody can tell again.

    Raises MoreThanOwn and rules.NotThere.
    """
    with bridge.database.write() as conn:
        return make_within(bridge, conn, name, scope=scope, by=by, limits=limits, days=days)


def make_within(
    bridge: Bridge,
    conn: sa.Connection,
    name: str,
    *,
    scope: Scope,
    by: Maker,
    limits: Limits = NO_LIMITS,
    days: int = DAYS,
) -> tuple[str, str]:
    """The same, as a part of a transaction."""
    _refuse_more(scope, limits, by)
    rules.there_are(conn, limits)
    token = PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)
    now = bridge.database.now(conn)
    row_id = api_tokens.add(
        conn,
        token,
        name=name,
        person_id=by.person_id,
        made_by=by.who,
        scope=scope,
        limits=limits.packed(),
        expires_at=now + timedelta(days=days),
        now=now,
    )
    after = {"name": name, "scope": scope.value, "limits": limits.packed(), "days": days}
    events.record(conn, row_id, f"made with scope {scope}", at=now, who=by.who, after=after)
    return row_id, token


def _refuse_more(scope: Scope, limits: Limits, by: Maker) -> None:
    if not by.role.covers(scope.role):
        raise MoreThanOwn(
            f"The scope {scope} is more than your own role allows. Choose {Scope.of(by.role)}."
        )
    for bound in by.bounds:
        if not bound.cover(limits):
            raise MoreThanOwn(
                "You see some issuers, sites or courses only. Limit the token to these, or to "
                f"some of them: {bound}."
            )


def revoke(bridge: Bridge, token_id: str, *, who: str) -> bool:
    """Let a token work no more; False where that was so before. Raises NotThere."""
    with bridge.database.write() as conn:
        return revoke_within(bridge, conn, token_id, who=who)


def revoke_within(bridge: Bridge, conn: sa.Connection, token_id: str, *, who: str) -> bool:
    """The same, as a part of a transaction."""
    row = api_tokens.by_id(conn, token_id)
    now = bridge.database.now(conn)
    done = api_tokens.revoke(conn, row.id, now=now)
    if done:
        events.record(conn, row.id, "revoked", at=now, who=who, detail=row.name)
    return done


def caller(bridge: Bridge, token: str) -> Caller | None:
    """Which program it is that shows a token; None if the token is none, or has ended."""
    with bridge.database.read() as conn:
        now = bridge.database.now(conn)
        row = api_tokens.valid(conn, token, now=now)
    if row is None:
        return None
    if row.last_used_at is None or now - row.last_used_at >= SEEN_EVERY:
        with bridge.database.write(urgent=True) as conn:
            api_tokens.note_used(conn, row.id, now=now)
    roles = [Scope(row.scope).role]
    bounds = [Limits.unpacked(row.limits)]
    if row.person_id is not None:
        roles.append(Role(row.role))
        bounds.append(Limits.unpacked(row.person_limits))
    return Caller(
        token_id=row.id,
        person_id=row.person_id,
        who=row.email or f"token {row.name}",
        role=min(roles, key=list(Role).index),
        bounds=tuple(bounds),
    )
