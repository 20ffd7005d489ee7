"""What somebody does with their own account: password, where they are signed in, how they read."""

from __future__ import annotations

from bridge.people import entering, passwords
from bridge.people.whence import Whence
from bridge.pipeline.bridge import Bridge
from bridge.store import events, people


def change_password(
    bridge: Bridge, email: str, old: str, new: str, *, token: str, whence: Whence
) -> None:
    """Keep a new password in place of the old one; sign out everywhere but where ``token`` is from.

    Raises entering.WrongPair where it is not the old one, and entering.TooOften.
    """
    entering.count(bridge, email, whence.client)
    with bridge.database.read() as conn:
        row = people.named(conn, email)
    if not passwords.matches(row.password, old):
        raise entering.WrongPair
    kept = passwords.hashed(new)  # takes its time: not inside a transaction
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        if people.named(conn, email).password != row.password:
            raise entering.WrongPair
        people.change(conn, row.id, password=kept)
        people.sign_out_elsewhere(conn, row.id, token=token)
        events.record(conn, row.id, "chose a password", at=now, who=email)


def end_session(bridge: Bridge, person_id: str, session_id: str, *, who: str) -> None:
    """Sign somebody out where one session of theirs is."""
    with bridge.database.write() as conn:
        if people.end_session(conn, person_id, session_id):
            now = bridge.database.now(conn)
            events.record(conn, person_id, "ended a session", at=now, who=who)


def end_others(bridge: Bridge, person_id: str, *, token: str, who: str) -> None:
    """Sign somebody out everywhere but where ``token`` is from."""
    with bridge.database.write() as conn:
        people.sign_out_elsewhere(conn, person_id, token=token)
        now = bridge.database.now(conn)
        events.record(conn, person_id, "signed out elsewhere", at=now, who=who)


def read_as(bridge: Bridge, person_id: str, *, time_zone: str | None, language: str | None) -> None:
    """How somebody wants to read from now on; None: as their browser says."""
    with bridge.database.write() as conn:
        people.change(conn, person_id, time_zone=time_zone, language=language)
