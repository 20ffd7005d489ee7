"""How people come in, by a link once and then by password; and what admins do with them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from bridge.people import passwords
from bridge.people.roles import Limits, Role
from bridge.pipeline.bridge import Bridge
from bridge.store import events, people, rates

#: Where a link to come in leads; what follows is its token.
ENTER = "/console/enter/"
WINDOW = timedelta(minutes=15)
#: RFC 5321, 4.5.3.1.3, and what a person's row holds.
LONGEST_ADDRESS, LONGEST_NAME = 254, 255
_ADDRESS = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+")
#: Tries for one person, and from one client: a campus is one client.
MOST_PER_PERSON, MOST_PER_CLIENT = 10, 300


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


def first_link(bridge: Bridge) -> str | None:
    """The address at which the first admin is made; None once there is somebody.

    Each call makes a new one, and the one before works no more.
    """
    with bridge.database.write() as conn:
        if people.there_are_any(conn):
            return None
        token = people.invite(conn, None, now=bridge.database.now(conn))
    return address(bridge, token)


def address(bridge: Bridge, token: str) -> str:
    """The address of a link."""
    return f"{bridge.settings.public_url.rstrip('/')}{ENTER}{token}"


def invite(bridge: Bridge, email: str, *, name: str, role: Role, limits: Limits, who: str) -> str:
    """Add a person; return the address at which they choose their password. Raises NameTaken."""
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        row_id = people.add(conn, email, name=name, role=role, limits=limits.packed(), now=now)
        events.record(conn, row_id, f"invited as {role}", at=now, who=who)
        token = people.invite(conn, row_id, now=now)
    return address(bridge, token)


def new_link(bridge: Bridge, email: str, *, who: str) -> str:
    """The address at which a person chooses a new password; raises NotThere.

    Until it is chosen the old one works: a link that nobody uses locks nobody out.
    """
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        row = people.named(conn, email)
        events.record(conn, row.id, "given a new link", at=now, who=who)
        token = people.invite(conn, row.id, now=now)
    return address(bridge, token)


def give_role(bridge: Bridge, email: str, role: Role, *, who: str) -> None:
    """Give a person another role, which counts at once; raises NotThere."""
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        row = people.named(conn, email)
        people.change(conn, row.id, role=role)
        events.record(conn, row.id, f"made {role}", at=now, who=who, detail=f"was {row.role}")


def remove(bridge: Bridge, email: str, *, who: str) -> None:
    """Remove a person: they are signed out everywhere; raises NotThere."""
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        row = people.named(conn, email)
        people.remove(conn, row.id, now=now)
        events.record(conn, row.id, "removed", at=now, who=who)


def accept(bridge: Bridge, token: str, password: str, *, email: str = "", name: str = "") -> str:
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
        return people.sign_in(conn, person_id, now=now)


def sign_in(bridge: Bridge, email: str, password: str, *, client: str) -> str:
    """Sign a person in; return their session's token. Raises WrongPair and TooOften.

    ``client`` is where they come from.
    """
    _count(bridge, email, client)
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
        people.forget_ended(conn, now=now)
        return people.sign_in(conn, row.id, now=now)


def _count(bridge: Bridge, email: str, client: str) -> None:
    person, where = f"sign in as {people.email_key(email)}", f"sign in from {client}"
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        allowed = [
            rates.allow(conn, person, most=MOST_PER_PERSON, window=WINDOW, now=now),
            rates.allow(conn, where, most=MOST_PER_CLIENT, window=WINDOW, now=now),
        ]
    if not all(allowed):
        raise TooOften


def signed_in(bridge: Bridge, token: str) -> sa.Row[Any] | None:
    """Who keeps a session's token, as they are now; None where it has ended."""
    with bridge.database.read() as conn:
        now = bridge.database.now(conn)
        row = people.signed_in(conn, token, now=now)
    if row is not None and now - row.session_seen_at >= people.SEEN_EVERY:
        with bridge.database.write() as conn:
            people.note_seen(conn, token, row.id, now=now)
    return row
