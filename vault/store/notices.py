"""Mails as records: one of a kind for each certificate, due until it is sent or has no sense."""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from runtime.inserting import insert
from vault.store.people import assignment, mailed_link, notice
from vault.store.tables import certificate


class Kind(enum.Enum):
    """What a mail says."""

    ASSIGNED = "assigned"
    INVITATION = "invitation"
    SIGN_IN = "sign_in"
    ADD_EMAIL = "add_email"


class State(enum.Enum):
    """Where a mail stands."""

    DUE = "due"
    SENT = "sent"
    FAILED = "failed"
    CANCELLED = "cancelled"


class NoSuchNotice(LookupError):
    """No mail has that id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail to be put on its way: about a certificate, or with somebody's link."""

    kind: Kind
    to: str
    language: str
    certificate_id: int | None = None
    link_id: str | None = None


def add(conn: sa.Connection, mails: Sequence[Mail], *, now: datetime) -> None:
    """Put mails on their way; nothing happens where a certificate has one of that kind."""
    if not mails:
        return
    conn.execute(
        insert(conn, notice).on_conflict_do_nothing(index_elements=["certificate_id", "kind"]),
        [
            {
                "uuid": str(uuid4()),
                "kind": mail.kind.value,
                "certificate_id": mail.certificate_id,
                "link_id": mail.link_id,
                "to_address": mail.to,
                "language": mail.language,
                "state": State.DUE.value,
                "created_at": now,
                "next_run_at": now,
            }
            for mail in mails
        ],
    )


def find(conn: sa.Connection, uuid: str) -> sa.Row[Any]:
    """The mail with an id, or the only one whose id begins so; raises NoSuchNotice."""
    found = conn.execute(
        sa.select(notice).where(notice.c.uuid.startswith(uuid, autoescape=True)).limit(2)
    ).all()
    if len(found) != 1:
        many = "Several mails have ids that begin" if found else "No mail has an id that begins"
        raise NoSuchNotice(f"{many} with {uuid!r}. See: certvault mail list")
    return found[0]


def newest(conn: sa.Connection, *, limit: int, state: State | None = None) -> Sequence[sa.Row[Any]]:
    """The newest mails with their certificate's reference id, the newest first."""
    asked = sa.select(notice, certificate.c.reference_id).outerjoin(
        certificate, certificate.c.id == notice.c.certificate_id
    )
    if state is not None:
        asked = asked.where(notice.c.state == state.value)
    return conn.execute(asked.order_by(notice.c.id.desc()).limit(limit)).all()


def send_again(conn: sa.Connection, uuid: str, *, now: datetime) -> None:
    """Make a mail due once more, as a mail of its own; raises NoSuchNotice."""
    _make_due(conn, notice.c.id == find(conn, uuid).id, now)


def send_failed_again(conn: sa.Connection, *, now: datetime) -> int:
    """Make all failed mails about certificates due once more; return how many there are."""
    about = notice.c.certificate_id.is_not(None)
    return _make_due(conn, sa.and_(notice.c.state == State.FAILED.value, about), now)


def _make_due(conn: sa.Connection, which: sa.ColumnElement[bool], now: datetime) -> int:
    return conn.execute(
        sa.update(notice)
        .where(which)
        .values(
            state=State.DUE.value,
            problem=None,
            ended_at=None,
            next_run_at=now,
            tries=0,
            sends=notice.c.sends + 1,
            # A worker that is at it ends nothing of this one.
            fence=notice.c.fence + 1,
            lease_owner=None,
            lease_until=None,
        )
    ).rowcount


def of(conn: sa.Connection, certificate_uuid: str) -> Sequence[str]:
    """The ids of a certificate's mails."""
    return (
        conn.execute(
            sa.select(notice.c.uuid)
            .join(certificate, certificate.c.id == notice.c.certificate_id)
            .where(certificate.c.uuid == certificate_uuid)
        )
        .scalars()
        .all()
    )


def about(
    conn: sa.Connection, certificate_ids: Collection[int]
) -> Mapping[int, Sequence[sa.Row[Any]]]:
    """The mails about each of these certificates, the oldest first."""
    found = sa.select(notice).where(notice.c.certificate_id.in_(certificate_ids))
    mails: dict[int, list[sa.Row[Any]]] = {id: [] for id in certificate_ids}
    for row in conn.execute(found.order_by(notice.c.id)):
        mails[row.certificate_id].append(row)
    return mails


def known(conn: sa.Connection, uuids: Collection[str]) -> set[str]:
    """Which of these ids are mails'."""
    return set(conn.execute(sa.select(notice.c.uuid).where(notice.c.uuid.in_(uuids))).scalars())


def forget(conn: sa.Connection, certificate_id: int) -> None:
    """Take a certificate's holder out of its mails, and the certificate out of their account."""
    about = notice.c.certificate_id == certificate_id
    links = (
        conn.execute(sa.select(notice.c.link_id).where(about, notice.c.link_id.is_not(None)))
        .scalars()
        .all()
    )
    conn.execute(sa.delete(notice).where(about))
    conn.execute(sa.delete(mailed_link).where(mailed_link.c.id.in_(links)))
    conn.execute(sa.delete(assignment).where(assignment.c.certificate_id == certificate_id))
