"""Issuances: one certificate on its way, unique by completion and mapping, and by natural key."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.store.deliveries import insert
from bridge.store.ids import new_id
from bridge.store.states import IssuanceState
from bridge.store.tables import attempt, completion, file, issuance, issuer, link, site


def of_completion(conn: sa.Connection, completion_id: str, mapping_name: str) -> sa.Row[Any] | None:
    """The issuance that stands for a completion under a mapping."""
    return conn.execute(
        sa.select(issuance).where(
            issuance.c.completion_id == completion_id, issuance.c.mapping_name == mapping_name
        )
    ).first()


def of_completions(conn: sa.Connection, completion_ids: Sequence[str]) -> Sequence[sa.Row[Any]]:
    """The issuances that stand for completions, oldest first."""
    return conn.execute(
        sa.select(issuance)
        .where(issuance.c.completion_id.in_(completion_ids))
        .order_by(issuance.c.id)
    ).all()


def owner_of_key(conn: sa.Connection, natural_key: str) -> sa.Row[Any] | None:
    """The issuance that owns a natural key."""
    return conn.execute(sa.select(issuance).where(issuance.c.natural_key == natural_key)).first()


def add(conn: sa.Connection, *, now: datetime, **values: Any) -> str:
    """Add an issuance; the caller has asked `owner_of_key` in the same transaction."""
    row_id = new_id("is", now)
    conn.execute(sa.insert(issuance).values(id=row_id, created_at=now, updated_at=now, **values))
    return row_id


def change(conn: sa.Connection, row_id: str, *, now: datetime, **values: Any) -> None:
    """Change an issuance outside a lease: a person's act, or a fresh mapping of a held one."""
    conn.execute(
        sa.update(issuance).where(issuance.c.id == row_id).values(updated_at=now, **values)
    )


def by_id(conn: sa.Connection, row_id: str) -> sa.Row[Any] | None:
    """One issuance."""
    return conn.execute(sa.select(issuance).where(issuance.c.id == row_id)).first()


def sendable() -> sa.ColumnElement[bool]:
    """Issuances that wait to be sent, of issuers whose vault takes our token."""
    paused = sa.select(issuer.c.id).where(issuer.c.paused_at.is_not(None))
    return sa.and_(
        issuance.c.state.in_([IssuanceState.READY, IssuanceState.SENDING]),
        issuance.c.issuer_id.not_in(paused),
    )


def followable() -> sa.ColumnElement[bool]:
    """Issuances that the vault is processing, of issuers whose vault takes our token."""
    paused = sa.select(issuer.c.id).where(issuer.c.paused_at.is_not(None))
    return sa.and_(
        issuance.c.state == IssuanceState.PROCESSING,
        issuance.c.issuer_id.not_in(paused),
    )


def of_learner(
    conn: sa.Connection, site_id: str, course_id: str, learner_id: str
) -> Sequence[sa.Row[Any]]:
    """A learner's generated certificates of one course, newest first."""
    return conn.execute(
        sa.select(issuance)
        .where(
            issuance.c.site_id == site_id,
            issuance.c.course_id == course_id,
            issuance.c.learner_id == learner_id,
            issuance.c.state == IssuanceState.GENERATED,
        )
        .order_by(issuance.c.issue_date.desc(), issuance.c.id.desc())
    ).all()


def generated_for(conn: sa.Connection, email: str) -> Sequence[sa.Row[Any]]:
    """The generated certificates at an e-mail address, newest first."""
    return conn.execute(
        sa.select(issuance)
        .where(
            sa.func.lower(issuance.c.applicant_email) == email.lower(),
            issuance.c.state == IssuanceState.GENERATED,
        )
        .order_by(issuance.c.id.desc())
    ).all()


def recent(conn: sa.Connection, *, state: str | None, limit: int) -> Sequence[Mapping[Any, Any]]:
    """Issuances with site, course and link as lists show them, newest first."""
    query = (
        sa.select(
            issuance,
            site.c.name.label("site"),
            completion.c.data.label("completion_data"),
            link.c.id.label("link_id"),
        )
        .join(site, site.c.id == issuance.c.site_id)
        .join(completion, completion.c.id == issuance.c.completion_id)
        .outerjoin(link, sa.and_(link.c.issuance_id == issuance.c.id, link.c.revoked_at.is_(None)))
    )
    if state is not None:
        query = query.where(issuance.c.state == state)
    rows = conn.execute(query.order_by(issuance.c.id.desc()).limit(limit))
    return rows.mappings().all()


def keep_file(conn: sa.Connection, content: bytes, *, now: datetime) -> str:
    """Keep a certificate file; return its SHA-256, which is its name."""
    sha256 = hashlib.sha256(content).hexdigest()
    conn.execute(
        insert(conn, file)
        .values(sha256=sha256, content=content, created_at=now)
        .on_conflict_do_nothing(index_elements=["sha256"])
    )
    return sha256


def file_content(conn: sa.Connection, sha256: str) -> bytes:
    """The certificate file of this SHA-256."""
    content: bytes = conn.execute(
        sa.select(file.c.content).where(file.c.sha256 == sha256)
    ).scalar_one()
    return content


def begin_attempt(
    conn: sa.Connection,
    issuance_id: str,
    operation: str,
    *,
    fence: int,
    natural_key: str,
    request_sha256: str,
    now: datetime,
    deadline: datetime,
) -> int:
    """Write a remote call down before it is sent; return its number."""
    number: int = conn.execute(
        sa.insert(attempt)
        .values(
            issuance_id=issuance_id,
            operation=operation,
            fence=fence,
            natural_key=natural_key,
            request_sha256=request_sha256,
            sent_at=now,
            deadline=deadline,
        )
        .returning(attempt.c.id)
    ).scalar_one()
    return number


def end_attempt(
    conn: sa.Connection,
    number: int,
    *,
    outcome: str,
    status_code: int | None,
    detail: str | None,
    now: datetime,
) -> None:
    """Write down how a remote call ended. An outcome once written stays."""
    conn.execute(
        sa.update(attempt)
        .where(attempt.c.id == number, attempt.c.outcome.is_(None))
        .values(outcome=outcome, status_code=status_code, detail=detail, answered_at=now)
    )


def attempts(conn: sa.Connection, issuance_id: str) -> Sequence[sa.Row[Any]]:
    """The remote calls made for an issuance, in order."""
    return conn.execute(
        sa.select(attempt).where(attempt.c.issuance_id == issuance_id).order_by(attempt.c.id)
    ).all()
