"""Signing in by the institution: who it is here, with which role, each time anew.

A person is known by the issuer's own name for them (issuer and subject), never by an address alone:
an address may become another's, or be claimed by anybody where nobody verified it.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from bridge.grants import Grant
from bridge.people import entering, oidc
from bridge.people.roles import Limits, Role
from bridge.people.whence import Whence
from bridge.pipeline.bridge import Bridge
from bridge.settings import Settings
from bridge.store import accounts, events, people
from runtime.http import Client

#: Where somebody comes back to, below the public address: what is entered at the institution.
BACK = "/console/sign-in/back"
#: Who gives roles and takes them away at a sign-in.
WHO = "the institution"
_BYTES = 32


class Why(StrEnum):
    """Why somebody whom the institution has signed in does not come in."""

    NO_ROLE = "no role"
    NO_EMAIL = "no email"
    UNVERIFIED = "email not verified"
    TAKEN = "email of another person"
    NOT_INVITED = "not invited"
    REMOVED = "removed"


class NotIn(Exception):
    """The institution has signed somebody in who does not come in here."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why = why


class NotBegun(Exception):
    """This browser is not on its way back, it took too long, or it was back already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameIn:
    """Somebody who came in."""

    token: str  #: their session's
    onward: str  #: where they wanted to go


def provider(settings: Settings) -> oidc.Provider | None:
    """The institution's sign-in, if one is set up."""
    if settings.oidc_issuer is None or settings.oidc_client_id is None:
        return None
    return oidc.Provider(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
        scopes=settings.oidc_scopes,
        http=Client(
            allowed=settings.allowed_private_hosts, deadline=oidc.DEADLINE, largest=oidc.LARGEST
        ),
    )


def leave(bridge: Bridge, at: oidc.Provider, *, onward: str, client: str) -> tuple[str, str]:
    """Where a browser goes to sign in, and the state that it must bring back.

    Raises oidc.OutOfReach and entering.TooOften.
    """
    state, nonce, verifier = (secrets.token_urlsafe(_BYTES) for _ in range(3))
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        allowed = entering.is_allowed_from(conn, client, now=now)
        if allowed:
            people.go_away(conn, state, nonce=nonce, verifier=verifier, onward=onward, now=now)
    if not allowed:
        raise entering.TooOften
    address = at.leave(back=_back(bridge), state=state, nonce=nonce, verifier=verifier)
    return address, state


def come_back(
    bridge: Bridge,
    at: oidc.Provider,
    answer: Mapping[str, str],
    *,
    kept: str,
    whence: Whence,
) -> CameIn:
    """Let in whoever comes back with an answer, in the browser that kept the state of it.

    Raises NotBegun, NotIn, oidc.OutOfReach and oidc.NotTrue.
    """
    if not kept or not hmac.compare_digest(kept.encode(), answer.get("state", "").encode()):
        raise NotBegun
    with bridge.database.write() as conn:
        begun = people.come_back(conn, kept, now=bridge.database.now(conn))
    if begun is None:
        raise NotBegun
    if not at.is_its(answer.get("iss")):
        raise oidc.NotTrue("issuer of the answer")
    if "code" not in answer:
        raise oidc.NotTrue("access_denied" if answer.get("error") == "access_denied" else "error")
    claims = at.claims(
        answer["code"],
        back=_back(bridge),
        nonce=begun.nonce,
        verifier=begun.verifier,
        now=bridge.now(),
        wanted=(bridge.settings.oidc_role_claim.partition(".")[0], "email"),
    )
    token = _let_in(bridge, at.issuer, claims, whence)
    return CameIn(token=token, onward=begun.onward)


def _back(bridge: Bridge) -> str:
    return f"{bridge.settings.public_url.rstrip('/')}{BACK}"


def _let_in(bridge: Bridge, issuer: str, claims: Mapping[str, Any], whence: Whence) -> str:
    """Begin a session of whoever it is; raises NotIn."""
    visitor = _Visitor.of(claims, bridge.settings)
    subject = str(claims["sub"])[:255]
    with bridge.database.write() as conn:
        found = _who(conn, bridge, issuer, subject, visitor)
        if isinstance(found, str):
            return entering.begin(conn, found, whence, now=bridge.database.now(conn))
    # Not inside: what was written, that somebody is removed, stays.
    raise NotIn(found.why)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Visitor:
    """What the institution says of somebody, as far as it is of use here."""

    email: str | None
    is_verified: bool
    name: str
    grant: Grant | None

    @classmethod
    def of(cls, claims: Mapping[str, Any], settings: Settings) -> _Visitor:
        told = claims.get("email")
        email = told.strip() if isinstance(told, str) else ""
        verified = claims.get("email_verified")
        return cls(
            email=email if entering.is_address(email) else None,
            # Some say it as a text.
            is_verified=verified in (True, "true")
            or (verified is None and settings.oidc_trust_email),
            name=_name(claims) or email,
            grant=_grant(claims, settings),
        )

    @property
    def role(self) -> Role:
        return Role(self.grant.role if self.grant else Role.VIEWER)

    @property
    def limits(self) -> Limits:
        return Limits.unpacked(self.grant.limits if self.grant else None)


def _name(claims: Mapping[str, Any]) -> str:
    told = claims.get("name") or f"{claims.get('given_name', '')} {claims.get('family_name', '')}"
    return " ".join(str(told).split())[: entering.LONGEST_NAME]


def _grant(claims: Mapping[str, Any], settings: Settings) -> Grant | None:
    """The first grant whose value the role's claim has."""
    told = _claim(claims, settings.oidc_role_claim)
    values = [one for one in (told if isinstance(told, list) else [told]) if isinstance(one, str)]
    return next((one for one in settings.oidc_roles if one.value in values), None)


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    """A claim of that name, dots and all; else where its dots lead."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _who(
    conn: sa.Connection, bridge: Bridge, issuer: str, subject: str, visitor: _Visitor
) -> str | NotIn:
    """The id of the person who comes in, changed or made as the institution says; or why not."""
    now = bridge.database.now(conn)
    row = people.of_identity(conn, issuer, subject)
    known = row is not None and row.removed_at is None
    if visitor.grant is None:
        if row is not None and known:
            people.remove(conn, row.id, now=now)
            people.forget_identity(conn, issuer, subject)
            events.record(conn, row.id, "removed: no role any more", at=now, who=WHO)
        return NotIn(Why.NO_ROLE)
    if row is not None and known:
        _renew(conn, row, visitor, bridge)
        return str(row.id)
    if visitor.email is None:
        return NotIn(Why.NO_EMAIL)
    if not visitor.is_verified:
        return NotIn(Why.UNVERIFIED)
    other = people.of_email(conn, visitor.email)
    if other is not None:
        # Who was invited and has not come in yet; never somebody who has a way in already.
        if other.password is not None or people.has_identity(conn, other.id):
            return NotIn(Why.TAKEN)
        people.identify(conn, other.id, issuer, subject, now=now)
        events.record(conn, other.id, "came in by the institution", at=now, who=visitor.email)
        _renew(conn, other, visitor, bridge)
        return str(other.id)
    if row is not None:
        return NotIn(Why.REMOVED)
    if bridge.settings.oidc_unknown != "create":
        return NotIn(Why.NOT_INVITED)
    try:
        made = people.add(
            conn,
            visitor.email,
            name=visitor.name,
            role=visitor.role,
            limits=visitor.limits.packed(),
            now=now,
        )
    except accounts.NameTaken:  # at this very moment
        return NotIn(Why.TAKEN)
    people.identify(conn, made, issuer, subject, now=now)
    what = f"came in by the institution as {visitor.role}"
    given = {"role": visitor.role.value, "limits": visitor.limits.packed()}
    events.record(conn, made, what, at=now, who=visitor.email, after=given)
    return made


def _renew(conn: sa.Connection, row: sa.Row[Any], visitor: _Visitor, bridge: Bridge) -> None:
    """What the institution says of somebody now counts, whatever it said before."""
    told: dict[str, Any] = {"role": visitor.role.value, "limits": visitor.limits.packed()}
    if visitor.name:
        told["name"] = visitor.name
    if visitor.email and visitor.is_verified and people.of_email(conn, visitor.email) is None:
        told |= {"email": visitor.email, "email_key": people.email_key(visitor.email)}
    changed = {name: value for name, value in told.items() if getattr(row, name) != value}
    if not changed:
        return
    people.change(conn, row.id, **changed)
    if {"role", "limits"} & changed.keys():
        now = bridge.database.now(conn)
        events.record(
            conn,
            row.id,
            f"made {visitor.role} by the institution",
            at=now,
            who=WHO,
            detail=f"was {row.role}",
            before={name: getattr(row, name) for name in changed},
            after=changed,
        )
