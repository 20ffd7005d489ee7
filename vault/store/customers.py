"""Customers as records: accounts, verified addresses, and the certificates that are theirs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from runtime.inserting import insert
from vault.certificate import Status, fold_email
from vault.store.notices import Kind
from vault.store.people import (
    assignment,
    customer,
    customer_email,
    customer_session,
    mailed_link,
    notice,
)
from vault.store.tables import certificate, institution

#: Certificates that were issued: an account holds these.
ISSUED = (Status.GENERATED.value, Status.REVOKED.value)


class TakenEmail(Exception):
    """The address belongs to another account."""


def get(conn: sa.Connection, customer_id: int) -> sa.Row[Any]:
    """One customer."""
    return conn.execute(sa.select(customer).where(customer.c.id == customer_id)).one()


def find(conn: sa.Connection, email: str) -> sa.Row[Any] | None:
    """The customer one of whose verified addresses this is, without regard to case."""
    return find_each(conn, [email]).get(email)


def find_each(conn: sa.Connection, emails: Collection[str]) -> Mapping[str, sa.Row[Any]]:
    """As `find`, for many addresses: the customer of each that has one."""
    keys = {email: fold_email(email) for email in emails}
    rows: Iterable[sa.Row[Any]] = conn.execute(
        sa.select(*customer.c, customer_email.c.email_key)
        .join(customer_email, customer_email.c.customer_id == customer.c.id)
        .where(customer_email.c.email_key.in_(set(keys.values())))
    )
    found = {row.email_key: row for row in rows}
    return {email: found[key] for email, key in keys.items() if key in found}


def of_verified(conn: sa.Connection, email: str, *, language: str, now: datetime) -> int:
    """Return the id of the customer who has just proved to read ``email``; made if there is none.

    What waits for the address becomes theirs, and their mails speak ``language`` from now on.
    Raises TakenEmail if another transaction makes one at the same moment.
    """
    known = find(conn, email)
    if known is None:
        added = sa.insert(customer).values(email=email, language=language, created_at=now)
        customer_id = int(conn.execute(added.returning(customer.c.id)).scalar_one())
    else:
        customer_id = int(known.id)
        _set(conn, customer_id, language=language)
    add_email(conn, customer_id, email, now=now)
    return customer_id


def add_email(conn: sa.Connection, customer_id: int, email: str, *, now: datetime) -> None:
    """Give a customer one more verified address and what waits for it; raises TakenEmail."""
    conn.execute(
        insert(conn, customer_email)
        .values(customer_id=customer_id, email=email, email_key=fold_email(email), verified_at=now)
        .on_conflict_do_nothing(index_elements=["email_key"])
    )
    owner = find(conn, email)
    if owner is None or owner.id != customer_id:
        raise TakenEmail
    claim_waiting(conn, customer_id, now=now)


def send_to(conn: sa.Connection, customer_id: int, email: str) -> None:
    """Let a customer's mail go to one of their addresses; no other changes anything."""
    found = conn.execute(sa.select(customer_email.c.email).where(_of(customer_id, email))).first()
    if found is not None:
        _set(conn, customer_id, email=found.email)


def remove_email(conn: sa.Connection, customer_id: int, email: str) -> None:
    """Take an address from a customer, but not the one that their mail goes to.

    What came to it stays theirs; what comes later is for whoever confirms it next.
    """
    main = sa.select(customer.c.email).where(customer.c.id == customer_id).scalar_subquery()
    conn.execute(
        sa.delete(customer_email).where(_of(customer_id, email), customer_email.c.email != main)
    )


def delete(conn: sa.Connection, customer_id: int) -> Sequence[str]:
    """Delete an account; return the ids of the mails that went with it.

    Its certificates are nobody's again, and wait for whoever confirms their address.
    """
    mine = sa.select(assignment.c.certificate_id).where(assignment.c.customer_id == customer_id)
    links = sa.select(mailed_link.c.id).where(mailed_link.c.customer_id == customer_id)
    told = sa.and_(notice.c.certificate_id.in_(mine), notice.c.kind == Kind.ASSIGNED.value)
    mails = (
        conn.execute(
            sa.delete(notice)
            .where(sa.or_(told, notice.c.link_id.in_(links)))
            .returning(notice.c.uuid)
        )
        .scalars()
        .all()
    )
    for table in (mailed_link, customer_session, assignment, customer_email):
        conn.execute(sa.delete(table).where(table.c.customer_id == customer_id))
    conn.execute(sa.delete(customer).where(customer.c.id == customer_id))
    return mails


def _of(customer_id: int, email: str) -> sa.ColumnElement[bool]:
    return sa.and_(
        customer_email.c.customer_id == customer_id,
        customer_email.c.email_key == fold_email(email),
    )


def _set(conn: sa.Connection, customer_id: int, **values: str) -> None:
    conn.execute(sa.update(customer).where(customer.c.id == customer_id).values(**values))


def emails(conn: sa.Connection, customer_id: int) -> Sequence[sa.Row[Any]]:
    """A customer's verified addresses, oldest first."""
    return conn.execute(
        sa.select(customer_email)
        .where(customer_email.c.customer_id == customer_id)
        .order_by(customer_email.c.id)
    ).all()


def assign(conn: sa.Connection, owners: Mapping[int, int], *, now: datetime) -> None:
    """Make each of these certificates its customer's; one that is somebody's stays theirs."""
    if not owners:
        return
    conn.execute(
        insert(conn, assignment).on_conflict_do_nothing(index_elements=["certificate_id"]),
        [
            {"certificate_id": certificate_id, "customer_id": customer_id, "assigned_at": now}
            for certificate_id, customer_id in owners.items()
        ],
    )


def owner(conn: sa.Connection, certificate_id: int) -> int | None:
    """The id of the customer whose certificate this is, or None."""
    mine = assignment.c.certificate_id == certificate_id
    return conn.execute(sa.select(assignment.c.customer_id).where(mine)).scalar_one_or_none()


def waiting(conn: sa.Connection, customer_id: int) -> Sequence[int]:
    """The ids of the issued certificates at a customer's addresses that are nobody's yet."""
    keys = sa.select(customer_email.c.email_key).where(customer_email.c.customer_id == customer_id)
    return (
        conn.execute(
            sa.select(certificate.c.id)
            .outerjoin(assignment, assignment.c.certificate_id == certificate.c.id)
            .where(
                certificate.c.email_key.in_(keys),
                certificate.c.status.in_(ISSUED),
                assignment.c.certificate_id.is_(None),
            )
        )
        .scalars()
        .all()
    )


def claim_waiting(conn: sa.Connection, customer_id: int, *, now: datetime) -> None:
    """Assign all that waits for a customer's addresses."""
    assign(conn, dict.fromkeys(waiting(conn, customer_id), customer_id), now=now)


def certificates(conn: sa.Connection, customer_id: int) -> Sequence[sa.Row[Any]]:
    """A customer's certificates with their institution's name, newest first."""
    return conn.execute(
        sa.select(certificate, institution.c.name.label("institution_name"))
        .join(assignment, assignment.c.certificate_id == certificate.c.id)
        .join(institution, institution.c.id == certificate.c.institution_id)
        .where(assignment.c.customer_id == customer_id)
        .order_by(certificate.c.id.desc())
    ).all()


def all_of_them(conn: sa.Connection) -> Sequence[sa.Row[Any]]:
    """Every customer with how many certificates they have as ``certificates``, oldest first."""
    count = (
        sa.select(sa.func.count())
        .where(assignment.c.customer_id == customer.c.id)
        .scalar_subquery()
    )
    return conn.execute(
        sa.select(customer, count.label("certificates")).order_by(customer.c.id)
    ).all()
