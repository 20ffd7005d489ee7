"""The columns of an issuance that a mapping makes of a completion: ready, or held and why."""

from __future__ import annotations

import secrets
from datetime import UTC
from typing import Any

import sqlalchemy as sa

from bridge.pipeline.causes import cause_of
from bridge.pipeline.versioned import Versioned
from bridge.store.completions import Place
from bridge.store.file_sources import FROM, first_state
from bridge.store.states import IssuanceState
from connectors.base import Completion
from mappings import engine
from mappings.model import LMS, Mapping

STEP = "complete"
REF_BYTES = 4
#: What an entry fills in; nothing of an older one stays when there is none.
ENTRY_COLUMNS = (
    "certificate_title",
    "full_name",
    "applicant_email",
    "issue_date",
    "dated",
    "expires_on",
    "details",
)


def draft(
    issuer: sa.Row[Any],
    site: sa.Row[Any],
    place: Place,
    found: Completion,
    by: Versioned,
) -> dict[str, Any]:
    """The columns of an issuance, ready or held."""
    mapping = by.mapping
    result = engine.apply(mapping, found, site=site.name)
    made: dict[str, Any] = {
        "issuer_id": issuer.id,
        "completion_id": place.id,
        "site_id": place.site_id,
        "course_id": place.course_id,
        "learner_id": place.learner_id,
        "mapping_name": mapping.name,
        "mapping_version": by.version,
        "ref": secrets.token_hex(REF_BYTES),
        "learner_language": found.learner.language,
        "file_sha256": None,
        "hold_id": None,
    }
    if isinstance(result, engine.Held):
        return made | _held_draft(result, mapping)
    made |= entry_columns(result, made["ref"]) | {"certificate": printed_by(mapping, result)}
    made["natural_key"] = engine.natural_key(issuer.id, result)
    return made | {"state": first_state(made["certificate"])}


def _held_draft(held: engine.Held, mapping: Mapping) -> dict[str, Any]:
    first = held.problems[0]
    return {
        **dict.fromkeys(ENTRY_COLUMNS),
        "natural_key": None,
        "language": "en",
        "certificate": printed_by(mapping, None),
        "state": IssuanceState.HELD,
        "next_run_at": None,
        "cause": cause_of(STEP, first),
        "problem": " ".join(f"{p.field}: {p.problem}" for p in held.problems),
        "remedy": first.remedy,
    }


def entry_columns(entry: engine.Entry, ref: str) -> dict[str, Any]:
    """What the vault is told of an entry that bears this mark, and the page's language."""
    return {
        "certificate_title": entry.certificate_title,
        "full_name": entry.full_name,
        "applicant_email": entry.applicant_email,
        "issue_date": entry.issue_date,
        "dated": _dated(entry.dated),
        "expires_on": entry.expires_on,
        # The mark by which a certificate found at the vault is proved to be ours.
        "details": f"{entry.details}\nRef {ref}".strip(),
        "language": entry.language,
    }


def _dated(dated: engine.Dated) -> dict[str, str | None]:
    instant = None if dated.instant is None else dated.instant.astimezone(UTC).isoformat()
    return {"instant": instant, "zone": dated.zone, "source": dated.source}


def printed_by(mapping: Mapping, entry: engine.Entry | None) -> dict[str, Any]:
    """How the file is made, as a mapping says; ``entry`` is what is printed, if there is any."""
    rules = mapping.certificate
    if rules.source == LMS:
        return {FROM: LMS}
    return {
        "template": rules.template,
        "paper": rules.paper,
        "parameters": {} if entry is None else dict(entry.parameters),
        "details": None if entry is None else entry.details or None,
    }
