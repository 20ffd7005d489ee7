"""From an enriched completion to issuances: mapped, frozen, and never two of one natural key."""

from __future__ import annotations

import secrets
from collections.abc import Mapping as Map
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from bridge.pipeline.causes import cause, cause_of
from bridge.store import accounts, completions, events, issuances, mapping_versions, write_backs
from bridge.store.states import AttemptOutcome, CompletionState, IssuanceState
from bridge.store.troubles import MENDED, troubled
from connectors.base import Completion
from mappings import engine
from mappings.document import load
from mappings.model import AgainKind, Mapping

STEP = "complete"
REF_BYTES = 4

#: What an entry fills in; nothing of an older one stays when there is none.
ENTRY_COLUMNS = ("certificate_title", "full_name", "applicant_email", "issue_date", "details")

#: States in which an issuance has not been sent and may be mapped anew.
UNSENT = (IssuanceState.HELD, IssuanceState.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Active:
    """The active mappings, read once a batch."""

    mappings: tuple[Mapping, ...]
    versions: Map[str, int]


#: Reading a document takes 20 ms, and a version never changes.
_read = lru_cache(maxsize=512)(load)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why it goes no further, and what to do."""

    cause: str
    problem: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of a completion."""

    state: CompletionState
    same_as: str | None = None
    trouble: Trouble | None = None

    @property
    def problem(self) -> str | None:
        """The trouble in a sentence, if there is any."""
        return self.trouble.problem if self.trouble else None


NO_MAPPING = Trouble(
    cause=cause(STEP, "no_mapping"),
    problem="No active mapping matches this completion.",
    remedy="If it should be certified, add or widen a mapping, then "
    "`vaultbridge mappings take-up`.",
)


def active_mappings(conn: sa.Connection) -> Active:
    """Read the active mapping documents."""
    rows = mapping_versions.active(conn)
    return Active(
        mappings=tuple(_read(row.document) for row in rows),
        versions={row.name: row.version for row in rows},
    )


def issue(
    conn: sa.Connection,
    site: sa.Row[Any],
    row: sa.Row[Any],
    found: Completion,
    active: Active,
    *,
    now: datetime,
) -> Result:
    """Make the issuances of a completion within the caller's transaction."""
    chosen = engine.choose(active.mappings, found, site=site.name)
    if not chosen:
        return Result(state=CompletionState.UNMATCHED, trouble=NO_MAPPING)
    results = [_one(conn, site, row, found, m, active, now=now) for m in chosen]
    return results[0]


def _one(
    conn: sa.Connection,
    site: sa.Row[Any],
    row: sa.Row[Any],
    found: Completion,
    mapping: Mapping,
    active: Active,
    *,
    now: datetime,
) -> Result:
    standing = issuances.of_completion(conn, row.id, mapping.name)
    if standing is not None and not _may_change(conn, standing):
        return Result(state=CompletionState.MAPPED)
    if standing is None and (earlier := _earlier(conn, row, found, mapping)) is not None:
        return earlier
    try:
        issuer = accounts.issuer_named(conn, mapping.issuer)
    except accounts.NotThere as exc:
        return _no_issuer(row, mapping, exc)
    draft = _draft(issuer, site, row, found, mapping, active)
    owner = issuances.owner_of_key(conn, draft["natural_key"]) if draft["natural_key"] else None
    if owner is not None and (standing is None or owner.id != standing.id):
        if _same_learner(owner, row):
            return _same(conn, row, mapping, standing, owner, now=now)
        draft |= _foreign(owner)
    row_id = _store(conn, standing, draft, now=now)
    write_backs.tell(conn, row_id, row.course_id, wanted=_writes_back(mapping))
    return Result(state=CompletionState.MAPPED)


def _no_issuer(row: sa.Row[Any], mapping: Mapping, exc: accounts.NotThere) -> Result:
    trouble = Trouble(
        cause=cause(STEP, "no_issuer"),
        problem=f"The mapping {mapping.name} issues by {mapping.issuer}. {exc}",
        remedy="Add the issuer, or name another in the mapping; then "
        f"`vaultbridge replay {row.id}`.",
    )
    return Result(state=CompletionState.HELD, trouble=trouble)


def _writes_back(mapping: Mapping) -> bool:
    return mapping.write_back.target != "none"


def _same(
    conn: sa.Connection,
    row: sa.Row[Any],
    mapping: Mapping,
    standing: sa.Row[Any] | None,
    owner: sa.Row[Any],
    *,
    now: datetime,
) -> Result:
    """The learner has this very certificate: it is told in this course's gradebook, too.

    One that waited for a person is not needed.
    """
    if standing is not None:
        cancelled = IssuanceState.CANCELLED
        problem = f"The learner has the same certificate already: {owner.id}."
        why = cause(STEP, "same_certificate")
        said = troubled(standing, cause=why, problem=problem, remedy=None, now=now)
        issuances.change(conn, standing.id, now=now, state=cancelled, **said)
        events.record(conn, standing.id, cancelled.value, at=now, detail=problem)
    events.record(conn, owner.id, "told again", at=now, detail=f"as {row.id}")
    if _writes_back(mapping):
        write_backs.tell(conn, owner.id, row.course_id, wanted=True)
        write_backs.make_due(conn, [owner.id], now=now)
    return Result(state=CompletionState.SAME, same_as=owner.id)


def _may_change(conn: sa.Connection, standing: sa.Row[Any]) -> bool:
    """A held or failed issuance may be mapped anew while surely nothing of it is at a vault."""
    if standing.state not in UNSENT or standing.vault_uuid is not None:
        return False
    safe = (AttemptOutcome.NOT_SENT, AttemptOutcome.REFUSED, AttemptOutcome.DUPLICATE)
    return all(a.outcome in safe for a in issuances.attempts(conn, standing.id))


def _same_learner(owner: sa.Row[Any], row: sa.Row[Any]) -> bool:
    return bool(owner.site_id == row.site_id and owner.learner_id == row.learner_id)


def _foreign(owner: sa.Row[Any]) -> dict[str, Any]:
    return {
        "natural_key": None,
        "state": IssuanceState.HELD,
        "next_run_at": None,
        "cause": cause(STEP, "shared_email", "applicant_email"),
        "problem": f"Learner {owner.learner_id} has a certificate with the same e-mail, title and "
        f"issue date ({owner.id}). One person's certificate is never shown to another.",
        "remedy": "Two learners share an e-mail address: correct it in the LMS, then replay this.",
    }


def _earlier(
    conn: sa.Connection, row: sa.Row[Any], found: Completion, mapping: Mapping
) -> Result | None:
    """What the mapping's ``again`` says of a learner's next round; None to go on."""
    if mapping.again.kind is AgainKind.ALWAYS:
        return None
    rounds = completions.earlier_rounds(conn, row, completions.provisional_round(found))
    certified = [
        e
        for e in rounds
        if e.state == CompletionState.SAME
        or issuances.of_completion(conn, e.id, mapping.name) is not None
    ]
    if not certified:
        return None
    if mapping.again.kind is AgainKind.AFTER and mapping.again.after is not None:
        first = max(_moment(completions.unpack(e.data)) for e in certified)
        if _moment(found) >= first + mapping.again.after:
            return None
    trouble = Trouble(
        cause=cause(STEP, "earlier_round"),
        problem=f"This learner completed the course before ({certified[-1].id}), and the mapping "
        f"{mapping.name} certifies a next round: {mapping.again.kind.value}.",
        remedy="Nothing, if one certificate is enough; otherwise change `again` in the mapping and "
        f"`vaultbridge replay {row.id}`.",
    )
    return Result(state=CompletionState.HELD, trouble=trouble)


def _moment(found: Completion) -> datetime:
    return found.completed_at or found.noticed_at


def _draft(
    issuer: sa.Row[Any],
    site: sa.Row[Any],
    row: sa.Row[Any],
    found: Completion,
    mapping: Mapping,
    active: Active,
) -> dict[str, Any]:
    """The columns of an issuance, ready or held."""
    result = engine.apply(mapping, found, site=site.name)
    draft: dict[str, Any] = {
        "issuer_id": issuer.id,
        "completion_id": row.id,
        "site_id": row.site_id,
        "course_id": row.course_id,
        "learner_id": row.learner_id,
        "mapping_name": mapping.name,
        "mapping_version": active.versions[mapping.name],
        "ref": secrets.token_hex(REF_BYTES),
        "learner_language": found.learner.language,
        "file_sha256": None,
    }
    if isinstance(result, engine.Held):
        return draft | _held_draft(result, mapping)
    draft |= _entry_draft(result, mapping, draft["ref"])
    draft["natural_key"] = engine.natural_key(issuer.id, result)
    return draft | {"state": IssuanceState.READY}


def _held_draft(held: engine.Held, mapping: Mapping) -> dict[str, Any]:
    first = held.problems[0]
    return {
        **dict.fromkeys(ENTRY_COLUMNS),
        "natural_key": None,
        "language": "en",
        "certificate": _certificate(mapping, None),
        "state": IssuanceState.HELD,
        "next_run_at": None,
        "cause": cause_of(STEP, first),
        "problem": " ".join(f"{p.field}: {p.problem}" for p in held.problems),
        "remedy": first.remedy,
    }


def _entry_draft(entry: engine.Entry, mapping: Mapping, ref: str) -> dict[str, Any]:
    return {
        "certificate_title": entry.certificate_title,
        "full_name": entry.full_name,
        "applicant_email": entry.applicant_email,
        "issue_date": entry.issue_date,
        # The mark by which a certificate found at the vault is proved to be ours.
        "details": f"{entry.details}\nRef {ref}".strip(),
        "language": entry.language,
        "certificate": _certificate(mapping, entry.details or None),
    }


def _certificate(mapping: Mapping, details: str | None) -> dict[str, Any]:
    rules = mapping.certificate
    return {
        "template": rules.template,
        "paper": rules.paper,
        "parameters": dict(rules.parameters),
        "details": details,
    }


def _store(
    conn: sa.Connection, standing: sa.Row[Any] | None, draft: dict[str, Any], *, now: datetime
) -> str:
    draft.setdefault("next_run_at", now)
    said: Map[str, Any] = MENDED
    if "problem" in draft:
        told = {name: draft.pop(name) for name in ("cause", "problem", "remedy")}
        said = troubled(standing, now=now, **told)
    if standing is None:
        row_id = issuances.add(conn, now=now, **draft, **said)
    else:
        row_id = str(standing.id)
        issuances.change(conn, row_id, now=now, tries=0, looks=0, lease_until=None, **draft, **said)
    events.record(conn, row_id, draft["state"].value, at=now, detail=said["problem"])
    return row_id
