"""How people come in, by a link once and then by password; and what admins do with them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bridge.people import passwords, rules
from bridge.people.roles import Limits, Role
from bridge.people.whence import Whence
from bridge.pipeline.bridge import Bridge
from bridge.store import events, people, rates

#: Where a link to come in leads; what follows is its token.
ENTER = "/console/enter/"
WINDOW = timedelta(minutes=15)
#: What a line of the history holds, and a person's row.
LONGEST_ADDRESS, LONGEST_NAME = 128, 255
_ADDRESS = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+")
#: Tries for one person, and from one client: a campus is one client.
MOST_PER_PERSON, MOST_PER_CLIENT = 10, 300
SOMEWHERE = Whence()


class WrongPair(Exception):
    """Nobody has that address with that password; which of them is wrong is not told."""


class TooOften(Exception):
    """It was tried too often lately."""


class DeadLink(Exception):
    """The link was used, has expired, or is none of ours."""


def is_address(text: str) -> bool:
    """Whether it could be a person's e-mail address."""
    return len(text) <= LONGEST_ADDRESS and _ADDRESS.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """Whether it can stand for a person in the history."""
    return 0 < len(text) <= LONGEST_NAME


def first_link(bridge: Bridge, *, who: str) -> str | None:
    """The address at which the first admin is made; None once there is somebody.

    Each call makes a new one, and the one before works no more.
    """
    with bridge.database.write() as conn:
        if people.there_are_any(conn):
            return None
        now = bridge.database.now(conn)
        token = people.invite(conn, None, now=now)
        events.record(conn, events.INSTALLATION, "link for the first admin made", at=now, who=who)
    return address(bridge, token)


def address(bridge: Bridge, token: str) -> str:
    """The address of a link."""
    return f"{bridge.settings.public_url.rstrip('/')}{ENTER}{token}"


def invite(bridge: Bridge, email: str, *, name: str, role: Role, limits: Limits, who: str) -> str:
    """Add a person; return the address at which they choose their password.

    Raises NameTaken and rules.NotThere.
    """
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        rules.there_are(conn, limits)
        row_id = people.add(conn, email, name=name, role=role, limits=limits.packed(), now=now)
        given = {"email": email, "name": name, "role": role.value, "limits": limits.packed()}
        events.record(conn, row_id, f"invited as {role}", at=now, who=who, after=given)
        token = people.invite(conn, row_id, now=now)
    return address(bridge, token)


def new_link(bridge: Bridge, email: str, *, who: str) -> str:
    """The address at which a person chooses a new password; raises NotThere, rules.ByInstitution.

    Until it is chosen the old one works: a link that nobody uses locks nobody out.
    """
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        row = people.named(conn, email)
        rules.of_ours(conn, row)
        events.record(conn, row.id, "given a new link", at=now, who=who)
        token = people.invite(conn, row.id, now=now)
    return address(bridge, token)


def give_role(bridge: Bridge, email: str, role: Role, *, who: str) -> None:
    """Give a person another role, which counts at once; raises as `change`."""
    change(bridge, email, role=role, who=who)


def change(
    bridge: Bridge,
    email: str,
    *,
    role: Role | None = None,
    limits: Limits | None = None,
    who: str,
) -> None:
    """Give a person another role or other limits, which count at once; None: as they are.

    Raises NotThere, rules.NotThere, rules.ByInstitution and rules.LastAdmin.
    """
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        row = people.named(conn, email)
        rules.of_ours(conn, row)
        before = {"role": row.role, "limits": row.limits}
        after = {
            "role": row.role if role is None else role.value,
            "limits": row.limits if limits is None else limits.packed(),
        }
        if before == after:
            return
        if after != {"role": Role.ADMIN, "limits": None}:
            rules.not_the_last_admin(conn, row)
        if limits is not None:
            rules.there_are(conn, limits)
        people.change(conn, row.id, **after)
        if before["role"] != after["role"]:
            what, detail = f"made {after['role']}", f"was {before['role']}"
            was, is_now = {"role": before["role"]}, {"role": after["role"]}
            events.record(
                conn, row.id, what, at=now, who=who, detail=detail, before=was, after=is_now
            )
        if before["limits"] != after["limits"]:
            detail = f"{_said(before['limits'])} → {_said(after['limits'])}"
            was, is_now = {"limits": before["limits"]}, {"limits": after["limits"]}
            what = "given other limits"
            events.record(
                conn, row.id, what, at=now, who=who, detail=detail, before=was, after=is_now
            )


def _said(limits: Any) -> str:
    kinds = (f"{kind}: {', '.join(names)}" for kind, names in (limits or {}).items())
    return "; ".join(kinds) or "everything"


def sign_out(bridge: Bridge, email: str, *, who: str) -> int:
    """Sign a person out everywhere; return of how many browsers. Raises NotThere."""
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        row = people.named(conn, email)
        number = people.sign_out_everywhere(conn, row.id)
        events.record(conn, row.id, "signed out everywhere", at=now, who=who)
    return number


def remove(bridge: Bridge, email: str, *, who: str) -> None:
    """Remove a person: they are signed out everywhere; raises NotThere and rules.LastAdmin."""
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        row = people.named(conn, email)
        rules.not_the_last_admin(conn, row)
        people.remove(conn, row.id, now=now)
        events.record(conn, row.id, "removed", at=now, who=who)


def accept(
    bridge: Bridge,
    token: str,
    password: str,
    *,
    email: str = "",
    name: str = "",
    whence: Whence = SOMEWHERE,
) -> str:
    """Use a link: keep the password, sign the person in; return their session's token.

    ``email`` and ``name`` are those of the first admin; an invited person has theirs. Everywhere
    else they are signed out. Raises DeadLink.
    """
    kept = passwords.hashed(password)  # takes its time: not inside a transaction
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        found = people.invited(conn, token, now=now)
        if found is None or not people.use_link(conn, token, now=now):
            raise DeadLink
        person_id = found.person_id
        if person_id is None:
            if people.there_are_any(conn):
                raise DeadLink
            person_id = people.add(conn, email, name=name, role=Role.ADMIN, limits=None, now=now)
            events.record(conn, person_id, "made the first admin", at=now, who=email)
        people.change(conn, person_id, password=kept)
        people.sign_out_everywhere(conn, person_id)
        events.record(conn, person_id, "chose a password", at=now, who=found.email or email)
        return begin(conn, person_id, whence, now=now)


def begin(conn: sa.Connection, person_id: str, whence: Whence, *, now: datetime) -> str:
    """Begin a session of somebody who has proved who they are; return its token."""
    people.forget_ended(conn, now=now)
    return people.sign_in(conn, person_id, now=now, browser=whence.browser, network=whence.network)


def sign_in(bridge: Bridge, email: str, password: str, *, whence: Whence) -> str:
    """Sign a person in; return their session's token. Raises WrongPair and TooOften."""
    count(bridge, email, whence.client)
    with bridge.database.read() as conn:
        row = people.of_email(conn, email)
    if not passwords.matches(row.password if row is not None else None, password):
        raise WrongPair
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        again = people.of_email(conn, email)
        # While the password was compared it may have been changed, or the person removed.
        if row is None or again is None or again.password != row.password:
            raise WrongPair
        return begin(conn, row.id, whence, now=now)


def count(bridge: Bridge, email: str, client: str) -> None:
    """Count one more password that was given for somebody; raises TooOften."""
    person = f"sign in as {people.email_key(email)}"
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        allowed = [
            rates.allow(conn, person, most=MOST_PER_PERSON, window=WINDOW, now=now),
            is_allowed_from(conn, client, now=now),
        ]
    if not all(allowed):
        raise TooOften


def is_allowed_from(conn: sa.Connection, client: str, *, now: datetime) -> bool:
    """Count one more try to sign in from there; whether it is not one too many."""
    what = f"sign in from {client}"
    return rates.allow(conn, what, most=MOST_PER_CLIENT, window=WINDOW, now=now)


def signed_in(bridge: Bridge, token: str, *, is_used: bool = True) -> sa.Row[Any] | None:
    """Who keeps a session's token, as they are now; None where it has ended.

    ``is_used``: somebody does something there; a page that asks by itself keeps no session alive.
    """
    with bridge.database.read() as conn:
        now = bridge.database.now(conn)
        row = people.signed_in(conn, token, now=now)
    if is_used and row is not None and now - row.session_seen_at >= people.SEEN_EVERY:
        with bridge.database.write() as conn:
            people.note_seen(conn, token, row.id, now=now)
    return row
