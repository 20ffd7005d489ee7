"""Webhook endpoints as records: where an institution's events go, and whether they may."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from runtime.database import UtcDateTime
from runtime.keys import Keys
from vault.store.tables import institution, metadata
from vault.webhooks import WebhookProblem
from vault.webhooks.events import Event

#: ``events`` empty means all. ``failing_since`` is when the first attempt failed after which none
#: succeeded, ``given_up`` counts deliveries in a row whose attempts were used up.
endpoint = sa.Table(
    "webhook_endpoint",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("institution_id", sa.ForeignKey("institution.id"), nullable=False, index=True),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("description", sa.Text),
    sa.Column("events", sa.Text, nullable=False),
    sa.Column("secrets", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("failing_since", UtcDateTime),
    sa.Column("given_up", sa.Integer, nullable=False, server_default="0"),
    sa.Column("disabled_at", UtcDateTime),
    sa.Column("disabled_reason", sa.Text),
)


#: The live endpoints of an institution.
_live = sa.select(endpoint.c.id, endpoint.c.events).where(
    endpoint.c.institution_id == sa.bindparam("institution_id"), endpoint.c.disabled_at.is_(None)
)


class NoSuchEndpoint(WebhookProblem):
    """No endpoint has that id; the text says where they are listed."""

    def __init__(self, id: int) -> None:
        super().__init__(f"There is no webhook endpoint {id}. See: certvault webhook list")


def add(
    conn: sa.Connection,
    keys: Keys,
    *,
    institution_id: int,
    url: str,
    events: frozenset[Event],
    secrets: Sequence[str],
    description: str | None,
    now: datetime,
) -> int:
    """Add an endpoint and return its id; no ``events`` means all, present and future."""
    added = sa.insert(endpoint).values(
        institution_id=institution_id,
        url=url,
        description=description,
        events=",".join(sorted(event.value for event in events)),
        secrets="",
        created_at=now,
    )
    id = int(conn.execute(added.returning(endpoint.c.id)).scalar_one())
    put_secrets(conn, keys, id, secrets)
    return id


def described(conn: sa.Connection, *, institution_id: int, description: str) -> Sequence[int]:
    """The ids of an institution's endpoints with this description, newest first."""
    theirs = (
        endpoint.c.institution_id == institution_id,
        endpoint.c.description == description,
    )
    return (
        conn.execute(sa.select(endpoint.c.id).where(*theirs).order_by(endpoint.c.id.desc()))
        .scalars()
        .all()
    )


def move(
    conn: sa.Connection,
    keys: Keys,
    id: int,
    *,
    url: str,
    events: frozenset[Event],
    secrets: Sequence[str],
) -> None:
    """Send an endpoint's events elsewhere from now on, what still waits for it, too."""
    words = ",".join(sorted(event.value for event in events))
    conn.execute(sa.update(endpoint).where(endpoint.c.id == id).values(url=url, events=words))
    put_secrets(conn, keys, id, secrets)
    enable(conn, id)


def put_secrets(conn: sa.Connection, keys: Keys, id: int, secrets: Sequence[str]) -> None:
    """Give an endpoint these signing secrets; `vault.webhooks.signing` says what each signs."""
    sealed = keys.encrypt({"secrets": list(secrets)}, purpose=_purpose(id))
    conn.execute(sa.update(endpoint).where(endpoint.c.id == id).values(secrets=sealed))


def secrets_of(row: sa.Row[Any], keys: Keys) -> tuple[str, ...]:
    """The signing secrets of an endpoint in their order; raises runtime.keys.KeyProblem."""
    opened = keys.decrypt(row.secrets, purpose=_purpose(row.id))["secrets"]
    return tuple(map(str, opened)) if isinstance(opened, list) else ()


def _purpose(id: int) -> str:
    return f"webhook_endpoint {id}"


def find(conn: sa.Connection, id: int) -> sa.Row[Any]:
    """One endpoint; raises NoSuchEndpoint."""
    row = conn.execute(sa.select(endpoint).where(endpoint.c.id == id)).first()
    if row is None:
        raise NoSuchEndpoint(id)
    return row


def all_of_them(conn: sa.Connection) -> Sequence[sa.Row[Any]]:
    """Every endpoint with its institution's name as ``institution``, oldest first."""
    return conn.execute(
        sa.select(endpoint, institution.c.name.label("institution"))
        .join(institution)
        .order_by(endpoint.c.id)
    ).all()


def listening(institution_id: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """Whether an institution has a live endpoint, as a part of another query."""
    live = endpoint.c.disabled_at.is_(None)
    return sa.exists().where(endpoint.c.institution_id == institution_id, live)


def wanting(
    conn: sa.Connection, events: Iterable[Event], *, institution_id: int
) -> Mapping[Event, Sequence[int]]:
    """The ids of an institution's endpoints that are to be told of each of these events."""
    rows = conn.execute(_live, {"institution_id": institution_id}).all()
    return {
        event: [row.id for row in rows if not row.events or event.value in row.events.split(",")]
        for event in events
    }


def note_success(conn: sa.Connection, id: int) -> None:
    """An attempt was accepted: whatever failed before is forgiven."""
    failing = sa.or_(endpoint.c.failing_since.is_not(None), endpoint.c.given_up > 0)
    conn.execute(
        sa.update(endpoint)
        .where(endpoint.c.id == id, failing)
        .values(failing_since=None, given_up=0)
    )


def note_failure(conn: sa.Connection, id: int, *, given_up: bool, now: datetime) -> sa.Row[Any]:
    """An attempt failed, and if ``given_up`` it was a delivery's last; return the endpoint."""
    return conn.execute(
        sa.update(endpoint)
        .where(endpoint.c.id == id)
        .values(
            failing_since=sa.func.coalesce(endpoint.c.failing_since, now),
            given_up=endpoint.c.given_up + int(given_up),
        )
        .returning(*endpoint.c)
    ).one()


def note_disabled(conn: sa.Connection, id: int, *, reason: str, now: datetime) -> None:
    """Mark an endpoint as disabled; `vault.store.webhook_deliveries.disable` does more."""
    conn.execute(
        sa.update(endpoint)
        .where(endpoint.c.id == id, endpoint.c.disabled_at.is_(None))
        .values(disabled_at=now, disabled_reason=reason)
    )


def enable(conn: sa.Connection, id: int) -> None:
    """Send an endpoint events again, with a clean slate; raises NoSuchEndpoint."""
    changed = conn.execute(
        sa.update(endpoint)
        .where(endpoint.c.id == id)
        .values(disabled_at=None, disabled_reason=None, failing_since=None, given_up=0)
    ).rowcount
    if changed != 1:
        raise NoSuchEndpoint(id)
