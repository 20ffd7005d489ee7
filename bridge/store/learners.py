"""Everything kept of one learner of a site: found, and forgotten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.store import completions, deliveries, erasures, listed
from bridge.store.states import (
    UNDER_WAY,
    CompletionState,
    DeliveryState,
    IssuanceState,
    RevocationState,
    WriteBackState,
)
from bridge.store.tables import (
    attempt,
    completion,
    correction,
    delivery,
    difference,
    event,
    file,
    issuance,
    issuer,
    link,
    mail,
    revocation,
    site,
    target,
    write_back,
)
from bridge.store.troubles import MENDED
from connectors.base import Completion, Learner

Rows = Sequence[sa.Row[Any]]
#: Where an issuance goes on by itself.
_ON_ITS_WAY = (
    IssuanceState.WAITING,
    IssuanceState.FETCHING,
    IssuanceState.READY,
    IssuanceState.SENDING,
    IssuanceState.PROCESSING,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A learner of one site, by whom the LMS means."""

    site_id: str
    site: str
    learner_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The rows that are about one learner, by what they are."""

    person: Person
    completions: Rows
    deliveries: Rows
    issuances: Rows
    attempts: Rows
    write_backs: Rows
    revocations: Rows
    corrections: Rows
    links: Rows
    mails: Rows
    differences: Rows
    events: Rows

    def counts(self) -> dict[str, int]:
        """How many rows of each kind."""
        kinds = [name for name in self.__slots__ if name != "person"]
        return {name: len(getattr(self, name)) for name in kinds} | {"files": len(self.files)}

    @property
    def files(self) -> Sequence[str]:
        """The hashes of the certificates' files."""
        return sorted({row.file_sha256 for row in self.issuances if row.file_sha256})

    @property
    def addresses(self) -> Sequence[str]:
        """The e-mail addresses that are known of them."""
        told = (row.data["learner"].get("email") for row in self.completions)
        return _texts([*(row.applicant_email for row in self.issuances), *told])

    @property
    def names(self) -> Sequence[str]:
        """What they are called."""
        told = (row.data["learner"].get("full_name") for row in self.completions)
        return _texts([*(row.full_name for row in self.issuances), *told])

    @property
    def under_way(self) -> Sequence[str]:
        """The ids of what has not come to an end, or is worked on just now."""
        unread = [row.id for row in self.deliveries if row.state == DeliveryState.WAITING]
        found = [row.id for row in self.completions if row.state == CompletionState.FOUND]
        going = [row.id for row in self.issuances if row.state in _ON_ITS_WAY]
        writing = (*UNDER_WAY, WriteBackState.DUE)
        told = [row.id for row in self.write_backs if row.state in writing and not row.read_back_at]
        voided = [row.id for row in self.revocations if row.state == RevocationState.DUE]
        held = [
            row.id
            for rows in (self.completions, self.issuances, self.write_backs)
            for row in rows
            if row.lease_owner is not None and row.lease_until is not None
        ]
        return list(dict.fromkeys([*unread, *found, *going, *told, *voided, *held]))


def _texts(values: Sequence[str | None]) -> Sequence[str]:
    return sorted({value for value in values if value})


def with_address(conn: sa.Connection, email: str) -> Sequence[Person]:
    """The learners with an e-mail address, on certificates or as their LMS told it."""
    wanted = email.strip().lower()
    told = completion.c.data["learner"]["email"].as_string()
    pairs = sa.union(
        sa.select(issuance.c.site_id, issuance.c.learner_id).where(
            sa.func.lower(issuance.c.applicant_email) == wanted
        ),
        sa.select(completion.c.site_id, completion.c.learner_id).where(
            sa.func.lower(told) == wanted
        ),
    ).subquery()
    rows = conn.execute(
        sa.select(pairs.c.site_id, site.c.name, pairs.c.learner_id)
        .join(site, site.c.id == pairs.c.site_id)
        .order_by(site.c.name, pairs.c.learner_id)
    )
    return [Person(site_id=id, site=name, learner_id=learner) for id, name, learner in rows]


def everything(conn: sa.Connection, who: Person) -> Found:
    """Every row that is about a learner, oldest first."""

    def of(table: sa.Table, *where: sa.ColumnElement[bool]) -> Rows:
        return conn.execute(sa.select(table).where(*where).order_by(*table.primary_key)).all()

    def theirs(table: sa.Table) -> tuple[sa.ColumnElement[bool], ...]:
        return table.c.site_id == who.site_id, table.c.learner_id == who.learner_id

    told = of(completion, *theirs(completion))
    made = conn.execute(
        sa.select(issuance, issuer.c.name.label("issuer"))
        .join(issuer, issuer.c.id == issuance.c.issuer_id)
        .where(*theirs(issuance))
        .order_by(issuance.c.id)
    ).all()
    ids = [row.id for row in made]
    telling = of(write_back, *theirs(write_back))
    came = {row.delivery_id for row in told if row.delivery_id}
    voided = of(revocation, revocation.c.issuance_id.in_(ids))
    addresses = {row.applicant_email.lower() for row in made if row.applicant_email}
    named = correction.c.what["issuance"].as_string().in_(ids)
    subjects = [*(row.id for row in told), *ids, *(row.id for row in telling), *came]
    return Found(
        person=who,
        completions=told,
        deliveries=of(delivery, delivery.c.id.in_(came)),
        issuances=made,
        attempts=of(attempt, attempt.c.issuance_id.in_(ids)),
        write_backs=telling,
        revocations=voided,
        corrections=of(correction, named),
        links=of(link, link.c.issuance_id.in_(ids)),
        mails=of(
            mail,
            sa.or_(sa.func.lower(mail.c.to_address).in_(addresses), mail.c.issuance_id.in_(ids)),
        ),
        differences=of(
            difference, sa.or_(sa.and_(*theirs(difference)), difference.c.subject.in_(subjects))
        ),
        events=of(event, event.c.subject.in_(subjects)),
    )


def forget(conn: sa.Connection, found: Found, *, salted: str, why: str, now: datetime) -> None:
    """Take what is personal out of every row; what is left keeps it from being issued again."""
    left = erasures.pseudonym(salted, found.person.site_id, found.person.learner_id)
    for row in found.completions:
        conn.execute(
            sa.update(completion).where(completion.c.id == row.id).values(**nobody(row, left))
        )
    for row in found.issuances:
        key = row.natural_key and erasures.key_left(salted, row.natural_key)
        _change(conn, issuance, [row.id], **_no_certificate(left, key), updated_at=now)
        listed.renew(conn, row.id)
    ids = [row.id for row in found.issuances]
    _change(
        conn,
        attempt,
        [row.id for row in found.attempts],
        detail=None,
        natural_key="",
        request_sha256="",
    )
    said = {"detail": None, "before": sa.null(), "after": sa.null()}
    _change(conn, event, [row.id for row in found.events], **said)
    _change(conn, revocation, [row.id for row in found.revocations], **MENDED)
    for row in found.corrections:
        kept = {
            name: row.what[name] for name in ("issuance", "mapping", "reprint") if name in row.what
        }
        _change(conn, correction, [row.id], what=kept, reason=why)
    conn.execute(
        sa.update(link)
        .where(link.c.issuance_id.in_(ids), link.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    conn.execute(sa.delete(target).where(target.c.issuance_id.in_(ids)))
    for table, rows in (
        (write_back, found.write_backs),
        (mail, found.mails),
        (difference, found.differences),
    ):
        conn.execute(sa.delete(table).where(table.c.id.in_([row.id for row in rows])))
    deliveries.blank(conn, [row.id for row in found.deliveries], why)
    used = sa.exists().where(issuance.c.file_sha256 == file.c.sha256)
    conn.execute(sa.delete(file).where(file.c.sha256.in_(found.files), ~used))


def nobody(row: sa.Row[Any], left: str) -> Mapping[str, Any]:
    """What stays of a completion: which course, when, and whose no longer."""
    told = completions.unpack(row.data)
    bare = Completion(
        course=told.course,
        learner=Learner(id=left),
        noticed_at=told.noticed_at,
        completed_at=told.completed_at,
    )
    return {
        "learner_id": left,
        "data": completions.pack(bare),
        "state": CompletionState.ERASED,
        "next_run_at": None,
        "lease_owner": None,
        "lease_until": None,
        **MENDED,
    }


def _no_certificate(left: str, key: str | None) -> Mapping[str, Any]:
    return {
        "learner_id": left,
        "natural_key": key,
        "state": IssuanceState.ERASED,
        "full_name": None,
        "applicant_email": None,
        "details": None,
        "corrected": None,
        "certificate": {},
        "file_sha256": None,
        "vault_file_id": None,
        "hold_id": None,
        "next_run_at": None,
        "lease_owner": None,
        "lease_until": None,
        **MENDED,
    }


def _change(conn: sa.Connection, table: sa.Table, ids: Sequence[Any], **values: Any) -> None:
    conn.execute(sa.update(table).where(table.c.id.in_(ids)).values(**values))
