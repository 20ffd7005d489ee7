"""Deliveries of webhooks as records: made with the change they tell of, kept with every attempt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from uuid import uuid4

import sqlalchemy as sa

from runtime.database import UtcDateTime
from runtime.lease import Lease, claim, due, lease_columns, lease_of, release, save
from vault.store import endpoints
from vault.store.endpoints import endpoint
from vault.store.tables import certificate, metadata
from vault.webhooks import WebhookProblem
from vault.webhooks.events import Event, Subject, body
from vault.webhooks.sending import Answer

WAITING = "waiting"
DELIVERED = "delivered"
FAILED = "failed"
#: The certificate's holder was erased, and the body with him.
ERASED = "erased"
STATES = (WAITING, DELIVERED, FAILED, ERASED)

#: One event for one endpoint. ``body`` is what is signed and sent, byte for byte, every time.
delivery = sa.Table(
    "webhook_delivery",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("uuid", sa.String(36), nullable=False, unique=True),
    sa.Column("endpoint_id", sa.ForeignKey("webhook_endpoint.id"), nullable=False),
    sa.Column("certificate_id", sa.ForeignKey("certificate.id"), nullable=False, index=True),
    sa.Column("event", sa.String(64), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("ended_at", UtcDateTime),
    *lease_columns(),
    sa.Index("ix_webhook_delivery_due", "next_run_at"),
    sa.Index("ix_webhook_delivery_queue", "endpoint_id", "next_run_at"),
    sa.Index("ix_webhook_delivery_log", "endpoint_id", "id"),
)

#: One call, written down before it is made. Without ``ended_at`` nobody knows what became of it.
attempt = sa.Table(
    "webhook_attempt",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("delivery_id", sa.ForeignKey("webhook_delivery.id"), nullable=False, index=True),
    sa.Column("begun_at", UtcDateTime, nullable=False),
    sa.Column("ended_at", UtcDateTime),
    sa.Column("status", sa.Integer),
    sa.Column("ms", sa.Integer),
    sa.Column("problem", sa.Text),
    sa.Column("excerpt", sa.Text),
)


#: What happened, in its order, each with the fields of its own.
Events: TypeAlias = Mapping[Event, Mapping[str, str | None]]


class NoSuchDelivery(WebhookProblem):
    """No delivery has that id; the text says where they are listed."""


class CannotResend(WebhookProblem):
    """The delivery cannot be sent; the text says what to do."""


def announce(
    conn: sa.Connection,
    events: Events,
    *,
    institution_id: int,
    certificate_ids: Sequence[int],
    now: datetime,
) -> int:
    """Make a delivery for each event, each certificate and each endpoint that wants the event.

    To be called in the transaction of the change itself. Returns how many deliveries there are now
    to send: ring `vault.bells.DELIVER` after the commit.
    """
    wanting = endpoints.wanting(conn, events, institution_id=institution_id)
    if not any(wanting.values()) or not certificate_ids:
        return 0
    subjects = _subjects(conn, certificate_ids)
    values = [
        {
            "uuid": str(uuid4()),
            "endpoint_id": endpoint_id,
            "certificate_id": subject.id,
            "event": event.value,
            "body": body(event, subject, webhook_id=endpoint_id, now=now, fields=fields),
            "state": WAITING,
            "created_at": now,
            "next_run_at": now,
        }
        for event, fields in events.items()
        for subject in subjects
        for endpoint_id in wanting[event]
    ]
    conn.execute(sa.insert(delivery), values)
    return len(values)


def _subjects(conn: sa.Connection, certificate_ids: Sequence[int]) -> list[Subject]:
    found = sa.select(
        certificate.c.id,
        certificate.c.uuid,
        certificate.c.reference_id,
        certificate.c.certificate_title,
        certificate.c.applicant_email,
    ).where(certificate.c.id.in_(certificate_ids))
    rows = conn.execute(found.order_by(certificate.c.id))
    return [Subject(**row._mapping) for row in rows]


def due_endpoints(conn: sa.Connection, now: datetime) -> Sequence[sa.Row[Any]]:
    """The endpoints to which something is due, oldest first."""
    mine = sa.and_(
        delivery.c.endpoint_id == endpoint.c.id, delivery.c.state == WAITING, due(delivery, now)
    )
    found = sa.select(endpoint).where(sa.exists().where(mine)).order_by(endpoint.c.id)
    return conn.execute(found).all()


def take(
    conn: sa.Connection,
    endpoint_id: int,
    *,
    owner: str,
    now: datetime,
    lease: timedelta,
    limit: int,
) -> list[tuple[sa.Row[Any], Lease, int]]:
    """Lease due deliveries of an endpoint; return each with its lease and its attempt's id."""
    rows = claim(
        conn,
        delivery,
        where=sa.and_(delivery.c.endpoint_id == endpoint_id, delivery.c.state == WAITING),
        owner=owner,
        now=now,
        lease=lease,
        limit=limit,
    )
    return [(row, lease_of(row), _begin(conn, row, now)) for row in rows]


def _begin(conn: sa.Connection, row: sa.Row[Any], now: datetime) -> int:
    save(conn, delivery, lease_of(row), tries=row.tries + 1)
    begun = sa.insert(attempt).values(delivery_id=row.id, begun_at=now)
    return int(conn.execute(begun.returning(attempt.c.id)).scalar_one())


def note(conn: sa.Connection, attempt_id: int, answer: Answer, now: datetime) -> None:
    """Write down what came of an attempt, whoever holds the delivery by now."""
    # What a receiver answers may repeat what it was told.
    erased = sa.exists().where(delivery.c.id == attempt.c.delivery_id, delivery.c.state == ERASED)
    conn.execute(
        sa.update(attempt)
        .where(attempt.c.id == attempt_id)
        .values(
            ended_at=now,
            status=answer.status,
            ms=answer.ms,
            problem=answer.problem,
            excerpt=sa.case((erased, None), else_=sa.literal(answer.excerpt, sa.Text)),
        )
    )


def accepted(conn: sa.Connection, lease: Lease, now: datetime) -> None:
    """The delivery is done; raises runtime.lease.LeaseLost."""
    release(conn, delivery, lease, next_run_at=None, state=DELIVERED, ended_at=now)


def again(conn: sa.Connection, lease: Lease, at: datetime) -> None:
    """The delivery is tried again at that moment; raises runtime.lease.LeaseLost."""
    release(conn, delivery, lease, next_run_at=at)


def give_up(conn: sa.Connection, lease: Lease, now: datetime) -> None:
    """The delivery has failed for good; raises runtime.lease.LeaseLost."""
    release(conn, delivery, lease, next_run_at=None, state=FAILED, ended_at=now)


def disable(conn: sa.Connection, endpoint_id: int, *, reason: str, now: datetime) -> None:
    """Send an endpoint nothing more; what still waits for it has failed, and can be sent again.

    Raises vault.store.endpoints.NoSuchEndpoint.
    """
    endpoints.find(conn, endpoint_id)
    endpoints.note_disabled(conn, endpoint_id, reason=reason, now=now)
    conn.execute(
        sa.update(delivery)
        .where(delivery.c.endpoint_id == endpoint_id, delivery.c.state == WAITING)
        .values(state=FAILED, ended_at=now, next_run_at=None)
    )


def log(
    conn: sa.Connection, *, endpoint_id: int | None, state: str | None, limit: int
) -> Sequence[sa.Row[Any]]:
    """The newest deliveries, newest first; None does not narrow."""
    where = []
    if endpoint_id is not None:
        where.append(delivery.c.endpoint_id == endpoint_id)
    if state is not None:
        where.append(delivery.c.state == state)
    found = sa.select(delivery).where(*where).order_by(delivery.c.id.desc()).limit(limit)
    return conn.execute(found).all()


def attempts(conn: sa.Connection, delivery_ids: Sequence[int]) -> Sequence[sa.Row[Any]]:
    """Every attempt of these deliveries, oldest first."""
    mine = attempt.c.delivery_id.in_(delivery_ids)
    return conn.execute(sa.select(attempt).where(mine).order_by(attempt.c.id)).all()


def find(conn: sa.Connection, uuid: str) -> sa.Row[Any]:
    """One delivery; raises NoSuchDelivery."""
    row = conn.execute(sa.select(delivery).where(delivery.c.uuid == uuid)).first()
    if row is None:
        raise NoSuchDelivery(f"There is no delivery {uuid!r}. See: certvault webhook deliveries")
    return row


def resend(conn: sa.Connection, uuid: str, now: datetime) -> None:
    """Send a delivery from the beginning of its schedule; its id and body stay the same.

    Raises NoSuchDelivery, and CannotResend if its body was erased or its endpoint is disabled.
    """
    row = find(conn, uuid)
    if row.state == ERASED:
        raise CannotResend(f"The body of delivery {uuid} was erased with the holder's data.")
    _require_enabled(endpoints.find(conn, row.endpoint_id))
    _make_due(conn, delivery.c.id == row.id, now)


def _require_enabled(row: sa.Row[Any]) -> None:
    if row.disabled_at is not None:
        raise CannotResend(
            f"The endpoint {row.id} is disabled. Enable it first: certvault webhook enable {row.id}"
        )


def resend_failed(conn: sa.Connection, endpoint_id: int, now: datetime) -> int:
    """Send again whatever failed for an endpoint; return how many there are.

    Raises CannotResend if it is disabled, vault.store.endpoints.NoSuchEndpoint.
    """
    _require_enabled(endpoints.find(conn, endpoint_id))
    return _make_due(
        conn,
        sa.and_(delivery.c.endpoint_id == endpoint_id, delivery.c.state == FAILED),
        now,
    )


def _make_due(conn: sa.Connection, which: sa.ColumnElement[bool], now: datetime) -> int:
    return conn.execute(
        sa.update(delivery)
        .where(which)
        .values(
            state=WAITING,
            ended_at=None,
            next_run_at=now,
            tries=0,
            # Whoever is sending it loses it: its outcome would end it.
            fence=delivery.c.fence + 1,
            lease_owner=None,
            lease_until=None,
        )
    ).rowcount


def erase(conn: sa.Connection, certificate_id: int, now: datetime) -> None:
    """Forget what was told of a certificate, sent or not; the log keeps that it was."""
    mine = delivery.c.certificate_id == certificate_id
    conn.execute(
        sa.update(attempt)
        .where(attempt.c.delivery_id.in_(sa.select(delivery.c.id).where(mine)))
        .values(excerpt=None)
    )
    conn.execute(
        sa.update(delivery)
        .where(mine)
        .values(
            body="",
            state=ERASED,
            next_run_at=None,
            # Whoever is sending it loses it: its outcome would make it one to send again.
            fence=delivery.c.fence + 1,
            lease_owner=None,
            lease_until=None,
            ended_at=sa.func.coalesce(delivery.c.ended_at, now),
        )
    )
