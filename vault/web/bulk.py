"""Bulk upload over HTTP: files first, then their entries, all of them or none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, request

from vault.addresses import API
from vault.bulk import BulkEntry, BulkRefused, Refusals
from vault.certificate import Entry
from vault.tokens import Permission
from vault.web import received
from vault.web.auth import caller, needs, vault
from vault.web.fields import MOST_ENTRIES, BulkEntrySchema, entry_of, mistakes_in
from vault.web.problems import Problem, invalid

ENTRIES = "entries"
FILE = "file"
#: ``entries[0][full_name]``; the number orders the entries and need not begin at 0. With more
#: behind it, as PHP reads it, the field is a list.
FIELD = re.compile(r"entries\[([0-9]{1,9})\]\[([^\[\]]+)\](.*)")
#: Six fields an entry, and room for some that we do not know.
MOST_PARTS = 10 * MOST_ENTRIES
#: Each entry may hold 1,765 characters of text of up to 4 bytes, and its frames.
MOST_FIELD_BYTES = 16 * 1024 * 1024

Mistakes = dict[str, list[str]]

blueprint = Blueprint("bulk", __name__, url_prefix=API)


@blueprint.post("/upload-file")
@needs(Permission.CREATE)
def upload_file() -> tuple[Response, int]:
    """Take a file whose entry follows in a bulk upload."""
    file, problem = received.file(FILE)
    if file is None:
        raise invalid({FILE: [str(problem)]})
    file_id = vault().intake.add_ahead(
        institution_id=caller().institution_id, upload=file, now=caller().asked_at
    )
    data = {
        "file_id": file_id,
        "file_name": file.name,
        "mime_type": file.kind.value,
        "size": len(file.content),
    }
    return jsonify({"message": "File uploaded successfully", "data": data}), 201


@blueprint.post("/bulk")
@needs(Permission.CREATE)
def bulk() -> tuple[Response, int]:
    """Take many entries whose files were uploaded before; nothing is stored unless all can be."""
    request.max_form_parts = MOST_PARTS
    request.max_form_memory_size = MOST_FIELD_BYTES
    entries = _checked(_sent_entries())
    try:
        batch_id = vault().intake.add_batch(institution_id=caller().institution_id, entries=entries)
    except BulkRefused as exc:
        raise _refused(exc.refusals, {}) from exc
    data = {"batch_id": batch_id, "total": len(entries), "status": "processing"}
    return jsonify({"message": "Bulk vault upload queued for processing", "data": data}), 202


def _sent_entries() -> dict[int, Any]:
    """The entries by their numbers, unchecked; raises Problem 422 unless there are 1 to 1,000."""
    sent = received.fields()
    found = sent.get(ENTRIES) if request.is_json else _from_form(sent)
    if found is None or found == "":
        raise invalid({ENTRIES: [f"The {ENTRIES} field is required."]})
    if isinstance(found, list):
        found = dict(enumerate(found))
    if not isinstance(found, dict) or not all(isinstance(n, int) for n in found):
        raise invalid({ENTRIES: [f"The {ENTRIES} field must be an array."]})
    if not found:
        raise invalid({ENTRIES: [f"The {ENTRIES} field must have at least 1 items."]})
    if len(found) > MOST_ENTRIES:
        raise invalid(
            {ENTRIES: [f"The {ENTRIES} field must not have more than {MOST_ENTRIES} items."]}
        )
    return dict(sorted(found.items()))


def _from_form(sent: Mapping[str, Any]) -> dict[int, Any] | None:
    entries: dict[int, Any] = {}
    for name, value in sent.items():
        if match := FIELD.fullmatch(name):
            number, field, deeper = match.groups()
            entries.setdefault(int(number), {})[field] = [value] if deeper else value
        elif name.startswith(f"{ENTRIES}["):
            # Passed over, it would be a certificate that nobody misses.
            raise invalid({ENTRIES: [f"The {ENTRIES} field must be sent as {ENTRIES}[0][…]."]})
    return entries or sent.get(ENTRIES)


def _checked(sent: Mapping[int, Any]) -> dict[int, BulkEntry]:
    """The entries, every field valid and each able to be taken; raises Problem 422."""
    schema = BulkEntrySchema()
    mistakes: Mistakes = {}
    entries: dict[int, Entry] = {}
    file_ids: dict[int, str] = {}
    for n, fields in sent.items():
        if not isinstance(fields, dict):
            mistakes[f"{ENTRIES}.{n}"] = [f"The {ENTRIES}.{n} field must be an array."]
            continue
        schema.path = f"{ENTRIES}.{n}"
        values, wrong = mistakes_in(schema, fields)
        mistakes |= {f"{schema.path}.{name}": texts for name, texts in wrong.items()}
        if "file_id" not in wrong:
            file_ids[n] = values.pop("file_id")
        if not wrong:
            entries[n] = entry_of(values)
    found = vault().intake.refusals(
        institution_id=caller().institution_id, file_ids=file_ids, entries=entries
    )
    if mistakes or found:
        raise _refused(found, mistakes)
    return {n: BulkEntry(entry=entry, file_id=file_ids[n]) for n, entry in entries.items()}


def _refused(found: Refusals, mistakes: Mistakes) -> Problem:
    """Unresolved files alone in the vendor's list; together with other mistakes by field."""
    unresolved = {n: f"Entry {n}: {text}" for n, text in found.unresolved.items()}
    if not mistakes and not found.duplicates:
        return Problem(
            422,
            "Some file_ids could not be resolved",
            extra={"errors": list(unresolved.values())},
        )
    told = {
        **mistakes,
        **{f"{ENTRIES}.{n}.file_id": [text] for n, text in unresolved.items()},
        **{f"{ENTRIES}.{n}": [text] for n, text in found.duplicates.items()},
    }
    return invalid(dict(sorted(told.items(), key=lambda one: _position(one[0]))))


def _position(field: str) -> int:
    return int(field.split(".")[1])
