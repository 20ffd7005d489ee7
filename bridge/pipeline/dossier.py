"""The dossier of one certificate: everything that shows why it was issued, as what, and by whom.

Gathered once, as plain data; the page, the PDF and the JSON are views of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from bridge.pipeline import audit
from bridge.pipeline.bridge import Bridge
from bridge.store import completions, events, holds, issuance_list, issuances, write_backs
from bridge.store.accounts import NotThere
from bridge.store.deliveries import unseal
from bridge.store.events import PIPELINE
from bridge.store.tables import (
    correction,
    delivery,
    file,
    issuer,
    mapping_version,
    revocation,
    site,
)
from runtime.keys import KeyProblem

#: The layout of the data; it grows, and what is there keeps its meaning.
FORMAT = 1


def gather(
    bridge: Bridge, conn: sa.Connection, row_id: str, *, within: sa.ColumnElement[bool]
) -> dict[str, Any]:
    """The dossier of an issuance, if it is ``within`` a person's limits; raises NotThere."""
    row = issuance_list.one(conn, row_id, within=within)
    if row is None:
        raise NotThere(f"There is no issuance {row_id!r}. `vaultbridge issuances` lists them.")
    chain = issuances.chain(conn, row)
    return {
        "dossier": FORMAT,
        "made_at": bridge.database.now(conn),
        "made_by": bridge.settings.public_url,
        "certificate": _certificate(bridge, conn, row),
        "completion": _completion(bridge, conn, row),
        "mapping": _mapping(conn, row),
        "file": _file(conn, row),
        "signatories": _signatories(row),
        "approvals": _approvals(conn, row, chain),
        "attempts": _attempts(conn, row),
        "corrections": _corrections(conn, chain),
        "gradebook": _gradebook(conn, row),
        "history": _history(conn, row),
    }


def plain(value: Any) -> Any:
    """As JSON has it: moments in ISO 8601, numbers that must be exact as texts."""
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def _only(row: Any, *names: str) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _certificate(bridge: Bridge, conn: sa.Connection, row: sa.Row[Any]) -> dict[str, Any]:
    named = _only(row, "id", "reference_id", "full_name", "applicant_email", "certificate_title")
    dated = _only(row, "issue_date", "dated", "expires_on", "details", "ref", "language")
    stands = _only(row, "state", "problem", "remedy", "created_at", "generated_at", "revision")
    vault = _only(row, "vault_uuid", "vault_status", "verification_url", "batch_id")
    account = conn.execute(sa.select(issuer).where(issuer.c.id == row.issuer_id)).one()
    return {
        **named,
        **dated,
        **stands,
        "corrected_by_hand": row.corrected,
        "issuer": _only(account, "name", "institution_name", "vault_url"),
        "vault": vault,
        "learner_page": bridge.links.url(row.link_id) if row.link_id else None,
    }


def _completion(bridge: Bridge, conn: sa.Connection, row: sa.Row[Any]) -> dict[str, Any]:
    kept = completions.by_id(conn, row.completion_id)
    if kept is None:
        raise NotThere(f"The completion {row.completion_id} of {row.id} is gone.")
    found = completions.unpack(kept.data)
    place = conn.execute(sa.select(site).where(site.c.id == row.site_id)).one()
    grade = found.grade
    return {
        "id": kept.id,
        "site": _only(place, "name", "connector"),
        "course": _only(found.course, "id", "code", "title"),
        "learner": _only(found.learner, "id", "full_name", "email", "id_number"),
        "completed_at": found.completed_at,
        "noticed_at": found.noticed_at,
        "round": kept.round,
        "role": found.role,
        "grade": None if grade is None else _only(grade, "percent", "points", "maximum", "text"),
        "told": dict(found.extra),
        "received_as": _delivery(bridge, conn, kept.delivery_id),
        "asked_for": None if kept.delivery_id else "found by asking the LMS",
    }


def _delivery(bridge: Bridge, conn: sa.Connection, row_id: str | None) -> dict[str, Any] | None:
    """The webhook that told of it. Its bytes stay sealed: their hash says which they are."""
    row = conn.execute(sa.select(delivery).where(delivery.c.id == row_id)).first()
    if row is None:
        return None
    told = {"id": row.id, "received_at": row.received_at}
    try:
        request = unseal(row.request, keys=bridge.keys)
    except (KeyProblem, TypeError, ValueError):  # its key is lost, or its time to be kept is over
        return told | {"path": None, "bytes": None, "sha256": None}
    digest = hashlib.sha256(request.body).hexdigest()
    return told | {"path": request.path, "bytes": len(request.body), "sha256": digest}


def _mapping(conn: sa.Connection, row: sa.Row[Any]) -> dict[str, Any]:
    told = {"name": row.mapping_name, "version": row.mapping_version}
    mine = (
        mapping_version.c.name == row.mapping_name,
        mapping_version.c.version == row.mapping_version,
    )
    version = conn.execute(sa.select(mapping_version).where(*mine)).first()
    if version is None:
        return told | {"id": None, "sha256": None, "document": None, "acts": []}
    return {
        **told,
        "id": version.id,
        "sha256": version.sha256,
        "document": version.document,
        "acts": [_line(e) for e in events.history(conn, [version.id])],
    }


def _file(conn: sa.Connection, row: sa.Row[Any]) -> dict[str, Any]:
    chosen = row.certificate
    made_of = chosen.get("made_of") or {}
    size = conn.execute(
        sa.select(sa.func.length(file.c.content)).where(file.c.sha256 == row.file_sha256)
    ).scalar()
    return {
        "sha256": row.file_sha256,
        "bytes": size,
        "from": "the LMS" if "name" in made_of else "a template",
        "name_at_the_lms": made_of.get("name"),
        "template": chosen.get("template"),
        "template_sha256": made_of.get("template"),
        "paper": chosen.get("paper"),
        "parameters": chosen.get("parameters"),
        "typst": made_of.get("typst"),
        "fonts": made_of.get("fonts") or {},
        "pictures": made_of.get("pictures") or {},
        "issuer": made_of.get("issuer") or {},
    }


def _signatories(row: sa.Row[Any]) -> list[dict[str, Any]]:
    """Who signs on the page, as it was written down when the page was made."""
    made_of = row.certificate.get("made_of") or {}
    if "signatories" in made_of:
        return list(made_of["signatories"])
    shown = made_of.get("issuer") or {}
    one = {"name": shown.get("signatory_name"), "role": shown.get("signatory_role")}
    return [one] if any(one.values()) else []


def _approvals(
    conn: sa.Connection, row: sa.Row[Any], chain: Sequence[sa.Row[Any]]
) -> list[dict[str, Any]]:
    """What a person had to decide before it went on, who did, and why."""
    return [*_hold(conn, row), *(_approval(one) for one in _by_correction(conn, chain).values())]


def _hold(conn: sa.Connection, row: sa.Row[Any]) -> list[dict[str, Any]]:
    found = [] if row.hold_id is None else holds.of(conn, [row.hold_id]).values()
    return [
        {
            "of": "hold",
            "id": one.id,
            "why_asked": one.problem,
            "asked_by": PIPELINE,
            "asked_at": one.opened_at,
            "outcome": one.outcome or ("released" if row.released_at else None),
            "who": one.closed_by or _who_released(conn, row.id),
            "at": row.released_at or one.closed_at,
            "reason": one.reason,
        }
        for one in found
    ]


def _who_released(conn: sa.Connection, row_id: str) -> str | None:
    told = [e for e in events.history(conn, [row_id]) if e.what in ("released", "discarded")]
    return told[-1].who if told else None


def _by_correction(conn: sa.Connection, chain: Sequence[sa.Row[Any]]) -> dict[str, sa.Row[Any]]:
    """The corrections that made the chain, by their ids, oldest first."""
    ids = [one.id for one in chain]
    rows = conn.execute(
        sa.select(correction)
        .join(revocation, revocation.c.correction_id == correction.c.id)
        .where(revocation.c.replaced_by.in_(ids))
        .order_by(correction.c.id)
    )
    return {one.id: one for one in rows}


def _approval(one: sa.Row[Any]) -> dict[str, Any]:
    return {
        "of": "correction",
        "id": one.id,
        "why_asked": one.reason,
        "asked_by": one.who,
        "asked_at": one.started_at,
        "outcome": one.state,
        "who": one.approved_by,
        "at": one.updated_at if one.approved_by else None,
        "reason": None if one.approved_by else "needed no second person",
    }


def _attempts(conn: sa.Connection, row: sa.Row[Any]) -> list[dict[str, Any]]:
    return [
        {
            **_only(one, "id", "operation", "sent_at", "answered_at"),
            "seconds": None
            if one.answered_at is None
            else round((one.answered_at - one.sent_at).total_seconds(), 3),
            "outcome": one.outcome or "nobody saw the answer",
            **_only(one, "status_code", "detail", "request_sha256"),
        }
        for one in issuances.attempts(conn, row.id)
    ]


def _corrections(conn: sa.Connection, chain: Sequence[sa.Row[Any]]) -> list[dict[str, Any]]:
    """The certificates that came in each other's place, oldest first; one alone is no chain."""
    if len(chain) < 2:
        return []
    known = {
        one.issuance_id: one
        for one in conn.execute(
            sa.select(revocation).where(revocation.c.issuance_id.in_([each.id for each in chain]))
        )
    }
    made = _by_correction(conn, chain)
    return [_link(one, known.get(one.id), made) for one in reversed(chain)]


def _link(
    one: sa.Row[Any], revoked: sa.Row[Any] | None, made: Mapping[str, sa.Row[Any]]
) -> dict[str, Any]:
    by = made.get(revoked.correction_id) if revoked is not None else None
    return {
        **_only(one, "id", "revision", "reference_id", "state", "issue_date", "full_name"),
        "sha256": one.file_sha256,
        "replaced_by": None if revoked is None else revoked.replaced_by,
        "at_its_vault": None if revoked is None else revoked.state,
        "because": None if by is None else by.reason,
        "who": None if by is None else by.who,
        "correction": None if by is None else by.id,
    }


def _gradebook(conn: sa.Connection, row: sa.Row[Any]) -> list[dict[str, Any]]:
    names = ("id", "course_id", "state", "text", "shown", "written_at", "read_back_at")
    return [
        _only(one, *names, "problem", "remedy")
        for one in write_backs.of_issuances(conn, [row.id]).get(row.id, ())
    ]


def _history(conn: sa.Connection, row: sa.Row[Any]) -> list[dict[str, Any]]:
    """What happened to it and to its completion, oldest first, acts of people among it."""
    told_in = [one.id for one in write_backs.of_issuances(conn, [row.id]).get(row.id, ())]
    return [_line(e) for e in events.history(conn, [row.completion_id, row.id, *told_in])]


def _line(e: sa.Row[Any]) -> dict[str, Any]:
    return {
        **_only(e, "at", "subject", "what"),
        "who": e.who,
        "by_a_person": e.who != PIPELINE,
        "detail": e.detail,
        "changed": [_only(one, "name", "old", "new") for one in audit.changes(e.before, e.after)],
    }
