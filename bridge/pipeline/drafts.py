"""The columns of an issuance that a mapping makes of a completion: ready, or held and why."""

from __future__ import annotations

import secrets
from datetime import UTC
from typing import Any

import sqlalchemy as sa

from bridge.pipeline.causes import cause_of
from bridge.pipeline.versioned import Versioned
from bridge.store.completions import Place
from bridge.store.states import IssuanceState
from connectors.base import Completion
from mappings import engine
from mappings.model import Mapping

STEP = "complete"
REF_BYTES = 4
#: What an entry fills in; nothing of an older one stays when there is none.
ENTRY_COLUMNS = (
    "certificate_title",
    "full_name",
    "applicant_email",
    "issue_date",
    "dated",
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
    made |= _entry_draft(result, mapping, made["ref"])
    made["natural_key"] = engine.natural_key(issuer.id, result)
    return made | {"state": IssuanceState.READY}


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
        "dated": _dated(entry.dated),
        # The mark by which a certificate found at the vault is proved to be ours.
        "details": f"{entry.details}\nRef {ref}".strip(),
        "language": entry.language,
        "certificate": _certificate(mapping, entry.details or None),
    }


def _dated(dated: engine.Dated) -> dict[str, str | None]:
    instant = None if dated.instant is None else dated.instant.astimezone(UTC).isoformat()
    return {"instant": instant, "zone": dated.zone, "source": dated.source}


def _certificate(mapping: Mapping, details: str | None) -> dict[str, Any]:
    rules = mapping.certificate
    return {
        "template": rules.template,
        "paper": rules.paper,
        "parameters": dict(rules.parameters),
        "details": details,
    }
