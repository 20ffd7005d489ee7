"""Issuances: one certificate on its way, unique by completion and mapping, and by natural key."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

import sqlalchemy as sa

from bridge.store import file_sources, gates, holds, listed
from bridge.store.ids import new_id
from bridge.store.states import IssuanceState
from bridge.store.tables import attempt, completion, file, issuance, issuer, link, site
from runtime.inserting import insert
from runtime.lease import due

#: Which rows, at a moment.
Which: TypeAlias = Callable[[datetime], sa.ColumnElement[bool]]


# Made once: to make a statement takes several times as long as to run one that is made.


def _is(column: sa.Column[Any]) -> sa.ColumnElement[bool]:
    return column == sa.bindparam(column.name, type_=column.type)


_chain = (
    sa.select(issuance)
    .where(_is(issuance.c.completion_id), _is(issuance.c.mapping_name))
    .order_by(issuance.c.revision.desc())
)
_of_completion = _chain.limit(1)
_of_completions = (
    sa.select(issuance)
    .where(issuance.c.completion_id.in_(sa.bindparam("completion_ids", expanding=True)))
    .order_by(issuance.c.id)
)
_owner_of_key = sa.select(issuance).where(_is(issuance.c.natural_key))
_of_entry = sa.select(issuance).where(
    _is(issuance.c.applicant_email),
    _is(issuance.c.certificate_title),
    _is(issuance.c.issue_date),
    issuance.c.issuer_id != sa.bindparam("issuer_id"),
    _is(issuance.c.site_id),
    _is(issuance.c.learner_id),
    issuance.c.state.not_in([IssuanceState.CANCELLED, IssuanceState.FAILED, IssuanceState.ERASED]),
)
_of_learner = (
    sa.select(issuance)
    .where(
        _is(issuance.c.site_id),
        _is(issuance.c.course_id),
        _is(issuance.c.learner_id),
        issuance.c.state == IssuanceState.GENERATED,
    )
    .order_by(issuance.c.issue_date.desc(), issuance.c.id.desc())
)
_delivery = (
    sa.select(completion.c.delivery_id)
    .where(completion.c.id == sa.bindparam("of_completion"))
    .scalar_subquery()
)
_add = sa.insert(issuance).values(delivery_id=_delivery)
_begin_attempt = sa.insert(attempt).returning(attempt.c.id)
_end_attempt = sa.update(attempt).where(
    attempt.c.id == sa.bindparam("number"), attempt.c.outcome.is_(None)
)


def of_completion(conn: sa.Connection, completion_id: str, mapping_name: str) -> sa.Row[Any] | None:
    """The issuance that stands for a completion under a mapping: of a chain, the newest."""
    of = {"completion_id": completion_id, "mapping_name": mapping_name}
    return conn.execute(_of_completion, of).first()


def chain(conn: sa.Connection, row: sa.Row[Any]) -> Sequence[sa.Row[Any]]:
    """An issuance, those that it replaces and those that replace it, newest first."""
    of = {"completion_id": row.completion_id, "mapping_name": row.mapping_name}
    return conn.execute(_chain, of).all()


def locked(conn: sa.Connection, row_id: str) -> sa.Row[Any]:
    """One issuance, which nobody else changes until the transaction ends."""
    return conn.execute(sa.select(issuance).where(issuance.c.id == row_id).with_for_update()).one()


def by_version(
    conn: sa.Connection, mapping_name: str, version: int, *, since: datetime | None
) -> Sequence[sa.Row[Any]]:
    """The certificates that a mapping's version made and that stand, oldest first.

    Each is the newest of its chain, and not revoked.
    """
    newer = issuance.alias("newer")
    has_newer = sa.exists().where(
        newer.c.completion_id == issuance.c.completion_id,
        newer.c.mapping_name == issuance.c.mapping_name,
        newer.c.revision > issuance.c.revision,
    )
    made = sa.select(issuance).where(
        issuance.c.mapping_name == mapping_name,
        issuance.c.mapping_version == version,
        issuance.c.state == IssuanceState.GENERATED,
        issuance.c.vault_status.is_distinct_from("revoked"),
        ~has_newer,
    )
    if since is not None:
        made = made.where(issuance.c.created_at >= since)
    return conn.execute(made.order_by(issuance.c.id)).all()


def of_completions(conn: sa.Connection, completion_ids: Sequence[str]) -> Sequence[sa.Row[Any]]:
    """The issuances that stand for completions, oldest first."""
    return conn.execute(_of_completions, {"completion_ids": list(completion_ids)}).all()


def owner_of_key(conn: sa.Connection, natural_key: str) -> sa.Row[Any] | None:
    """The issuance that owns a natural key."""
    return conn.execute(_owner_of_key, {"natural_key": natural_key}).first()


def owners_of_keys(conn: sa.Connection, keys: Sequence[str]) -> Mapping[str, sa.Row[Any]]:
    """The issuances that own natural keys, by key, as far as there are any."""
    rows = conn.execute(sa.select(issuance).where(issuance.c.natural_key.in_(keys)))
    return {row.natural_key: row for row in rows}


def of_entry(
    conn: sa.Connection, entry: Mapping[str, Any], *, site_id: str, learner_id: str
) -> Sequence[sa.Row[Any]]:
    """A learner's issuances of the same e-mail, title and issue date by other issuers."""
    same = ("applicant_email", "certificate_title", "issue_date", "issuer_id")
    asked = {name: entry[name] for name in same}
    return conn.execute(_of_entry, {**asked, "site_id": site_id, "learner_id": learner_id}).all()


def add(conn: sa.Connection, *, now: datetime, **values: Any) -> str:
    """Add an issuance; the caller has asked `owner_of_key` in the same transaction."""
    row_id = new_id("is", now)
    made = {"id": row_id, "created_at": now, "updated_at": now, **values}
    conn.execute(_add, {**made, "of_completion": values["completion_id"]})
    listed.add(conn, row_id, made)
    return row_id


def change(conn: sa.Connection, row_id: str, *, now: datetime, **values: Any) -> None:
    """Change an issuance outside a lease: a person's act, or a fresh mapping of a held one."""
    conn.execute(
        sa.update(issuance).where(issuance.c.id == row_id).values(updated_at=now, **values)
    )
    if not listed.SOURCES.isdisjoint(values):
        listed.renew(conn, row_id)


def take(conn: sa.Connection, row_id: str, *, now: datetime, **values: Any) -> None:
    """As `change`; whoever is working on it has lost it."""
    lost = {"lease_owner": None, "lease_until": None, "fence": issuance.c.fence + 1}
    change(conn, row_id, now=now, **{**lost, **values})


def take_back(conn: sa.Connection, row: sa.Row[Any], *, cause: str) -> None:
    """Let what was cancelled for a cause be mapped anew: the issuance, or all of the completion."""
    conn.execute(
        sa.update(issuance)
        .where(
            sa.or_(issuance.c.id == row.id, issuance.c.completion_id == row.id),
            issuance.c.state == IssuanceState.CANCELLED,
            issuance.c.cause == cause,
        )
        .values(state=IssuanceState.HELD, hold_id=None)
    )


def by_id(conn: sa.Connection, row_id: str) -> sa.Row[Any] | None:
    """One issuance."""
    return conn.execute(sa.select(issuance).where(issuance.c.id == row_id)).first()


def reachable(table: sa.Table, now: datetime) -> sa.ColumnElement[bool]:
    """Rows of issuers whose vault takes our token and may be called now."""
    theirs = sa.select(issuer.c.id).where(
        issuer.c.paused_at.is_(None), gates.may_be_called(issuer, now)
    )
    return table.c.issuer_id.in_(theirs.correlate(None))


def sendable(now: datetime) -> sa.ColumnElement[bool]:
    """Issuances that wait to be sent to a vault that may be called."""
    unsent = issuance.c.state.in_([IssuanceState.READY, IssuanceState.SENDING])
    return sa.and_(unsent, reachable(issuance, now))


def fresh() -> sa.ColumnElement[bool]:
    """Issuances that nobody has tried to send."""
    return sa.and_(issuance.c.state == IssuanceState.READY, issuance.c.tries == 0)


def followable(now: datetime) -> sa.ColumnElement[bool]:
    """Issuances that a vault is processing which may be called."""
    return sa.and_(issuance.c.state == IssuanceState.PROCESSING, reachable(issuance, now))


def printable(_now: datetime) -> sa.ColumnElement[bool]:
    """Issuances that wait for a person, who wants to see their files."""
    anybodys = issuance.c.issuer_id.in_(sa.select(issuer.c.id).correlate(None))
    return sa.and_(anybodys, holds.waits(), sa.not_(file_sources.lacks_lms_file()))


def issuers_having(conn: sa.Connection, which: Which, *, now: datetime) -> Sequence[str]:
    """The issuers that have due issuances of these."""
    theirs = sa.select(issuance.c.id).where(
        issuance.c.issuer_id == issuer.c.id, which(now), due(issuance, now)
    )
    return conn.execute(sa.select(issuer.c.id).where(theirs.exists())).scalars().all()


def of_learner(
    conn: sa.Connection, site_id: str, course_id: str, learner_id: str
) -> Sequence[sa.Row[Any]]:
    """A learner's generated certificates of one course, newest first."""
    whose = {"site_id": site_id, "course_id": course_id, "learner_id": learner_id}
    return conn.execute(_of_learner, whose).all()


def generated_for(conn: sa.Connection, email: str) -> Sequence[sa.Row[Any]]:
    """The generated certificates at an e-mail address that nothing replaces, newest first."""
    newer = issuance.alias("newer")
    replaced = sa.exists().where(
        newer.c.replaces == issuance.c.id, newer.c.generated_at.is_not(None)
    )
    return conn.execute(
        sa.select(issuance)
        .where(
            sa.func.lower(issuance.c.applicant_email) == email.lower(),
            issuance.c.state == IssuanceState.GENERATED,
            ~replaced,
        )
        .order_by(issuance.c.id.desc())
    ).all()


def generated_between(
    conn: sa.Connection, issuer_name: str, *, since: datetime, until: datetime
) -> int:
    """How many certificates of an issuer were made in that time."""
    at = issuance.c.generated_at
    made = (
        sa.select(sa.func.count())
        .select_from(issuance.join(issuer, issuer.c.id == issuance.c.issuer_id))
        .where(issuer.c.name == issuer_name, at >= since, at < until)
    )
    return int(conn.execute(made).scalar_one())


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
        _begin_attempt,
        {
            "issuance_id": issuance_id,
            "operation": operation,
            "fence": fence,
            "natural_key": natural_key,
            "request_sha256": request_sha256,
            "sent_at": now,
            "deadline": deadline,
        },
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
        _end_attempt,
        {
            "number": number,
            "outcome": outcome,
            "status_code": status_code,
            "detail": detail,
            "answered_at": now,
        },
    )


def attempts(conn: sa.Connection, issuance_id: str) -> Sequence[sa.Row[Any]]:
    """The remote calls made for an issuance, in order."""
    return attempts_of(conn, [issuance_id])[issuance_id]


def attempts_of(conn: sa.Connection, ids: Sequence[str]) -> dict[str, list[sa.Row[Any]]]:
    """The remote calls made for each of these issuances, in order."""
    made: dict[str, list[sa.Row[Any]]] = {row_id: [] for row_id in ids}
    query = sa.select(attempt).where(attempt.c.issuance_id.in_(ids)).order_by(attempt.c.id)
    for row in conn.execute(query):
        made[row.issuance_id].append(row)
    return made


def wake(
    conn: sa.Connection,
    issuer_id: str,
    *,
    uuid: str,
    email: str | None,
    now: datetime,
    at: datetime,
) -> int:
    """Have the issuances that a vault speaks of looked at by ``at``; return how many.

    One whose certificate was taken in by a bulk upload is known by its address alone. One that a
    worker is asking about may have its answer from before: it is looked at once more.
    """
    by_address = sa.and_(
        issuance.c.vault_uuid.is_(None),
        sa.func.lower(issuance.c.applicant_email) == (email or "").lower(),
    )
    return conn.execute(
        sa.update(issuance)
        .where(
            issuance.c.issuer_id == issuer_id,
            issuance.c.state == IssuanceState.PROCESSING,
            sa.or_(issuance.c.next_run_at > at, issuance.c.lease_until > now),
            sa.or_(issuance.c.vault_uuid == uuid, by_address),
        )
        .values(next_run_at=at)
    ).rowcount
