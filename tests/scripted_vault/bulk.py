"""A bulk request as the scripted vault reads it: its entries, and what is wrong with them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from werkzeug.wrappers import Response

from tests.scripted_vault.answering import DUPLICATE, UNRESOLVED, invalid, told
from tests.scripted_vault.behaviours import Taken
from tests.scripted_vault.kept import Key, UploadedFile, mistakes

FIELD = re.compile(r"entries\[(\d+)\]\[([a-z_]+)\]")
Fields = Mapping[str, Any]


def sent_entries(taken: Taken) -> dict[int, Fields]:
    """The entries by their numbers: of a JSON body, or of ``entries[0][full_name]`` in a form."""
    if taken.request.is_json:
        return dict(enumerate(taken.request.get_json().get("entries") or []))
    entries: dict[int, dict[str, Any]] = {}
    for name, value in taken.form.items():
        if match := FIELD.fullmatch(name):
            entries.setdefault(int(match[1]), {})[match[2]] = value
    return dict(sorted(entries.items()))


def incomplete(fields: Fields) -> dict[str, list[str]]:
    return mistakes(fields, beside={"file_id": fields.get("file_id")})


def refusal(
    entries: Mapping[int, Fields],
    *,
    files: Mapping[str, UploadedFile],
    taken_keys: Collection[Key],
    names_duplicates: bool,
) -> Response | None:
    """The answer if any of the entries cannot be taken: first fields, then files, then keys."""
    errors = {
        f"entries.{n}.{name}": said
        for n, fields in entries.items()
        for name, said in incomplete(fields).items()
    }
    if errors:
        return invalid(errors)
    lost = _unresolved(entries, files)
    if lost:
        return told(422, {"message": UNRESOLVED, "errors": lost})
    double = _duplicates(entries, taken_keys)
    if not double:
        return None
    named = {"errors": {f"entries.{n}": [DUPLICATE] for n in double}} if names_duplicates else {}
    return told(422, {"message": DUPLICATE, **named})


def _unresolved(entries: Mapping[int, Fields], files: Mapping[str, UploadedFile]) -> list[str]:
    asked = Counter(fields["file_id"] for fields in entries.values())
    return [
        f"Entry {n}: file_id {fields['file_id']} not found"
        for n, fields in entries.items()
        if (file := files.get(fields["file_id"])) is None
        or not file.free
        or asked[fields["file_id"]] > 1
    ]


def _duplicates(entries: Mapping[int, Fields], taken_keys: Collection[Key]) -> list[int]:
    keys = {n: key_of(fields) for n, fields in entries.items()}
    seen = set(taken_keys)
    double = []
    for n, key in keys.items():
        if key in seen:
            double.append(n)
        seen.add(key)
    return double


def key_of(fields: Fields) -> Key:
    email, date = fields["applicant_email"], fields.get("issue_date")
    return (email.casefold(), fields["certificate_title"], date)
